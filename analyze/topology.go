package analyze

import (
	"context"
	"fmt"
	"slices"
	"time"

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
func (s *scene) feeders(ctx context.Context, a *actor, onset time.Time) (Evidence, bool, error) {
	from, to := onset.Add(-20*a.node.interval), onset.Add(20*a.node.interval)
	var all []feeder
	for _, n := range s.nodes {
		sent := map[string][]point{}
		names := map[string]string{}
		err := s.rows(ctx, n, from, to, func(f *archive.Frame, slot int32) {
			pid := f.Columns[colPID].Text(slot)
			if names[pid] == "" {
				names[pid] = f.Columns[colName].Text(slot)
				if names[pid] == "" {
					names[pid] = f.Columns[colBehavior].Text(slot)
				}
			}
			sent[pid] = append(sent[pid], pointOf(f, slot))
		})
		if err != nil {
			return Evidence{}, false, err
		}
		for pid, pts := range sent {
			if pid == a.pid && n == a.node {
				continue
			}
			before, after := sentRates(pts, onset)
			if after > 1.5*before && after-before > 1 {
				all = append(all, feeder{n.Name, names[pid], pid, before, after})
			}
		}
	}
	if len(all) == 0 {
		return Evidence{}, false, nil
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
	e := Evidence{What: "who sends more since then", Node: a.node.Name, Tool: "process_list", Field: "MessagesOut", From: &from, To: &to}
	for i, f := range all {
		if i == 5 {
			break
		}
		e.Lines = append(e.Lines, fmt.Sprintf("%s %s on %s: %s a second, %s before", f.who, f.pid, f.node, number(f.after), number(f.before)))
	}
	return e, true, nil
}

func sentRates(pts []point, onset time.Time) (before, after float64) {
	k := slices.IndexFunc(pts, func(p point) bool { return p.at.After(onset) })
	if k < 0 {
		k = len(pts)
	}
	rate := func(part []point) float64 {
		if len(part) < 2 {
			return 0
		}
		a, b := part[0], part[len(part)-1]
		return float64(max(b.out-a.out, 0)) / max(b.at.Sub(a.at).Seconds(), 1e-3)
	}
	return rate(pts[:k]), rate(pts[k:])
}
