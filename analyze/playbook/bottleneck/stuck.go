package bottleneck

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// stuckCall judges a process that waits for a reply.
func stuckCall(ctx context.Context, s *scene.Scene, a *scene.Actor, st *scene.Stall) (*finding.Finding, error) {
	began, err := s.StallBegan(ctx, a, st)
	if err != nil {
		return nil, err
	}
	onset, d := began.At, began.Lasted(st)
	if again, err := timingOut(ctx, s, a); again != nil || err != nil || d <= scene.CallTimeout {
		return again, err
	}
	first := a.Since(st)
	if first != st {
		if began, err = s.StallBegan(ctx, a, first); err != nil {
			return nil, err
		}
		onset = began.At
	}
	f := &finding.Finding{
		Kind: finding.StuckCall, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: began.Off.Seconds(),
		Score: 80, Confidence: finding.High, Facts: []finding.Fact{finding.Waits},
		Title: fmt.Sprintf("%s on %s waits for a reply that does not come", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("%s has been waiting for a response for %s, while a call normally gives up after 5 s; %d messages wait behind it.",
			a.Called(), finding.Duration(d), st.To.Mailbox),
		Recommendation: "Look at the process it calls: that one is stuck, too slow, or calls back. Give the call a time-out, and break call cycles with a message.",
		Confirm: []string{
			fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.Node.Name, scene.TypeName(a.Behavior)),
		},
	}
	if first != st {
		f.Summary += fmt.Sprintf(" It has waited since %s: the call was made again when it timed out.", finding.Clock(onset))
	}
	switch {
	case a.Habitual(st):
		f.Score, f.Confidence = 40, finding.Medium
		f.Caveats = append(f.Caveats, "it waits like this time and again: that may be its way of working")
	case !st.Open && d < 3*scene.CallTimeout:
		f.Score = 60
	}
	endOf(f, a, st)
	f.Evidence = append(f.Evidence, stillness(a, st, onset, d))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended"
	stack, err := s.LastStack(ctx, a, onset, st.To.At)
	if err != nil {
		return nil, err
	}
	s.TellStack(f, a, stack)
	return f, nil
}

// timingOut judges a process whose calls give up in time, again and again.
func timingOut(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	first := a.FirstWait
	if a.LongWaits < s.Set.Int(manyWaits) || a.Longest(scene.Waiting).Open && a.Longest(scene.Waiting).Lasted() > 2*scene.CallTimeout || first.From.At.Sub(a.First) < 2*first.Lasted() {
		return nil, nil // too few, or it has done so from the first
	}
	began, err := s.StallBegan(ctx, a, first)
	if err != nil {
		return nil, err
	}
	onset := began.At
	f := &finding.Finding{
		Kind: finding.StuckCall, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: began.Off.Seconds(),
		Score: 72, Confidence: finding.Medium, Facts: []finding.Fact{finding.Waits},
		Title: fmt.Sprintf("the calls of %s on %s are not answered", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("%s was seen %d times waiting for a response for over %s, and before %s never: whom it calls does not answer within the time-out of a call (5 s by default).",
			a.Called(), a.LongWaits, finding.Duration(scene.MinStall), finding.Clock(onset)),
		Recommendation: "Look at the process it calls: that one is stuck or too slow.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid)},
	}
	f.Evidence = append(f.Evidence, stillness(a, first, onset, first.To.At.Sub(onset)))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended; the first time of several"
	stack, err := s.LastStack(ctx, a, onset, s.To)
	if err != nil {
		return nil, err
	}
	s.TellStack(f, a, stack)
	return f, nil
}
