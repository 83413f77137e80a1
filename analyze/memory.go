package analyze

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
)

// memory judges what collections leave in the heap, never the sawtooth's
// peaks; and where nothing is retained, what is allocated and thrown away.
func memory(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		heap := n.series("runtime_stats", "heap_alloc")
		if heap.Len() < 8 {
			v.skip("%s: %d samples of runtime_stats, needs 8", n.Name, heap.Len())
			continue
		}
		profs, err := s.heaps(ctx, n)
		if err != nil {
			return err
		}
		if f := s.leakInALife(n, heap, profs); f != nil {
			v.find(f)
			continue
		}
		if f := s.churn(n, profs); f != nil {
			v.find(f)
			continue
		}
		half := heap.T[0].Add(heap.Span() / 2)
		v.fine("%s: the heap comes back after collections: %s left at the least in the first half of the window, %s in the second",
			n.Name, size(series.Quantile(heap.Before(half).V, 0)), size(series.Quantile(heap.From(half).V, 0)))
	}
	return nil
}

// leakInALife judges each life of the node by itself, the newest first: a heap
// starts again with its node. It is nil where none retains more and more.
func (s *scene) leakInALife(n *node, heap series.Series, profs heaps) *Finding {
	collections := n.series("runtime_stats", "num_gc")
	for _, life := range slices.Backward(n.livesIn(s)) {
		own := heap.Between(life.From, life.To)
		if own.Len() < 8 {
			continue
		}
		g, leaks := retained(own, collections.Between(life.From, life.To))
		then := profs.in(life)
		if !leaks && !g.keptByOne(then.tables()) {
			continue
		}
		f := s.memoryLeak(n, g, then, life.To)
		if life.To.Before(s.to) {
			f.End = &life.To
			f.Caveats = append(f.Caveats, "It ended with that life of the node.")
		}
		return f
	}
	return nil
}

// livesIn are the stretches of the window between the node's starts.
func (n *node) livesIn(s *scene) []Window {
	from := s.from
	var all []Window
	for _, start := range n.starts {
		all = append(all, Window{from, start})
		from = start
	}
	return append(all, Window{from, s.to.Add(1)})
}

// thisLife is when the node's newest life in the window began.
func (n *node) thisLife(s *scene) time.Time {
	all := n.livesIn(s)
	return all[len(all)-1].From
}

func (s *scene) memoryLeak(n *node, g retention, profs heaps, end time.Time) *Finding {
	s.sharpen(n, &g)
	f := &Finding{
		Kind: "memory_leak", Score: 84, Confidence: High,
		Onset: g.onset, OnsetErrorS: g.off.Seconds(),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(g.onset)},
		Evidence: []Evidence{{
			What: "heap left after collections", Node: n.Name, Tool: "runtime_stats", Field: "heap_alloc", From: &g.onset, To: &s.to,
			Values: map[string]any{"before_bytes": math.Round(g.before), "after_bytes": math.Round(g.after), "bytes_per_s": round(g.slope.PerSecond)}, Series: chart("bytes", g.low),
		}},
		Confirm: []string{"runtime_stats on " + n.Name + ": heap_alloc right after num_gc has grown", "pprof_heap on " + n.Name + ", twice, some minutes apart"},
	}
	where := ""
	found := profs.keepers(g.onset)
	if len(found) > 0 {
		k := found[0]
		f.Subject.Function = k.function
		f.Evidence = append(f.Evidence, Evidence{
			What: "bytes in use allocated by " + k.function, Node: n.Name, Tool: "pprof_heap", Field: "inuse",
			Values: map[string]any{"before_bytes": k.before, "after_bytes": k.after}, Records: k.records, Series: chart("bytes", k.inUse),
		})
		where = fmt.Sprintf(", allocated by %s (%s in use, before %s)", k.function, size(k.after), size(k.before))
		s.holder(n, k.function, Window{g.onset, end}, f)
		f.Recommendation = fmt.Sprintf("Look for what %s adds to and nothing takes from: a map whose keys never repeat, a slice that only grows, a cache without a limit.", k.function)
	} else {
		f.Confidence = Medium
		f.Recommendation = "Record pprof_heap on " + n.Name + " twice, some minutes apart, and compare what is in use by function."
		f.Caveats = append(f.Caveats, "No heap profile of the window shows which code allocates it.")
	}
	if g.slow {
		f.Score, f.Confidence = 68, Medium
	}
	who := short2(n.Name)
	if f.Subject.Name != "" {
		who = f.Subject.Name + " on " + who
	}
	f.Title = fmt.Sprintf("%s keeps %s more every second", who, size(g.slope.PerSecond))
	f.Summary = fmt.Sprintf("What collections leave on %s grows by %s a second since %s, from at most %s to %s%s.", n.Name, size(g.slope.PerSecond), clock(g.onset), size(g.before), size(g.after), where)
	f.Caveats = append(f.Caveats, "pprof_heap shows the last completed collection, by the function that allocates, not by the one that holds.")
	if at := s.exhausted(g); at != "" && end.After(s.to) {
		f.Summary += " " + at
	}
	return f
}

// sharpen takes the onset from the rate of allocation where that changed about
// when the growth began: it is measured between any two samples, the heap that
// is left only at collections.
func (s *scene) sharpen(n *node, g *retention) {
	if g.slow {
		return
	}
	changes, err := series.Changes(n.rates("runtime_stats", "total_alloc"), 0.001)
	if err != nil {
		return
	}
	slack := max(g.off, 15*time.Second)
	for _, c := range changes {
		if c.At.Sub(g.onset).Abs() <= slack && c.After-c.Before > 0.4*g.slope.PerSecond {
			// A rate's time is the end of its step.
			step := n.series("runtime_stats", "total_alloc").Interval()
			g.onset, g.off = c.At.Add(-step/2), c.Error+step/2
			return
		}
	}
}

