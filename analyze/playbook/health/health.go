package health

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// Judge puts the nodes side by side and looks at what should run on each: its
// applications, and the processes that keep it from stopping.
func Judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, look := range []func(context.Context, *scene.Scene, *finding.Verdict) error{nodeLives, errorRates, runsWhatItShould} {
		if err := look(ctx, s, v); err != nil {
			return err
		}
	}
	return nil
}

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
