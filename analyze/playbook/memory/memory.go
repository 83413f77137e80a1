package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// judge judges what collections leave in the heap, never the sawtooth's
// peaks; and where nothing is retained, what is allocated and thrown away.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		heap := n.Series(ergo.Runtime, "heap_alloc")
		if heap.Len() < 8 {
			v.Skip("%s: %d samples of runtime_stats, needs 8", n.Name, heap.Len())
			continue
		}
		profs, err := s.Heaps(ctx, n)
		if err != nil {
			return err
		}
		if f := leakInALife(s, n, heap, profs); f != nil {
			v.Find(f)
			continue
		}
		f := Churn(s, n, profs)
		if f == nil {
			f = fallenChurn(s, n, profs)
		}
		if f == nil {
			f = olderChurn(s, n, profs)
		}
		if f != nil {
			ours, err := ofRecording(ctx, s, n, f)
			if err != nil {
				return err
			}
			load, err := ofLoad(ctx, s, n, f)
			if err != nil {
				return err
			}
			if load {
				v.Skip("%s: what it allocates rose no more than the messages that it handles, or than those of the one behavior that most of the more of them are of: no finding", n.Name)
				continue
			}
			if !ours {
				v.Find(f)
				continue
			}
			s.LeaveOut("allocation of %s that rose with the listings that it makes for the recorder or passes on: give it the endpoints of all nodes, or longer intervals", n.Name)
		}
		steady(s, n, heap, v)
	}
	return nil
}

// steady says so of a node without a finding, unless more was left all the same.
func steady(s *scene.Scene, n *scene.Node, heap series.Series, v *finding.Verdict) {
	half := heap.T[0].Add(heap.Span() / 2)
	first, second := series.Quantile(heap.Before(half).V, 0), series.Quantile(heap.From(half).V, 0)
	said := fmt.Sprintf("%s at the least in the first half, %s in the second, over %d samples", finding.Size(first), finding.Size(second), heap.Len())
	if second > grownHeap*first {
		v.Skip("%s: the heap: %s: too short or too uneven for a finding", n.Name, said)
		return
	}
	v.Fine("%s: the heap does not keep growing: %s", n.Name, said)
}

// grownHeap is by how much more than before a heap may leave to be called in
// order: collections alone let it double (GOGC=100).
const grownHeap = 2

// leakInALife judges each life of the node by itself, the newest first: a heap
// starts again with its node. A leak of several lives is one, since the first of
// them. It is nil where none retains more and more.
func leakInALife(s *scene.Scene, n *scene.Node, heap series.Series, profs scene.Heaps) *finding.Finding {
	var f *finding.Finding
	for _, life := range slices.Backward(n.LivesIn(s)) {
		older := leakIn(s, n, heap, profs, life)
		switch {
		case older == nil:
		case f == nil:
			f = older
		case f.Subject.Function == "" || older.Subject.Function == "" || f.Subject.Function == older.Subject.Function:
			f.Summary += fmt.Sprintf(" It leaked in an earlier life too, since %s: that it began anew did not mend it.", finding.Clock(older.Onset))
			f.Onset, f.OnsetErrorS = older.Onset, older.OnsetErrorS
			f.Evidence = append(f.Evidence, older.Evidence[0])
			if f.Subject.Function == "" {
				f.Subject = older.Subject
			}
		}
	}
	return f
}

func leakIn(s *scene.Scene, n *scene.Node, heap series.Series, profs scene.Heaps, life finding.Window) *finding.Finding {
	own := heap.Between(life.From, life.To)
	if own.Len() < 8 {
		return nil
	}
	g, leaks := retained(own, n.Series(ergo.Runtime, "num_gc").Between(life.From, life.To))
	then := profs.In(life)
	allocated := n.Series(ergo.Runtime, "total_alloc").Between(life.From, life.To)
	rates := n.Rates(ergo.Runtime, "total_alloc").Between(life.From, life.To)
	leaks = leaks && !g.beats(own, n.Series(ergo.Runtime, "num_gc"), allocated)
	if !leaks && !g.keepsMost(own, allocated) && !g.keepsSince(own, allocated, rates) && !g.keptByOne(then.Tables()) {
		return nil
	}
	f := memoryLeak(s, n, g, then, life.To)
	if g.fromStart {
		f.Caveats = append(f.Caveats, "It grew from the first sample of this life on: a cache that is still being filled looks the same until it is full.")
	}
	if life.To.Before(s.To) {
		f.End = &life.To
		f.Caveats = append(f.Caveats, "It ended with that life of the node.")
	}
	return f
}

