package weigh

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
)

const (
	// around is how much is compared before an onset and since it.
	around = 3 * time.Minute
	// fewest are the listings on either side for which a median says something.
	fewest = 8
	// surely is how many times its usual spread a series must have moved, and
	// farther how many times as far as all that the finding is about.
	surely, farther = 10, 3
)

// A metric is one of the series of a process, with the least spread that it is
// taken to have: what is less is not felt.
type metric struct {
	name    string
	least   float64
	formula string
	of      func(p, q work.Point) float64 // from one listing to the next
	level   bool                          // each listing alone tells it
}

func metrics() []metric {
	rate := func(count func(p work.Point) int64) func(p, q work.Point) float64 {
		return func(p, q work.Point) float64 { return float64(count(q)-count(p)) / q.At.Sub(p.At).Seconds() }
	}
	return []metric{
		{"messages that it gets a second", 1, "median(rates(MessagesIn))", rate(func(p work.Point) int64 { return p.In }), false},
		{"messages that it sends a second", 1, "median(rates(MessagesOut))", rate(func(p work.Point) int64 { return p.Out }), false},
		{"time in callbacks, ns a second", 2e7, "median(rates(RunningTime))", rate(func(p work.Point) int64 { return p.Run }), false},
		{"messages that wait for it", 3, "median(MessagesMailbox)", func(_, q work.Point) float64 { return float64(q.Mailbox) }, true},
	}
}

// A moved is a series of a process that moved, by the robust score of Pham, Ha and
// Zhang, "BARO: Robust Root Cause Analysis for Microservices via Multivariate
// Bayesian Online Change Point Detection" (2024): how far its median is from that
// before, in units of the spread (the middle half) before.
type moved struct {
	node          *scene.Node
	pid, who      string
	metric        metric
	before, since float64
	times         float64
}

// secondOpinion asks what moved most at the onset of the worst finding that
// nothing caused. Where that is a process of another node, of which no finding
// tells, and nothing that the finding is about moved nearly as far, it says so.
func secondOpinion(ctx context.Context, s *scene.Scene, all []*finding.Finding) error {
	var f *finding.Finding
	for _, g := range all {
		if g.Cause == nil && g.Score >= finding.ScoreWarning && g.Kind != finding.Rule && (f == nil || g.Score > f.Score) {
			f = g
		}
	}
	if f == nil {
		return nil
	}
	window := finding.Window{From: series.Later(s.From, f.Onset.Add(-around)), To: series.Earlier(s.To, f.Onset.Add(around))}
	if f.End != nil {
		window.To = series.Earlier(window.To, *f.End)
	}
	off := time.Duration(f.OnsetErrorS * float64(time.Second))
	before := finding.Window{From: window.From, To: f.Onset.Add(-off)}
	since := finding.Window{From: f.Onset.Add(off), To: window.To}
	var most *moved
	nearby := 0.0 // how far something moved that findings tell of
	ranked := make([][]moved, len(s.Nodes))
	err := s.Each(ctx, func(ctx context.Context, i int, n *scene.Node) (err error) {
		ranked[i], err = rank(ctx, s, n, before, since)
		return err
	})
	if err != nil {
		return err
	}
	for _, of := range ranked {
		for i := range of {
			m := &of[i]
			if told(all, f, m) {
				nearby = max(nearby, m.times)
			} else if most == nil || m.times > most.times {
				most = m
			}
		}
	}
	if most != nil && most.times >= surely && most.times >= farther*nearby {
		doubt(f, most, before, since)
	}
	return nil
}

// told reports whether a process is one of which a finding tells, or is on the
// node that the finding in question is about, or one of a whole node that nothing
// caused.
func told(all []*finding.Finding, f *finding.Finding, m *moved) bool {
	for _, g := range all {
		here := g.Subject.Node == m.node.Name || g.Subject.Peer == m.node.Name
		if here && (g == f || g.Subject.PID == m.pid || g.Cause == nil && g.Subject.PID == "") {
			return true
		}
	}
	return false
}

// rank is how far each series of a node's processes moved.
func rank(ctx context.Context, s *scene.Scene, n *scene.Node, before, since finding.Window) ([]moved, error) {
	type seen struct {
		who  string
		last work.Point
		v    [2][][]float64 // before and since, of each metric
	}
	all := metrics()
	procs := map[string]*seen{}
	for side, w := range []finding.Window{before, since} {
		for _, p := range procs {
			p.last = work.Point{}
		}
		err := s.Rows(ctx, n, w.From, w.To, func(f *archive.Frame, slot int32) {
			c := f.Columns
			pid := c[scene.ColPID].Text(slot)
			p := procs[pid]
			if p == nil {
				if ergo.ObservesProcess(c[scene.ColApplication].Text(slot), c[scene.ColBehavior].Text(slot)) {
					return
				}
				p = &seen{who: cmp.Or(c[scene.ColName].Text(slot), c[scene.ColBehavior].Text(slot)), v: [2][][]float64{make([][]float64, len(all)), make([][]float64, len(all))}}
				procs[pid] = p
			}
			now := scene.PointOf(f, slot)
			counts := !p.last.At.IsZero() && p.last.At.Before(now.At) && now.In >= p.last.In
			for i, m := range all {
				if counts || m.level {
					p.v[side][i] = append(p.v[side][i], m.of(p.last, now))
				}
			}
			p.last = now
		})
		if err != nil {
			return nil, err
		}
	}
	var out []moved
	for pid, p := range procs {
		var best moved
		for i, m := range all {
			was, is := p.v[0][i], p.v[1][i]
			if len(was) < fewest || len(is) < fewest {
				continue
			}
			a, b := series.Median(was), series.Median(is)
			spread := max(series.Quantile(was, 0.75)-series.Quantile(was, 0.25), m.least, a/20)
			if times := max(a-b, b-a) / spread; times > best.times {
				best = moved{n, pid, p.who, m, a, b, times}
			}
		}
		if best.times > 0 {
			out = append(out, best)
		}
	}
	slices.SortFunc(out, func(a, b moved) int { return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(a.pid, b.pid)) })
	return out[:min(len(out), 100)], nil
}

// doubt says in a finding that something else moved most.
func doubt(f *finding.Finding, m *moved, before, since finding.Window) {
	f.Caveats = append(f.Caveats, fmt.Sprintf("Compared without knowing any kind of fault, what changed most then is %s on %s (%s), of which no finding tells: it may be what lies behind this, or a change of its own.",
		m.who, m.node.Name, m.metric.name))
	e := finding.Evidence{What: "what changed most, compared blindly: " + m.who + " on " + m.node.Name, Node: m.node.Name, Tool: "process_list", From: &since.From, To: &since.To, Blind: true}
	rows := finding.Source{Tool: "process_list", Node: m.node.Name, Row: m.pid}
	e.Value("median.before", m.before, rows.Between(before.From, before.To).Of(m.metric.formula))
	e.Value("median.since", m.since, rows.Between(since.From, since.To).Of(m.metric.formula))
	f.Evidence = append(f.Evidence, e)
	if f.Confidence == finding.High {
		f.Confidence = finding.Medium
	}
}
