package events

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// judge judges how the events of each node are used over time: wasted
// publishing, starved subscribers, producers that fell silent, and fan-out.
// What has been so from the first answer on is how the application is built,
// and is noted where it costs much.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		all, answers, err := s.Events(ctx, n)
		if err != nil {
			return err
		}
		if answers < 3 {
			v.Skip("%s: %d answers of event_list, needs 3", n.Name, answers)
			continue
		}
		before := len(v.Findings)
		wide, most, widest := 0, 0.0, ""
		for _, e := range all {
			found := len(v.Findings)
			for _, tells := range []func(*scene.Scene, *scene.Event, *finding.Verdict) bool{silent, starved, unheard, fanOut, flood} {
				if tells(s, e, v) {
					break
				}
			}
			if rate := perSecond(e.Delivered); len(v.Findings) == found && rate >= s.Set.Of(costly) {
				if wide++; rate > most {
					most, widest = rate, e.Label()
				}
			}
		}
		if wide > 0 {
			v.Fine("%s: %d events make %s deliveries a second or more on average; %s the most, %s", n.Name, wide, finding.Number(s.Set.Of(costly)), widest, finding.Number(most))
		}
		if len(v.Findings) == before {
			v.Fine("%s: %d events over %d answers: none fell silent, lost its subscribers or spread further than before", n.Name, len(all), answers)
		}
	}
	return nil
}

// about is a finding about the event.
func about(e *scene.Event, s *scene.Scene, kind finding.Kind, score int, onset time.Time, off time.Duration) *finding.Finding {
	f := &finding.Finding{
		Kind: kind, Score: score, Confidence: finding.High, Onset: onset, OnsetErrorS: off.Seconds(),
		Subject: finding.Subject{Node: e.Node.Name, Incarnation: e.Node.Incarnation(onset), Event: e.Name, PID: e.Producer},
		Confirm: []string{fmt.Sprintf("event_info name=%s on %s, twice", e.Label(), e.Node.Name)},
	}
	for _, a := range e.Node.Procs.Actors {
		if a.Pid == e.Producer {
			f.Subject.Name, f.Subject.Behavior, f.Subject.Application = a.Name, a.Behavior, a.Application
		}
	}
	return f
}

func evidence(e *scene.Event, s *scene.Scene, what, field string, onset time.Time, of series.Series) finding.Evidence {
	return finding.Evidence{
		What: what, Node: e.Node.Name, Tool: "event_list", Field: field, From: &onset, To: &s.To,
		Records: []string{finding.RecordName(e.Node.Name, "event_list", e.Last)}, Series: finding.Chart(strings.ToLower(field), of),
	}
}

// said is where values about an event come from: its row over a stretch of one of
// its series.
func said(e *scene.Event, of series.Series) finding.Source {
	src := e.Node.Over("event_list", of)
	src.Row = e.Name
	return src
}

// deliveries is how often messages of an event were delivered, as a formula.
const deliveries = "increase(MessagesLocalSent + MessagesRemoteSent)"

// starved tells subscribers of an event that was never published.
func starved(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	n := e.Published.Len()
	if e.Gone || e.Published.V[n-1] > 0 || e.Subscribers.V[n-1] == 0 {
		return false
	}
	since := e.Last
	for i := n - 1; i >= 0 && e.Subscribers.V[i] > 0; i-- {
		since = e.Subscribers.T[i]
	}
	if e.Last.Sub(since) < s.Set.Span(starving) {
		return false
	}
	score := min(finding.Score(finding.EventStarved, e.Last.Sub(since).Seconds()), finding.Note) // as it was found: perhaps an event for rare occasions
	onset, off := since, e.Interval
	if since.Sub(s.From) > 2*e.Interval && !e.Earlier {
		score = finding.Score(finding.EventStarved, e.Last.Sub(since).Seconds())
		onset, off = series.Middle(since.Add(-e.Interval), since)
		if e.Created.After(onset.Add(-off)) && e.Created.Before(since) {
			onset, off = e.Created, time.Second
		}
	}
	f := about(e, s, finding.EventStarved, score, onset, off)
	f.Title = fmt.Sprintf("%s subscribers of %s on %s wait for an event that was never published", finding.Number(e.Subscribers.V[n-1]), e.Label(), finding.NodeName(e.Node.Name))
	f.Summary = fmt.Sprintf("The event was registered at %s and has not been published in the %s for which it has had subscribers.", finding.Clock(e.Created), finding.Duration(e.Last.Sub(since)))
	f.Evidence = []finding.Evidence{evidence(e, s, "subscribers of an event that is not published", "Subscribers", onset, e.Subscribers)}
	f.Evidence[0].Value("subscribers", e.Subscribers.V[n-1], said(e, e.Subscribers).Of("last(Subscribers)"))
	f.Evidence[0].Value("published", 0, said(e, e.Published).Of("last(MessagesPublished)"))
	f.Evidence[0].Value("for_s", e.Last.Sub(since).Seconds(), said(e, e.Subscribers.From(since)).Of("seconds("+finding.Instant(since)+", last(at))"))
	if !e.Created.IsZero() {
		f.Evidence[0].Value("registered_unix_s", e.Created.Unix(), said(e, e.Subscribers).Of("floor(last(CreatedAt) / 1e9)"))
	}
	f.Recommendation = "Check that the producer publishes under this name, and that the subscribers did not mean another event."
	f.Confidence = finding.Medium
	v.Find(f)
	return true
}

