package network

import (
	"context"
	"fmt"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// links compares both ends of every link over the window: connections
// that were lost, messages that did not arrive, and round trips. Nodes that went away are the health playbook's: a link
// that ended with its node is no fault of the network.
func links(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	w, err := s.Network(ctx)
	if err != nil {
		return err
	}
	if len(s.Nodes) > 1 && len(w.Links) == 0 {
		v.Skip("no link between nodes was recorded: nothing can be told of them")
	}
	for _, pair := range w.Pairs() {
		before := len(v.Findings)
		lostLink(s, w, v, pair[0], pair[1])
		for _, way := range [][2]string{pair, {pair[1], pair[0]}} {
			messageLoss(s, w, v, way[0], way[1])
		}
		slowLink(s, w, v, pair[0], pair[1])
		if len(v.Findings) == before {
			v.Fine("%s and %s: %s", pair[0], pair[1], traffic(w, pair[0], pair[1]))
		}
	}
	partition(s, w, v)
	return nil
}

// traffic says what was examined of a healthy link.
func traffic(w *scene.Network, a, b string) string {
	samples, rtts := 0, []float64{}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.Links[k]; l != nil {
			samples += len(l.Points)
		}
		rtts = append(rtts, w.Pings[k].V...)
	}
	text := fmt.Sprintf("connected in all of %d answers", samples)
	if len(rtts) > 0 {
		text += fmt.Sprintf(", %d round trips, median %s ms", len(rtts), finding.Number(series.Median(rtts)))
	}
	return text
}
