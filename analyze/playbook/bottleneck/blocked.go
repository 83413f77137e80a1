package bottleneck

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// blocked judges a process that is inside one callback.
func blocked(ctx context.Context, s *scene.Scene, a *scene.Actor, st *work.Stall) (*finding.Finding, error) {
	f, err := blockedOnce(ctx, s, a, st)
	if f == nil || err != nil {
		return f, err
	}
	return f, recurring(ctx, s, a, st, f)
}

// recurring makes of a finding about one standstill one about all that are like
// it: the onset is that of the first, and it has no end while the next may come.
func recurring(ctx context.Context, s *scene.Scene, a *scene.Actor, st *work.Stall, f *finding.Finding) error {
	p := a.Recurs(st)
	if p.Times < 3 || a.Habitual(st) || st.Open && st.Lasted() > 3*p.Lasts {
		return nil
	}
	began, err := s.StallBegan(ctx, a, p.First)
	if err != nil {
		return err
	}
	f.Onset, f.OnsetErrorS, f.End = began.At, began.Off.Seconds(), nil
	f.Evidence = append(f.Evidence, eachTime(a, st, p))
	f.Subject = a.Subject(f.Onset)
	f.Title = fmt.Sprintf("%s on %s stands still in a callback again and again", a.Called(), a.Node.Name)
	all := float64(p.Times) * waited(p.Lasts, p.Waiting)
	f.Score = max(f.Score, min(finding.Score(finding.BlockedCallback, all), finding.Over))
	f.Harm[finding.BlockedCallback] = max(f.Harm[finding.BlockedCallback], all)
	f.Summary = fmt.Sprintf("%s was seen standing still at least %d times since %s, every %s, for %s at the median and %s at most; up to %d messages waited meanwhile.",
		a.Called(), p.Times, finding.Clock(f.Onset), finding.Duration(p.Every), finding.Duration(p.Lasts), finding.Duration(p.Longest), p.Waiting)
	if p.Longer {
		f.Summary += " It takes longer each time."
	}
	if end := p.Ended(s.To); !end.IsZero() {
		f.End = &end
		f.Summary += " It has not come again since."
	}
	return nil
}

// eachTime is the evidence that a standstill recurs: those that last at least a
// third as long as the longest.
func eachTime(a *scene.Actor, st *work.Stall, p work.Pattern) finding.Evidence {
	from, to := p.First.From.At, p.Last.To.At
	e := finding.Evidence{
		What: "standstills, one after the other", Node: a.Node.Name, Tool: "process_list", Field: "MessagesIn - MessagesMailbox", From: &from, To: &to,
	}
	rows, all := a.Rows(from, to), standstills(st.State.String(), max(work.MinStall, st.Lasted()/3))
	e.Value("times", p.Times, rows.Of("count("+all+")"))
	e.Value("every_s", p.Every.Seconds(), rows.Of("median(gaps("+all+"))"))
	e.Value("lasts_s", p.Lasts.Seconds(), rows.Of("median("+all+")"))
	e.Value("longest_s", p.Longest.Seconds(), rows.Of("max("+all+")"))
	return e
}

// standstills is the formula of the stretches in which a process in a state did
// nothing for so long.
func standstills(state string, least time.Duration) string {
	return "stretches(is(State, '" + state + "'), MessagesIn - MessagesMailbox + RunningTime + Wakeups + MessagesOut, " + fmt.Sprint(least.Seconds()) + ")"
}

