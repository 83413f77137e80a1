package health

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// condition is a node in a line, to be put beside others.
func condition(n *scene.Node) string {
	last := func(tool, field string) float64 {
		m := n.Series(tool, field)
		if m.Len() == 0 {
			return 0
		}
		return m.V[m.Len()-1]
	}
	return fmt.Sprintf("%s: up for %s, %s processes, %s zombees, heap %s, its applications run",
		n.Name, finding.Duration(time.Duration(last("node_info", "Uptime"))*time.Second), finding.Number(last("node_info", "ProcessesTotal")),
		finding.Number(last("node_info", "ProcessesZombee")), finding.Size(last("runtime_stats", "heap_alloc")))
}
