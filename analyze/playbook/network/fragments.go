package network

import (
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// fewestUnwhole are the large messages that must be missing a piece for that to be
// told: one or two may have been under way when a connection ended.
const fewestUnwhole = 5

// unwhole finds a link over which large messages do not arrive whole: one end waited
// for pieces of them in vain. It has no say where that they are lost is told already.
func unwhole(s *scene.Scene, w *scene.Network, v *finding.Verdict, to, from string) {
	l := w.Links[[2]string{to, from}]
	if l == nil || slices.ContainsFunc(v.Findings, func(f *finding.Finding) bool {
		return f.Kind == finding.MessageLoss && f.Subject.Node == from && f.Subject.Peer == to
	}) {
		return
	}
	var counted, came series.Series
	var anew []time.Time
	var since time.Time
	for _, p := range l.Points {
		if !p.Up || math.IsNaN(p.Unwhole) {
			continue
		}
		if p.Since.Sub(since).Abs() > 2*time.Second && !since.IsZero() {
			anew = append(anew, p.At) // its counters begin with the connection
		}
		since = p.Since
		counted.Add(p.At, p.Unwhole)
		came.Add(p.At, p.In)
	}
	b, ok := series.FindBurst(series.Steps(counted, anew...))
	if !ok || b.After.Events < fewestUnwhole {
		if f := unwholeAllAlong(s, counted, anew, to, from); f != nil {
			v.Find(f)
		}
		return
	}
	whole, _ := series.Increase(came.From(b.Since), anew...)
	f := &finding.Finding{
		Kind: finding.MessageLoss, Score: min(finding.Score(finding.MessageLoss, b.After.Events/math.Max(whole+b.After.Events, 1)), finding.Unsure), Confidence: finding.Medium,
		Title: fmt.Sprintf("Large messages from %s to %s do not arrive whole: %s since %s", finding.NodeName(from), finding.NodeName(to), finding.Number(b.After.Events), finding.Clock(b.Onset)),
		Summary: fmt.Sprintf("Since %s %s gave up waiting for pieces of %s messages of %s, before of %s; %s messages came meanwhile.",
			finding.Clock(b.Onset), to, finding.Number(b.After.Events), from, finding.Number(b.Before.Events), finding.Number(whole)),
		Subject: finding.Subject{Node: from, Peer: to, Incarnation: s.Incarnation(from, b.Onset)},
		Onset:   b.Onset, OnsetErrorS: max(b.Off.Seconds(), 1),
		Evidence: []finding.Evidence{{
			What: "messages of which a piece did not come in time", Node: to, Tool: "network_nodes", Field: "FragmentTimeouts", From: &b.Onset, To: &b.End, Series: finding.Chart("messages", counted),
		}},
		Recommendation: fmt.Sprintf("Look for a link between %s and %s that drops or is short of bandwidth, and at what sends messages so large that they are cut.", from, to),
		Confirm:        []string{fmt.Sprintf("network_node_info name=%s on %s, twice: FragmentTimeouts", from, to)},
		Caveats:        []string{"Pieces may also come too late: a sender that is slow to send all of them looks the same."},
	}
	rows := finding.Source{Tool: "network_nodes", Node: to, Row: from, From: b.Since, To: b.End}
	f.Evidence[0].Value("after", b.After.Events, rows.Of("increase(FragmentTimeouts)"))
	if series.Over(append(series.Growths(counted.Between(b.Since, b.End.Add(1))), b.End), s.To) {
		f.End = &b.End
		f.Score = min(f.Score, finding.Over)
	}
	v.Find(f)
}

// unwholeAllAlong is the finding about a link over which large messages did not arrive whole
// when the recording began, nor later: nil where it began or ended meanwhile, or hardly was so.
// No healthy link tears messages, so nothing of before is needed.
func unwholeAllAlong(s *scene.Scene, counted series.Series, anew []time.Time, to, from string) *finding.Finding {
	if counted.Len() < 4 {
		return nil
	}
	torn, _ := series.Increase(counted, anew...)
	if _, _, ok := series.Throughout(counted); !ok || torn < 2*fewestUnwhole {
		return nil
	}
	onset, so, facts := soSince(s.From, counted)
	first, last := counted.T[0], counted.T[counted.Len()-1]
	f := &finding.Finding{
		Kind: finding.MessageLoss, Score: finding.ScoreWarning, Confidence: finding.Medium, Facts: facts,
		Title:   fmt.Sprintf("Large messages from %s to %s do not arrive whole: %s all along", finding.NodeName(from), finding.NodeName(to), finding.Number(torn)),
		Summary: fmt.Sprintf("%s: %s gave up waiting for pieces of %s messages of %s meanwhile.", so, to, finding.Number(torn), from),
		Subject: finding.Subject{Node: from, Peer: to, Incarnation: s.Incarnation(from, onset)},
		Onset:   onset, OnsetErrorS: max(1, counted.Interval().Seconds()),
		Evidence: []finding.Evidence{{
			What: "messages of which a piece did not come in time", Node: to, Tool: "network_nodes", Field: "FragmentTimeouts", From: &first, To: &last, Series: finding.Chart("messages", counted),
		}},
		Recommendation: fmt.Sprintf("Look for a link between %s and %s that drops or is short of bandwidth, and at what sends messages so large that they are cut.", from, to),
		Confirm:        []string{fmt.Sprintf("network_node_info name=%s on %s, twice: FragmentTimeouts", from, to)},
		Caveats:        []string{"Since when is not known: it was so at the first answer.", "Pieces may also come too late: a sender that is slow to send all of them looks the same."},
	}
	f.Evidence[0].Value("torn", torn, finding.Source{Tool: "network_nodes", Node: to, Row: from, From: first, To: last}.Of("increase(FragmentTimeouts)"))
	return f
}