// blockedOnce judges the longest of its standstills.
func blockedOnce(ctx context.Context, s *scene.Scene, a *scene.Actor, st *work.Stall) (*finding.Finding, error) {
	began, err := s.StallBegan(ctx, a, st)
	if err != nil {
		return nil, err
	}
	onset, d := began.At, began.Lasted(st)
	silent := st.To.Mailbox == 0
	switch {
	case d < work.CallTimeout:
		return nil, nil
	case silent && !overdue(a, st):
		return nil, nil
	}
	stack, err := s.LastStack(ctx, a, onset, st.To.At)
	if err != nil {
		return nil, err
	}
	f := &finding.Finding{
		Kind: finding.BlockedCallback, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: began.Off.Seconds(),
		Score: finding.Score(finding.BlockedCallback, waited(d, st.To.Mailbox)), Confidence: finding.High, Harm: harmOf(a, st, d),
		Title: fmt.Sprintf("%s on %s is blocked inside a callback", a.Called(), a.Node.Name),
	}
	f.Summary = fmt.Sprintf("%s has handled nothing for %s: it is running, %d messages wait and no callback has ended.",
		a.Called(), finding.Duration(d), st.To.Mailbox)
	f.Recommendation = "Find what the callback waits for (a lock, a channel, a system call) and bound it with a time-out, or move it to a meta process; only a restart of the node frees the process, for killing it leaves a zombee until the callback returns."
	f.Confirm = []string{
		fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid),
		fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.Node.Name, scene.TypeName(a.Behavior)),
	}
	switch {
	case silent:
		f.AtMost(finding.Over)
		f.Confidence = finding.Medium
		f.Summary = fmt.Sprintf("%s has been inside one callback for %s; it used to return within %s. Nothing waits for it yet.",
			a.Called(), finding.Duration(d), finding.Duration(usualGap(a, st)))
		f.Caveats = append(f.Caveats, "no message waits, so nobody may be harmed yet")
	case a.Habitual(st):
		f.AtMost(finding.Note)
		f.Confidence = finding.Medium
		f.Caveats = append(f.Caveats, "it stands still like this time and again: that may be its way of working")
	case !st.Open && d < 3*work.CallTimeout:
		f.AtMost(finding.Over)
	}
	f.Evidence = append(f.Evidence, stillness(a, st, onset, d))
	endOf(f, a, st)
	s.TellStack(f, a, stack)
	return f, nil
}

// waited is the harm of a process that takes no message for a while: how long all messages
// that wait for it have waited, together, in s. They came one after the other, so the
// oldest has waited all the time and the newest hardly any.
func waited(lasted time.Duration, messages int64) float64 {
	return lasted.Seconds() * float64(max(messages, 1)+1) / 2
}

// harmOf is what a process hurts that takes no message for a while: those that wait for
// it, and the work that it would have done meanwhile at the pace of before, which who
// waits for its answer does not even send.
func harmOf(a *scene.Actor, st *work.Stall, lasted time.Duration) finding.Harm {
	return finding.Harm{
		finding.BlockedCallback: waited(lasted, st.To.Mailbox),
		finding.TrafficStopped:  undone(paceBetween(a.Begin, st.Progress), 0, lasted),
	}
}

// undone is how many messages a process would have handled besides, at the pace of before.
func undone(was pace, handled float64, lasted time.Duration) float64 {
	if was.messages <= 0 {
		return 0
	}
	return max(0, was.handled-handled) * lasted.Seconds()
}

// overdue reports whether a process that has nothing waiting is in its callback
// for so much longer than it ever was that this is no way of working.
func overdue(a *scene.Actor, st *work.Stall) bool {
	const often = 10 // callbacks that must have returned before, for a habit
	if st.Progress.At.IsZero() || st.Progress.Wakeups-a.Begin.Wakeups < often {
		return false
	}
	return st.Open && st.Lasted() > 4*work.CallTimeout && st.Lasted() > 10*usualGap(a, st)
}

// usualGap is the usual time between two callbacks before a stall.
func usualGap(a *scene.Actor, st *work.Stall) time.Duration {
	n := st.Progress.Wakeups - a.Begin.Wakeups
	if n <= 0 {
		return 0
	}
	return st.Progress.At.Sub(a.Begin.At) / time.Duration(n)
}

// endOf says when a stall ended, if it did.
func endOf(f *finding.Finding, a *scene.Actor, st *work.Stall) {
	if st.Open {
		return
	}
	end := st.To.At
	f.End = &end
	const soon = 3 // listings
	switch z := a.Zombie(); {
	case z != nil && z.From.At.Sub(end) > soon*max(a.Node.Interval, time.Second):
		f.Summary += fmt.Sprintf(" It went on then, and is known to have been killed by %s, from when on it is a zombee.", finding.Clock(z.From.At))
		tellWhen(f, a, "zombee_since", z.From.At)
	case z != nil && !z.Open:
		f.Summary += fmt.Sprintf(" It was killed then, and was a zombee up to %s.", finding.Clock(z.To.At))
		tellWhen(f, a, "zombee_until", z.To.At)
	case z != nil:
		f.Summary += " It was killed then, and is a zombee since."
	case a.Gone:
		f.Summary += " It is gone since."
	default:
		f.Summary += " It works again since."
	}
}

