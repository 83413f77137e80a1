package health

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

const (
	// dearer is how many times longer than before everything must take.
	dearer = 4
	// slowAnswer is the least median time of an answer that is called slow: below
	// it, a busier neighbour on the same core explains the difference.
	slowAnswer = 10 * time.Millisecond
	// leastAnswers are needed on either side of the moment: from as many on a level is known.
	leastAnswers = 8
)

// slowNode finds a node that became slow as a whole: its own answers and the
// pings of its peers take several times as long from one moment on, and it
// uses no more CPU than before. Then CPU is taken from it.
func slowNode(s *scene.Scene, w *scene.Network, n *scene.Node, c change, v *finding.Verdict) {
	at, before, after := c.at, c.before, c.after
	if !c.is || time.Duration(after*float64(time.Second)) < slowAnswer || after < dearer*before {
		return
	}
	var was, is []float64 // of the pings of each peer
	var pings []pinged
	for k, p := range w.Pings {
		if k[1] != n.Name && k[0] != n.Name {
			continue
		}
		a, b := p.Before(at), p.From(at)
		if a.Len() >= 3 && b.Len() >= 3 {
			was, is = append(was, series.Median(a.V)), append(is, series.Median(b.V))
			pings = append(pings, pinged{k[0], k[1], a, b})
		}
	}
	if len(was) > 0 && series.Median(is) < dearer*series.Median(was) {
		return // its answers are slow, but the node is not
	}
	cpu := series.Sum(n.Series(ergo.Node, "UserTime"), n.Series(ergo.Node, "SystemTime"))
	used := series.Rates(cpu, n.Starts...)
	usedBefore, usedAfter := series.Median(used.Before(at).V), series.Median(used.From(at).V)
	if used.Len() > 0 && usedAfter > 1.5*usedBefore+0.1e9 {
		return // it is busy itself: the CPU playbook says with what
	}
	if len(was) == 0 && len(s.Nodes) > 1 {
		return // nobody else's word
	}
	times := after / before
	f := &finding.Finding{
		Kind: finding.NodeSlow, Score: finding.Score(finding.NodeSlow, times), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(at)},
		Onset:   at, OnsetErrorS: max(1, n.Heard.Interval().Seconds()),
		Title:   fmt.Sprintf("%s is %s times as slow as before, as a whole", finding.NodeName(n.Name), finding.Number(float64(int(times)))),
		Summary: fmt.Sprintf("Since %s its own answers take %s instead of %s", finding.Clock(at), finding.Seconds(after), finding.Seconds(before)),
		Evidence: []finding.Evidence{{
			What: "time that its answers take", Node: n.Name, Tool: "node_info", From: &at, To: &s.To,
			Series: finding.Chart("s", n.Heard),
		}},
		Recommendation: slowAdvice(n),
		Confirm:        []string{"network_ping name=" + n.Name + " from a peer", "runtime_stats on " + n.Name},
		Caveats:        []string{whoTakes},
	}
	f.Evidence[0].Value("before_s", before, n.Over("node_info", n.Heard.Before(at)).Of("median(took)"))
	f.Evidence[0].Value("after_s", after, n.Over("node_info", n.Heard.From(at)).Of("median(took)"))
	if len(was) > 0 {
		worst := slices.MaxFunc(pings, func(a, b pinged) int { return cmp.Compare(a.times(), b.times()) })
		f.Summary += fmt.Sprintf(", and pings from %s to %s %s ms instead of %s ms", worst.from, worst.to, finding.Number(series.Median(worst.after.V)), finding.Number(series.Median(worst.before.V)))
		f.Evidence = append(f.Evidence, worst.evidence())
	}
	if used.Len() > 0 {
		f.Summary += fmt.Sprintf(", while it uses %s of a core (%s before)", finding.Number(usedAfter/1e9), finding.Number(usedBefore/1e9))
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: "CPU that it uses", Node: n.Name, Tool: "node_info", Field: "UserTime", From: &at, To: &s.To,
		})
		e := &f.Evidence[len(f.Evidence)-1]
		e.Value("before", usedBefore/1e9, n.OverRates("node_info", cpu, used.Before(at)).Of("median(rates(UserTime + SystemTime)) / 1e9"))
		e.Value("after", usedAfter/1e9, n.OverRates("node_info", cpu, used.From(at)).Of("median(rates(UserTime + SystemTime)) / 1e9"))
	}
	f.Summary += "."
	v.Find(f)
}

const whoTakes = "Who takes the CPU is outside the cluster: the counters of its machine would settle it."

func slowAdvice(n *scene.Node) string {
	return fmt.Sprintf("Find out what takes the CPU from %s: a quota of its container (throttling counters), a neighbour on the same machine (steal time), swapping. More workers would not help.", n.Name)
}

// pinged are the pings from one node to another before and since, in ms.
type pinged struct {
	from, to      string
	before, after series.Series
}

// times is how many times as long they take.
func (p pinged) times() float64 {
	return series.Median(p.after.V) / max(series.Median(p.before.V), 1e-6)
}

func (p pinged) evidence() finding.Evidence {
	from, to := p.after.T[0], p.after.T[p.after.Len()-1]
	e := finding.Evidence{What: "pings from " + p.from + " to " + p.to, Node: p.from, Tool: "network_ping", From: &from, To: &to, Series: finding.Chart("ms", p.after)}
	said := finding.Source{Tool: "network_ping", Node: p.from, Row: p.to}
	e.Value("ms.before", series.Median(p.before.V), said.Between(p.before.T[0], p.before.T[p.before.Len()-1]).Of("median(says('rtt ')) * 1000"))
	e.Value("ms.after", series.Median(p.after.V), said.Between(from, to).Of("median(says('rtt ')) * 1000"))
	return e
}

// A change is one of a level, if it is one.
type change struct {
	at            time.Time
	before, after float64
	is            bool
}

// slowed tells of each node whether its answers became slow. It is asked of all beside each other: it is much to
// work out.
func slowed(ctx context.Context, s *scene.Scene) ([]change, error) {
	slow := make([]change, len(s.Nodes))
	err := s.Each(ctx, func(_ context.Context, i int, n *scene.Node) error {
		slow[i] = upwards(n.Heard)
		return nil
	})
	return slow, err
}

// upwards is the moment from which on values are several times as high as
// before and stay so: the last change upwards of their level.
func upwards(took series.Series) (up change) {
	if took.Len() < 2*leastAnswers {
		return up
	}
	changes, err := series.Changes(took, 0.001)
	if err != nil {
		return up
	}
	for _, c := range changes {
		a, b := took.Before(c.At), took.From(c.At)
		if a.Len() < leastAnswers || b.Len() < leastAnswers {
			continue
		}
		x, y := series.Median(a.V), series.Median(b.V)
		if x > 0 && y/x > up.after/max(up.before, 1e-12) {
			up = change{c.At, x, y, true}
		}
	}
	return up
}
