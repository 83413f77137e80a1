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
	"ergorecorder/analyze/series"
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

// A turn is a moment at which what came to a process changed, and whom to look for: those
// whose sending changed then in a way that is asked for.
type turn struct {
	actor        *scene.Actor
	from, at, to time.Time
	changed      func(feeder) bool
}

func turnOf(a *scene.Actor, onset time.Time, changed func(feeder) bool) turn {
	around := 20 * a.Node.Interval
	return turn{a, onset.Add(-around), onset, onset.Add(around), changed}
}

// senders are the processes on any node whose sending changed at an onset in a
// way that is asked for, those that changed most first. Those that observe are
// left out.
func senders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time, changed func(feeder) bool) ([]feeder, error) {
	var all []feeder
	for _, n := range s.Nodes {
		found, err := changedOn(ctx, s, n, []turn{turnOf(a, onset, changed)})
		if err != nil {
			return nil, err
		}
		all = append(all, found[0]...)
	}
	return most(all), nil
}

// sendersOf is senders for many turns: each node is walked once for all whose stretches meet.
func sendersOf(ctx context.Context, s *scene.Scene, turns []turn) ([][]feeder, error) {
	out := make([][]feeder, len(turns))
	for i := 0; i < len(turns); {
		j, end := i, turns[i].to
		for j < len(turns) && j-i < mostTurns && !turns[j].from.After(end) {
			end = series.Later(end, turns[j].to)
			j++
		}
		found := make([][][]feeder, len(s.Nodes))
		if err := s.Each(ctx, func(ctx context.Context, k int, n *scene.Node) (err error) {
			found[k], err = changedOn(ctx, s, n, turns[i:j])
			return err
		}); err != nil {
			return nil, err
		}
		for m := range turns[i:j] {
			var all []feeder
			for _, on := range found {
				all = append(all, on[m]...)
			}
			out[i+m] = most(all)
		}
		i = j
	}
	return out, nil
}

// mostTurns is how many turns are looked at in one walk: each needs memory for every process.
const mostTurns = 16

// most are those that changed most.
func most(all []feeder) []feeder {
	slices.SortFunc(all, func(x, y feeder) int {
		return cmp.Or(cmp.Compare(math.Abs(y.rise()), math.Abs(x.rise())), cmp.Compare(x.node+x.pid, y.node+y.pid))
	})
	return all[:min(len(all), maxFeeders)]
}

// changedOn are the processes of a node whose sending changed, by turn.
func changedOn(ctx context.Context, s *scene.Scene, n *scene.Node, turns []turn) ([][]feeder, error) {
	sides, err := sidesOf(ctx, s, n, turns)
	if err != nil {
		return nil, err
	}
	out := make([][]feeder, len(turns))
	for i, t := range turns {
		for pid, f := range sides[i].found {
			if f == nil || pid == t.actor.Pid && n == t.actor.Node {
				continue
			}
			if f.rates(); t.changed(f.feeder) {
				out[i] = append(out[i], f.feeder)
			}
		}
	}
	return out, nil
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
// around a turn: two of each side suffice, however many there are.
type sides struct {
	turn  turn
	found map[string]*sided
	at    []*sided // by slot
	begun bool
}

// sidesOf walks a node once for turns whose stretches meet.
func sidesOf(ctx context.Context, s *scene.Scene, n *scene.Node, turns []turn) ([]*sides, error) {
	out := make([]*sides, len(turns))
	from, to := turns[0].from, turns[0].to
	for i, t := range turns {
		out[i] = &sides{turn: t, found: map[string]*sided{}}
		from, to = series.Earlier(from, t.from), series.Later(to, t.to)
	}
	columns := []string{"PID", "Name", "Behavior", "Application", "MessagesIn", "MessagesOut"}
	for f, err := range s.Listings(ctx, n, from, to, columns) {
		if err != nil {
			return nil, err
		}
		for _, x := range out {
			if !f.At.Before(x.turn.from) && !f.At.After(x.turn.to) {
				x.listing(n, f)
			}
		}
	}
	return out, nil
}

// listing takes the rows of a listing.
func (x *sides) listing(n *scene.Node, f *archive.Frame) {
	changed := f.Changed
	if f.Reset || !x.begun {
		x.at, x.begun, changed = nil, true, f.Live
	}
	for _, slot := range changed {
		for int(slot) >= len(x.at) {
			x.at = append(x.at, nil)
		}
		x.at[slot] = sidedAt(x.found, n, f, slot)
	}
	side := 0
	if f.At.After(x.turn.at) {
		side = 1
	}
	for _, slot := range f.Live {
		if int(slot) < len(x.at) && x.at[slot] != nil {
			x.at[slot].take(side, f, slot)
		}
	}
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