// unheard tells publishing into the void: subscribers that left, or publishing
// that rose, while nobody listens.
func unheard(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	n := e.Subscribers.Len()
	if e.Gone || e.Subscribers.V[n-1] > 0 {
		return false
	}
	i := n - 1
	for i > 0 && e.Subscribers.V[i-1] == 0 {
		i--
	}
	since := e.Subscribers.T[i]
	silence := e.Published.From(since)
	grown, seen := series.Increase(silence)
	if seen < s.Set.Of(lull) || grown == 0 {
		return false
	}
	rate := grown / seen
	onset, off := since, e.Interval
	how, always, left := "", false, false
	newcomer := since.Sub(s.From) > 2*e.Interval && i == 0 && !e.Earlier
	switch c, rose := voidChange(s, silence); {
	case i > 0 && rate >= 0.5 && !starting(e, since):
		onset, off = series.Middle(e.Subscribers.T[i-1], since)
		how = fmt.Sprintf("its last %s subscribers left at %s", finding.Number(e.Subscribers.V[i-1]), finding.Clock(onset))
	case rose:
		onset, off = c.At.Add(-e.Interval/2), c.Error+e.Interval/2
		rate = c.After
		how = fmt.Sprintf("publishing rose from %s to %s a second at %s", finding.Number(c.Before), finding.Number(c.After), finding.Clock(onset))
	case newcomer && rate >= s.Set.Of(voidRate):
		how = "it was registered at " + finding.Clock(e.Created)
		if !e.Created.IsZero() && e.Created.Before(since) && e.Created.After(since.Add(-2*e.Interval)) {
			onset, off = e.Created, time.Second
		}
	case i == 0 && rate >= s.Set.Of(voidRate) && wasHeard(e):
		left = true
		how = fmt.Sprintf("it was so when the recording began, though by then %s deliveries had been made of %s messages: it had subscribers", finding.Number(e.Delivered.V[0]), finding.Number(e.Published.V[0]))
	case rate >= s.Set.Of(wasted) && i > 0 && starting(e, since):
		onset, off = series.Middle(e.Subscribers.T[i-1], since)
		how, always = fmt.Sprintf("its last %s subscribers left within the first minute after it was registered", finding.Number(e.Subscribers.V[i-1])), true
	case rate >= s.Set.Of(wasted) && i == 0:
		how, always = "it has been so from the first answer on", true
	default:
		return false
	}
	score := finding.Score(finding.EventNoSubscribers, rate)
	if always {
		score = min(score, finding.Note)
	}
	f := about(e, s, finding.EventNoSubscribers, score, onset, off)
	if left {
		f.Onset, f.Score, f.Confidence, f.Facts = s.From, min(score, finding.Unsure), finding.Medium, []finding.Fact{finding.Older}
		f.Caveats = append(f.Caveats, "Since when nobody listens is not known: it was so at the first answer. Nor is for how long they did: many for a short time make as many deliveries as one for long.")
	}
	f.Title = fmt.Sprintf("%s on %s is published %s times a second and nobody listens", e.Label(), finding.NodeName(e.Node.Name), finding.Number(rate))
	f.Summary = fmt.Sprintf("No subscriber in %s, %s messages published: %s.", finding.Duration(e.Last.Sub(since)), finding.Number(grown), how)
	f.Evidence = []finding.Evidence{
		evidence(e, s, "messages published without a subscriber", "MessagesPublished", onset, e.Published),
		evidence(e, s, "subscribers", "Subscribers", onset, e.Subscribers),
	}
	published, subscribers := &f.Evidence[0], &f.Evidence[1]
	published.Value("published", grown, said(e, silence).Of("increase(MessagesPublished)"))
	published.Value("silent_s", e.Last.Sub(since).Seconds(), said(e, silence).Of("seconds("+finding.Instant(since)+", last(at))"))
	subscribers.Value("after", 0, said(e, e.Subscribers.From(since)).Of("max(Subscribers)"))
	if left {
		first := said(e, e.Published.Before(e.Published.T[0].Add(1)))
		published.Value("delivered_by_then", e.Delivered.V[0], first.Of("first(MessagesLocalSent + MessagesRemoteSent)"))
		published.Value("published_by_then", e.Published.V[0], first.Of("first(MessagesPublished)"))
	}
	if i > 0 {
		subscribers.Value("before", e.Subscribers.V[i-1], said(e, e.Subscribers.Before(since)).Of("last(Subscribers)"))
	}
	switch c, rose := voidChange(s, silence); {
	case rose && how[:4] == "publ":
		was, is := silence.Before(c.At), silence.From(c.At)
		published.Value("per_s.before", c.Before, said(e, was).Of("median(rates(MessagesPublished))"))
		published.Value("per_s.after", c.After, said(e, is).Of("median(rates(MessagesPublished))"))
	default:
		published.Value("per_s", rate, said(e, silence).Of("rate(MessagesPublished)"))
	}
	f.Recommendation = "Find who used to subscribe and why it left; if nobody needs the event, publish on demand (Notify) or not at all."
	v.Find(f)
	return true
}

