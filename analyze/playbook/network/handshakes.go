package network

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// handshakes finds acceptors that turn peers away.
func handshakes(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		counts, err := s.Column(ctx, n, ergo.Acceptors, "HandshakeErrors")
		if err != nil {
			return err
		}
		b, ok := series.FindBurst(series.Steps(counts, n.Starts...))
		if f := olderHandshakes(s, n, counts); !ok && f != nil {
			v.Find(f)
			continue
		}
		if !ok {
			if counts.Len() > 1 {
				grown, _ := series.Increase(counts, n.Starts...)
				v.Fine("%s: no peer was turned away more often than before: %s failed handshakes came over %d answers", n.Name, finding.Number(grown), counts.Len())
			}
			continue
		}
		f := &finding.Finding{
			Kind: finding.HandshakeErrors, Score: finding.Score(finding.HandshakeErrors, 60*b.After.Rate()), Confidence: finding.Medium,
			Title:   fmt.Sprintf("%s turns peers away: %s failed handshakes since %s", finding.NodeName(n.Name), finding.Number(b.After.Events), finding.Clock(b.Onset)),
			Summary: fmt.Sprintf("HandshakeErrors grew by %s in %s; before, by %s in %s.", finding.Number(b.After.Events), finding.Seconds(b.After.Seconds), finding.Number(b.Before.Events), finding.Seconds(b.Before.Seconds)),
			Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(b.Onset)},
			Onset:   b.Onset, OnsetErrorS: b.Off.Seconds(),
			Evidence: []finding.Evidence{{
				What: "failed handshakes at the acceptors", Node: n.Name, Tool: "network_acceptors", Field: "HandshakeErrors", From: &b.Onset, To: &s.To, Series: finding.Chart("count", counts),
			}},
			Recommendation: "Find who dials: compare the cookie and the framework version of nodes that were started or changed at that time; if none was, someone scans the port.",
			Confirm:        []string{"network_acceptors on " + n.Name, "network_info on " + n.Name},
			Caveats:        []string{"The counter does not say who was turned away, nor whether for the cookie or the version: the node's log at that time would."},
		}
		n.TellBurst(&f.Evidence[0], b, "network_acceptors", "HandshakeErrors")
		v.Find(f)
	}
	return nil
}

// olderHandshakes finds an acceptor that turned peers away far more often than in the
// node's life before, from the first answer to the last.
func olderHandshakes(s *scene.Scene, n *scene.Node, counts series.Series) *finding.Finding {
	r, ok := n.RisenAllAlong(counts, 4)
	if !ok {
		return nil
	}
	f := &finding.Finding{
		Kind: finding.HandshakeErrors, Score: finding.Score(finding.HandshakeErrors, 60*r.Is), Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Title: fmt.Sprintf("%s turns peers away: %s failed handshakes a minute", finding.NodeName(n.Name), finding.Number(60*r.Is)),
		Summary: fmt.Sprintf("It was so when the recording began: HandshakeErrors grew by %s meanwhile; in the %s of its life before it were %s a minute on average.",
			finding.Number(r.Grown), finding.Duration(r.Life), finding.Number(60*r.Was)),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(s.From)},
		Onset:   s.From, OnsetErrorS: s.Usual(n).Seconds(),
		Evidence: []finding.Evidence{{
			What: "failed handshakes at the acceptors", Node: n.Name, Tool: "network_acceptors", Field: "HandshakeErrors", From: &s.From, To: &s.To, Series: finding.Chart("count", counts),
		}},
		Recommendation: "Find who dials: compare the cookie and the framework version of nodes that were started or changed lately; if none was, someone scans the port.",
		Confirm:        []string{"network_acceptors on " + n.Name, "network_info on " + n.Name},
		Caveats:        []string{"The counter does not say who was turned away, nor whether for the cookie or the version: the node's log would.", "Since when is not known."},
	}
	e := &f.Evidence[0]
	n.TellLife(e, r.Life)
	e.Value("after", r.Grown, n.Over("network_acceptors", counts).Of("increase(HandshakeErrors)"))
	e.Value("before_per_min", 60*r.Was, n.Says("network_acceptors", counts.T[0], counts.T[0]).Of(fmt.Sprintf("60 * first(HandshakeErrors) / %v", r.Life.Seconds())))
	e.Value("after_per_min", 60*r.Is, n.Over("network_acceptors", counts).Of(fmt.Sprintf("60 * increase(HandshakeErrors) / %v", r.Seconds)))
	return f
}
