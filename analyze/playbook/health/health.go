package health

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

// condition is how a node stood at the end of the window. What was not
// recorded is left out.
func condition(n *scene.Node) (line string) {
	last := func(reading ergo.Reading, field string) (v float64, recorded bool) {
		m := n.Series(reading, field)
		if m.Len() == 0 {
			return 0, false
		}
		return m.V[m.Len()-1], true
	}
	if up, ok := last(ergo.Node, "Uptime"); ok {
		line += fmt.Sprintf("; at last up for %s", finding.Duration(time.Duration(up)*time.Second))
	}
	if v, ok := last(ergo.Node, "ProcessesTotal"); ok {
		line += fmt.Sprintf(", %s processes", finding.Number(v))
	}
	if heap, ok := last(ergo.Runtime, "heap_alloc"); ok {
		line += fmt.Sprintf(", heap %s", finding.Size(heap))
	}
	return line
}
