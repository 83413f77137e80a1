package bottleneck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// overloaded judges a process that works, but whose messages wait.
func overloaded(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	worst := worstBacklog(a)
	if worst == nil {
		return nil, nil
	}
	if worst.warmUp() {
		if young, err := justBorn(ctx, s, a); young || err != nil {
			return nil, err
		}
	}
	if worst.peak() < s.Set.Of(lateAge) || worst.Rows < 3 || worst.span() < work.MinStall {
		return mailboxGrowth(worst)
	}
	f, err := overload(ctx, s, worst)
	if f == nil || err != nil {
		return f, err
	}
	return f, bursts(ctx, s, a, worst, f)
}

// worstBacklog is the backlog in which a message was oldest, nil where there
// was none.
func worstBacklog(a *scene.Actor) *backlog {
	var worst *backlog
	for _, e := range a.Episodes {
		if e.Worst.Mailbox == 0 {
			continue
		}
		b := backlogOf(a, e)
		if worst == nil || b.peak() > worst.peak() {
			worst = &b
		}
	}
	return worst
}

// bursts makes of a finding about the deepest backlog one about all that are
// like it: the first of them is the onset, for what began with the fault is
// part of it, however much shallower.
func bursts(ctx context.Context, s *scene.Scene, a *scene.Actor, worst *backlog, f *finding.Finding) error {
	var like []backlog
	for _, e := range a.Episodes {
		b := backlogOf(a, e)
		if b.peak() >= max(s.Set.Of(lateAge), worst.peak()/5) && !b.warmUp() {
			like = append(like, b)
		}
	}
	slices.SortFunc(like, func(x, y backlog) int { return x.Points[0].At.Compare(y.Points[0].At) })
	if len(like) < 3 {
		return nil
	}
	before, first := like[0].began()
	onset, off, err := riseOf(ctx, s, &like[0], before, first)
	if err != nil {
		return err
	}
	var gaps []float64
	for i := 1; i < len(like); i++ {
		gaps = append(gaps, like[i].Points[0].At.Sub(like[i-1].Points[0].At).Seconds())
	}
	every := series.Median(gaps)
	f.Onset, f.OnsetErrorS, f.Subject = onset, off.Seconds(), a.Subject(onset)
	f.Summary += fmt.Sprintf(" The same happened %d times since %s, every %s; this is the deepest.", len(like), finding.Clock(onset), finding.Seconds(every))
	if last := like[len(like)-1]; f.End != nil && (last.Open || s.To.Sub(last.End).Seconds() < 1.5*every) {
		f.End = nil
	} else if f.End != nil {
		f.End = &last.End
	}
	return nil
}

// warmUp reports whether the backlog was there when the process was first seen
// and went away: what a process has to do first after its start.
func (b backlog) warmUp() bool {
	return b.Before.At.IsZero() && !b.Open
}

// justBorn reports whether a process was hardly older than a start takes when it was first
// seen, by its own word.
func justBorn(ctx context.Context, s *scene.Scene, a *scene.Actor) (bool, error) {
	born, _, err := s.BirthTime(ctx, a.Node, a.Pid, time.Time{}, a.First)
	return a.First.Sub(born) < time.Minute, err
}

