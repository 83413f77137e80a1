package health

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// deliveryErrors looks at the node's counts of sends and calls that failed,
// after taking off those that the recorder's own calls caused.
func deliveryErrors(s *scene.Scene, w *scene.Network, n *scene.Node, life finding.Window, v *finding.Verdict) {
	own := w.OwnErrors(n)
	type counter struct {
		field   string
		counted series.Series
		b       series.Burst
	}
	var grown []counter
	for _, field := range []string{"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote"} {
		counted := failed(n, field, own)
		if b, ok := series.FindBurst(series.Within(series.Steps(counted, n.Starts...), life.From, life.To)); ok {
			grown = append(grown, counter{field, counted, b})
		}
	}
	if len(grown) == 0 {
		return
	}
	first := slices.MinFunc(grown, func(a, b counter) int { return a.b.Onset.Compare(b.b.Onset) })
	var parts []string
	perSecond := 0.0
	f := &finding.Finding{
		Kind: finding.DeliveryErrors, Confidence: finding.High,
		Onset: first.b.Onset, OnsetErrorS: first.b.Off.Seconds(),
		Subject:        finding.Subject{Node: n.Name, Incarnation: n.Incarnation(first.b.Onset), Peer: unreachable(s, w, n, first.b.Onset)},
		Recommendation: "Find whom these messages were for: an unknown process is gone, a full mailbox is overloaded, a time-out is busy or blocked, no connection is the network or a node that is down.",
		Confirm:        []string{"node_info on " + n.Name + ": SendErrors and CallErrors, twice"},
		Caveats:        []string{"The counters do not say whom a message was for; that is told from lost links and log lines."},
	}
	for _, c := range grown {
		perSecond += c.b.After.Rate()
		parts = append(parts, fmt.Sprintf("%s by %s", c.field, finding.Number(c.b.After.Events)))
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: "deliveries that failed, without the recorder's own", Node: n.Name, Tool: "node_info", Field: c.field, From: &c.b.Onset, To: &c.b.End, Series: finding.Chart("errors", c.counted),
		})
	}
	for i, c := range grown {
		tellDeliveries(n, &f.Evidence[i], c.field, c.b, own)
	}
	f.Score, f.Harm = finding.Score(finding.DeliveryErrors, 60*perSecond), finding.Harm{finding.DeliveryErrors: 60 * perSecond}
	towards := ""
	if f.Subject.Peer != "" {
		towards = " to " + finding.NodeName(f.Subject.Peer)
	}
	f.Title = fmt.Sprintf("%s fails to deliver messages%s since %s", finding.NodeName(n.Name), towards, finding.Clock(f.Onset))
	f.Summary = fmt.Sprintf("Since %s grew on %s: %s.", finding.Clock(f.Onset), n.Name, strings.Join(parts, ", "))
	last, over := first.b.End, true
	for _, c := range grown {
		failed := append(series.Growths(c.counted.Between(c.b.Since, life.To)), c.b.End)
		slices.SortFunc(failed, time.Time.Compare)
		over = over && series.Over(failed, s.To)
		last = series.Later(last, failed[len(failed)-1])
	}
	if over {
		f.End = &last
		f.Title = fmt.Sprintf("%s failed to deliver messages%s from %s to %s", finding.NodeName(n.Name), towards, finding.Clock(f.Onset), finding.Clock(last))
	}
	v.Find(f)
}

// failed is a node's counter of deliveries that failed, without the recorder's own calls.
func failed(n *scene.Node, field string, own []time.Time) series.Series {
	if _, ours := ergo.Observes(ergo.TraceCounter, field); ours {
		return series.Without(n.Series(ergo.Node, field), own)
	}
	return n.Series(ergo.Node, field)
}

// unreachable is the one peer whose link to the node was lost around t, "" if
// there is none or more than one.
func unreachable(s *scene.Scene, w *scene.Network, n *scene.Node, t time.Time) string {
	name := ""
	for _, peer := range s.Nodes {
		for _, l := range w.Losses(n.Name, peer.Name) {
			from, to := l.After.Add(-2*s.Usual(n)), l.Before.Add(2*s.Usual(n))
			if t.Before(from) || t.After(to) || name == peer.Name {
				continue
			}
			if name != "" {
				return ""
			}
			name = peer.Name
		}
	}
	return name
}

// tellDeliveries adds how many deliveries failed before and since. Of failed calls
// to other nodes the recorder's own are taken off.
func tellDeliveries(n *scene.Node, e *finding.Evidence, field string, b series.Burst, own []time.Time) {
	if field != "CallErrorsRemote" || len(own) == 0 {
		n.TellBurst(e, b, "node_info", field)
		return
	}
	for _, part := range []struct {
		name     string
		from, to time.Time
		count    series.Count
	}{{"before", b.From, b.Since, b.Before}, {"after", b.Since, b.End, b.After}} {
		src := n.Says("node_info", part.from, part.to)
		counted, _ := series.Increase(n.Series(ergo.Node, field).Between(part.from, part.to.Add(1)), n.Starts...)
		e.Value(part.name, part.count.Events, src.Of(fmt.Sprintf("increase(%s) - %v", field, counted-part.count.Events)))
	}
}
