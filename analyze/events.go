package analyze

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
)

// An event is one event of a node, over the node's newest life in the window.
// The series hold a sample at each change and the last one before it.
type event struct {
	node          *node
	name          string
	producer      string
	created       time.Time     // by the node's clock
	lastPublished time.Time     // likewise; zero if it never was
	interval      time.Duration // between answers of event_list
	last          time.Time     // the newest answer that shows it
	gone          bool          // a later answer does not

	published, delivered, subscribers series.Series
}

const (
	// lull is the shortest silence, and the shortest stretch without
	// subscribers, that counts: what was merely late is not over.
	lull = 10 * time.Second
	// voidRate is from how many messages a second on publishing into the void
	// costs something; voidRise by how much it must have risen to be a change.
	voidRate = 10.0
	voidRise = 5.0
	// fanRise and wideFan are by how much deliveries per message must rise, and
	// to how many, to be a change for the worse.
	fanRise = 3.0
	wideFan = 50.0
	// starving is for how long subscribers must have waited.
	starving = 30 * time.Second
)

// events judges how the events of each node are used over time: wasted
// publishing, starved subscribers, producers that fell silent, and fan-out.
// What has been so from the first answer on is how the application is built,
// and is told as information.
func events(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		all, answers, err := s.readEvents(ctx, n)
		if err != nil {
			return err
		}
		if answers < 3 {
			v.skip("%s: %d answers of event_list, needs 3", n.Name, answers)
			continue
		}
		before := len(v.findings)
		for _, e := range all {
			for _, judge := range []func(*event, *verdict) bool{s.silent, s.starved, s.unheard, s.fanOut} {
				if judge(e, v) {
					break
				}
			}
		}
		if len(v.findings) == before {
			v.fine("%s: %d events over %d answers: none fell silent, lost its subscribers or spread further than before", n.Name, len(all), answers)
		}
	}
	return nil
}

func (s *scene) readEvents(ctx context.Context, n *node) (all []*event, answers int, err error) {
	byName := map[string]*event{}
	columns := []string{"Event", "Producer", "Subscribers", "MessagesPublished", "MessagesLocalSent", "MessagesRemoteSent", "CreatedAt", "LastPublishedAt"}
	var listed []time.Time
	for f, err := range s.rec.Table(ctx, n.Name, "event_list", n.thisLife(s), s.to, columns) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, 0, err
		}
		if f.Failure != nil {
			continue
		}
		changed := f.Changed
		if f.Reset || len(listed) == 0 {
			changed = f.Live
		}
		for _, slot := range changed {
			c := f.Columns
			name := c[0].Text(slot)
			e := byName[name]
			if e == nil {
				e = &event{node: n, name: name}
				byName[name] = e
			}
			if len(listed) > 0 && !e.last.IsZero() {
				e.hold(listed[len(listed)-1])
			}
			e.producer = c[1].Text(slot)
			e.created, e.lastPublished = nanoTime(c[6].Float(slot)), nanoTime(c[7].Float(slot))
			e.subscribers.Add(f.At, c[2].Float(slot))
			e.published.Add(f.At, c[3].Float(slot))
			e.delivered.Add(f.At, c[4].Float(slot)+c[5].Float(slot))
			e.gone = false
		}
		live := map[string]bool{}
		for _, slot := range f.Live {
			live[f.Columns[0].Text(slot)] = true
		}
		for name, e := range byName {
			if e.gone = !live[name]; !e.gone {
				e.last = f.At
			}
		}
		listed = append(listed, f.At)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		e := byName[name]
		if !e.whole() {
			continue
		}
		e.hold(e.last)
		e.interval = interval(listed)
		all = append(all, e)
	}
	return all, len(listed), nil
}

// whole reports whether every answer gave every number: an event of which a
// node says less is not judged.
func (e *event) whole() bool {
	n := e.published.Len()
	return n > 0 && e.delivered.Len() == n && e.subscribers.Len() == n
}

// hold repeats the newest values at t, until which nothing changed.
func (e *event) hold(t time.Time) {
	for _, s := range []*series.Series{&e.published, &e.delivered, &e.subscribers} {
		if i := s.Len() - 1; i >= 0 && s.T[i].Before(t) {
			s.Add(t, s.V[i])
		}
	}
}