// wasHeard reports whether an event whose first answer shows no subscriber had some in its life
// before, by at least half as many deliveries as messages, and that life was no start.
func wasHeard(e *scene.Event) bool {
	if e.Created.IsZero() || e.Delivered.Len() == 0 || e.Published.V[0] <= 0 {
		return false
	}
	return !starting(e, e.Subscribers.T[0]) && 2*e.Delivered.V[0] >= e.Published.V[0]
}

// starting reports whether an event was registered less than a minute before: who heard it in
// that time alone waited for the start, as far as can be told.
func starting(e *scene.Event, at time.Time) bool {
	return !e.Created.IsZero() && at.Sub(e.Node.Clock.Ours(e.Created)) < time.Minute
}

// voidChange is the last great rise of a rate of publishing.
func voidChange(s *scene.Scene, published series.Series) (series.Change, bool) {
	changes, err := series.Changes(series.Rates(published), 0.001)
	if err != nil {
		return series.Change{}, false
	}
	for _, c := range slices.Backward(changes) {
		if c.After >= s.Set.Of(voidRate) && c.After >= s.Set.Of(voidRise)*c.Before {
			return c, true
		}
	}
	return series.Change{}, false
}

// fanOut tells an event whose messages go to many more subscribers than they
// did.
func fanOut(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	grown, _ := series.Increase(e.Published)
	if e.Gone || grown < 10 {
		return false
	}
	changes, err := series.Changes(e.Subscribers, 0.001)
	if err != nil {
		return false
	}
	for _, c := range slices.Backward(changes) {
		if c.After < s.Set.Of(wideFan) || c.After < s.Set.Of(fanRise)*c.Before {
			continue
		}
		later, seconds := series.Increase(e.Delivered.From(c.At))
		sent, _ := series.Increase(e.Published.From(c.At))
		rate := later / math.Max(seconds, 1)
		f := about(e, s, finding.EventFanout, max(finding.ScoreWarning, finding.Score(finding.EventFanout, rate)), c.At, c.Error)
		f.Title = fmt.Sprintf("Each %s on %s now goes to %s subscribers, before %s", e.Label(), finding.NodeName(e.Node.Name), finding.Number(c.After), finding.Number(c.Before))
		f.Summary = fmt.Sprintf("Since %s each message is delivered %s times, %s deliveries a second in all.", finding.Clock(c.At), finding.Number(later/math.Max(sent, 1)), finding.Number(rate))
		f.Evidence = []finding.Evidence{evidence(e, s, "subscribers", "Subscribers", c.At, e.Subscribers)}
		was, is := e.Subscribers.Before(c.At), e.Subscribers.From(c.At)
		f.Evidence[0].Value("before", c.Before, said(e, was).Of("median(Subscribers)"))
		f.Evidence[0].Value("after", c.After, said(e, is).Of("median(Subscribers)"))
		all := said(e, e.Delivered.From(c.At))
		f.Evidence[0].Value("per_message", later/math.Max(sent, 1), all.Of(deliveries+" / greatest(increase(MessagesPublished), 1)"))
		f.Evidence[0].Value("per_s", rate, all.Of(deliveries+" / greatest(span(MessagesLocalSent + MessagesRemoteSent), 1)"))
		f.Recommendation = "Find who subscribes so often (a process that subscribes again without leaving, a growing family), and let one process a node spread it."
		v.Find(f)
		return true
	}
	return false
}

