package bottleneck

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
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

// mute reports whether a process sent at least every other time that it got something, as
// who answers does, and goes on getting messages and sends next to nothing since: so many that it
// is no chance that it answered none. It gets fewer: who waits for an answer sends no more.
func (f feeder) mute() bool {
	const (
		surest = 0.95 // of its messages that it answers: one in twenty may be another
		chance = 0.03 // of five messages, if every other was answered before
	)
	if f.sent[0] == 0 || f.sent[0] < f.got[0]/2 || f.sent[1] > min(f.sent[0], f.got[1])/20 {
		return false
	}
	n := f.got[1] * f.over[1].To.Sub(f.over[1].From).Seconds()
	return n >= 2 && math.Pow(1-min(f.sent[0]/f.got[0], surest), n) <= chance
}

// maxFeeders is how many a finding names.
const maxFeeders = 5

// feeders are the processes on any node whose sent messages rose most, in the
// stretch after an onset against that before.
func feeders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time) ([]feeder, error) {
	return senders(ctx, s, a, onset, func(w *swings) []feeder { return w.rose })
}

// stoppers are those whose sending fell most, to less than half, and by more
// than a number of messages a second.
func stoppers(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time, more float64) ([]feeder, error) {
	all, err := senders(ctx, s, a, onset, func(w *swings) []feeder { return w.fell })
	return slices.DeleteFunc(all, func(f feeder) bool { return -f.rise() <= more }), err
}

// senders are the processes on any node whose sending changed at an onset, of
// those that are asked for, those that changed most first. Those that observe are
// left out.
func senders(ctx context.Context, s *scene.Scene, a *scene.Actor, onset time.Time, of func(*swings) []feeder) ([]feeder, error) {
	from, to := onset.Add(-20*a.Node.Interval), onset.Add(20*a.Node.Interval)
	var all []feeder
	for _, n := range s.Nodes {
		w, err := swingsAt(ctx, s, n, from, to, onset)
		if err != nil {
			return nil, err
		}
		for _, f := range of(w) {
			if f.pid != a.Pid || n != a.Node {
				all = append(all, f)
			}
		}
	}
	return most(all, maxFeeders), nil
}

// most are those of which the sending changed most.
func most(all []feeder, n int) []feeder {
	slices.SortFunc(all, func(x, y feeder) int {
		return cmp.Or(cmp.Compare(math.Abs(y.rise()), math.Abs(x.rise())), cmp.Compare(x.node+x.pid, y.node+y.pid))
	})
	return all[:min(len(all), n)]
}

// swings are the processes of a node whose sending changed most at a moment: one
// more than a finding names, for it does not name the process that it is about.
type swings struct {
	rose []feeder // to more than half as much again
	fell []feeder // to less than half
	mute []feeder // to next to nothing, of those that go on getting messages
}

// A moment is a stretch of a node's listings and the last of it that came before a
// change. Moments between the same listings are the same.
type moment struct {
	node            *scene.Node
	from, onset, to int
}

// swingsAt are the swings of a node at a moment, worked out once for all whose
// onset lies between the same listings: the more nodes there are, the more ask.
func swingsAt(ctx context.Context, s *scene.Scene, n *scene.Node, from, to, onset time.Time) (*swings, error) {
	listings := n.Procs.Listings
	behind := func(t time.Time) int {
		return sort.Search(len(listings), func(i int) bool { return listings[i].After(t) })
	}
	m := moment{n, sort.Search(len(listings), func(i int) bool { return !listings[i].Before(from) }), behind(onset) - 1, behind(to) - 1}
	if m.from > m.to {
		return &swings{}, nil
	}
	w, err := s.Once(m, func() (any, error) {
		at := listings[m.from].Add(-1)
		if m.onset >= m.from {
			at = listings[m.onset]
		}
		found, before, err := sides(ctx, s, n, listings[m.from], listings[m.to], at)
		if err != nil {
			return nil, err
		}
		w := &swings{}
		for _, f := range found {
			if f == nil || !f.compared(before) {
				continue
			}
			f.rates()
			if f.mute() {
				w.mute = append(w.mute, f.feeder)
			}
			switch {
			case f.sent[1] > 1.5*f.sent[0] && f.rise() > 1:
				w.rose = append(w.rose, f.feeder)
			case f.sent[1] < f.sent[0]/2:
				w.fell = append(w.fell, f.feeder)
			}
		}
		w.rose, w.fell, w.mute = kept(w.rose), kept(w.fell), kept(w.mute)
		return w, nil
	})
	if err != nil {
		return nil, err
	}
	return w.(*swings), nil
}

