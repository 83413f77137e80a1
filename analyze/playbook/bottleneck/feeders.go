package bottleneck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/archive"
)

// A feeder is a process whose sending changed when another's receiving did.
type feeder struct {
	node          string
	who           string
	pid           string
	before, after float64 // messages sent a second
}

// feeders is the evidence of who sends more since an onset: the processes, on
// any node, whose sent messages rose most, in the stretch after against that
// before. It shows who may feed the one at fault, and does not prove it.
func feeders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time) (finding.Evidence, bool, error) {
	from, to := onset.Add(-20*a.Node.Interval), onset.Add(20*a.Node.Interval)
	var all []feeder
	for _, n := range s.Nodes {
		sent := map[string][]scene.Point{}
		names := map[string]string{}
		err := s.Rows(ctx, n, from, to, func(f *archive.Frame, slot int32) {
			pid := f.Columns[scene.ColPID].Text(slot)
			if names[pid] == "" {
				names[pid] = f.Columns[scene.ColName].Text(slot)
				if names[pid] == "" {
					names[pid] = f.Columns[scene.ColBehavior].Text(slot)
				}
			}
			sent[pid] = append(sent[pid], scene.PointOf(f, slot))
		})
		if err != nil {
			return finding.Evidence{}, false, err
		}
		for pid, pts := range sent {
			if pid == a.Pid && n == a.Node {
				continue
			}
			before, after := sentRates(pts, onset)
			if after > 1.5*before && after-before > 1 {
				all = append(all, feeder{n.Name, names[pid], pid, before, after})
			}
		}
	}
	if len(all) == 0 {
		return finding.Evidence{}, false, nil
	}
	slices.SortFunc(all, func(x, y feeder) int {
		switch dx, dy := x.after-x.before, y.after-y.before; {
		case dx > dy:
			return -1
		case dx < dy:
			return 1
		}
		return 0
	})
	e := finding.Evidence{What: "who sends more since then", Node: a.Node.Name, Tool: "process_list", Field: "MessagesOut", From: &from, To: &to}
	for i, f := range all {
		if i == 5 {
			break
		}
		e.Lines = append(e.Lines, fmt.Sprintf("%s %s on %s: %s a second, %s before", f.who, f.pid, f.node, finding.Number(f.after), finding.Number(f.before)))
	}
	return e, true, nil
}

func sentRates(pts []scene.Point, onset time.Time) (before, after float64) {
	k := slices.IndexFunc(pts, func(p scene.Point) bool { return p.At.After(onset) })
	if k < 0 {
		k = len(pts)
	}
	rate := func(part []scene.Point) float64 {
		if len(part) < 2 {
			return 0
		}
		a, b := part[0], part[len(part)-1]
		return float64(max(b.Out-a.Out, 0)) / max(b.At.Sub(a.At).Seconds(), 1e-3)
	}
	return rate(pts[:k]), rate(pts[k:])
}