// stillness is the evidence that a process does nothing.
func stillness(a *scene.Actor, st *work.Stall, onset time.Time, d time.Duration) finding.Evidence {
	from, to := st.From.At, st.To.At
	e := finding.Evidence{
		What: "no message taken and no callback ended, while messages arrive", Node: a.Node.Name, Tool: "process_list",
		Field: "MessagesIn - MessagesMailbox", From: &from, To: &to,
		Records: []string{finding.RecordName(a.Node.Name, "process_list", from), finding.RecordName(a.Node.Name, "process_list", to)},
		Series:  mailboxSeries(a, onset),
	}
	rows := a.Rows(from, to)
	e.Value("waited_s", waited(d, st.To.Mailbox), rows.Of("seconds("+finding.Instant(to.Add(-d))+", last(at)) * (greatest(last(MessagesMailbox), 1) + 1) / 2"))
	e.Value("for_s", d.Seconds(), rows.Of("seconds("+finding.Instant(to.Add(-d))+", last(at))"))
	e.Value("state", st.State.String(), rows.Of("last(State)"))
	e.Value("handled", st.To.Handled()-st.From.Handled(), rows.Of("change(MessagesIn - MessagesMailbox)"))
	e.Value("arrived", st.To.In-st.From.In, rows.Of("change(MessagesIn)"))
	e.Value("mailbox", st.To.Mailbox, rows.Of("last(MessagesMailbox)"))
	e.Value("running_time_ns", st.To.Run-st.From.Run, rows.Of("change(RunningTime)"))
	if was := paceBetween(a.Begin, st.Progress); was.messages > 0 {
		before := a.Rows(a.Begin.At, st.Progress.At)
		e.Value("handled_per_s_before", was.handled, before.Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
		e.Value("messages_undone", undone(was, 0, d), before.Of(fmt.Sprintf("change(MessagesIn - MessagesMailbox) / span(MessagesIn) * %v", d.Seconds())))
	}
	if st.To.Latency > 0 {
		e.Value("oldest_message_s", float64(st.To.Latency)/1e9, rows.Of("last(MailboxLatency) / 1e9"))
		slope := float64(st.To.Latency-st.From.Latency) / float64(max(to.Sub(from), 1))
		e.Value("latency_slope", slope, rows.Of("change(MailboxLatency) / span(MailboxLatency) / 1e9"))
		if life := to.Sub(a.First); life > 0 {
			e.Value("liveness_upstream", float64(st.To.Run)/(life.Seconds()*float64(st.To.Latency)),
				a.Rows(a.First, to).Of("last(RunningTime) / (span(MessagesIn) * last(MailboxLatency))"))
		}
	}
	return e
}

// mailboxSeries is the mailbox over the worst episode, with some rest before.
func mailboxSeries(a *scene.Actor, onset time.Time) *finding.Series {
	var worst *work.Episode
	for _, e := range a.Episodes {
		if worst == nil || e.Worst.Mailbox > worst.Worst.Mailbox {
			worst = e
		}
	}
	if worst == nil {
		return nil
	}
	var sr series.Series
	if !worst.Before.At.IsZero() {
		sr.Add(worst.Before.At, float64(worst.Before.Mailbox))
	}
	for _, p := range worst.Points {
		sr.Add(p.At, float64(p.Mailbox))
	}
	return finding.Chart("messages", sr)
}

// tellWhen adds the listing that tells something to the evidence.
func tellWhen(f *finding.Finding, a *scene.Actor, what string, at time.Time) {
	f.Evidence[0].Value(what, at.UTC().Format(time.RFC3339Nano), a.Rows(at, at).Of("last(at)"))
}
