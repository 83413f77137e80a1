package bottleneck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// stuckCall judges a process that waits for replies: for one that does not
// come, or for many of which none comes in time.
func stuckCall(ctx context.Context, s *scene.Scene, a *scene.Actor, st *work.Stall) (*finding.Finding, error) {
	if !st.Open || st.Lasted() <= 2*work.CallTimeout {
		if again, err := timingOut(ctx, s, a); again != nil || err != nil {
			return again, err
		}
	}
	began, err := s.StallBegan(ctx, a, st)
	if err != nil {
		return nil, err
	}
	onset, d := began.At, began.Lasted(st)
	if d <= work.CallTimeout*6/5 { // one that times out may be told late
		return nil, nil
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
		Score: finding.Score(finding.StuckCall, waited(d, st.To.Mailbox)), Confidence: finding.High, Facts: []finding.Fact{finding.Waits}, Harm: harmOf(a, st, d),
		Title: fmt.Sprintf("%s on %s waits for a reply that does not come", a.Called(), a.Node.Name),
		Summary: fmt.Sprintf("%s has been waiting for a response for %s, while a call normally gives up after 5 s; %d messages wait behind it.",
			a.Called(), finding.Duration(d), st.To.Mailbox),
		Recommendation: "Look at the process it calls: that one is stuck, too slow, or calls back. Give the call a time-out, and break call cycles with a message.",
		Confirm: []string{
			fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.Node.Name, scene.TypeName(a.Behavior)),
		},
	}
	f.Evidence = append(f.Evidence, stillness(a, st, onset, d))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended"
	meant := (madeToWait(a, st) || asItsKind(a, st)) && answered(a.Node, &f.Evidence[0], a.First, st.To.At)
	switch {
	case meant:
		f.AtMost(finding.Note)
		f.Confidence = finding.Medium
		f.Title = fmt.Sprintf("%s on %s waits for each reply for longer than calls do by default, and gets it", a.Called(), a.Node.Name)
		if a.LongWaits == 1 && !st.Open {
			f.Title = fmt.Sprintf("%s on %s waited for a reply for longer than calls do by default, and got it", a.Called(), a.Node.Name)
		}
		if st.Open {
			f.Title = fmt.Sprintf("%s on %s waits for a reply for longer than calls do by default, as was usual before", a.Called(), a.Node.Name)
		}
		f.Caveats = append(f.Caveats, "its calls, or those of others of its behavior, waited like this from the first, and no call of its node failed: they may be made to wait")
	case first != st:
		f.Summary += fmt.Sprintf(" It has waited since %s, from one call to the next.", finding.Clock(onset))
	}
	switch {
	case a.Habitual(st):
		f.AtMost(finding.Note)
		f.Confidence = finding.Medium
		f.Caveats = append(f.Caveats, "it waits like this time and again: that may be its way of working")
	case !st.Open && d < 3*work.CallTimeout:
		f.AtMost(finding.Over)
	}
	endOf(f, a, st)
	stack, err := s.LastStack(ctx, a, onset, st.To.At)
	if err != nil {
		return nil, err
	}
	s.TellStack(f, a, stack)
	return f, nil
}

// timingOut judges a process whose calls come near their time-out, again and
// again: it is kept waiting nearly all the time, or was so more often than before
// and somebody is kept waiting by it.
func timingOut(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	if a.LongWaits == 0 {
		return nil, nil
	}
	if e := a.WaitingEpisode(); e != nil && e.Handled() <= 1/s.Set.Of(lateAge) && heldUp(a, e) {
		return keptWaiting(ctx, s, a, e)
	}
	first := a.FirstWait
	p := a.Recurs(first)
	harmed := p.Waiting > 0
	if a.LongWaits < s.Set.Int(manyWaits) || !harmed || first.From.At.Sub(a.First) < max(2*first.Lasted(), p.Every*3/2) {
		return nil, nil // too few, or nobody is harmed, or it may always have done so
	}
	if neverElse(a, first.Progress, first.Lasted()) && answered(a.Node, &finding.Evidence{}, a.First, s.To) {
		return nil, nil // it did nothing before, and gets its replies: they are made to wait
	}
	began, err := s.StallBegan(ctx, a, first)
	if err != nil {
		return nil, err
	}
	f := timingOutSince(a, began.At, began.Off, time.Duration(a.LongWaits)*work.MinStall)
	f.Summary = fmt.Sprintf("%s was seen %d times waiting for a response for over %s, and before %s never: whom it calls does not answer within the time-out of a call (5 s by default).",
		a.Called(), a.LongWaits, finding.Duration(work.MinStall), finding.Clock(began.At))
	busy := slices.ContainsFunc(a.Episodes, func(e *work.Episode) bool { return e.Open && e.Waited > 0 })
	const away = 4 // times as long as between two: listings see some of them only
	if end := p.Ended(s.To); !end.IsZero() && !busy && s.To.Sub(end) > away*p.Every {
		f.End = &end
		f.Summary += " It has not come again since."
	}
	f.Evidence = append(f.Evidence, stillness(a, first, began.At, first.To.At.Sub(began.At)))
	f.Evidence[0].What = "waiting for a response, with no message taken and no callback ended; the first time of several"
	f.Evidence[0].Value("times", a.LongWaits, a.Rows(a.First, a.Last).Of(
		"count("+standstills(work.Waiting.String(), work.MinStall)+")"))
	f.Evidence[0].Value("each_at_least_s", work.MinStall.Seconds(), a.Rows(a.First, a.Last).Of(finding.Number(work.MinStall.Seconds())))
	return f, tellLastStack(ctx, s, f, a)
}