func nanoTime(ns float64) time.Time {
	if !(ns > 0) {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}

// short is the event's name without its node's CRC.
func (e *event) short() string {
	_, name, ok := strings.Cut(e.name, ":")
	if !ok {
		return e.name
	}
	return strings.TrimSuffix(name, ">")
}

// finding is a finding about the event.
func (e *event) finding(s *scene, kind string, score int, onset time.Time, off time.Duration) *Finding {
	f := &Finding{
		Kind: kind, Score: score, Confidence: High, Onset: onset, OnsetErrorS: off.Seconds(),
		Subject: Subject{Node: e.node.Name, Incarnation: e.node.incarnation(onset), Event: e.name, PID: e.producer},
		Confirm: []string{fmt.Sprintf("event_info name=%s on %s, twice", e.short(), e.node.Name)},
	}
	for _, a := range e.node.procs.actors {
		if a.pid == e.producer {
			f.Subject.Name, f.Subject.Behavior, f.Subject.Application = a.name, a.behavior, a.application
		}
	}
	return f
}

func (e *event) evidence(s *scene, what, field string, onset time.Time, of series.Series, values map[string]any) Evidence {
	return Evidence{
		What: what, Node: e.node.Name, Tool: "event_list", Field: field, From: &onset, To: &s.to, Values: values,
		Records: []string{recordName(e.node.Name, "event_list", e.last)}, Series: chart(strings.ToLower(field), of),
	}
}

// silent tells an event that was published steadily and then not any more.
func (s *scene) silent(e *event, v *verdict) bool {
	grown, seen := series.Increase(e.published)
	if e.gone || grown < 20 || seen <= 0 {
		return false
	}
	// The newest sample in which the count had just grown, and the longest
	// stretch before it in which it had not.
	var lastGrowth time.Time
	var quiet, still time.Duration
	for i := 1; i < e.published.Len(); i++ {
		if e.published.V[i] > e.published.V[i-1] {
			lastGrowth, quiet, still = e.published.T[i], max(quiet, still), 0
		} else {
			still += e.published.T[i].Sub(e.published.T[i-1])
		}
	}
	silence := e.last.Sub(lastGrowth)
	usual := max(e.interval, quiet)
	rate := grown / lastGrowth.Sub(e.published.T[0]).Seconds()
	if silence < max(lull, 3*usual) || rate*silence.Seconds() < 20 {
		return false
	}
	onset, off := middle(lastGrowth.Add(-e.interval), lastGrowth)
	if !e.lastPublished.IsZero() && e.lastPublished.Sub(lastGrowth).Abs() <= 2*e.interval {
		onset, off = e.lastPublished, time.Duration(float64(time.Second)/rate)
	}
	subscribers := e.subscribers.V[e.subscribers.Len()-1]
	score := 62
	if subscribers == 0 {
		score = 40
	}
	f := e.finding(s, "event_silent", score, onset, off)
	f.Title = fmt.Sprintf("%s on %s is not published any more; %s subscribers wait", e.short(), short2(e.node.Name), number(subscribers))
	f.Summary = fmt.Sprintf("It was published %s times a second up to %s, and not once in the %s since.", number(rate), clock(onset), short(e.last.Sub(onset)))
	f.Evidence = []Evidence{e.evidence(s, "messages published", "MessagesPublished", onset, e.published, map[string]any{"before_per_s": round(rate), "after_per_s": 0, "longest_silence_before_s": round(quiet.Seconds())})}
	f.Recommendation = fmt.Sprintf("Look at its producer %s: is it blocked, or is what feeds it silent too?", e.producer)
	v.find(f)
	return true
}

// starved tells subscribers of an event that was never published.
func (s *scene) starved(e *event, v *verdict) bool {
	n := e.published.Len()
	if e.gone || e.published.V[n-1] > 0 || e.subscribers.V[n-1] == 0 {
		return false
	}
	since := e.last
	for i := n - 1; i >= 0 && e.subscribers.V[i] > 0; i-- {
		since = e.subscribers.T[i]
	}
	if e.last.Sub(since) < starving {
		return false
	}
	score := 35 // as it was found: perhaps an event for rare occasions
	onset, off := since, e.interval
	if since.Sub(s.from) > 2*e.interval {
		score = 55
		onset, off = middle(since.Add(-e.interval), since)
		if e.created.After(onset.Add(-off)) && e.created.Before(since) {
			onset, off = e.created, time.Second
		}
	}
	f := e.finding(s, "event_starved", score, onset, off)
	f.Title = fmt.Sprintf("%s subscribers of %s on %s wait for an event that was never published", number(e.subscribers.V[n-1]), e.short(), short2(e.node.Name))
	f.Summary = fmt.Sprintf("The event was registered at %s and has not been published in the %s for which it has had subscribers.", clock(e.created), short(e.last.Sub(since)))
	f.Evidence = []Evidence{e.evidence(s, "subscribers of an event that is not published", "Subscribers", onset, e.subscribers, map[string]any{"subscribers": e.subscribers.V[n-1], "published": 0})}
	f.Recommendation = "Check that the producer publishes under this name, and that the subscribers did not mean another event."
	f.Confidence = Medium
	v.find(f)
	return true
}

// unheard tells publishing into the void: subscribers that left, or publishing
// that rose, while nobody listens.
func (s *scene) unheard(e *event, v *verdict) bool {
	n := e.subscribers.Len()
	if e.gone || e.subscribers.V[n-1] > 0 {
		return false
	}
	i := n - 1
	for i > 0 && e.subscribers.V[i-1] == 0 {
		i--
	}
	since := e.subscribers.T[i]
	silence := e.published.From(since)
	grown, seen := series.Increase(silence)
	if seen < lull.Seconds() || grown == 0 {
		return false
	}
	rate := grown / seen
	onset, off := since, e.interval
	score, how := 0, ""
	newcomer := since.Sub(s.from) > 2*e.interval && i == 0
	switch c, rose := voidChange(silence); {
	case i > 0 && rate >= 0.5:
		onset, off = middle(e.subscribers.T[i-1], since)
		score, how = 60, fmt.Sprintf("its last %s subscribers left at %s", number(e.subscribers.V[i-1]), clock(onset))
	case rose:
		onset, off = c.At.Add(-e.interval/2), c.Error+e.interval/2
		rate = c.After
		score, how = 58, fmt.Sprintf("publishing rose from %s to %s a second at %s", number(c.Before), number(c.After), clock(onset))
	case newcomer && rate >= voidRate:
		score, how = 55, "it was registered at "+clock(e.created)
		if !e.created.IsZero() && e.created.Before(since) && e.created.After(since.Add(-2*e.interval)) {
			onset, off = e.created, time.Second
		}
	case rate >= 1:
		score, how = 30, "it has been so from the first answer on"
	default:
		return false
	}
	f := e.finding(s, "event_no_subscribers", score, onset, off)
	f.Title = fmt.Sprintf("%s on %s is published %s times a second and nobody listens", e.short(), short2(e.node.Name), number(rate))
	f.Summary = fmt.Sprintf("No subscriber in %s, %s messages published: %s.", short(e.last.Sub(since)), number(grown), how)
	f.Evidence = []Evidence{
		e.evidence(s, "messages published without a subscriber", "MessagesPublished", onset, e.published, map[string]any{"per_s": round(rate), "published": grown}),
		e.evidence(s, "subscribers", "Subscribers", onset, e.subscribers, map[string]any{"before": e.subscribers.V[max(i-1, 0)], "after": 0}),
	}
	f.Recommendation = "Find who used to subscribe and why it left; if nobody needs the event, publish on demand (Notify) or not at all."
	v.find(f)
	return true
}

// voidChange is the last great rise of a rate of publishing.
func voidChange(published series.Series) (series.Change, bool) {
	changes, err := series.Changes(series.Rates(published), 0.001)
	if err != nil {
		return series.Change{}, false
	}
	for _, c := range slices.Backward(changes) {
		if c.After >= voidRate && c.After >= voidRise*c.Before {
			return c, true
		}
	}
	return series.Change{}, false
}

// fanOut tells an event whose messages go to many more subscribers than they
// did.
func (s *scene) fanOut(e *event, v *verdict) bool {
	grown, _ := series.Increase(e.published)
	delivered, _ := series.Increase(e.delivered)
	if e.gone || grown < 10 {
		return false
	}
	changes, err := series.Changes(e.subscribers, 0.001)
	if err != nil {
		changes = nil
	}
	for _, c := range slices.Backward(changes) {
		if c.After < wideFan || c.After < fanRise*c.Before {
			continue
		}
		f := e.finding(s, "event_fanout", 56, c.At, c.Error)
		f.Title = fmt.Sprintf("Each %s on %s now goes to %s subscribers, before %s", e.short(), short2(e.node.Name), number(c.After), number(c.Before))
		later, _ := series.Increase(e.delivered.From(c.At))
		sent, _ := series.Increase(e.published.From(c.At))
		f.Summary = fmt.Sprintf("Since %s each message is delivered %s times, %s deliveries a second in all.", clock(c.At), number(later/math.Max(sent, 1)), number(later/math.Max(e.last.Sub(c.At).Seconds(), 1)))
		f.Evidence = []Evidence{e.evidence(s, "subscribers", "Subscribers", c.At, e.subscribers, map[string]any{"before": c.Before, "after": c.After, "deliveries": later})}
		f.Recommendation = "Find who subscribes so often (a process that subscribes again without leaving, a growing family), and let one process a node spread it."
		v.find(f)
		return true
	}
	if fan := delivered / grown; fan >= 2*wideFan {
		f := e.finding(s, "event_fanout", 30, e.published.T[0], e.interval)
		f.Title = fmt.Sprintf("Each %s on %s goes to %s subscribers", e.short(), short2(e.node.Name), number(fan))
		f.Summary = fmt.Sprintf("It has been so from the first answer on; %s messages made %s deliveries.", number(grown), number(delivered))
		f.Evidence = []Evidence{e.evidence(s, "deliveries", "MessagesLocalSent", e.published.T[0], e.delivered, map[string]any{"per_message": round(fan)})}
		f.Recommendation = "Nothing, unless publishing becomes more frequent: its cost grows with both."
		v.find(f)
		return true
	}
	return false
}