func overload(ctx context.Context, s *scene.Scene, b *backlog) (*finding.Finding, error) {
	a := b.actor
	before, first := b.began()
	onset, off, err := riseOf(ctx, s, b, before, first)
	if err != nil {
		return nil, err
	}
	last := b.rose(first)
	now := paceBetween(first, last)
	if now.messages == 0 {
		return nil, nil // it does not work at all: that is told by its standing still
	}
	was := paceBetween(a.Begin, before)
	f := &finding.Finding{
		Kind: finding.OverloadedProcess, Subject: a.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.OverloadedProcess, b.peak()), Confidence: finding.High,
		Harm:           finding.Harm{finding.BlockedCallback: waited(time.Duration(b.ageOf(b.Worst)*float64(time.Second)), b.Worst.Mailbox)},
		Recommendation: "Spread the work over a pool, make the callback cheaper, or slow the senders; bound the mailbox (MailboxSize) if losing messages is better than ageing ones.",
		Confirm: []string{
			fmt.Sprintf("process_list node=%s sort_by=mailbox limit=10", a.Node.Name),
			fmt.Sprintf("process_info node=%s pid=%s", a.Node.Name, a.Pid),
		},
		Evidence: []finding.Evidence{b.evidence(was, now, first.At, last)},
	}
	b.weigh(f)
	waits := 2*b.Waited > b.Rows
	if !waits && b.cameAtOnce(was, now, before) {
		b.atOnce(f, was, now, before)
		return f, nil
	}
	dear := slower(was, now)
	f.Summary = fmt.Sprintf("It handles %s messages a second while %s arrive; %d wait, the oldest for %s.",
		finding.Number(now.handled), finding.Number(now.arrived), b.Worst.Mailbox, finding.Seconds(b.peak()))
	if before, ok := dearAllAlong(s, b, was, now); ok && !waits {
		dear = true
		f.Summary += fmt.Sprintf(" Each message takes %s; %s.", finding.Seconds(1/now.handled), before.words)
		f.Caveats = append(f.Caveats, before.doubt)
		if before.of.Tool != "" {
			f.Evidence[0].Value("service_s.before", before.takes, before.of)
		}
	} else {
		f.Summary += " " + diagnose(was, now, waits)
	}
	if each := now.takes(); !dear && !more(was, now) && b.byChance(was, each, s.To.Sub(s.From)) {
		f.AtMost(finding.Note)
		f.Summary += fmt.Sprintf(" As many messages as before, at %s each, keep it inside callbacks %s of the time: so near to all of it, some wait for so long by chance now and then.",
			finding.Seconds(each), finding.Number(100*was.arrived*each)+" %")
		f.Evidence[0].Value("each_s", each, a.Rows(before.At, before.At).Of(fmt.Sprintf("%v", each)))
		f.Evidence[0].Value("busy_percent", 100*was.arrived*each, a.Rows(a.Begin.At, before.At).Of(fmt.Sprintf("100 * %v * change(MessagesIn) / span(MessagesIn)", each)))
	}
	switch {
	case waits:
		f.Facts = append(f.Facts, finding.Waits)
		f.Summary += " It spends its time waiting for replies."
		f.Recommendation = "Look at the process it calls: each message costs what that one takes to answer."
	case dear:
		f.Recommendation = "Find what makes each message dearer than before (a CPU profile while it lasts, or the call that it waits in); then spread the work over a pool."
		if err := s.TellUsualStack(ctx, f, a, onset, last.At); err != nil {
			return nil, err
		}
	}
	if dear {
		f.Facts = append(f.Facts, finding.Dearer, finding.Saturated) // messages wait, so it has no time left
	}
	f.Title = fmt.Sprintf("%s on %s %s", a.Called(), a.Node.Name, behind(f, was, now))
	if waits && b.Worst.Mailbox <= work.FewWait && !before.At.IsZero() && neverElse(a, before, time.Duration(float64(time.Second)/now.handled)) && answered(a.Node, &f.Evidence[0], onset, b.End) {
		getsThem(f, a)
	}
	if !b.Open {
		end := b.End
		f.End = &end
		f.Summary += b.ended()
	}
	if before.At.IsZero() {
		f.Summary += " It was so when the recording of it began."
		f.Facts = append(f.Facts, finding.Older)
	}
	if b.est {
		f.Confidence = finding.Medium
		f.Caveats = append(f.Caveats, "the age of the oldest message is estimated: the node lacks -tags=latency")
	}
	if err := tellQueues(ctx, s, a, f, onset, last.At.Add(s.Usual(a.Node))); err != nil {
		return nil, err
	}
	if now.arrived <= slackOfLoad*was.arrived {
		return f, nil // who sends more since then does not send it here
	}
	senders, err := feeders(ctx, s, a, onset)
	if err != nil {
		return nil, err
	}
	tellFeeders(f, senders, now.arrived-was.arrived, onset)
	return f, nil
}

// dearAllAlong is what a message takes otherwise, where nothing was seen before a backlog
// and it takes many times as long now.
func dearAllAlong(s *scene.Scene, b *backlog, was, now pace) (usual, bool) {
	if was.messages > 0 || now.handled <= 0 {
		return usual{}, false
	}
	u, ok := usually(s, b.actor, now)
	return u, ok && 1/now.handled >= slowerThan*u.takes
}