func memoryLeak(s *scene.Scene, n *scene.Node, g retention, profs scene.Heaps, end time.Time) *finding.Finding {
	sharpen(n, &g)
	f := &finding.Finding{
		Kind: finding.MemoryLeak, Score: finding.Score(finding.MemoryLeak, g.after/g.slope.PerSecond), Confidence: finding.High,
		Onset: g.onset, OnsetErrorS: g.off.Seconds(),
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(g.onset)},
		Evidence: []finding.Evidence{{
			What: "heap left after collections", Node: n.Name, Tool: "runtime_stats", Field: "heap_alloc", From: &g.onset, To: &s.To, Series: finding.Chart("bytes", g.low),
		}},
		Confirm: []string{"runtime_stats on " + n.Name + ": heap_alloc right after num_gc has grown", "pprof_heap on " + n.Name + ", twice, some minutes apart"},
	}
	for name, v := range map[string]float64{"before_bytes": g.before, "after_bytes": g.after, "bytes_per_s": g.slope.PerSecond} {
		if by := g.by[name]; by.formula != "" {
			f.Evidence[0].Value(name, v, n.Says("runtime_stats", by.from, by.to).Of(by.formula))
		}
	}
	where := ""
	found := keepersSince(profs, g)
	if len(found) > 0 {
		k := found[0]
		f.Subject.Function = k.function
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: "bytes in use allocated by " + k.function, Node: n.Name, Tool: "pprof_heap", Field: "inuse",
			Records: k.records, Series: finding.Chart("bytes", k.inUse),
		})
		e := &f.Evidence[1]
		if !k.beforeAt.IsZero() {
			e.Value("before_bytes", k.before, held(n, k.function, k.beforeAt, k.raw))
		}
		e.Value("after_bytes", k.after, held(n, k.function, k.inUse.T[k.inUse.Len()-1], k.raw))
		where = fmt.Sprintf(", allocated by %s (%s in use, before %s)", k.function, finding.Size(k.after), finding.Size(k.before))
		holder(n, k.function, finding.Window{From: g.onset, To: end}, f)
		f.Recommendation = fmt.Sprintf("Look for what %s adds to and nothing takes from: a map whose keys never repeat, a slice that only grows, a cache without a limit.", k.function)
	} else {
		f.Confidence = finding.Medium
		f.Recommendation = "Record pprof_heap on " + n.Name + " twice, some minutes apart, and compare what is in use by function."
		f.Caveats = append(f.Caveats, "No heap profile of the window shows which code allocates it.")
	}
	if g.slow {
		f.Score, f.Confidence = min(f.Score, finding.Unsure), finding.Medium
	}
	who := finding.NodeName(n.Name)
	if f.Subject.Name != "" {
		who = f.Subject.Name + " on " + who
	}
	if g.of != "" && len(found) > 0 {
		f.Title = fmt.Sprintf("%s keeps more and more: %s, before %s", who, finding.Size(found[0].after), finding.Size(found[0].before))
		f.Summary = fmt.Sprintf("By the heap profiles of %s, what %s allocated and is still in use grows since %s: %s, before %s.", n.Name, found[0].function, finding.Clock(g.onset), finding.Size(found[0].after), finding.Size(found[0].before))
	} else {
		f.Title = fmt.Sprintf("%s keeps %s more every second", who, finding.Size(g.slope.PerSecond))
		f.Summary = fmt.Sprintf("What collections leave on %s grows by %s a second since %s, from at most %s to %s%s.", n.Name, finding.Size(g.slope.PerSecond), finding.Clock(g.onset), finding.Size(g.before), finding.Size(g.after), where)
	}
	f.Caveats = append(f.Caveats, "pprof_heap shows the last completed collection, by the function that allocates, not by the one that holds.")
	if at := exhausted(s, n, g); at != "" && end.After(s.To) {
		f.Summary += " " + at
		if limit, when := limitOf(n); limit > 0 {
			f.Evidence[0].Value("memory_limit", limit, n.Says("runtime_stats", when, when).Of("last(memory_limit)"))
		}
	}
	return f
}

// sharpen takes the onset from the rate of allocation where that changed about
// when the growth began: it is measured between any two samples, the heap that
// is left only at collections.
func sharpen(n *scene.Node, g *retention) {
	if g.slow {
		return
	}
	changes, err := series.Changes(n.Rates(ergo.Runtime, "total_alloc"), 0.001)
	if err != nil {
		return
	}
	slack := max(g.off, 15*time.Second)
	for _, c := range changes {
		if c.At.Sub(g.onset).Abs() <= slack && c.After-c.Before > 0.4*g.slope.PerSecond {
			// A rate's time is the end of its step.
			step := n.Series(ergo.Runtime, "total_alloc").Interval()
			g.onset, g.off = c.At.Add(-step/2), c.Error+step/2
			return
		}
	}
}

// exhausted is when the heap reaches the node's own limit, else a round one, in
// words: the node does not say how much memory its host has.
func exhausted(s *scene.Scene, n *scene.Node, g retention) string {
	var said []string
	limits := []float64{1 << 30, 4 << 30}
	limit, _ := limitOf(n)
	if limit > 0 {
		limits = []float64{limit}
	}
	for _, limit := range limits {
		if when, err := series.Reach(g.slope, s.To, limit); err == nil {
			said = append(said, fmt.Sprintf("%s in %s (%s to %s)", finding.Size(limit), finding.Duration(when.Expected.Sub(s.To)), finding.Duration(when.Earliest.Sub(s.To)), finding.Duration(when.Latest.Sub(s.To))))
		}
	}
	if said == nil && limit > g.after && g.slope.PerSecond > 0 {
		return fmt.Sprintf("The node's memory limit is %s. At this pace it is reached in about %s.", finding.Size(limit), finding.Seconds((limit-g.after)/g.slope.PerSecond))
	}
	if said == nil {
		return ""
	}
	if limit > 0 {
		return "If it goes on, it reaches the node's memory limit of " + said[0] + "; near it the node collects all the time."
	}
	return "If it goes on, it reaches " + strings.Join(said, ", ") + "."
}

// limitOf is the memory limit of a node's runtime in bytes; 0 where it has none, or
// does not say; and when it said so last.
func limitOf(n *scene.Node) (bytes float64, at time.Time) {
	limit := n.Series(ergo.Runtime, "memory_limit")
	const none = 1 << 62 // the runtime's own word for none is the largest number of 64 bits
	if limit.Len() == 0 || limit.V[limit.Len()-1] >= none {
		return 0, time.Time{}
	}
	return limit.V[limit.Len()-1], limit.T[limit.Len()-1]
}