// holder names the process in whose behavior's code the memory is allocated,
// where one process has that behavior.
func (s *scene) holder(n *node, function string, during Window, f *Finding) {
	behavior := profiles.BehaviorOf(function)
	if behavior == "" {
		return
	}
	var of []*actor
	for _, a := range n.procs.actors {
		if a.behavior == behavior && !a.last.Before(during.From) && a.first.Before(during.To) {
			of = append(of, a)
		}
	}
	if len(of) == 0 {
		// It ended with an earlier life of the node: its name is what is left.
		f.Subject.Name = n.procs.onlyName(behavior)
		if f.Subject.Name != "" {
			f.Subject.Behavior = behavior
		}
		return
	}
	f.Subject.Behavior, f.Subject.Application = behavior, of[0].application
	if len(of) == 1 {
		f.Subject.PID, f.Subject.Name = of[0].pid, of[0].name
		return
	}
	f.Caveats = append(f.Caveats, fmt.Sprintf("%d processes have the behavior %s; which of them it is cannot be told from the allocating function.", len(of), behavior))
}

// exhausted is when the heap reaches a round limit, in words: the node does
// not say how much memory its host has.
func (s *scene) exhausted(g retention) string {
	var said []string
	for _, limit := range []float64{1 << 30, 4 << 30} {
		if when, err := series.Reach(g.slope, s.to, limit); err == nil {
			said = append(said, fmt.Sprintf("%s in %s (%s to %s)", size(limit), short(when.Expected.Sub(s.to)), short(when.Earliest.Sub(s.to)), short(when.Latest.Sub(s.to))))
		}
	}
	if said == nil {
		return ""
	}
	return "If it goes on, it reaches " + strings.Join(said, ", ") + "."
}

const (
	// churnRatio is by how much allocation must rise, and churnCost from which
	// share of the CPU spent in collections it is worth a warning.
	churnRatio = 3
	churnCost  = 5 // percent
)

// churn finds allocation far above what it was, with nothing retained: nil
// where there is none.
func (s *scene) churn(n *node, profs heaps) *Finding {
	rates := n.rates("runtime_stats", "total_alloc")
	changes, err := series.Changes(rates, 0.001)
	if err != nil {
		return nil
	}
	collections := n.rates("runtime_stats", "num_gc")
	for i, c := range changes {
		end := s.to
		if i+1 < len(changes) {
			end = changes[i+1].At
		}
		during := rates.Between(c.At, end)
		gcBefore, gcAfter := series.Mean(collections.Before(c.At).V), series.Mean(collections.Between(c.At, end).V)
		if during.Len() < 5 || during.Span() < 10*time.Second || c.After < churnRatio*c.Before || gcAfter < churnRatio*gcBefore {
			continue
		}
		cost := gcCost(n, c.At, end)
		f := &Finding{
			Kind: "heap_churn", Score: 62, Confidence: Medium,
			Title:   fmt.Sprintf("%s allocates %s a second, before %s, and throws it away", short2(n.Name), size(c.After), size(c.Before)),
			Summary: fmt.Sprintf("Since %s allocation on %s is %s times what it was and collections are %s times as frequent (%s a second); what they leave does not grow. Collections take %s %% of the CPU.", clock(c.At), n.Name, number(c.After/c.Before), number(gcAfter/math.Max(gcBefore, 1e-9)), number(gcAfter), number(cost)),
			Subject: Subject{Node: n.Name, Incarnation: n.incarnation(c.At)},
			Onset:   c.At.Add(-rates.Interval() / 2), OnsetErrorS: c.Error.Seconds() + rates.Interval().Seconds()/2,
			Evidence: []Evidence{{
				What: "bytes allocated per second", Node: n.Name, Tool: "runtime_stats", Field: "total_alloc", From: &c.At, To: &end,
				Values: map[string]any{"before_bytes_per_s": round(c.Before), "after_bytes_per_s": round(c.After), "collections_per_s": round(gcAfter), "gc_cpu_percent": round(cost)}, Series: chart("bytes/s", rates),
			}},
			Recommendation: "Reuse buffers where the profile shows most allocations (sync.Pool, preallocated slices); look for conversions and formatting in callbacks that run often.",
			Confirm:        []string{"pprof_heap on " + n.Name + ": the alloc column, twice", "pprof_cpu on " + n.Name + ": runtime.mallocgc and runtime.gcBgMarkWorker"},
		}
		if cost >= churnCost {
			f.Score = 72
		}
		if end != s.to {
			f.End = &end
		}
		for _, tables := range [][]heapTable{profs.text, profs.raw} {
			if f.Subject.Function == "" {
				f.Subject.Function = allocator(tables, c.At, c.After-c.Before)
			}
		}
		s.holder(n, f.Subject.Function, Window{c.At, end}, f)
		return f
	}
	return nil
}

// gcCost is the share of the CPU, in percent, that collections took in a
// stretch. The runtime tells the share since the node's start.
func gcCost(n *node, from, to time.Time) float64 {
	share, up := n.series("runtime_stats", "gc_cpu_percent"), n.series("node_info", "Uptime")
	a, ok1 := share.At(from)
	b, ok2 := share.At(to)
	u, ok3 := up.At(from)
	w, ok4 := up.At(to)
	if !(ok1 && ok2 && ok3 && ok4) || w <= u {
		return 0
	}
	return max(0, (b*w-a*u)/(w-u))
}