// kept are those of which the sending changed most, with nothing that holds on to
// what was read.
func kept(all []feeder) []feeder {
	all = slices.Clone(most(all, maxFeeders+1))
	for i := range all {
		all[i].pid, all[i].who = strings.Clone(all[i].pid), strings.Clone(all[i].who)
	}
	return all
}

// A sided feeder has the first and the last row on either side of a moment.
type sided struct {
	feeder
	first, last [2]counts
	now         counts
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
	w := siding{node: n, found: map[string]*sided{}}
	columns := []string{"PID", "Name", "Behavior", "Application", "MessagesIn", "MessagesOut"}
	for f, err := range s.Listings(ctx, n, from, to, columns) {
		if err != nil {
			return nil, 0, err
		}
		if f.Failure != nil {
			continue
		}
		if w.see(f, f.At.After(onset)); w.side == 0 {
			before++
		}
	}
	w.end()
	return w.found, before, nil
}

// compared reports whether it is known what it sent before: two rows tell, or that it was
// in none of so many listings. It is what cannot be said where the onset is the beginning
// of the recording.
func (x *sided) compared(listings int) bool {
	const absent = 2
	first, last := x.first[0].at, x.last[0].at
	return last.After(first) || first.IsZero() && listings >= absent
}

// A siding walks listings, at a cost for each change and not for each row.
type siding struct {
	node  *scene.Node
	found map[string]*sided
	at    []*sided // by slot
	// of the listing before:
	live []int32
	when time.Time
	side int
}

func (w *siding) see(f *archive.Frame, after bool) {
	side := 0
	if after {
		side = 1
	}
	if f.Reset || side != w.side {
		w.end()
	}
	if f.Reset {
		w.at, w.live = nil, nil
	}
	for _, slot := range f.Gone {
		w.leave(slot)
	}
	for _, slot := range f.Changed {
		for int(slot) >= len(w.at) {
			w.at = append(w.at, nil)
		}
		x := sidedAt(w.found, w.node, f, slot)
		if w.at[slot] != x {
			w.leave(slot) // its row is another's now
		}
		if w.at[slot] = x; x != nil {
			x.take(side, f, slot)
		}
	}
	if side != w.side {
		for _, slot := range f.Live {
			if x := w.in(slot); x != nil && x.first[side].at.IsZero() {
				x.first[side] = counts{f.At, x.now.in, x.now.out}
			}
		}
	}
	w.live, w.when, w.side = append(w.live[:0], f.Live...), f.At, side
}

func (w *siding) in(slot int32) *sided {
	if int(slot) >= len(w.at) {
		return nil
	}
	return w.at[slot]
}

// leave notes that the process of a slot was there for the last time in the
// listing before.
func (w *siding) leave(slot int32) {
	if x := w.in(slot); x != nil && !w.when.IsZero() {
		x.last[w.side] = counts{w.when, x.now.in, x.now.out}
		w.at[slot] = nil
	}
}

// end notes what the listing before was the last of its side for.
func (w *siding) end() {
	for _, slot := range w.live {
		if x := w.in(slot); x != nil {
			x.last[w.side] = counts{w.when, x.now.in, x.now.out}
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

// take takes what a row says that is new or changed.
func (x *sided) take(side int, f *archive.Frame, slot int32) {
	x.now.at = f.At
	x.now.in, _ = f.Columns[4].Int(slot)
	x.now.out, _ = f.Columns[5].Int(slot)
	if x.first[side].at.IsZero() {
		x.first[side] = x.now
	}
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
