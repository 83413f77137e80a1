package analyze

import (
	"context"
	"fmt"
)

// stuckCall judges a process that waits for a reply.
func (s *scene) stuckCall(ctx context.Context, a *actor, st *stall) (*Finding, error) {
	began, err := s.since(ctx, a, st)
	if err != nil {
		return nil, err
	}
	onset, d := began.at, began.lasted(st)
	if again, err := s.timingOut(ctx, a); again != nil || err != nil || d <= callTimeout {
		return again, err
	}
	f := &Finding{
		Kind: "stuck_call", Subject: a.subject(onset), Onset: onset, OnsetErrorS: began.off.Seconds(),
		Score: 80, Confidence: High, waits: true,
		Title: fmt.Sprintf("%s on %s waits for a reply that does not come", a.called(), a.node.Name),
		Summary: fmt.Sprintf("%s has been waiting for a response for %s, while a call normally gives up after 5 s; %d messages wait behind it.",
			a.called(), short(d), st.to.mailbox),
		Recommendation: "Look at the process it calls: that one is stuck, too slow, or calls back. Give the call a time-out, and break call cycles with a message.",
		Confirm: []string{
			fmt.Sprintf("process_info node=%s pid=%s", a.node.Name, a.pid),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.node.Name, typeName(a.behavior)),
		},
	}
	switch {
	case a.habitual(st):
		f.Score, f.Confidence = 40, Medium
		f.Caveats = append(f.Caveats, "it waits like this time and again: that may be its way of working")
	case !st.open && d < 3*callTimeout:
		f.Score = 60
	}
	s.endOf(f, a, st)
	f.Evidence = append(f.Evidence, s.stillness(a, st, onset, d))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended"
	stack, err := s.lastStack(ctx, a, onset, st.to.at)
	if err != nil {
		return nil, err
	}
	s.addStack(f, a, stack)
	return f, nil
}

// manyWaits is how many calls in a row that come near their time-out tell a
// callee that does not answer from one that was slow once or twice.
const manyWaits = 3

// timingOut judges a process whose calls give up in time, again and again.
func (s *scene) timingOut(ctx context.Context, a *actor) (*Finding, error) {
	first := a.firstWait
	if a.longWaits < manyWaits || a.longest(waiting).open && a.longest(waiting).lasted() > 2*callTimeout || first.from.at.Sub(a.first) < 2*first.lasted() {
		return nil, nil // too few, or it has done so from the first
	}
	began, err := s.since(ctx, a, first)
	if err != nil {
		return nil, err
	}
	onset := began.at
	f := &Finding{
		Kind: "stuck_call", Subject: a.subject(onset), Onset: onset, OnsetErrorS: began.off.Seconds(),
		Score: 72, Confidence: Medium, waits: true,
		Title: fmt.Sprintf("the calls of %s on %s are not answered", a.called(), a.node.Name),
		Summary: fmt.Sprintf("%s was seen %d times waiting for a response for over %s, and before %s never: whom it calls does not answer within the time-out of a call (5 s by default).",
			a.called(), a.longWaits, short(minStall), clock(onset)),
		Recommendation: "Look at the process it calls: that one is stuck or too slow.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", a.node.Name, a.pid)},
	}
	f.Evidence = append(f.Evidence, s.stillness(a, first, onset, first.to.at.Sub(onset)))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended; the first time of several"
	stack, err := s.lastStack(ctx, a, onset, s.to)
	if err != nil {
		return nil, err
	}
	s.addStack(f, a, stack)
	return f, nil
}
