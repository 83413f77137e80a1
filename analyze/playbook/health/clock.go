package health

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// clocks compares what each node says the time is with when it said so. Nodes
// are compared with each other, so that the recorder's own clock is not taken
// for theirs.
func clocks(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	offsets := map[string]series.Series{}
	var middles []float64
	for _, n := range s.Nodes {
		o, err := s.ClockOffset(ctx, n)
		if err != nil {
			return err
		}
		if o.Len() > 0 {
			offsets[n.Name] = o
			middles = append(middles, series.Median(o.V))
		}
	}
	common := 0.0
	if len(middles) >= 3 {
		common = series.Median(middles)
	}
	for _, n := range s.Nodes {
		if o, ok := offsets[n.Name]; ok {
			clockSkew(s, n, o, common, v)
		}
	}
	return nil
}

// clockSkew reports a clock that is off by more than the sampling interval, now
// or since it jumped.
func clockSkew(s *scene.Scene, n *scene.Node, o series.Series, common float64, v *finding.Verdict) {
	limit := max(s.Usual(n).Seconds(), 1)
	off := series.Median(o.V) - common
	onset, onsetOff := o.T[0], s.Usual(n)
	was := off
	if changes, err := series.Changes(o, 0.001); err == nil && len(changes) > 0 {
		last := changes[len(changes)-1]
		if jump := last.After - last.Before; jump > limit || jump < -limit {
			was, off, onset, onsetOff = last.Before-common, last.After-common, last.At, last.Error
		}
	}
	if off < limit && off > -limit {
		return
	}
	score := 50
	if was != off {
		score = 65
	}
	way := "ahead"
	if off < 0 {
		way = "behind"
	}
	v.Find(&finding.Finding{
		Kind: finding.ClockSkew, Score: score, Confidence: finding.High,
		Title:   fmt.Sprintf("The clock of %s is %s %s", finding.NodeName(n.Name), finding.Seconds(max(off, -off)), way),
		Summary: fmt.Sprintf("ServerTime of %s is %s s %s of the time at which it was heard, the other nodes' common offset taken off; the sampling interval is %s.", n.Name, finding.Number(max(off, -off)), way, finding.Duration(s.Usual(n))),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset)},
		Onset:   onset, OnsetErrorS: onsetOff.Seconds(),
		Evidence: []finding.Evidence{{
			What: "the node's clock less the recorder's", Node: n.Name, Tool: "node_info", Field: "ServerTime", From: &onset, To: &s.To,
			Values: map[string]any{"before_s": finding.Round(was), "after_s": finding.Round(off)}, Series: finding.Chart("s", o),
		}},
		Recommendation: fmt.Sprintf("Check the time synchronisation of %s's host; times in its log are off by as much.", n.Name),
		Confirm:        []string{"node_info on every node at once: ServerTime"},
		Caveats:        []string{"With fewer than three nodes it cannot be told whose clock is right."},
	})
}
