package scene

import (
	"context"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// Served is how many rows of process listings a second a node made for the
// recorder in a stretch, or passed on from nodes without an endpoint of their own:
// the most that being recorded asks of it.
func (s *Scene) Served(ctx context.Context, n *Node, from, to time.Time) (perSecond float64, err error) {
	rows := 0
	for _, o := range s.Nodes {
		if o != n && (!n.Entry || o.Entry) {
			continue
		}
		q := replay.Query{Node: o.Name, Reading: ergo.Processes, From: from, To: to, Fields: []string{"PID"}}
		for f, err := range s.answers(ctx, q) {
			if err != nil {
				return 0, err
			}
			rows += len(f.Live)
		}
	}
	return float64(rows) / max(to.Sub(from).Seconds(), 1), nil
}
