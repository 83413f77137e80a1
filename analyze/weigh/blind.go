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

// secondOpinion asks what moved most at the onset of the worst finding that
// nothing caused. Where that is a process or an event of another node, a node or a link, of which no finding
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
		if ranked[i], err = rank(ctx, s, n, before, since); err != nil {
			return err
		}
		events, err := published(ctx, s, n, before, since)
		ranked[i] = append(ranked[i], events...)
		return err
	})
	if err != nil {
		return err
	}
	net, err := s.Network(ctx)
	if err != nil {
		return err
	}
	for i, n := range s.Nodes {
		ranked[i] = append(ranked[i], wide(net, n, before, since)...)
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
// caused; or a node or link that any finding is about.
func told(all []*finding.Finding, f *finding.Finding, m *moved) bool {
	for _, g := range all {
		here := g.Subject.Node == m.node.Name || g.Subject.Peer == m.node.Name
		if m.peer != "" {
			here = here || g.Subject.Node == m.peer || g.Subject.Peer == m.peer
		}
		if here && (m.pid == "" || g == f || g.Subject.PID == m.pid || g.Cause == nil && g.Subject.PID == "") {
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
			if was, is, times := apart(p.v[0][i], p.v[1][i], m.least); times > best.times {
				rows := finding.Source{Tool: "process_list", Node: n.Name, Row: pid}
				best = moved{node: n, pid: pid, who: p.who + " on " + n.Name, metric: m.name, formula: m.formula, rows: rows, before: was, since: is, times: times}
			}
		}
		if best.times > 0 {
			out = append(out, best)
		}
	}
	slices.SortFunc(out, func(a, b moved) int { return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(a.pid, b.pid)) })
	return out[:min(len(out), mostRanked)], nil
}

// wide is how far the series of a node as a whole moved, and those of its links.
func wide(net *scene.Network, n *scene.Node, before, since finding.Window) []moved {
	var out []moved
	// Rates are taken within a stretch: the first of it needs a sample before it.
	add := func(m moved, counter, level series.Series, least float64) {
		var v [2][]float64
		for i, w := range []finding.Window{before, since} {
			part := level.Between(w.From, w.To.Add(1))
			if counter.Len() > 0 {
				part = series.Rates(counter.Between(w.From, w.To.Add(1)), n.Starts...)
			}
			v[i] = part.V
		}
		if m.before, m.since, m.times = apart(v[0], v[1], least); m.times > 0 {
			m.node = n
			out = append(out, m)
		}
	}
	says := func(tool string) finding.Source { return finding.Source{Tool: tool, Node: n.Name} }
	none := series.Series{}
	add(moved{who: n.Name, metric: "CPU that it uses, cores", formula: "median(rates(" + scene.CPUFormula(n) + "))", rows: says("node_info")}, scene.CPUUsed(n), none, 0.05)
	add(moved{who: n.Name, metric: "events that it publishes a second", formula: "median(rates(EventsPublished))", rows: says("node_info")}, n.Series(ergo.Node, "EventsPublished"), none, 1)
	add(moved{who: n.Name, metric: "bytes that it allocates a second", formula: "median(rates(total_alloc))", rows: says("runtime_stats")}, n.Series(ergo.Runtime, "total_alloc"), none, 1<<18)
	add(moved{who: n.Name, metric: "its goroutines", formula: "median(goroutines)", rows: says("runtime_stats")}, none, n.Series(ergo.Runtime, "goroutines"), 10)
	for k, p := range net.Pings {
		if k[0] == n.Name && k[1] != n.Name {
			rows := finding.Source{Tool: "network_ping", Node: n.Name, Row: k[1]}
			add(moved{peer: k[1], who: "the link from " + n.Name + " to " + k[1], metric: "round trips, ms", formula: "median(says('rtt ')) * 1000", rows: rows}, none, p, 0.2)
		}
	}
	slices.SortFunc(out, func(a, b moved) int {
		return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(a.who+a.metric, b.who+b.metric))
	})
	return out
}

// doubt says in a finding that something else moved most.
func doubt(f *finding.Finding, m *moved, before, since finding.Window) {
	f.Caveats = append(f.Caveats, fmt.Sprintf("Compared without knowing any kind of fault, what changed most then is %s (%s), of which no finding tells: it may be what lies behind this, or a change of its own.",
		m.who, m.metric))
	e := finding.Evidence{What: "what changed most, compared blindly: " + m.who, Node: m.node.Name, Tool: m.rows.Tool, From: &since.From, To: &since.To, Blind: true}
	e.Value("median.before", m.before, m.rows.Between(before.From, before.To).Of(m.formula))
	e.Value("median.since", m.since, m.rows.Between(since.From, since.To).Of(m.formula))
	f.Evidence = append(f.Evidence, e)
	if f.Confidence == finding.High {
		f.Confidence = finding.Medium
	}
}