// heldUp reports whether waiting keeps a process from its work: it handles less
// than half of what it did, and each message takes twice as long; else, where
// nothing was seen before, messages wait for longer than callers do.
func heldUp(a *scene.Actor, e *work.Episode) bool {
	was := paceBetween(a.Begin, e.Before)
	if was.messages > 0 {
		return e.Worst.Mailbox > 0 && 2*e.Handled() < was.handled && (math.IsNaN(was.service) || e.Handled()*2*was.service < 1)
	}
	b := backlogOf(a, e)
	return b.peak() >= 4*work.CallTimeout.Seconds()
}

// keptWaiting is the finding about a process that waits for replies nearly all
// the time and hardly handles anything.
func keptWaiting(ctx context.Context, s *scene.Scene, a *scene.Actor, e *work.Episode) (*finding.Finding, error) {
	onset, off, err := s.WaitBegan(ctx, a, e)
	if err != nil {
		return nil, err
	}
	f := timingOutSince(a, onset, off, e.End.Sub(onset)*time.Duration(e.Waited)/time.Duration(max(e.Rows, 1)))
	was, lasted := paceBetween(a.Begin, e.Before), e.End.Sub(onset)
	f.Harm = finding.Harm{
		finding.BlockedCallback: waited(lasted, e.Worst.Mailbox),
		finding.TrafficStopped:  undone(was, e.Handled(), lasted),
	}
	f.Summary = fmt.Sprintf("Since %s %s waited for a response in %d of %d listings; it handles %s messages a second, and up to %d waited behind it. %s",
		finding.Clock(onset), a.Called(), e.Waited, e.Rows, finding.Number(e.Handled()), e.Worst.Mailbox, unanswered)
	switch {
	case e.Before.At.IsZero():
		f.Summary += " It was so when the recording of it began."
		f.Facts = append(f.Facts, finding.Older)
	case was.messages > 0:
		f.Summary += fmt.Sprintf(" Before, it handled %s a second.", finding.Number(was.handled))
	}
	from, to := onset, e.End
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "waiting for a response", Node: a.Node.Name, Tool: "process_list", Field: "State", From: &from, To: &to,
		Records: []string{finding.RecordName(a.Node.Name, "process_list", e.Points[0].At), finding.RecordName(a.Node.Name, "process_list", e.Worst.At)},
		Series:  mailboxSeries(a, onset),
	})
	tellWaiting(&f.Evidence[0], a, e, was)
	always := e.Before.At.IsZero() || e.Handled() > 0 && neverElse(a, e.Before, time.Duration(float64(time.Second)/e.Handled()))
	growing := backlogOf(a, e).growing() && e.Worst.Mailbox > work.FewWait // a few come to anybody while he waits
	if always && e.Handled() > 0 && answered(a.Node, &f.Evidence[0], onset, e.End) {
		if growing {
			getsThemLate(f, a)
		} else {
			getsThem(f, a)
		}
	}
	if !e.Open {
		end := e.End
		f.End = &end
		f.Summary += " It works again since."
		if a.Gone {
			f.Summary = strings.TrimSuffix(f.Summary, " It works again since.") + " It is gone since."
		}
	}
	return f, tellLastStack(ctx, s, f, a)
}

// getsThem says that a process that waits nearly all the time is answered: a note.
func getsThem(f *finding.Finding, a *scene.Actor) {
	f.AtMost(finding.Note)
	f.Title = fmt.Sprintf("%s on %s waits for replies nearly all the time, and gets them", a.Called(), a.Node.Name)
	f.Summary = strings.Replace(f.Summary, " "+unanswered, "", 1) + " No call of its node failed meanwhile: it is answered, and its calls are made to wait for so long."
}

// getsThemLate says that a process that waits nearly all the time is answered, while more and more wait behind it.
func getsThemLate(f *finding.Finding, a *scene.Actor) {
	f.Title = fmt.Sprintf("%s on %s waits for replies nearly all the time, and falls behind", a.Called(), a.Node.Name)
	f.Summary = strings.Replace(f.Summary, unanswered, "No call of its node failed meanwhile: it is answered, and too late for all that comes.", 1)
	f.Recommendation = "See why each reply takes so long; else let it not wait for one before it takes the next message."
}

// unanswered is what it means that a process waits nearly all the time.
const unanswered = "Whom it calls does not answer, or near the time-out of a call (5 s by default)."

