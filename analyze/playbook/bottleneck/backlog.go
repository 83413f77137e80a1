package bottleneck

import (
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// A backlog is an episode in which messages waited, with what it means.
type backlog struct {
	actor *scene.Actor
	*work.Episode
	rate float64       // messages handled a second
	age  series.Series // of the oldest message, in s: told by the node, else estimated
	est  bool          // the ages are estimated: the node lacks -tags=latency
}

// backlogOf reads an episode. Without MailboxLatency the age of the oldest
// message follows from Little's law: messages waiting over messages handled a
// second (Little, "A Proof for the Queuing Formula L = lambda W", 1961).
func backlogOf(a *scene.Actor, e *work.Episode) backlog {
	b := backlog{actor: a, Episode: e, rate: handledRate(e.Points)}
	for _, p := range e.Points {
		b.est = b.est || p.Latency < 0
		b.age.Add(p.At, b.ageOf(p))
	}
	return b
}

// ageOf is the age of the oldest message, in s.
func (b backlog) ageOf(p work.Point) float64 {
	switch {
	case p.Latency >= 0:
		return float64(p.Latency) / 1e9
	case p.Mailbox == 0:
		return 0
	}
	return min(float64(p.Mailbox)/b.rate, p.At.Sub(b.since()).Seconds())
}

// since is the last listing without messages waiting, or the first with some.
func (b backlog) since() time.Time {
	if b.Before.At.IsZero() {
		return b.Points[0].At
	}
	return b.Before.At
}

// handledRate is how many messages a second were taken out of the mailbox over
// the points: at least one in all that time, so that it divides.
func handledRate(pts []work.Point) float64 {
	if len(pts) < 2 {
		return math.Inf(1)
	}
	first, last := pts[0], pts[len(pts)-1]
	d := last.At.Sub(first.At).Seconds()
	return math.Max(float64(last.Handled()-first.Handled()), 1) / math.Max(d, 1e-3)
}

// drained reports whether the process was seen to have worked off what waited: neither does that last,
// nor went the process, or its node, before.
func (b backlog) drained() bool {
	return !b.Open && !(b.actor.Gone && !b.actor.Last.After(b.End))
}

// ended tells how a backlog ended that did.
func (b backlog) ended() string {
	if b.drained() {
		return " The mailbox drained again."
	}
	if left := b.actor.Now().Mailbox; left > 0 {
		return fmt.Sprintf(" It is gone since: when it was last seen, %d messages waited.", left)
	}
	return " It is gone since."
}

// span is from the first listing that shows messages waiting to the last.
func (b backlog) span() time.Duration { return b.End.Sub(b.Points[0].At) }

func (b backlog) peak() float64 {
	peak := 0.0
	for _, v := range b.age.V {
		peak = max(peak, v)
	}
	return peak
}

// growing reports whether the backlog was near its deepest when last seen.
func (b backlog) growing() bool {
	last := b.Points[len(b.Points)-1]
	return b.Open && float64(last.Mailbox) >= 0.8*float64(b.Worst.Mailbox)
}

// calmAge is the age of the oldest message, in s, up to which a process keeps up
// with what arrives: no person and no call time-out notices.
const calmAge = 0.1

// calm reports whether the process still kept up at p.
func (b backlog) calm(p work.Point) bool {
	return p.Mailbox <= 1 || b.ageOf(p) <= min(calmAge, b.peak()/20)
}

// began is the first point of the rise that leads to the deepest mailbox, and
// the point before it, whose time is zero where there is none.
func (b backlog) began() (before, first work.Point) {
	before, first = b.Before, b.Points[0]
	for i, p := range b.Points[:len(b.Points)-1] {
		if !p.At.Before(b.Worst.At) {
			break
		}
		if b.calm(p) {
			before, first = p, b.Points[i+1]
		}
	}
	return before, first
}

// rose is the last row of the rise: of a backlog that drained its deepest, if enough was handled until
// then to know the pace, for what drains is handled at another pace than what piled up.
func (b backlog) rose(first work.Point) work.Point {
	const enough = 5 // messages
	last := b.Points[len(b.Points)-1]
	if w := b.Worst; !b.Open && w.At.Sub(first.At) >= work.MinStall && w.Handled()-first.Handled() >= enough {
		return w
	}
	return last
}

// A pace is how a process worked over a stretch.
type pace struct {
	seconds  float64
	arrived  float64 // messages a second
	handled  float64
	busy     float64 // share of the time inside callbacks; RunningTime is added only when the mailbox drains
	service  float64 // s inside callbacks per message, NaN where none was handled; of those that have ended
	each     float64 // the same with those that are under way
	drain    float64 // messages per wake-up, NaN where there was none
	messages int64   // handled
}

// arrivals are the messages that came.
func (p pace) arrivals() series.Count {
	return series.Count{Events: p.arrived * p.seconds, Seconds: p.seconds}
}

// takes is what a message takes, in s: no longer than what passed for each, for what a process did before it
// last woke up may be counted within a short stretch.
func (p pace) takes() float64 { return min(p.each, 1/p.handled) }

func paceBetween(p, q work.Point) pace {
	d := q.At.Sub(p.At).Seconds()
	r := pace{seconds: d, service: math.NaN(), each: math.NaN(), drain: math.NaN()}
	if d <= 0 || q.In < p.In || q.Run < p.Run {
		return r
	}
	r.messages = q.Handled() - p.Handled()
	r.arrived = float64(q.In-p.In) / d
	r.handled = float64(r.messages) / d
	r.busy = float64(q.Run-p.Run) / 1e9 / d
	if r.messages > 0 {
		r.service = float64(q.Run-p.Run) / 1e9 / float64(r.messages)
		r.each = work.Inside(p, q) * d / float64(r.messages)
	}
	if w := q.Wakeups - p.Wakeups; w > 0 {
		r.drain = float64(q.In-p.In) / float64(w)
	}
	return r
}

// slackOfLoad is by how much two rates of arrival differ that are the same load.
const slackOfLoad = 1.05

// outruns reports whether more arrives than is handled.
func outruns(now pace) bool { return now.arrived > slackOfLoad*now.handled }

// slower reports whether a message now takes clearly longer than it did. The
// time inside callbacks is only known while the mailbox drains, so what is
// compared is the time per handled message of a process that is never idle now.
func slower(was, now pace) bool {
	return now.handled > 0 && was.messages > 10 && !math.IsNaN(was.service) && 1/now.handled > 2*max(was.service, was.each)
}

// formula is the age of the oldest message, in s, as the tool measure reckons it.
func (b *backlog) formula() string {
	if !b.est {
		return "MailboxLatency / 1e9"
	}
	const handled = "greatest(change(MessagesIn - MessagesMailbox), 1) / greatest(span(MessagesIn), 0.001)"
	return "least(MessagesMailbox / (" + handled + "), after(" + finding.Instant(b.since()) + "))"
}
