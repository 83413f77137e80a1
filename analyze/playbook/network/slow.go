package network

import (
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// unanswered is what a ping without an answer counts as while its link stands,
// in ms: the time-out of a call.
const unanswered = 5000.0

// slowLink finds round trips that became much longer than they were, or are
// not answered any more over a link that stands, from both ends together.
func slowLink(s *scene.Scene, w *scene.Network, v *finding.Verdict, a, b string) {
	all := roundTrips(s, w, a, b)
	changes, err := series.Changes(all, 0.001)
	if err != nil {
		return
	}
	for i, c := range changes {
		was, is := math.Pow(10, c.Before), math.Pow(10, c.After)
		// Harm is what three round trips of four took at least: where they scatter,
		// a median says more than is known.
		atLeast := math.Pow(10, series.Quantile(all.Between(c.At, lasts(changes, i, s.To)).V, 0.25))
		if is < s.Set.Of(slowRatio)*was || is < s.Set.Of(slowMS) {
			continue
		}
		told, words := pinged(w, changes, i, a, b)
		if words {
			was, is = told.was, told.is
		}
		title, summary := slowWords(a, b, c.At, was, is)
		if words && (is < s.Set.Of(slowRatio)*was || is < s.Set.Of(slowMS)) {
			title, summary = unansweredWords(a, b, c.At, was, is)
		}
		if !words {
			title, summary = silentWords(a, b, c.At, told)
		}
		rtt := all
		rtt.V = slices.Clone(all.V)
		for i := range rtt.V {
			rtt.V[i] = finding.Round(math.Pow(10, rtt.V[i]))
		}
		onset, off := slowSince(s, c, a, b)
		f := &finding.Finding{
			Kind: finding.SlowLink, Score: finding.Score(finding.SlowLink, atLeast), Confidence: finding.Medium,
			Title: title, Summary: summary,
			Subject: finding.Subject{Node: a, Peer: b, Incarnation: s.Incarnation(a, c.At)},
			Onset:   onset, OnsetErrorS: off.Seconds(),
			Evidence: []finding.Evidence{{
				What: "round trips measured from both ends", Node: a, Tool: "network_ping", From: &c.At, To: &s.To,
				Series: finding.Chart("ms", rtt),
			}},
			Recommendation: fmt.Sprintf("Compare with the other links of %s and %s: if all are slow, that node is busy; if only this one is, examine the path.", a, b),
			Confirm:        []string{fmt.Sprintf("network_ping name=%s on %s, and from other nodes", b, a)},
			Caveats:        []string{"A ping is answered by one of five workers: one that is busy with a profile delays it too."},
		}
		told.tell(&f.Evidence[0])
		if i+1 < len(changes) {
			f.End = &changes[i+1].At
		}
		v.Find(f)
		return
	}
}

// slowWords say of a link that its round trips became longer, in ms.
func slowWords(a, b string, since time.Time, was, is float64) (title, summary string) {
	return fmt.Sprintf("Round trips between %s and %s take %s ms instead of %s", finding.NodeName(a), finding.NodeName(b), finding.Number(is), finding.Number(was)),
		fmt.Sprintf("Since %s the median round trip is %s ms; before it was %s ms.", finding.Clock(since), finding.Number(is), finding.Number(was))
}

// unansweredWords say of a link that what is asked over it is mostly not answered:
// what is answered comes as fast as ever.
func unansweredWords(a, b string, since time.Time, was, is float64) (title, summary string) {
	return fmt.Sprintf("Calls between %s and %s are mostly not answered, over a link that stands", finding.NodeName(a), finding.NodeName(b)),
		fmt.Sprintf("Since %s at least half of the pings and forwarded calls over the link time out; the pings that are answered take %s ms (%s ms before).", finding.Clock(since), finding.Number(is), finding.Number(was))
}

// silentWords say of a link that no ping over it is answered any more: there is no round
// trip to give the length of.
func silentWords(a, b string, since time.Time, t trip) (title, summary string) {
	title = fmt.Sprintf("Calls between %s and %s are not answered any more, over a link that stands", finding.NodeName(a), finding.NodeName(b))
	summary = fmt.Sprintf("Since %s at least half of what is asked over the link times out.", finding.Clock(since))
	if t.after.Len() == 0 {
		summary = fmt.Sprintf("Since %s no ping from %s to %s was answered.", finding.Clock(since), t.node, t.peer)
	}
	if t.before.Len() > 0 {
		summary += fmt.Sprintf(" Before, pings took %s ms.", finding.Number(t.was))
	}
	return title, summary
}

// lasts is until when what a change led to lasts.
func lasts(changes []series.Change, i int, end time.Time) time.Time {
	if i+1 < len(changes) {
		return changes[i+1].At
	}
	return end
}

// roundTrips are the pings over a link from both of its ends, by the logarithm of
// their ms. One that was not answered while the link stood counts as a time-out;
// where there is one, so do the calls that an entry point forwarded in vain over
// that link around it.
func roundTrips(s *scene.Scene, w *scene.Network, a, b string) series.Series {
	var all series.Series
	log := func(ms float64) float64 { return math.Log10(max(ms, 0.01)) }
	up := func(from, to string, t time.Time) bool {
		l := w.Links[[2]string{from, to}]
		return l != nil && l.UpAt(t)
	}
	var first, last time.Time // pings that were not answered
	for _, k := range [][2]string{{a, b}, {b, a}} {
		for i, t := range w.Pings[k].T {
			all.Add(t, log(w.Pings[k].V[i]))
		}
		for _, ping := range w.Mute[k] {
			if !up(k[0], k[1], ping.At) || !ping.TimedOut() {
				continue
			}
			all.Add(ping.At, log(unanswered))
			if first.IsZero() || ping.At.Before(first) {
				first = ping.At
			}
			last = series.Later(last, ping.At)
		}
	}
	const around = 2 * work.CallTimeout
	for _, k := range [][2]string{{a, b}, {b, a}} {
		entry := s.Node(k[0])
		if first.IsZero() || entry == nil || !entry.Entry {
			continue
		}
		for _, t := range w.InVain(k[1]) {
			if t.After(first.Add(-around)) && t.Before(last.Add(around)) && up(k[0], k[1], t) {
				all.Add(t, log(unanswered))
			}
		}
	}
	return all
}

// slowSince is when a link became slow. Where one end is the entry point, the
// calls that it forwards to the other tell sooner than the pings do.
func slowSince(s *scene.Scene, c series.Change, a, b string) (time.Time, time.Duration) {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		entry, other := s.Node(pair[0]), s.Node(pair[1])
		if entry == nil || other == nil || !entry.Entry {
			continue
		}
		changes, err := series.Changes(other.Heard, 0.001)
		if err != nil {
			continue
		}
		for _, heard := range changes {
			if heard.After > heard.Before && heard.At.Sub(c.At).Abs() <= c.Error+2*s.Usual(other) {
				return heard.At, heard.Error
			}
		}
	}
	return c.At, c.Error
}