// flood tells an event that is published far more often than it was, to many:
// what it costs is how often times to how many. What has been so from the first
// answer on is how the application is built, and noted only where it would be
// critical had it begun.
func flood(s *scene.Scene, e *scene.Event, v *finding.Verdict) bool {
	if e.Gone {
		return false
	}
	rates := series.Rates(e.Delivered)
	changes, err := series.Changes(rates, 0.001)
	if err != nil {
		changes = nil // too few answers for one
	}
	if len(changes) == 0 {
		changes = leap(rates, s.Set.Of(voidRise))
	}
	for i, c := range slices.Backward(changes) {
		end := e.Last
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		sent, seconds := series.Increase(e.Published.Between(c.At, end.Add(1)))
		was, _ := series.Increase(e.Published.Before(c.At))
		if c.After < s.Set.Of(costly) || c.After < s.Set.Of(voidRise)*c.Before || seconds < s.Set.Of(lull) || was == 0 {
			continue
		}
		f := about(e, s, finding.EventFanout, finding.Score(finding.EventFanout, c.After), c.At.Add(-e.Interval/2), c.Error+e.Interval/2)
		fan := c.After / math.Max(sent/seconds, 1e-9)
		f.Title = fmt.Sprintf("%s on %s makes %s deliveries a second, before %s", e.Label(), finding.NodeName(e.Node.Name), finding.Number(c.After), finding.Number(c.Before))
		f.Summary = fmt.Sprintf("Since %s it is published %s times a second, and each message makes %s deliveries: one for each subscriber here, and one for each other node with some.", finding.Clock(c.At), finding.Number(sent/seconds), finding.Number(fan))
		f.Evidence = []finding.Evidence{evidence(e, s, "deliveries", "MessagesLocalSent + MessagesRemoteSent", c.At, rates)}
		f.Evidence[0].Value("before_per_s", c.Before, said(e, e.Delivered.Before(c.At)).Of("median(rates(MessagesLocalSent + MessagesRemoteSent))"))
		f.Evidence[0].Value("after_per_s", c.After, e.Node.OverRates("event_list", e.Delivered, rates.Between(c.At, end.Add(1))).For(e.Name).Of("median(rates(MessagesLocalSent + MessagesRemoteSent))"))
		f.Evidence[0].Value("published_per_s", sent/seconds, said(e, e.Published.Between(c.At, end.Add(1))).Of("increase(MessagesPublished) / span(MessagesPublished)"))
		f.Recommendation = fmt.Sprintf("Ask why its producer %s publishes so often: let it put several into one message, or publish only what changed.", e.Producer)
		if end.Before(e.Last) {
			f.End, f.Score = &end, min(f.Score, finding.Note)
		}
		v.Find(f)
		return true
	}
	delivered, _ := series.Increase(e.Delivered)
	if rate := perSecond(e.Delivered); len(changes) == 0 && rate >= s.Set.Of(costly) {
		grown, _ := series.Increase(e.Published)
		if f := olderFlood(s, e, rate, grown, delivered); f != nil {
			v.Find(f)
			return true
		}
		if finding.Score(finding.EventFanout, rate) < finding.ScoreCritical {
			return false // judge says so
		}
		f := about(e, s, finding.EventFanout, finding.Note, e.Published.T[0], e.Interval)
		f.Title = fmt.Sprintf("%s on %s makes %s deliveries a second", e.Label(), finding.NodeName(e.Node.Name), finding.Number(rate))
		f.Summary = fmt.Sprintf("It has been so from the first answer on: %s messages of %s deliveries each.", finding.Number(grown), finding.Number(delivered/math.Max(grown, 1)))
		f.Evidence = []finding.Evidence{evidence(e, s, "deliveries", "MessagesLocalSent + MessagesRemoteSent", e.Published.T[0], e.Delivered)}
		f.Evidence[0].Value("messages", grown, said(e, e.Published).Of("increase(MessagesPublished)"))
		f.Evidence[0].Value("per_message", delivered/math.Max(grown, 1), said(e, e.Published).Of(deliveries+" / greatest(increase(MessagesPublished), 1)"))
		f.Evidence[0].Value("per_s", rate, said(e, e.Delivered).Of(deliveries+" / greatest(span(MessagesLocalSent + MessagesRemoteSent), 1)"))
		f.Recommendation = "Nothing, unless the CPU is short: its cost grows with how often it is published and with its subscribers."
		v.Find(f)
		return true
	}
	return false
}