// weigh bounds a score, or raises it: it is by the age of the oldest message, for that is
// what callers feel, most where that still grows, less where it drained again, and a
// note where it was so from the first, stays so and fails no caller.
func (b *backlog) weigh(f *finding.Finding) {
	late := b.peak() >= work.CallTimeout.Seconds()
	before, _ := b.began()
	switch {
	case before.At.IsZero() && !b.growing():
		bound := finding.Note
		if late && series.Median(b.age.V) >= work.CallTimeout.Seconds() {
			bound = finding.Over
		}
		f.AtMost(bound)
	case !b.Open:
		f.AtMost(finding.Over)
	case b.growing() && late:
		f.Score = finding.Score(finding.OverloadedProcess, math.Inf(1)) // it will pass every bound
	}
}

// byChance reports whether a process that works about as fast, and gets as many messages as before, lets
// one wait for so long now and then in a time: by Kingman's bound of the waits of a queue
// (exponential, of messages that come and take as it happens), at each time that it had rested.
// What a message takes is by the backlog: before, it may have changed without any.
func (b *backlog) byChance(was pace, each float64, in time.Duration) bool {
	const (
		seldom = 0.01 // times in all the time: that is no chance
		known  = 10   // messages from which on it is known, about, how many come
	)
	busy := was.arrived * each
	if was.messages < known || !(busy > 0 && busy < 1) {
		return false
	}
	rests := was.arrived * (1 - busy) * in.Seconds()
	return rests*math.Exp(-(1-busy)*b.peak()/(busy*each)) > seldom
}

// behind is what a process does whose messages wait, by what was measured of it.
func behind(f *finding.Finding, was, now pace) string {
	switch {
	case f.Is(finding.Waits):
		return "falls behind while it waits for replies"
	case slower(was, now) && !more(was, now):
		return "falls behind: each message takes longer than before"
	case outruns(now):
		return "gets more messages than it can handle"
	}
	return "lets messages wait"
}

// more reports whether clearly more arrives than did: beyond what chance makes of a few messages.
func more(was, now pace) bool {
	const chance = 0.001 // the stretch since was chosen for its messages
	return now.arrived > 1.5*was.arrived && (was.seconds <= 0 || series.TestCounts(was.arrivals(), now.arrivals(), 1) <= chance)
}

// diagnose says what changed. Of who waits for replies nothing is said about arrivals: the
// replies are counted among them, and become fewer.
func diagnose(was, now pace, waits bool) string {
	switch {
	case was.messages == 0:
		return "There is no stretch before to compare with."
	case waits && slower(was, now):
		return fmt.Sprintf("Each message takes %s now, %s before.", finding.Seconds(1/now.handled), finding.Seconds(was.service))
	case more(was, now) && slower(was, now):
		return fmt.Sprintf("Arrivals rose from %s a second, and each message takes longer than before.", finding.Number(was.arrived))
	case more(was, now):
		return fmt.Sprintf("Arrivals rose from %s a second; a message takes no longer than before.", finding.Number(was.arrived))
	case slower(was, now):
		const about = 1.25 // times as many, or as few
		arrivals := "About as many arrive as before (%s a second)"
		switch {
		case more(now, was):
			arrivals = "Less arrives than before (%s a second)"
		case now.arrived > about*was.arrived || was.arrived > about*now.arrived:
			arrivals = "Before, %s a second arrived"
		}
		return fmt.Sprintf(arrivals+"; each message takes %s now, %s before.",
			finding.Number(was.arrived), finding.Seconds(1/now.handled), finding.Seconds(was.service))
	}
	return fmt.Sprintf("Before, %s arrived a second and %s were handled.", finding.Number(was.arrived), finding.Number(was.handled))
}

