package analyze

import (
	"context"
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/series"
)

// overloaded judges a process that works, but whose messages wait.
func (s *scene) overloaded(ctx context.Context, a *actor) (*Finding, error) {
	var worst *backlog
	for _, e := range a.episodes {
		if e.worst.mailbox == 0 {
			continue
		}
		b := backlogOf(a, e)
		if worst == nil || b.peak() > worst.peak() {
			worst = &b
		}
	}
	if worst == nil || worst.warmUp() {
		return nil, nil
	}
	if worst.peak() < lateAge || worst.rows < 3 || worst.span() < minStall {
		return s.growth(ctx, worst)
	}
	return s.overload(ctx, worst)
}

// warmUp reports whether the backlog was there when the process was first seen
// and went away: what a process has to do first after its start.
func (b backlog) warmUp() bool {
	return b.before.at.IsZero() && !b.open
}

func (s *scene) overload(ctx context.Context, b *backlog) (*Finding, error) {
	a := b.actor
	before, first := b.began()
	onset, off, err := s.riseOf(ctx, b, before, first)
	if err != nil {
		return nil, err
	}
	last := b.points[len(b.points)-1]
	now := paceBetween(first, last)
	if now.messages == 0 {
		return nil, nil // it does not work at all: that is told by its standing still
	}
	was := paceBetween(a.begin, before)
	f := &Finding{
		Kind: "overloaded_process", Subject: a.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 78, Confidence: High,
		Title: fmt.Sprintf("%s on %s gets more messages than it can handle", a.called(), a.node.Name),
	}
	switch {
	case b.growing() && b.peak() >= callTimeout.Seconds():
		f.Score = 86
	case before.at.IsZero() && !b.growing():
		f.Score = 45 // it has been like that all along, and stays so
	case !b.open && b.peak() < callTimeout.Seconds():
		f.Score = 60
	case !b.open:
		f.Score = 70
	}
	if b.est {
		f.Confidence = Medium
	}
	f.waits = 2*b.waited > b.rows
	f.Summary = fmt.Sprintf("It handles %s messages a second while %s arrive; %d wait, the oldest for %s.",
		number(now.handled), number(now.arrived), b.worst.mailbox, seconds(b.peak()))
	f.Summary += " " + diagnose(was, now)
	f.Recommendation = "Spread the work over a pool, make the callback cheaper, or slow the senders; bound the mailbox (MailboxSize) if losing messages is better than ageing ones."
	if slower(was, now) {
		f.dear = true
		f.Recommendation = "Find what makes each message dearer than before (a CPU profile while it lasts, or the call that it waits in); then spread the work over a pool."
	}
	f.Confirm = []string{
		fmt.Sprintf("process_list node=%s sort_by=mailbox limit=10", a.node.Name),
		fmt.Sprintf("process_info node=%s pid=%s", a.node.Name, a.pid),
	}
	if f.waits {
		f.Summary += " It spends its time waiting for replies."
		f.Recommendation = "Look at the process it calls: each message costs what that one takes to answer."
	}
	if !b.open {
		end := b.end
		f.End = &end
		f.Summary += " The mailbox drained again."
	}
	if b.est {
		f.Caveats = append(f.Caveats, "the age of the oldest message is estimated: the node lacks -tags=latency")
	}
	f.Evidence = append(f.Evidence, b.evidence(was, now, first.at))
	if e, ok, err := s.feeders(ctx, a, onset); err != nil {
		return nil, err
	} else if ok {
		f.Evidence = append(f.Evidence, e)
	}
	return f, nil
}

// slower reports whether a message now takes clearly longer than it did. The
// time inside callbacks is only known while the mailbox drains, so what is
// compared is the time per handled message of a process that is never idle now.
func slower(was, now pace) bool {
	return now.handled > 0 && was.messages > 10 && !math.IsNaN(was.service) && 1/now.handled > 2*was.service
}

// more reports whether clearly more arrives than did.
func more(was, now pace) bool { return now.arrived > 1.5*was.arrived }

func diagnose(was, now pace) string {
	switch {
	case was.messages == 0:
		return "There is no stretch before to compare with."
	case more(was, now) && slower(was, now):
		return fmt.Sprintf("Arrivals rose from %s a second, and each message takes longer than before.", number(was.arrived))
	case more(was, now):
		return fmt.Sprintf("Arrivals rose from %s a second; a message takes no longer than before.", number(was.arrived))
	case slower(was, now):
		return fmt.Sprintf("Arrivals are as before (%s a second); each message takes %s now, %s before.",
			number(was.arrived), seconds(1/now.handled), seconds(was.service))
	}
	return fmt.Sprintf("Before, %s arrived a second and %s were handled.", number(was.arrived), number(was.handled))
}