// leap is the moment since which a rate was many times what it ever was before, where there are too few
// answers for a test by their ranks: thousands of messages are no chance. The answer in between has
// both in it, as much of either as tells when it was. Of nothing before, nothing is many times as much.
func leap(rates series.Series, many float64) []series.Change {
	const (
		each  = 3 // answers on either side
		usual = 2 // times as much as before is of before
	)
	for i := each; i+each < rates.Len(); i++ {
		before, after := rates.V[:i], rates.V[i+1:]
		if slices.Max(before) <= 0 || rates.V[i] < usual*slices.Max(before) || slices.Min(after) < many*slices.Max(before) {
			continue
		}
		c := series.Change{Error: rates.Interval() / 2, Before: series.Median(before), After: series.Median(after)}
		step := rates.T[i].Sub(rates.T[i-1])
		since := time.Duration(min(1, (rates.V[i]-c.Before)/(c.After-c.Before)) * float64(step))
		c.At = rates.T[i].Add(step/2 - since) // of the middle of the first rate after it
		return []series.Change{c}
	}
	return nil
}

// perSecond is how much a counter grew a second.
func perSecond(counter series.Series) float64 {
	grown, seconds := series.Increase(counter)
	return grown / math.Max(seconds, 1)
}

// olderFlood tells an event that makes far more deliveries than it did on average since it
// was registered, and did so when the recording began; nil where it does not. That average
// has its lulls, and some of the flood, in it.
func olderFlood(s *scene.Scene, e *scene.Event, rate, grown, delivered float64) *finding.Finding {
	first := e.Delivered.T[0]
	life := first.Sub(e.Node.Clock.Ours(e.Created))
	if e.Created.IsZero() || life < time.Minute {
		return nil
	}
	was := e.Delivered.V[0] / life.Seconds()
	if rate < s.Set.Of(voidRise)*was {
		return nil
	}
	f := about(e, s, finding.EventFanout, finding.Score(finding.EventFanout, rate), s.From, e.Interval)
	f.Confidence, f.Facts = finding.Medium, []finding.Fact{finding.Older}
	per := delivered / math.Max(grown, 1)
	f.Title = fmt.Sprintf("%s on %s makes %s deliveries a second, all along", e.Label(), finding.NodeName(e.Node.Name), finding.Number(rate))
	f.Summary = fmt.Sprintf("It was so when the recording began: each message makes %s deliveries. In the %s since it was registered it made %s a second on average.", finding.Number(per), finding.Duration(life), finding.Number(was))
	f.Evidence = []finding.Evidence{evidence(e, s, "deliveries", "MessagesLocalSent + MessagesRemoteSent", first, e.Delivered)}
	all := said(e, e.Delivered)
	f.Evidence[0].Value("per_s", rate, all.Of(deliveries+" / greatest(span(MessagesLocalSent + MessagesRemoteSent), 1)"))
	f.Evidence[0].Value("per_message", per, said(e, e.Published).Of(deliveries+" / greatest(increase(MessagesPublished), 1)"))
	f.Evidence[0].Value("before_per_s", was, said(e, e.Delivered.Before(first.Add(1))).Of(fmt.Sprintf("first(MessagesLocalSent + MessagesRemoteSent) / %v", life.Seconds())))
	f.Evidence[0].Value("registered_s", int64(life.Seconds()), said(e, e.Delivered.Before(first.Add(1))).Of(fmt.Sprintf("floor(%v)", life.Seconds())))
	f.Recommendation = "Find who subscribes so often, or why it is published so often: let one process a node spread it, or publish only what changed."
	f.Caveats = []string{"Since when is not known: its average before is what it had delivered by its first answer, over the time since it was registered."}
	return f
}
