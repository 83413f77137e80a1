package health

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// condition is a node in a line, to be put beside others. What was not
// recorded is left out.
func condition(n *scene.Node) string {
	last := func(tool, field string) (v float64, recorded bool) {
		m := n.Series(tool, field)
		if m.Len() == 0 {
			return 0, false
		}
		return m.V[m.Len()-1], true
	}
	line := n.Name + ":"
	if up, ok := last("node_info", "Uptime"); ok {
		line += fmt.Sprintf(" up for %s,", finding.Duration(time.Duration(up)*time.Second))
	}
	for _, f := range [][2]string{{"ProcessesTotal", "processes"}, {"ProcessesZombee", "zombees"}} {
		if v, ok := last("node_info", f[0]); ok {
			line += fmt.Sprintf(" %s %s,", finding.Number(v), f[1])
		}
	}
	if heap, ok := last("runtime_stats", "heap_alloc"); ok {
		line += fmt.Sprintf(" heap %s,", finding.Size(heap))
	}
	return line + " its applications run"
}
