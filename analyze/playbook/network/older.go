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
	mute := w.Mute[[2]string{a, b}]
	mute = append(mute[:len(mute):len(mute)], w.Mute[[2]string{b, a}]...)
	// Whether they are well elsewhere all pings tell: it is asked of the few links of which some got no answer.
	if len(mute) < fewestMute || !wellElsewhere(w, a, b) || !wellElsewhere(w, b, a) {
		return
	}
	late, apart := 0, 0
	for _, m := range mute {
		if m.TimedOut() {
			late++
		} else {
			apart++
		}
	}
	all := roundTrips(s, w, a, b)
	until, mended := answeredSince(all)
	switch {
	case late >= fewestMute && unansweredThroughout(all):
		v.Find(muteLink(s, w, a, b))
	case late >= fewestMute && mended:
		v.Find(muteUntil(muteLink(s, w, a, b), until))
	case apart > fewestMute && apart == len(mute) && all.Len() == 0 && neverUp(w, a, b):
		v.Find(apartLink(s, w, a, b))
	default:
		if made, ok := apartUntil(s, w, a, b); ok {
			f := apartLink(s, w, a, b)
			f.End, f.Score = &made, min(f.Score, finding.Over)
			f.Title = fmt.Sprintf("%s and %s were not connected until %s; both are alive", finding.NodeName(a), finding.NodeName(b), finding.Clock(made))
			f.Summary = fmt.Sprintf("It was so when the recording began: until %s every ping between them found no route, while both nodes and others answered each other.", finding.Clock(made))
			v.Find(f)
		}
	}
}

// apartUntil is when two nodes connected that were alive and could not when the recording
// began: pings between them found no route until then.
func apartUntil(s *scene.Scene, w *scene.Network, a, b string) (made time.Time, ok bool) {
	for _, k := range [][2]string{{a, b}, {b, a}} {
		n := s.Node(k[0])
		if n == nil || len(n.Starts) > 0 || n.Heard.Len() == 0 {
			return made, false
		}
		l := w.Links[k]
		if l == nil {
			continue
		}
		for _, p := range l.Points {
			if p.Up {
				if made.IsZero() || p.Since.Before(made) {
					made = p.Since
				}
				break
			}
		}
	}
	for _, name := range []string{a, b} {
		n := s.Node(name)
		if n.Heard.T[0].Sub(s.From) > 3*s.Usual(n) || n.Heard.Before(made).Len() < 2 {
			return made, false // it was not there itself
		}
	}
	tried := 0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if p := w.Pings[k]; p.Len() > 0 && p.T[0].Before(made) {
			return made, false
		}
		for _, m := range w.Mute[k] {
			if m.TimedOut() && m.At.Before(made) {
				return made, false
			}
			if m.At.Before(made) {
				tried++
			}
		}
	}
	return made, tried > fewestMute && made.Sub(s.From) >= heal
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

func neverUp(w *scene.Network, a, b string) bool {
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.Links[k]; l != nil {
			for _, p := range l.Points {
				if p.Up {
					return false
				}
			}
		}
	}
	return true
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
