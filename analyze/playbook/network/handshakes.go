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
