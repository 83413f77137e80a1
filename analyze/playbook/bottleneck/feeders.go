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
		found, before, err := sides(ctx, s, n, from, to, onset)
		if err != nil {
			return nil, err
		}
		for pid, f := range found {
			if f == nil || pid == a.Pid && n == a.Node || !f.compared(before) {
				continue
			}
			if f.rates(); changed(f.feeder) {
				all = append(all, f.feeder)
			}
		}
	}
	slices.SortFunc(all, func(x, y feeder) int {
		return cmp.Or(cmp.Compare(math.Abs(y.rise()), math.Abs(x.rise())), cmp.Compare(x.node+x.pid, y.node+y.pid))
	})
	return all[:min(len(all), maxFeeders)], nil
}

// A sided feeder has the first and the last row on either side of a moment.
type sided struct {
	feeder
	first, last [2]counts
}

// counts are what a row counts.
type counts struct {
	at      time.Time
	in, out int64
}

// sides are the processes of a node by PID, nil where they observe, with their rows
// around an onset: two of each side suffice, however many there are. Before is how many
// listings there are before it.
func sides(ctx context.Context, s *scene.Scene, n *scene.Node, from, to, onset time.Time) (found map[string]*sided, before int, err error) {
	found = map[string]*sided{}
	var at []*sided // by slot
	columns := []string{"PID", "Name", "Behavior", "Application", "MessagesIn", "MessagesOut"}
	for f, err := range s.Listings(ctx, n, from, to, columns) {
		if err != nil {
			return nil, 0, err
		}
		if f.Reset {
			at = nil
		}
		for _, slot := range f.Changed {
			for int(slot) >= len(at) {
				at = append(at, nil)
			}
			at[slot] = sidedAt(found, n, f, slot)
		}
		side := 0
		if f.At.After(onset) {
			side = 1
		} else {
			before++
		}
		for _, slot := range f.Live {
			if int(slot) < len(at) && at[slot] != nil {
				at[slot].take(side, f, slot)
			}
		}
	}
	return found, before, nil
}

// compared reports whether it is known what it sent before: two rows tell, or that it was
// in none of so many listings. It is what cannot be said where the onset is the beginning
// of the recording.
func (x *sided) compared(listings int) bool {
	const absent = 2
	first, last := x.first[0].at, x.last[0].at
	return last.After(first) || first.IsZero() && listings >= absent
}

// sidedAt is the process in a slot; nil where it observes.
func sidedAt(found map[string]*sided, n *scene.Node, f *archive.Frame, slot int32) *sided {
	c := f.Columns
	pid := c[0].Text(slot)
	x, known := found[pid]
	if !known {
		if name, behavior := c[1].Text(slot), c[2].Text(slot); !ergo.ObservesProcess(c[3].Text(slot), behavior) {
			x = &sided{feeder: feeder{node: n.Name, who: cmp.Or(name, behavior), pid: pid}}
		}
		found[pid] = x
	}
	return x
}

func (x *sided) take(side int, f *archive.Frame, slot int32) {
	now := counts{at: f.At}
	now.in, _ = f.Columns[4].Int(slot)
	now.out, _ = f.Columns[5].Int(slot)
	if x.first[side].at.IsZero() {
		x.first[side] = now
	}
	x.last[side] = now
}

// rates takes how much it sent and got before and since the moment.
func (x *sided) rates() {
	for i := range x.first {
		a, b := x.first[i], x.last[i]
		if !b.at.After(a.at) {
			continue
		}
		over := max(b.at.Sub(a.at).Seconds(), 1e-3)
		x.over[i] = finding.Window{From: a.at, To: b.at}
		x.sent[i] = float64(max(b.out-a.out, 0)) / over
		x.got[i] = float64(max(b.in-a.in, 0)) / over
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
