package network

import (
	"context"
	"fmt"
	"slices"

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
			unwhole(s, w, v, way[1], way[0])
		}
		slowLink(s, w, v, pair[0], pair[1])
		if len(v.Findings) == before {
			olderLink(s, w, v, pair[0], pair[1])
		}
		if len(v.Findings) == before {
			detours(s, w, v, pair[0], pair[1])
		}
		if len(v.Findings) == before {
			traffic(w, pair[0], pair[1], v)
		}
	}
	for _, pair := range unseen(w, w.Pairs()) {
		olderLink(s, w, v, pair[0], pair[1])
	}
	partition(s, w, v)
	return nil
}

// traffic says what was examined of a link without findings. Where something of
// it was lost all the same, it is not in order.
func traffic(w *scene.Network, a, b string, v *finding.Verdict) {
	answers, apart, mute, rtts := 0, 0, 0, []float64{}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.Links[k]; l != nil {
			answers += len(l.Points)
			for _, p := range l.Points {
				if !p.Up {
					apart++
				}
			}
		}
		mute += len(w.Mute[k])
		rtts = append(rtts, w.Pings[k].V...)
	}
	pings := ""
	if len(rtts) > 0 {
		pings = fmt.Sprintf(", %d round trips, median %s ms, %s ms at most", len(rtts), finding.Number(series.Median(rtts)), finding.Number(slices.Max(rtts)))
	}
	if apart+mute > 0 {
		v.Skip("%s and %s: connected in %d of %d answers%s, %d unanswered %s: too little for a finding, too much to be in order", a, b, answers-apart, answers, pings, mute, finding.Plural(mute, "ping", "pings"))
		return
	}
	v.Fine("%s and %s: connected in all of %d answers%s", a, b, answers, pings)
}