func (b *backlog) evidence(was, now pace, from time.Time) Evidence {
	to := b.end
	a := b.actor
	values := map[string]any{
		"arrived_per_s":    map[string]any{"before": round(was.arrived), "after": round(now.arrived)},
		"handled_per_s":    map[string]any{"before": round(was.handled), "after": round(now.handled)},
		"mailbox":          map[string]any{"before": 0, "after": b.worst.mailbox},
		"oldest_message_s": map[string]any{"before": 0, "after": round(b.peak())},
	}
	if !math.IsNaN(was.service) {
		values["service_ms_before"] = round(was.service * 1000)
	}
	if slope, err := series.TheilSen(b.age); err == nil {
		values["latency_slope"] = round(slope.PerSecond)
	}
	if w := b.worst; w.latency > 0 {
		if life := w.at.Sub(a.first); life > 0 {
			values["liveness_upstream"] = float64(w.run) / (life.Seconds() * float64(w.latency))
		}
	}
	return Evidence{
		What: "messages arrive faster than they are handled", Node: a.node.Name, Tool: "process_list", Field: "MessagesMailbox",
		From: &from, To: &to, Values: values, Series: a.mailboxSeries(from),
		Records: []string{recordName(a.node.Name, "process_list", from), recordName(a.node.Name, "process_list", b.worst.at)},
	}
}

// riseOf is when the rise of a backlog began, and how far off that may be: when
// the process was last idle, where the node tells, else where the rise, drawn
// back, meets the empty mailbox.
func (s *scene) riseOf(ctx context.Context, b *backlog, before, first point) (time.Time, time.Duration, error) {
	if before.at.IsZero() {
		return first.at, b.actor.node.interval, nil
	}
	rows, err := s.zoom(ctx, b.actor.node, before.at, first.at.Add(3*b.actor.node.interval), b.actor.pid)
	if err != nil {
		return time.Time{}, 0, err
	}
	var rise []row
	for _, r := range rows[b.actor.pid] {
		if b.calm(r.point) && len(rise) < 2 {
			before, rise = r.point, nil
			continue
		}
		rise = append(rise, r)
	}
	if len(rise) == 0 {
		onset, off := middle(before.at, first.at)
		return onset, off, nil
	}
	r := rise[0]
	if at := r.at.Add(-r.stateTime); r.stateTime > 0 && at.After(before.at) {
		return at, r.took + 100*time.Millisecond, nil
	}
	onset, off := middle(before.at, r.at)
	if len(rise) < 2 || rise[1].mailbox <= r.mailbox {
		return onset, off, nil
	}
	speed := float64(rise[1].mailbox-r.mailbox) / rise[1].at.Sub(r.at).Seconds()
	back := time.Duration(float64(r.mailbox-before.mailbox) / speed * float64(time.Second))
	if at := r.at.Add(-back); at.After(before.at) {
		onset = at
	}
	return onset, off, nil
}

// growth judges a mailbox that is not late yet, but grows.
func (s *scene) growth(_ context.Context, b *backlog) (*Finding, error) {
	a := b.actor
	var depth series.Series
	for _, p := range b.points {
		depth.Add(p.at, float64(p.mailbox))
	}
	const enough = 12 // samples of a trend that is worth a forecast
	if !b.growing() || depth.Len() < enough || b.worst.mailbox < enough {
		return nil, nil
	}
	trend, err := series.MannKendall(depth)
	if err != nil || !trend.Rises(0.001) {
		return nil, nil
	}
	slope, err := series.TheilSen(depth)
	if err != nil || !slope.Grows() {
		return nil, nil
	}
	before, first := b.began()
	onset, off := middle(before.at, first.at)
	if before.at.IsZero() {
		onset, off = first.at, a.node.interval
	}
	f := &Finding{
		Kind: "mailbox_growth", Subject: a.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 55, Confidence: Medium,
		Title:          fmt.Sprintf("the mailbox of %s on %s grows steadily", a.called(), a.node.Name),
		Summary:        fmt.Sprintf("It holds %d messages and gains %s a second; the oldest waits for %s so far.", b.worst.mailbox, number(slope.PerSecond), seconds(b.peak())),
		Recommendation: "See what feeds the process and what it does per message before it falls behind for good.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", a.node.Name, a.pid)},
	}
	from, to := first.at, b.end
	f.Evidence = append(f.Evidence, Evidence{
		What: "messages waiting", Node: a.node.Name, Tool: "process_list", Field: "MessagesMailbox", From: &from, To: &to,
		Values: map[string]any{"per_s": round(slope.PerSecond), "p": trend.P}, Series: chart("messages", depth),
	})
	if age, err := series.TheilSen(b.age); err == nil {
		if fc, err := series.Reach(age, b.end, callTimeout.Seconds()); err == nil {
			f.Summary += fmt.Sprintf(" At this pace the oldest message will wait for the call time-out of 5 s at %s (between %s and %s).",
				clock(fc.Expected), clock(fc.Earliest), clock(fc.Latest))
		} else {
			f.Score = 40
		}
	}
	return f, nil
}