// A trip is what one end of a link measured before and since a change: the median
// round trip, in ms.
type trip struct {
	node, peer    string
	before, after series.Series
	was, is       float64
}

// pinged is the round trips by the end that has more of them; ok is false where it
// has none before or since.
func pinged(w *scene.Network, changes []series.Change, i int, a, b string) (t trip, ok bool) {
	t = trip{node: a, peer: b}
	if w.Pings[[2]string{b, a}].Len() > w.Pings[[2]string{a, b}].Len() {
		t = trip{node: b, peer: a}
	}
	own := w.Pings[[2]string{t.node, t.peer}]
	t.before, t.after = own.Before(changes[i].At), own.From(changes[i].At)
	if i > 0 {
		t.before = t.before.From(changes[i-1].At)
	}
	if i+1 < len(changes) {
		t.after = t.after.Before(changes[i+1].At)
	}
	if t.before.Len() > 0 {
		t.was = series.Median(t.before.V)
	}
	if t.after.Len() > 0 {
		t.is = series.Median(t.after.V)
	}
	return t, t.before.Len() > 0 && t.after.Len() > 0
}

func (t trip) tell(e *finding.Evidence) {
	over := func(s series.Series) finding.Call {
		return finding.Source{Tool: "network_ping", Node: t.node, Row: t.peer, From: s.T[0], To: s.T[s.Len()-1]}.Of("median(says('rtt ')) * 1000")
	}
	if t.before.Len() > 0 {
		e.Value("before_ms", t.was, over(t.before))
	}
	if t.after.Len() > 0 {
		e.Value("after_ms", t.is, over(t.after))
	}
}
