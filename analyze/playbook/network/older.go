package network

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

const (
	// fewestMute are the pings without an answer from which on a link that was never seen
	// well is told: one or two may have met a busy worker.
	fewestMute = 2
	// fewestInVain are the pings and calls over it that must have been in vain.
	fewestInVain = 4
)

// olderLink finds a link over which hardly anything was answered from the first to the
// last, or which two nodes could not make at all, while both of them are well: other
// links of each tell that.
func olderLink(s *scene.Scene, w *scene.Network, v *finding.Verdict, a, b string) {
	mute := len(w.Mute[[2]string{a, b}]) + len(w.Mute[[2]string{b, a}])
	// Whether they are well elsewhere all pings tell: it is asked of the few links of which some got no answer.
	if mute < fewestMute || !wellElsewhere(w, a, b) || !wellElsewhere(w, b, a) {
		return
	}
	made, apart := apartUntil(s, w, a, b)
	all, late := roundTrips(s, w, a, b), timedOut(w, a, b) >= fewestMute
	until, mended := answeredSince(all)
	switch {
	case late && unansweredThroughout(all):
		v.Find(muteLink(s, w, a, b))
	case late && mended:
		v.Find(muteUntil(muteLink(s, w, a, b), until))
	case apart && made.IsZero():
		v.Find(apartLink(s, w, a, b))
	case apart:
		f := apartLink(s, w, a, b)
		f.End, f.Score = &made, min(f.Score, finding.Over)
		f.Title = fmt.Sprintf("%s and %s were not connected until %s; both are alive", finding.NodeName(a), finding.NodeName(b), finding.Clock(made))
		f.Summary = fmt.Sprintf("It was so when the recording began: until %s every ping between them found no route, while both nodes and others answered each other.", finding.Clock(made))
		v.Find(f)
	}
}

// timedOut counts the pings between two nodes that nobody answered in time.
func timedOut(w *scene.Network, a, b string) int {
	n := 0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		for _, m := range w.Mute[k] {
			if m.TimedOut() {
				n++
			}
		}
	}
	return n
}

// apartUntil reports whether two nodes that lived when the recording began could not connect then, for
// pings between them found no route, and until when: zero where they did not connect at all.
func apartUntil(s *scene.Scene, w *scene.Network, a, b string) (made time.Time, ok bool) {
	made = firstMade(w, a, b)
	until := made
	if made.IsZero() {
		until = s.To.Add(1)
	}
	tried := 0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		n := s.Node(k[0])
		if n == nil || !livedThrough(s, n, until) || n.Heard.Before(until).Len() < 2 {
			return made, false
		}
		if p := w.Pings[k]; p.Len() > 0 && p.T[0].Before(until) {
			return made, false
		}
		for _, m := range w.Mute[k] {
			if m.At.Before(until) && m.TimedOut() {
				return made, false
			}
			if m.At.Before(until) {
				tried++
			}
		}
	}
	return made, tried > fewestMute && until.Sub(s.From) >= heal
}

// firstMade is when the first connection of two nodes that was seen was made; zero where none was seen.
func firstMade(w *scene.Network, a, b string) (made time.Time) {
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.Links[k]; l != nil {
			i := slices.IndexFunc(l.Points, func(p scene.LinkPoint) bool { return p.Up })
			if i >= 0 && (made.IsZero() || l.Points[i].Since.Before(made)) {
				made = l.Points[i].Since
			}
		}
	}
	return made
}

// livedThrough reports whether a node lived one life from before the recording until a moment.
func livedThrough(s *scene.Scene, n *scene.Node, until time.Time) bool {
	return len(n.Lives) > 0 && !n.Clock.Ours(n.Lives[0].Started).After(s.From) &&
		!slices.ContainsFunc(n.Starts, func(at time.Time) bool { return !at.After(until) })
}

// wellElsewhere reports whether a node answers pings of others than a peer, or others
// answer its own, as a rule.
func wellElsewhere(w *scene.Network, node, peer string) bool {
	answered, inVain := 0, 0
	for k, p := range w.Pings {
		if k[0] == node && k[1] != peer && k[1] != node || k[1] == node && k[0] != peer && k[0] != node {
			answered += p.Len()
			inVain += len(w.Mute[k])
		}
	}
	return answered >= 2 && inVain <= answered/4
}

// unansweredThroughout reports whether at least half of what was asked over a link was in
// vain, in the first half of the recording and in the second.
func unansweredThroughout(all series.Series) bool {
	if all.Len() < 2*fewestMute {
		return false
	}
	half := all.T[0].Add(all.Span() / 2)
	sum := 0
	for _, part := range []series.Series{all.Before(half), all.From(half)} {
		n := 0
		for _, x := range part.V {
			if x >= math.Log10(unanswered) {
				n++
			}
		}
		if n == 0 || 2*n < part.Len() {
			return false
		}
		sum += n
	}
	return sum >= fewestInVain
}

