package cpu

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
)

// busyLoops finds processes that keep each other or themselves busy: what they
// get more than before is what they send more, nobody else sends them more nor
// gets more from them, and no queue builds up. Load from outside is none of it: it
// makes others work, or makes a queue.
func busyLoops(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, set := range surges(s) {
		f, err := busyLoop(ctx, s, set)
		if err != nil {
			return err
		}
		if f != nil {
			v.Find(f)
		}
	}
	return olderLoops(ctx, s, v)
}

// surges are the processes whose messages rose for a while, those that rose at
// the same time together.
func surges(s *scene.Scene) [][]*scene.Actor {
	var all []*scene.Actor
	for _, n := range s.Nodes {
		for _, a := range n.Procs.Actors {
			if !a.Own() && rose(s, a) {
				all = append(all, a)
			}
		}
	}
	began := func(a *scene.Actor) time.Time { at, _ := a.Surge.Began(); return at }
	slices.SortStableFunc(all, func(a, b *scene.Actor) int { return began(a).Compare(began(b)) })
	var sets [][]*scene.Actor
	for _, a := range all {
		if k := len(sets) - 1; k >= 0 && began(a).Sub(began(sets[k][0])) <= max(5*time.Second, 2*a.Node.Interval) {
			sets[k] = append(sets[k], a)
			continue
		}
		sets = append(sets, []*scene.Actor{a})
	}
	return sets
}

func busyLoop(ctx context.Context, s *scene.Scene, set []*scene.Actor) (*finding.Finding, error) {
	slices.SortStableFunc(set, func(a, b *scene.Actor) int {
		return cmp.Or(cmp.Compare(b.Surge.Rate(), a.Surge.Rate()), cmp.Compare(a.Called(), b.Called()))
	})
	first := set[0]
	at, off := first.Surge.Began()
	until := series.Earlier(at.Add(flowSpan), first.Surge.To.At)
	theirs, others, each, err := rises(ctx, s, set, at, until)
	if err != nil {
		return nil, err
	}
	share := s.Set.Of(busyShare)
	closed := func(theirs, others rise) bool {
		return theirs.in > 0 && math.Abs(theirs.in-theirs.out) <= share*theirs.in && others.in <= share*theirs.in && others.out <= share*theirs.in
	}
	if soon := at.Add(flowSpan / 2); !closed(theirs, others) && soon.Before(until) {
		// Who feeds them does so from the first moment: what others do more later on is theirs.
		if theirs, others, each, err = rises(ctx, s, set, at, soon); err != nil {
			return nil, err
		}
		until = soon
	}
	if !closed(theirs, others) || queued(set) {
		return nil, nil
	}
	if len(set) == 1 {
		// What comes through a meta process comes from outside, and goes there.
		outside, err := s.HasMetas(ctx, first)
		if err != nil || outside || first.Kind == "web" || theirs.in < s.Set.Of(busyRate) {
			return nil, err
		}
	} else if theirs.busy < s.Set.Of(busyCores) {
		return nil, nil // a line of processes that hand on what comes from outside looks the same, but waits
	}
	f := told(s, set, theirs, at, off)
	tellFlows(&f.Evidence[0], set, each, at, until)
	return f, nil
}

// rises compares the flows of some processes, and of all others of the cluster,
// before an instant and from it to another.
func rises(ctx context.Context, s *scene.Scene, set []*scene.Actor, at, to time.Time) (theirs, others rise, each [][2]scene.Flow, err error) {
	each = make([][2]scene.Flow, len(set))
	for _, n := range s.Nodes {
		was, err := s.Flows(ctx, n, at.Add(-flowSpan), at.Add(-n.Interval/4))
		if err != nil {
			return theirs, others, each, err
		}
		is, err := s.Flows(ctx, n, at.Add(n.Interval/2), to)
		if err != nil {
			return theirs, others, each, err
		}
		for pid, f := range is {
			a := n.Procs.Known[pid]
			if a != nil && a.Own() {
				continue
			}
			r := &others
			if i := slices.IndexFunc(set, func(m *scene.Actor) bool { return m.Node == n && m.Pid == pid }); i >= 0 {
				r, each[i] = &theirs, [2]scene.Flow{was[pid], f}
			}
			r.in, r.out, r.busy, r.was = r.in+f.In-was[pid].In, r.out+f.Out-was[pid].Out, r.busy+f.Busy-was[pid].Busy, r.was+was[pid].In
		}
	}
	return theirs, others, each, nil
}

