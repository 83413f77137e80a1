package bottleneck

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A feeder is a process whose sending rose when another's receiving did. It may
// feed that one, and is not proven to.
type feeder struct {
	node, who, pid string
	sent, got      [2]float64 // messages a second, before and since
	over           [2]finding.Window
}

// rise is how much more it sends, in messages a second.
func (f feeder) rise() float64 { return f.sent[1] - f.sent[0] }

// resends reports whether it sends more without getting more: then it makes the
// messages itself, or sends again what failed.
func (f feeder) resends() bool { return f.got[1] < 1.5*f.got[0]+0.1 }

// maxFeeders is how many a finding names.
const maxFeeders = 5

// feeders are the processes on any node whose sent messages rose most, in the
// stretch after an onset against that before.
func feeders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time) ([]feeder, error) {
	return senders(ctx, s, a, onset, func(f feeder) bool { return f.sent[1] > 1.5*f.sent[0] && f.rise() > 1 })
}

// senders are the processes on any node whose sending changed at an onset in a
// way that is asked for, those that changed most first. Those that observe are
// left out.
func senders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time, changed func(feeder) bool) ([]feeder, error) {
	from, to := onset.Add(-20*a.Node.Interval), onset.Add(20*a.Node.Interval)
	var all []feeder
	for _, n := range s.Nodes {
		points, found := map[string][]work.Point{}, map[string]feeder{}
		err := s.Rows(ctx, n, from, to, func(f *archive.Frame, slot int32) {
			pid := f.Columns[scene.ColPID].Text(slot)
			if _, ok := found[pid]; !ok {
				behavior := f.Columns[scene.ColBehavior].Text(slot)
				if ergo.ObservesProcess(f.Columns[scene.ColApplication].Text(slot), behavior) {
					return
				}
				found[pid] = feeder{node: n.Name, who: cmp.Or(f.Columns[scene.ColName].Text(slot), behavior), pid: pid}
			}
			points[pid] = append(points[pid], scene.PointOf(f, slot))
		})
		if err != nil {
			return nil, err
		}
		for pid, f := range found {
			if pid == a.Pid && n == a.Node {
				continue
			}
			if f.rates(points[pid], onset); changed(f) {
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, func(x, y feeder) int {
		return cmp.Or(cmp.Compare(math.Abs(y.rise()), math.Abs(x.rise())), cmp.Compare(x.node+x.pid, y.node+y.pid))
	})
	return all[:min(len(all), maxFeeders)], nil
}

// rates takes how much it sent and got before and since a moment.
func (f *feeder) rates(pts []work.Point, onset time.Time) {
	k := slices.IndexFunc(pts, func(p work.Point) bool { return p.At.After(onset) })
	if k < 0 {
		k = len(pts)
	}
	for i, part := range [][]work.Point{pts[:k], pts[k:]} {
		if len(part) < 2 {
			continue
		}
		a, b := part[0], part[len(part)-1]
		over := max(b.At.Sub(a.At).Seconds(), 1e-3)
		f.over[i] = finding.Window{From: a.At, To: b.At}
		f.sent[i] = float64(max(b.Out-a.Out, 0)) / over
		f.got[i] = float64(max(b.In-a.In, 0)) / over
	}
}

// tellFeeders says in a finding who sends more since its onset. Where one of
// them alone sends at least half of what arrives more, it is named in the
// summary.
func tellFeeders(f *finding.Finding, all []feeder, more float64, onset time.Time) {
	if len(all) == 0 {
		return
	}
	e := finding.Evidence{What: "who sends more since then", Node: f.Subject.Node, Tool: "process_list", Field: "MessagesOut", From: &onset}
	for i, x := range all {
		for k, when := range []string{"before", "after"} {
			if w := x.over[k]; !w.From.IsZero() {
				sent := finding.Source{Tool: "process_list", Node: x.node, Row: x.pid, From: w.From, To: w.To}
				e.Value(fmt.Sprintf("sends_%d.%s", i+1, when), x.sent[k], sent.Of("change(MessagesOut) / span(MessagesOut)"))
			}
		}
		e.Lines = append(e.Lines, fmt.Sprintf("%s %s on %s: %s a second, %s before", x.who, x.pid, x.node, finding.Number(x.sent[1]), finding.Number(x.sent[0])))
	}
	f.Evidence = append(f.Evidence, e)
	top := all[0]
	if more <= 0 || top.rise() < more/2 {
		return
	}
	f.Summary += fmt.Sprintf(" Since then %s on %s sends %s messages a second, %s before", top.who, top.node, finding.Number(top.sent[1]), finding.Number(top.sent[0]))
	if top.resends() {
		f.FedBy = top.node
		f.Summary += ", while it does not get more"
	}
	f.Summary += "."
}
