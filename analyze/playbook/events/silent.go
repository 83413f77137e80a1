package events

import (
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// A pause is a stretch in which an event was not published.
type pause struct {
	from, to time.Time // the newest sample in which the count had just grown, and the last in which it still has not
	stopped  time.Time // when, by how much of the last growth there was
	over     bool
	usual    time.Duration // the longest stretch without before it
	rate     float64       // messages a second until then
}

// longestPause is the longest stretch without a message, the one that lasts
// before others; ok is false where it is not out of the ordinary.
func longestPause(s *scene.Scene, e *scene.Event) (p pause, ok bool) {
	pub := e.Published
	last, others := 0, time.Duration(0)
	take := func(until time.Time, over bool) {
		q := pause{from: pub.T[last], to: until, over: over, usual: max(e.Interval, others)}
		if grown, took := pub.V[last]-pub.V[0], q.from.Sub(pub.T[0]).Seconds(); took > 0 {
			q.rate = grown / took
		}
		quiet := q.to.Sub(q.from)
		if last > 0 && quiet >= max(s.Set.Span(lull), 3*q.usual) && q.rate*quiet.Seconds() >= fewestMissed && (!over || quiet > p.to.Sub(p.from)) {
			step := pub.T[last].Sub(pub.T[last-1])
			q.stopped = pub.T[last-1].Add(min(step, time.Duration((pub.V[last]-pub.V[last-1])/q.rate*float64(time.Second))))
			p, ok = q, true
		}
		others = max(others, quiet)
	}
	for i := 1; i < pub.Len(); i++ {
		if pub.V[i] > pub.V[i-1] {
			if last > 0 {
				take(pub.T[i-1], true)
			}
			last = i
		}
	}
	if last > 0 {
		take(e.Last, false)
	}
	return p, ok
}

// fewestMissed are messages that must be missing for a silence to matter.
const fewestMissed = 20

// silent tells an event that was published steadily and then not any more, or
// not for a while.
func silent(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	grown, seen := series.Increase(e.Published)
	if grown == 0 && !e.Gone {
		return silentBefore(s, e, v)
	}
	if e.Gone || grown < fewestMissed || seen <= 0 {
		return false
	}
	p, ok := longestPause(s, e)
	if !ok {
		return false
	}
	onset, off := series.Middle(p.from.Add(-e.Interval), p.from)
	switch {
	case p.over:
		onset, off = p.stopped, e.Interval/2
	case !e.LastPublished.IsZero() && e.LastPublished.Sub(p.from).Abs() <= 2*e.Interval:
		onset, off = e.LastPublished, time.Duration(float64(time.Second)/p.rate)
	}
	subscribers := e.Subscribers.V[e.Subscribers.Len()-1]
	score := finding.Score(finding.EventSilent, p.rate*p.to.Sub(onset).Seconds())
	switch {
	case subscribers == 0:
		score = min(score, finding.Note)
	case p.over:
		score = min(score, finding.Paused)
	}
	f := about(e, s, finding.EventSilent, score, onset, off)
	f.Title = fmt.Sprintf("%s on %s is not published any more; %s %s", e.Label(), finding.NodeName(e.Node.Name), finding.Number(subscribers), finding.Plural(int(subscribers), "subscriber waits", "subscribers wait"))
	f.Summary = fmt.Sprintf("It was published %s times a second up to %s, and not once in the %s since.", finding.Number(p.rate), finding.Clock(onset), finding.Duration(p.to.Sub(onset)))
	if p.over {
		f.End = &p.to
		f.Title = fmt.Sprintf("%s on %s was not published for %s; it has %s %s", e.Label(), finding.NodeName(e.Node.Name), finding.Duration(p.to.Sub(onset)), finding.Number(subscribers), finding.Plural(int(subscribers), "subscriber", "subscribers"))
		f.Summary = fmt.Sprintf("It was published %s times a second up to %s, then not once until %s; since then it is published again.", finding.Number(p.rate), finding.Clock(onset), finding.Clock(p.to))
	}
	f.Evidence = []finding.Evidence{evidence(e, s, "messages published", "MessagesPublished", onset, e.Published)}
	before, silence := e.Published.Before(p.from.Add(1)), said(e, e.Published).Between(p.from, p.to)
	f.Evidence[0].Value("before_per_s", p.rate, said(e, before).Of("increase(MessagesPublished) / span(MessagesPublished)"))
	f.Evidence[0].Value("after_per_s", 0, silence.Of("rate(MessagesPublished)"))
	f.Evidence[0].Value("subscribers", subscribers, said(e, e.Subscribers).Of("last(Subscribers)"))
	f.Evidence[0].Value("silent_s", p.to.Sub(onset).Seconds(), said(e, e.Published).Of("seconds("+finding.Instant(onset)+", "+finding.Instant(p.to)+")"))
	f.Recommendation = fmt.Sprintf("Look at its producer %s: is it blocked, or is what feeds it silent too?", e.Producer)
	v.Find(f)
	return true
}

// silentBefore tells an event that had been published steadily for longer than it has
// been silent, and was silent when the recording began: it says itself when it was
// made, how often it was published, and when for the last time.
func silentBefore(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	published := e.Published.V[0]
	subscribers := e.Subscribers.V[e.Subscribers.Len()-1]
	if e.LastPublished.IsZero() || e.Created.IsZero() || published < fewestMissed || subscribers == 0 {
		return false
	}
	steady, quiet := e.LastPublished.Sub(e.Created), e.Last.Sub(e.LastPublished)
	rate := published / max(steady.Seconds(), 1)
	if steady < quiet || quiet < s.Set.Span(lull) || rate*quiet.Seconds() < 2*fewestMissed {
		return false
	}
	f := about(e, s, finding.EventSilent, min(finding.Score(finding.EventSilent, rate*quiet.Seconds()), finding.Paused), e.LastPublished, time.Duration(float64(time.Second)/rate))
	f.Confidence, f.Facts = finding.Medium, []finding.Fact{finding.Older}
	f.Title = fmt.Sprintf("%s on %s is not published any more; %s %s", e.Label(), finding.NodeName(e.Node.Name), finding.Number(subscribers), finding.Plural(int(subscribers), "subscriber waits", "subscribers wait"))
	f.Summary = fmt.Sprintf("It was so when the recording began: it was published %s times in the %s up to %s, and not once in the %s since.",
		finding.Number(published), finding.Duration(steady), finding.Clock(e.LastPublished), finding.Duration(quiet))
	f.Evidence = []finding.Evidence{evidence(e, s, "messages published", "MessagesPublished", e.LastPublished, e.Published)}
	f.Evidence[0].Value("published", published, said(e, e.Published).Of("first(MessagesPublished)"))
	f.Evidence[0].Value("subscribers", subscribers, said(e, e.Subscribers).Of("last(Subscribers)"))
	f.Evidence[0].Value("silent_s", quiet.Seconds(), said(e, e.Published).Of("seconds("+finding.Instant(e.LastPublished)+", "+finding.Instant(e.Last)+")"))
	f.Evidence[0].Value("published_s", int64(steady.Seconds()), said(e, e.Published).Of("floor(seconds("+finding.Instant(e.Created)+", "+finding.Instant(e.LastPublished)+"))"))
	f.Caveats = append(f.Caveats, "How evenly it was published before is not known: it may be one that comes in batches.")
	f.Recommendation = fmt.Sprintf("Look at its producer %s: is it blocked, or is what feeds it silent too?", e.Producer)
	v.Find(f)
	return true
}
