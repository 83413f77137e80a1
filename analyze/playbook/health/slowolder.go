package health

import (
	"cmp"
	"fmt"
	"slices"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// A dearActor is a process with what a message took in its life before it was first listed, and
// since, in s, and how that is had again.
type dearActor struct {
	*scene.Actor
	was, is  float64
	from, to work.Point
	formula  string
}

func (d dearActor) times() float64 { return d.is / d.was }

// slowAllAlong finds a node that was slow as a whole when the recording began, and is: its
// answers, and the pings to it, take several times as long as those of others, and most of its
// processes take several times as long for a message as in their lives before.
func slowAllAlong(s *scene.Scene, w *scene.Network, n *scene.Node, v *finding.Verdict) {
	took, others, slowest := answerTakes(n), []float64{}, (*scene.Node)(nil)
	for _, o := range s.Nodes {
		if o == n || o.Heard.Len() < leastAnswers {
			continue
		}
		if takes := series.Median(o.Heard.V); slowest == nil || takes > series.Median(slowest.Heard.V) {
			slowest = o
		}
		others = append(others, series.Median(o.Heard.V))
	}
	if len(n.Starts) > 0 || len(others) == 0 || took < max(slowAnswer.Seconds(), dearer*series.Median(others)) || !slowToPing(w, n) {
		return
	}
	dear, judged := dearActors(n)
	busy, known := busier(n)
	if len(dear) < 3 || 4*len(dear) < 3*judged || busy {
		return // few: they have reasons of their own
	}
	if !slices.ContainsFunc(dear, func(d dearActor) bool { return d.Behavior != dear[0].Behavior }) {
		return // the same code waits for the same
	}
	d := dear[len(dear)/2]
	f := &finding.Finding{
		Kind: finding.NodeSlow, Score: finding.Score(finding.NodeSlow, d.times()), Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(s.From)},
		Onset:   s.From, OnsetErrorS: max(1, s.Usual(n).Seconds()),
		Title: fmt.Sprintf("%s is slow as a whole, all along", finding.NodeName(n.Name)),
		Summary: fmt.Sprintf("It was so when the recording began: its own answers take %s, and those of %s, the slowest of the other nodes, %s; most of its processes of which it is known take several times as long for a message as in their lives before, as %s does: %s and %s.",
			finding.Seconds(series.Median(n.Heard.V)), slowest.Name, finding.Seconds(series.Median(slowest.Heard.V)), d.Called(), finding.Seconds(d.is), finding.Seconds(d.was)),
		Evidence: []finding.Evidence{{
			What: "time that its answers take", Node: n.Name, Tool: "node_info", From: &s.From, To: &s.To, Series: finding.Chart("s", n.Heard),
		}},
		Recommendation: slowAdvice(n),
		Confirm:        []string{"network_ping name=" + n.Name + " from a peer", "runtime_stats on " + n.Name},
		Caveats:        []string{whoTakes, "Since when is not known: what a message took before is by what each process had counted at its first listing."},
	}
	f.Evidence[0].Value("after_s", series.Median(n.Heard.V), n.Over("node_info", n.Heard).Of("median(took)"))
	f.Evidence[0].Value("other_node_s", series.Median(slowest.Heard.V), slowest.Over("node_info", slowest.Heard).Of("median(took)"))
	from, to := d.from.At, d.to.At
	e := finding.Evidence{What: "what a message of " + d.Called() + " takes", Node: n.Name, Tool: "process_list", Field: "MessagesIn - MessagesMailbox", From: &from, To: &to}
	e.Value("service_s", d.was, d.Rows(d.Begin.At, d.Begin.At).Of("first(RunningTime) / first(MessagesIn - MessagesMailbox) / 1e9"))
	e.Value("message_takes_s", d.is, d.Rows(from, to).Of(d.formula))
	if known {
		f.Summary += " It does not use clearly more CPU than in its life before."
	}
	f.Evidence = append(f.Evidence, e)
	v.Find(f)
}

// answerTakes is how long an answer of a node takes, in s: the less of the medians of both halves.
func answerTakes(n *scene.Node) float64 {
	if n.Heard.Len() < leastAnswers {
		return 0
	}
	half := n.Heard.T[0].Add(n.Heard.Span() / 2)
	return min(series.Median(n.Heard.Before(half).V), series.Median(n.Heard.From(half).V))
}

// slowToPing reports whether pings from and to a node take several times as long as those between
// others; true too where there are none to tell.
func slowToPing(w *scene.Network, n *scene.Node) bool {
	var its, others []float64
	for k, p := range w.Pings {
		switch {
		case p.Len() < 3 || k[0] == k[1]:
		case k[0] == n.Name || k[1] == n.Name:
			its = append(its, series.Median(p.V))
		default:
			others = append(others, series.Median(p.V))
		}
	}
	return len(its) == 0 || len(others) == 0 || series.Median(its) >= dearer*series.Median(others)
}

// dearActors are the processes that take several times as long for a message as in their lives before,
// by how many times, of those of which both are known.
func dearActors(n *scene.Node) (dear []dearActor, judged int) {
	for _, a := range n.Procs.Actors {
		d := dearActor{Actor: a, was: lifeTakes(a.Begin)}
		if a.Own() || d.was == 0 || !d.measure() {
			continue
		}
		judged++
		if d.times() >= dearer {
			dear = append(dear, d)
		}
	}
	slices.SortFunc(dear, func(a, b dearActor) int { return cmp.Compare(a.times(), b.times()) })
	return dear, judged
}

// lifeTakes is what a message took until a point, in s; 0 where too few were handled to know.
func lifeTakes(p work.Point) float64 {
	if p.Handled() < work.FewestBefore || p.Run <= 0 {
		return 0
	}
	return float64(p.Run) / 1e9 / float64(p.Handled())
}

// measure sets what a message takes: of who is inside callbacks all the time what passes until the
// next, else what was counted between two moments of rest.
func (d *dearActor) measure() bool {
	d.from, d.to = d.Begin, d.Now()
	const all = 0.95
	took := float64(d.to.At.Sub(d.from.At))
	d.formula = "span(MessagesIn) / change(MessagesIn - MessagesMailbox)"
	if work.Inside(d.from, d.to) < all {
		d.from = d.Rest
		took = float64(d.to.Run - d.from.Run)
		d.formula = "change(RunningTime) / change(MessagesIn - MessagesMailbox) / 1e9"
	}
	handled := float64(d.to.Handled() - d.from.Handled())
	if d.from.At.IsZero() || handled < work.FewestBefore {
		return false
	}
	d.is = took / 1e9 / handled
	return true
}

// busier reports whether a node uses clearly more CPU than on average in its life before, if that is known.
func busier(n *scene.Node) (busier, known bool) {
	used := series.Sum(n.Series(ergo.Node, "UserTime"), n.Series(ergo.Node, "SystemTime"))
	was, _, ok := n.LifeBefore(used)
	return ok && series.Median(series.Rates(used).V) > 1.5*was+0.1e9, ok
}
