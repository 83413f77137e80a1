package cpu

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// olderLoops finds processes of a node that kept each other or themselves busy when
// the recording began, and went on: what they got in the life of their node before is
// the before. Who always worked so hard works for somebody.
func olderLoops(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		set := loopers(s, n)
		if len(set) == 0 {
			continue
		}
		f, err := olderLoop(ctx, s, n, set)
		if err != nil {
			return err
		}
		if f != nil {
			v.Find(f)
		}
	}
	return nil
}

// loopers are the processes of a node that got and sent as many messages from the
// first listing to the last, and far more than in its life before.
func loopers(s *scene.Scene, n *scene.Node) []*scene.Actor {
	if len(n.Procs.Listings) < 8 || len(n.Starts) > 0 {
		return nil
	}
	first, last := n.Procs.Listings[0], n.Procs.Listings[len(n.Procs.Listings)-1]
	var set []*scene.Actor
	for _, a := range n.Procs.Actors {
		span := a.Now().At.Sub(a.Begin.At).Seconds()
		if a.Own() || rose(s, a) || a.Kind == "web" || a.First.After(first) || a.Last.Before(last) || span < s.Set.Of(busyFor) {
			continue
		}
		in, out := float64(a.Now().In-a.Begin.In)/span, float64(a.Now().Out-a.Begin.Out)/span
		var began series.Series
		began.Add(a.Begin.At, float64(a.Begin.In))
		was, _, ok := n.LifeBefore(began)
		busy := float64(a.Now().Run-a.Begin.Run) / 1e9 / span
		many := in >= s.Set.Of(busyRate) || in >= fewLong && busy >= longShare
		if ok && many && in >= s.Set.Of(busyRise)*was && math.Abs(in-out) <= s.Set.Of(busyShare)*in {
			set = append(set, a)
		}
	}
	return set
}

// fewLong is how many messages a second are looked at where they take longShare of the time of
// who gets them: they are few because each takes long.
const fewLong, longShare = 20, 0.3

// rose reports whether the messages of a process rose for a while in the recording.
func rose(s *scene.Scene, a *scene.Actor) bool {
	r := a.Surge
	return r != nil && r.Lasted() >= s.Set.Span(busyFor) && r.Rate() >= s.Set.Of(busyRise)*r.Usual() && !r.Base.At.Equal(r.Before.At)
}

