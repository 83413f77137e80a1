package network

import (
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// fewestTrips are the round trips over a link from which on it is known how long they take.
const fewestTrips = 4

// A detour is the way between two nodes over a third.
type detour struct {
	over string
	ms   float64 // there and back, at the median
	legs [2]string
	trip [2]float64
}

// detours finds a link that was slow when the recording began, though the way over a third
// node is many times shorter: no distance makes the direct way the longer one.
func detours(s *scene.Scene, w *scene.Network, v *finding.Verdict, a, b string) {
	from, to := a, b
	if w.Pings[[2]string{b, a}].Len() > w.Pings[[2]string{a, b}].Len() {
		from, to = b, a
	}
	trips := w.Pings[[2]string{from, to}]
	if at := slices.IndexFunc(trips.V, func(ms float64) bool { return ms >= s.Set.Of(slowMS) }); at < 0 {
		return // most links: their ways over all other nodes need not be looked for
	}
	way, ok := shortest(s, w, a, b)
	if !ok {
		return
	}
	far := func(ms float64) bool { return ms >= s.Set.Of(slowMS) && ms >= s.Set.Of(slowRatio)*way.ms }
	slow := slowAtFirst(trips, far)
	if slow.Len() < fewestTrips {
		return
	}
	back := w.Pings[[2]string{to, from}].Between(slow.T[0], slow.T[slow.Len()-1].Add(1))
	if back.Len() >= fewestTrips && !far(series.Median(back.V)) {
		return // a way is as long in both directions: it is who answers that is met at busy moments
	}
	f := slowerThan(s, way, trips, slow, [2]string{a, b}, from, to)
	e := &f.Evidence[0]
	for i, node := range [2]string{a, b} {
		own := w.Pings[[2]string{way.legs[i], other(way, node, i)}]
		e.Value(fmt.Sprintf("leg_%d_ms", i+1), way.trip[i], tripsBetween(way.legs[i], other(way, node, i), own.T[0], own.T[own.Len()-1]).Of(medianTrip))
	}
	v.Find(f)
}

// slowerThan is the finding about a link whose trips were slow, as pings from one of its nodes
// to the other tell, against a detour.
func slowerThan(s *scene.Scene, way detour, trips, slow series.Series, ends [2]string, from, to string) *finding.Finding {
	is, last := series.Median(slow.V), slow.T[slow.Len()-1]
	rest := trips.From(last.Add(1))
	take, takes := "take", "takes"
	over := rest.Len() >= fewestTrips/2
	if over {
		take, takes = "took", "took"
	}
	a, b := ends[0], ends[1]
	onset, so, facts := soSince(s.From, trips)
	f := &finding.Finding{
		Kind: finding.SlowLink, Score: min(finding.Score(finding.SlowLink, series.Quantile(slow.V, 0.25)), finding.Unsure), Confidence: finding.Medium, Facts: facts,
		Title: fmt.Sprintf("Round trips between %s and %s %s %s ms, over %s they would take %s", finding.NodeName(a), finding.NodeName(b), take, finding.Number(is), finding.NodeName(way.over), finding.Number(way.ms)),
		Summary: fmt.Sprintf("%s: a round trip %s %s ms at the median, while %s ms to %s and %s ms from there on are %s ms. No distance makes the direct way so much longer than the way over another node.",
			so, takes, finding.Number(is), finding.Number(way.trip[0]), way.over, finding.Number(way.trip[1]), finding.Number(way.ms)),
		Subject: finding.Subject{Node: a, Peer: b, Incarnation: s.Incarnation(a, onset)},
		Onset:   onset, OnsetErrorS: max(1, trips.Interval().Seconds()),
		Evidence: []finding.Evidence{{
			What: "round trips from " + from + " to " + to, Node: from, Tool: "network_ping", From: &onset, To: &last, Series: finding.Chart("ms", trips),
		}},
		Recommendation: fmt.Sprintf("Examine the path between %s and %s: their links to %s are fast.", a, b, way.over),
		Confirm:        []string{fmt.Sprintf("network_ping name=%s on %s, and from other nodes", b, a)},
		Caveats:        []string{"Since when is not known: it was not seen otherwise before.", "A ping is answered by one of five workers: one that is busy with a profile delays it too."},
	}
	e := &f.Evidence[0]
	e.Value("ms", is, tripsBetween(from, to, slow.T[0], last).Of(medianTrip))
	e.Value("detour_ms", way.ms, tripsBetween(from, to, slow.T[0], last).Of(fmt.Sprintf("%v + %v", way.trip[0], way.trip[1])))
	if over {
		f.End = &rest.T[0]
		f.Score = min(f.Score, finding.Over)
	}
	return f
}

// soSince is since when something is known that was so at the first sample of a link, and
// says it: since the recording began, or, of a link that came later, since then.
func soSince(from time.Time, of series.Series) (at time.Time, says string, facts []finding.Fact) {
	const soon = 3 // times what is between two samples
	if of.T[0].Sub(from) > soon*max(of.Interval(), time.Second) {
		return of.T[0], "It was so when the link was first measured", nil
	}
	return from, "It was so when the recording began", []finding.Fact{finding.Older}
}

const medianTrip = "median(says('rtt ')) * 1000"

func tripsBetween(node, peer string, from, to time.Time) finding.Source {
	return finding.Source{Tool: "network_ping", Node: node, Row: peer, From: from, To: to}
}

// other is the far end of a leg of a detour from a node.
func other(way detour, node string, leg int) string {
	if way.legs[leg] == node {
		return way.over
	}
	return node
}

// shortest is the shortest way between two nodes over a third.
func shortest(s *scene.Scene, w *scene.Network, a, b string) (best detour, ok bool) {
	for _, n := range s.Nodes {
		if n.Name == a || n.Name == b {
			continue
		}
		d := detour{over: n.Name}
		for i, end := range [2]string{a, b} {
			d.legs[i] = end
			if w.Pings[[2]string{n.Name, end}].Len() > w.Pings[[2]string{end, n.Name}].Len() {
				d.legs[i] = n.Name
			}
			leg := w.Pings[[2]string{d.legs[i], other(d, end, i)}]
			if leg.Len() < fewestTrips {
				d.ms = 0
				break
			}
			d.trip[i] = series.Median(leg.V)
			d.ms += d.trip[i]
		}
		if d.ms > 0 && d.trip[1] > 0 && (!ok || d.ms < best.ms) {
			best, ok = d, true
		}
	}
	return best, ok
}

// slowAtFirst are the trips up to the last that is far too long, if those before it are too,
// but for one of five, and those after it are not, but for one of five: trips that are now
// long and now short are as long as chance makes them.
func slowAtFirst(trips series.Series, far func(ms float64) bool) series.Series {
	const most = 5
	slow, slowUntil, end := 0, 0, 0
	for i, ms := range trips.V {
		if !far(ms) {
			continue
		}
		if slow++; most*(i+1-slow) <= i+1 {
			slowUntil, end = slow, i+1
		}
	}
	later := trips.Len() - end
	if end == 0 || most*(slow-slowUntil) > later || !slices.ContainsFunc(trips.V[:min(3, end)], far) {
		return series.Series{}
	}
	return series.Series{T: trips.T[:end], V: trips.V[:end]}
}
