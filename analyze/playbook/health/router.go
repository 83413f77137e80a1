package health

import (
	"fmt"
	"maps"
	"slices"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// routers finds routers that discard messages, for they have no route for them.
func routers(s *scene.Scene, n *scene.Node, v *finding.Verdict) {
	const fewest = 10 // messages: one that came before its route was set is none
	for _, pid := range slices.Sorted(maps.Keys(n.Inspected)) {
		in := n.Inspected[pid]
		grown, _ := series.Increase(in.Discarded, n.Starts...)
		if grown < fewest {
			continue
		}
		grew := series.Growths(in.Discarded)
		k := slices.Index(in.Discarded.T, grew[0])
		onset, off := series.Middle(in.Discarded.T[k-1], grew[0])
		sub, called := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), PID: pid}, pid
		if a := n.Procs.Known[pid]; a != nil {
			sub, called = a.Subject(onset), a.Called()
		}
		minutes := in.Discarded.T[in.Discarded.Len()-1].Sub(in.Discarded.T[k-1]).Minutes()
		f := &finding.Finding{
			Kind: finding.DeliveryErrors, Subject: sub, Onset: onset, OnsetErrorS: off.Seconds(), Confidence: finding.High,
			Score:          finding.Score(finding.DeliveryErrors, grown/max(minutes, 1.0/60)),
			Title:          fmt.Sprintf("the router %s on %s discards messages", called, finding.NodeName(n.Name)),
			Summary:        fmt.Sprintf("It discarded %s messages since %s: it had no route that could take them.", finding.Number(grown), finding.Clock(onset)),
			Recommendation: "See which routes it has: one that was disabled, or is still to be set, takes nothing; what is sent for it is gone.",
			Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s, twice: discarded, routes_disabled, routes_pending", n.Name, pid)},
			Evidence: []finding.Evidence{{
				What: "messages discarded by the router", Node: n.Name, Tool: "process_inspect", Field: "discarded", From: &onset, To: &s.To, Series: finding.Chart("messages", in.Discarded),
			}},
		}
		says := n.Says("process_inspect", in.Discarded.T[0], in.Discarded.T[in.Discarded.Len()-1])
		says.Row = pid
		f.Evidence[0].Value("discarded", grown, says.Of("increase(discarded)"))
		if last := in.Shut.Len() - 1; last >= 0 && in.Shut.V[last]+in.Pending.V[min(last, in.Pending.Len()-1)] > 0 {
			f.Summary += fmt.Sprintf(" At the last inspection %s of its routes were disabled, and %s waited for a change.", finding.Number(in.Shut.V[last]), finding.Number(in.Pending.V[min(last, in.Pending.Len()-1)]))
		}
		if series.Over(grew, s.To) {
			end := grew[len(grew)-1]
			f.End, f.Score = &end, min(f.Score, finding.Note)
		}
		v.Find(f)
	}
}