// olderLoop is the finding about them, nil where others send them messages or get
// theirs, or where it costs little.
func olderLoop(ctx context.Context, s *scene.Scene, n *scene.Node, set []*scene.Actor) (*finding.Finding, error) {
	to := n.Procs.Listings[len(n.Procs.Listings)-1]
	from := series.Later(s.From, to.Add(-flowSpan))
	mine := map[string]bool{}
	var members []finding.Subject
	var names []string
	for _, a := range set {
		if outside, err := s.HasMetas(ctx, a); err != nil || outside {
			return nil, err // what comes through a meta process comes from outside
		}
		mine[a.Pid] = true
		members, names = append(members, a.Subject(s.From)), append(names, a.Called())
	}
	var theirs, others rise
	for _, o := range s.Nodes {
		flows, err := s.Flows(ctx, o, from, to)
		if err != nil {
			return nil, err
		}
		for pid, f := range flows {
			a := o.Procs.Known[pid]
			if a != nil && a.Own() {
				continue
			}
			r := &others
			if o == n && mine[pid] {
				r = &theirs
			} else if len(set) > 1 {
				f = moreThanInLife(o, a, f, to.Sub(from))
			}
			r.in, r.out, r.busy = r.in+f.In, r.out+f.Out, r.busy+f.Busy
		}
	}
	share := s.Set.Of(busyShare) * theirs.in
	if len(set) == 1 {
		// Who hands on what others send gets no more than they send: half of it is beyond doubt.
		share = theirs.in / 2
	}
	if theirs.in <= 0 || len(set) > 1 && theirs.busy < s.Set.Of(busyCores) || others.in > share || others.out > share || math.Abs(theirs.in-theirs.out) > s.Set.Of(busyShare)*theirs.in {
		return nil, nil
	}
	first := set[0]
	rate := float64(first.Now().In-first.Begin.In) / first.Now().At.Sub(first.Begin.At).Seconds()
	f := &finding.Finding{
		Kind: finding.BusyLoop, Subject: first.Subject(s.From), Members: members, Onset: s.From, OnsetErrorS: n.Interval.Seconds(), Confidence: finding.Medium,
		Facts: []finding.Fact{finding.Older},
		Score: min(max(finding.Score(finding.BusyLoop, theirs.in), finding.Score(finding.CPUHotspot, theirs.busy)), finding.Unsure),
		Title: fmt.Sprintf("%s keep each other busy: %s gets %s messages a second", finding.List(names), names[0], finding.Number(rate)),
		Summary: fmt.Sprintf("It was so when the recording began: %s gets and sends %s messages a second, many times what it got on average in the life of %s before, and %s.",
			names[0], finding.Number(rate), n.Name, theOthers(set)),
		Recommendation: "Read what each of them does with a message of the others: one must not answer an answer. Break the circle, or let it wait between rounds.",
		Confirm:        []string{fmt.Sprintf("process_list node=%s sort_by=messages_in, twice", n.Name), fmt.Sprintf("process_info node=%s pid=%s", n.Name, first.Pid)},
		Caveats:        []string{"Since when is not known: what they got before is their count at the first answer, over the uptime of their node."},
		Evidence:       []finding.Evidence{{What: "messages that they get and send", Node: n.Name, Tool: "process_list", Field: "MessagesIn, MessagesOut", From: &from, To: &to}},
	}
	if len(set) == 1 {
		f.Title = fmt.Sprintf("%s on %s floods itself with %s messages a second", names[0], n.Name, finding.Number(rate))
		f.Recommendation = "Look for timers that are set again and again without cancelling the old ones, and for a handler that sends its own process the next message at once."
	}
	for i, a := range set[:min(len(set), 10)] {
		span := a.Now().At.Sub(a.Begin.At).Seconds()
		f.Evidence[0].Value(fmt.Sprintf("in_per_s_%d", i+1), float64(a.Now().In-a.Begin.In)/span, a.Rows(a.Begin.At, a.Now().At).Of("change(MessagesIn) / span(MessagesIn)"))
	}
	if partial(s) {
		f.Caveats = append(f.Caveats, "not all processes were listed: one that is out of sight may send these messages")
	}
	return f, nil
}

// moreThanInLife is what a process gets and sends more than in the life of its node before it
// was first seen; nothing where that may be chance.
func moreThanInLife(n *scene.Node, a *scene.Actor, f scene.Flow, over time.Duration) scene.Flow {
	_, life, ok := n.LifeBefore(scene.CPUUsed(n))
	if a == nil || !ok {
		return f
	}
	more := func(now float64, before int64) float64 {
		const surely = 3 // standard deviations
		m := now - float64(before)/life.Seconds()
		if m < surely*math.Sqrt(now/max(over.Seconds(), 1)) {
			return 0
		}
		return m
	}
	return scene.Flow{In: more(f.In, a.Begin.In), Out: more(f.Out, a.Begin.Out), Busy: f.Busy}
}

// theOthers is what all others do beside them, in words.
func theOthers(set []*scene.Actor) string {
	if len(set) == 1 {
		return "all others together send and get less than half as many"
	}
	return "what all others send and get more than in the lives of their nodes before is little beside it"
}

// A rise is how much more messages and work there are than before.
type rise struct{ in, out, busy, was float64 }

// flowSpan is how long before an instant, and how long from it, flows are taken.
const flowSpan = time.Minute

// partial reports whether listings of a node were cut.
func partial(s *scene.Scene) bool {
	return slices.ContainsFunc(s.Nodes, func(n *scene.Node) bool { return n.Procs.Partial > 0 || len(n.Procs.Listings) == 0 })
}