// tellFlows adds what each of them got, sent and worked, before and since.
func tellFlows(e *finding.Evidence, set []*scene.Actor, each [][2]scene.Flow, at, to time.Time) {
	for i, a := range set {
		before := a.Rows(at.Add(-flowSpan), at.Add(-a.Node.Interval/4))
		since := a.Rows(at.Add(a.Node.Interval/2), to)
		for k, rows := range []finding.Source{before, since} {
			when := []string{"before", "after"}[k]
			if k == 0 && each[i][0] == (scene.Flow{}) {
				continue // it was not listed before
			}
			tell := func(what string, v float64, field string) {
				name := fmt.Sprintf("%s_%d.%s", what, i+1, when)
				e.Value(name, v, rows.Of("change("+field+") / span(MessagesIn)"))
			}
			tell("in_per_s", each[i][k].In, "MessagesIn")
			tell("out_per_s", each[i][k].Out, "MessagesOut")
			tell("cores", each[i][k].Busy, "(RunningTime / 1e9)")
		}
	}
}

// queued reports whether one of them has a queue of more than what it handles
// in a moment: what circulates does not wait.
func queued(set []*scene.Actor) bool {
	const moment = 0.25 // s
	return slices.ContainsFunc(set, func(a *scene.Actor) bool { return float64(a.Surge.Deepest) > max(10, moment*a.Surge.Rate()) })
}

func told(s *scene.Scene, set []*scene.Actor, theirs rise, at time.Time, off time.Duration) *finding.Finding {
	first, last := set[0], set[0].Surge.To.At
	var names, lines []string
	var members []finding.Subject
	for _, a := range set {
		names = append(names, a.Called())
		members = append(members, a.Subject(at))
		lines = append(lines, fmt.Sprintf("%s %s on %s: %s messages a second, before %s", a.Called(), a.Pid, a.Node.Name, finding.Number(a.Surge.Rate()), finding.Number(a.Surge.Usual())))
	}
	f := &finding.Finding{
		Kind: finding.BusyLoop, Subject: first.Subject(at), Members: members, Onset: at, OnsetErrorS: max(off.Seconds(), 0.1), Confidence: finding.High,
		Score: max(finding.Score(finding.BusyLoop, theirs.in), finding.Score(finding.CPUHotspot, theirs.busy)),
		Summary: fmt.Sprintf("Since %s %s messages a second more arrive than the %s before, and %s more are sent by the same; nobody else in the cluster sends or gets as many more, and no queue builds up. It costs %s cores.",
			finding.Clock(at), finding.Number(theirs.in), finding.Number(theirs.was), finding.Number(theirs.out), finding.Number(max(0, theirs.busy))),
		Evidence: []finding.Evidence{{
			What: "messages that they get and send", Node: first.Node.Name, Tool: "process_list", Field: "MessagesIn, MessagesOut", From: &at, To: &last,
			Lines: finding.FirstLines(lines, 10),
		}},
		Confirm: []string{fmt.Sprintf("process_list node=%s sort_by=messages_in, twice", first.Node.Name), fmt.Sprintf("process_info node=%s pid=%s", first.Node.Name, first.Pid)},
	}
	if len(set) == 1 {
		f.Title = fmt.Sprintf("%s on %s floods itself with %s messages a second", first.Called(), first.Node.Name, finding.Number(theirs.in))
		f.Summary += " It sends them to itself."
		f.Recommendation = "Look for timers that are set again and again without cancelling the old ones, and for a handler that sends its own process the next message at once."
	} else {
		f.Title = fmt.Sprintf("%s keep each other busy with %s messages a second", finding.List(names), finding.Number(theirs.in))
		f.Recommendation = "Read what each of them does with a message of the others: one must not answer an answer. Break the circle, or let it wait between rounds."
	}
	if n := first.Node; n.Procs.Listings[len(n.Procs.Listings)-1].Sub(last) > 3*n.Interval {
		f.End, f.Score = &last, min(f.Score, finding.Over)
		f.Summary += fmt.Sprintf(" It ended at %s.", finding.Clock(last))
	}
	if partial(s) {
		f.Confidence = finding.Medium
		f.Caveats = append(f.Caveats, "not all processes were listed: one that is out of sight may send these messages")
	}
	return f
}