// often is how many calls that were answered show that they are made to wait.
const often = 3

// madeToWait reports whether a process waited as long for the calls before, time and again,
// as far as listings tell to the interval between them, and never handled messages without.
func madeToWait(a *scene.Actor, st *work.Stall) bool {
	p := a.Recurs(st)
	return p.Times >= often && st.Lasted() < 2*(p.Lasts+a.Node.Interval) && neverElse(a, p.First.Progress, p.First.Lasted())
}

// asItsKind reports whether a process waited as it does for every call, or as all of its
// behavior do, who are answered: with few listings none of them is seen to wait often.
func asItsKind(a *scene.Actor, st *work.Stall) bool {
	const each = 2 * work.CallTimeout // on average a message keeps it for half of that, which is longer than calls do by default
	if st.To.Mailbox > work.FewWait || !neverElse(a, a.Now(), each) {
		return false
	}
	if !st.Open {
		return true
	}
	got := 0
	for _, x := range a.Node.Procs.Actors {
		w := x.Longest(work.Waiting)
		if x.Behavior != a.Behavior || a.Behavior == "" || w == nil {
			continue
		}
		if !neverElse(x, x.Now(), each) {
			return false
		}
		if p := x.Recurs(w); st.Lasted() < 2*(p.Usual+a.Node.Interval) { // about as long as those that were answered
			got += p.Over
		}
	}
	return got >= often
}

// neverElse reports whether a process handled no message before a point but the one in which it stands,
// or only such as took about as long: between listings that are far apart, some stalls are not seen.
func neverElse(a *scene.Actor, before work.Point, each time.Duration) bool {
	n := before.Handled() - a.Begin.Handled()
	inside := work.Inside(a.Begin, before) * before.At.Sub(a.Begin.At).Seconds()
	return n <= 1 || inside >= float64(n)*each.Seconds()/2
}

// answered reports whether none of the calls of a node failed while one of its processes
// waited for longer than calls do by default, and tells it: then it is meant to. It
// is not told where these were not counted: until a while after it, for a call that fails ends the wait,
// and is counted in an answer after that.
func answered(n *scene.Node, seen *finding.Evidence, from, to time.Time) bool {
	failed, until := 0.0, to
	goesOn := n.Procs.Listings[len(n.Procs.Listings)-1].After(to)
	for _, field := range []string{"CallErrorsLocal", "CallErrorsRemote"} {
		counted := n.Series(ergo.Node, field).From(from)
		behind := counted.From(to.Add(n.Interval)) // the next listing
		if behind.Len() > 0 {
			counted = counted.Between(from, behind.T[0].Add(n.Interval+1))
		}
		if counted.Len() < 2 || goesOn && !counted.T[counted.Len()-1].After(to) {
			return false
		}
		grown, _ := series.Increase(counted, n.Starts...)
		failed += grown
		until = series.Later(until, counted.T[counted.Len()-1])
	}
	if failed > 0 {
		return false
	}
	seen.Value("calls_failed", failed, n.Says("node_info", from, until).Of("increase(CallErrorsLocal) + increase(CallErrorsRemote)"))
	return true
}

// tellWaiting adds how often it was seen waiting, and what it handled then and
// before.
func tellWaiting(seen *finding.Evidence, a *scene.Actor, e *work.Episode, was pace) {
	rows := a.Rows(e.Points[0].At, e.End)
	seen.Value("listings", e.Rows, rows.Of("count(MessagesIn)"))
	seen.Value("of_them_waiting", e.Waited, rows.Of("sum(is(State, 'wait response'))"))
	seen.Value("handled_per_s", e.Handled(), a.Rows(e.Points[0].At, e.Points[len(e.Points)-1].At).Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
	seen.Value("mailbox", e.Worst.Mailbox, a.Rows(e.Worst.At, e.Worst.At).Of("last(MessagesMailbox)"))
	if was.messages > 0 {
		seen.Value("handled_per_s_before", was.handled, a.Rows(a.Begin.At, e.Before.At).Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
	}
}

// timingOutSince is the part of the finding that all calls which time out share;
// waited is how long it was seen waiting, all together.
func timingOutSince(a *scene.Actor, onset time.Time, off, waited time.Duration) *finding.Finding {
	f := &finding.Finding{
		Kind: finding.StuckCall, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.StuckCall, waited.Seconds()), Confidence: finding.Medium, Facts: []finding.Fact{finding.Waits},
		Title:          fmt.Sprintf("the calls of %s on %s are not answered in time", a.Called(), a.Node.Name),
		Recommendation: "Look at the process it calls: that one is stuck or too slow.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid)},
	}
	f.AtMost(finding.Unsure)
	return f
}

func tellLastStack(ctx context.Context, s *scene.Scene, f *finding.Finding, a *scene.Actor) error {
	until := s.To
	if f.End != nil {
		until = *f.End
	}
	stack, err := s.LastStack(ctx, a, f.Onset, until)
	if err == nil {
		s.TellStack(f, a, stack)
	}
	return err
}
