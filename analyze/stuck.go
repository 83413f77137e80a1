package analyze

import (
	"context"
	"fmt"
)

// stuckCall judges a process that waits for a reply.
func (s *scene) stuckCall(ctx context.Context, a *actor, st *stall) (*Finding, error) {
	onset, off, err := s.since(ctx, a, st)
	if err != nil {
		return nil, err
	}
	d := st.to.at.Sub(onset)
	if d <= callTimeout {
		return nil, nil
	}
	f := &Finding{
		Kind: "stuck_call", Subject: a.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 80, Confidence: High,
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