// answeredSince is since when all that was asked over a link was answered, where at least half
// of it was in vain from the first up to then.
func answeredSince(all series.Series) (time.Time, bool) {
	const fewest = 3 // answers
	last := -1
	for i, x := range all.V {
		if x >= math.Log10(unanswered) {
			last = i
		}
	}
	if last < 0 || all.Len()-last-1 < fewest {
		return time.Time{}, false
	}
	next := all.T[last+1]
	bad := all.Before(next)
	return next, bad.Span() >= 2*heal && unansweredThroughout(bad)
}

func muteLink(s *scene.Scene, w *scene.Network, a, b string) *finding.Finding {
	f := olderFinding(s, w, a, b)
	f.Kind, f.Score = finding.SlowLink, min(finding.Score(finding.SlowLink, unanswered), finding.Unsure)
	f.Title = fmt.Sprintf("Calls between %s and %s are mostly not answered, over a link that stands", finding.NodeName(a), finding.NodeName(b))
	f.Summary = "It was so when the recording began: at least half of the pings and forwarded calls over the link time out, in its first half and in its second, while both nodes and others answer each other."
	f.Recommendation = fmt.Sprintf("Examine the path between %s and %s: the nodes themselves are well.", a, b)
	return f
}

// muteUntil makes of a finding about a link over which hardly anything was answered one that
// is over.
func muteUntil(f *finding.Finding, until time.Time) *finding.Finding {
	f.End, f.Score = &until, min(f.Score, finding.Over)
	f.Title = strings.Replace(f.Title, "are mostly not answered, over a link that stands", "were mostly not answered until "+finding.Clock(until)+", over a link that stood", 1)
	f.Summary = fmt.Sprintf("It was so when the recording began: up to %s at least half of the pings and forwarded calls over the link timed out, in the first half of that time and in the second, while both nodes and others answered each other. Since then all are answered.", finding.Clock(until))
	return f
}

func apartLink(s *scene.Scene, w *scene.Network, a, b string) *finding.Finding {
	f := olderFinding(s, w, a, b)
	f.Kind, f.Score = finding.LinkDown, finding.ScoreWarning
	f.Title = fmt.Sprintf("%s and %s are not connected, and cannot connect; both are alive", finding.NodeName(a), finding.NodeName(b))
	f.Summary = "It was so when the recording began: every ping between them found no route, while both nodes and others answer each other."
	f.Recommendation = fmt.Sprintf("Check the route and the ports between %s and %s (firewall, DNS, cookie); once it works, the next send connects again.", a, b)
	return f
}

// olderFinding is what both have in common.
func olderFinding(s *scene.Scene, w *scene.Network, a, b string) *finding.Finding {
	f := &finding.Finding{
		Confidence: finding.Medium, Facts: []finding.Fact{finding.Older}, Onset: s.From, OnsetErrorS: max(1, s.Usual(s.Nodes[0]).Seconds()),
		Subject: finding.Subject{Node: a, Peer: b, Incarnation: s.Incarnation(a, s.From)},
		Confirm: []string{fmt.Sprintf("network_ping name=%s on %s, and from other nodes", b, a)},
		Caveats: []string{"Since when is not known: nothing was seen of the link before."},
	}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		n := len(w.Mute[k])
		if n == 0 {
			continue
		}
		f.Evidence = append(f.Evidence, finding.Evidence{What: fmt.Sprintf("pings of %s by %s without an answer", k[1], k[0]), Node: k[0], Tool: "network_ping", From: &s.From, To: &s.To})
		e, pings := &f.Evidence[len(f.Evidence)-1], finding.Source{Tool: "network_ping", Node: k[0], Row: k[1]}
		e.Value("failed", n, pings.Of("count(failed) - count(says('rtt ')) - sum(lost)"))
		e.Value("answered", w.Pings[k].Len(), pings.Of("count(says('rtt '))"))
	}
	return f
}

// unseen are the pairs of nodes that pinged each other and were never seen connected.
func unseen(w *scene.Network, pairs [][2]string) [][2]string {
	known := map[[2]string]bool{}
	for _, p := range pairs {
		known[p] = true
	}
	var out [][2]string
	for k := range w.Mute {
		if k[1] < k[0] {
			k[0], k[1] = k[1], k[0]
		}
		if k[0] != k[1] && !known[k] {
			known[k] = true
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(x, y [2]string) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
	return out
}