func (b *backlog) evidence(was, now pace, from time.Time, last work.Point) finding.Evidence {
	to := b.End
	a := b.actor
	e := finding.Evidence{
		What: "messages wait", Node: a.Node.Name, Tool: "process_list", Field: "MessagesMailbox",
		From: &from, To: &to, Series: mailboxSeries(a, from),
		Records: []string{finding.RecordName(a.Node.Name, "process_list", from), finding.RecordName(a.Node.Name, "process_list", b.Worst.At)},
	}
	if outruns(now) {
		e.What = "messages arrive faster than they are handled"
	}
	before, _ := b.began()
	rows, rest := a.Rows(from, last.At), a.Rows(a.Begin.At, before.At)
	if was.seconds > 0 {
		e.Value("arrived_per_s.before", was.arrived, rest.Of("change(MessagesIn) / span(MessagesIn)"))
		e.Value("handled_per_s.before", was.handled, rest.Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
		e.Value("mailbox.before", before.Mailbox, rest.Of("last(MessagesMailbox)"))
	}
	e.Value("arrived_per_s.after", now.arrived, rows.Of("change(MessagesIn) / span(MessagesIn)"))
	e.Value("handled_per_s.after", now.handled, rows.Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
	if now.handled > 0 {
		e.Value("message_takes_s", 1/now.handled, rows.Of("span(MessagesIn) / change(MessagesIn - MessagesMailbox)"))
	}
	e.Value("mailbox.after", b.Worst.Mailbox, a.Rows(b.Worst.At, b.Worst.At).Of("last(MessagesMailbox)"))
	all := a.Rows(b.Points[0].At, b.Points[len(b.Points)-1].At)
	e.Value("oldest_message_s", b.peak(), all.Of("max("+b.formula()+")"))
	if !math.IsNaN(was.service) {
		e.Value("service_ms_before", was.service*1000, rest.Of("change(RunningTime) / change(MessagesIn - MessagesMailbox) / 1e6"))
	}
	if slope, err := series.TheilSen(b.age); err == nil {
		e.Value("latency_slope", slope.PerSecond, all.Of("slope("+b.formula()+")"))
	}
	if w := b.Worst; w.Latency > 0 {
		if life := w.At.Sub(a.First); life > 0 {
			e.Value("liveness_upstream", float64(w.Run)/(life.Seconds()*float64(w.Latency)),
				a.Rows(a.First, w.At).Of("last(RunningTime) / (span(MessagesIn) * last(MailboxLatency))"))
		}
	}
	return e
}

// rising is the stretch by which riseOf tells when a backlog began to rise.
func (b *backlog) rising(before, first work.Point) scene.Stretch {
	return scene.Stretch{PID: b.actor.Pid, From: before.At, To: first.At.Add(3 * b.actor.Node.Interval)}
}

// riseOf is when the rise of a backlog began, and how far off that may be: when
// the process was last idle, where the node tells, else where the rise, drawn
// back, meets the empty mailbox.
func riseOf(ctx context.Context, s *scene.Scene, b *backlog, before, first work.Point) (time.Time, time.Duration, error) {
	if before.At.IsZero() {
		return first.At, b.actor.Node.Interval, nil
	}
	rows, err := s.Zoom(ctx, b.actor.Node, b.rising(before, first))
	if err != nil {
		return time.Time{}, 0, err
	}
	var rise []scene.Row
	for _, r := range rows {
		if r.At.After(b.Worst.At) {
			break // it has risen
		}
		if b.calm(r.Point) && len(rise) < 2 {
			before, rise = r.Point, nil
			continue
		}
		rise = append(rise, r)
	}
	if len(rise) == 0 {
		onset, off := series.Middle(before.At, first.At)
		return onset, off, nil
	}
	r := rise[0]
	if at := r.At.Add(-r.StateTime); r.StateTime > 0 && at.After(before.At) {
		return at, r.Took + 100*time.Millisecond, nil
	}
	onset, off := series.Middle(before.At, r.At)
	if len(rise) < 2 || rise[1].Mailbox <= r.Mailbox {
		return onset, off, nil
	}
	speed := float64(rise[1].Mailbox-r.Mailbox) / rise[1].At.Sub(r.At).Seconds()
	back := time.Duration(float64(r.Mailbox-before.Mailbox) / speed * float64(time.Second))
	if at := r.At.Add(-back); at.After(before.At) {
		onset = at
	}
	return onset, off, nil
}
