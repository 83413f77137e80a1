package analyze

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
)

const (
	// overSeen is how far above all that was seen before a growth must leave
	// the heap to be one: a heap that saws comes back to where it was.
	overSeen = 1.5
	// troughs is into how many stretches a window is cut to see whether the
	// lowest points of a sawtooth rise.
	troughs = 10
	// heapQuantum is what one sampled allocation stands for in a heap profile
	// (runtime.MemProfileRate); growths of a few of them are chance.
	heapQuantum = 512 << 10
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
		tables, err := s.heapTables(ctx, n)
		if err != nil {
			return err
		}
		life := n.thisLife(s)
		g, leaks := retained(heap.From(life), n.series("runtime_stats", "num_gc").From(life))
		if leaks || g.keptByOne(tables, life) {
			f, err := s.memoryLeak(n, g, tables)
			if err != nil {
				return err
			}
			v.find(f)
			continue
		}
		if f := s.churn(n, tables); f != nil {
			v.find(f)
			continue
		}
		v.fine("%s: the heap comes back after collections: %s left at the least in the first half of the window, %s in the second", n.Name, size(g.earlyLow), size(g.lateLow))
	}
	return nil
}

// thisLife is when the node's newest life in the window began.
func (n *node) thisLife(s *scene) time.Time {
	if len(n.starts) == 0 {
		return s.from
	}
	return n.starts[len(n.starts)-1]
}

// A retention is what collections leave more and more of.
type retention struct {
	low               series.Series // what was left after collections
	onset             time.Time
	off               time.Duration
	slope             series.Slope // since the onset
	before, after     float64      // bytes: the most that was left before the onset, the least of late
	earlyLow, lateLow float64      // bytes: the least left in each half of the window
	slow              bool         // told by the troughs only
}

// retained tells whether what is left after collections grows without coming
// back: either the least of late is far above the most that was ever left
// before, or, for slow growths, the troughs of the sawtooth rise throughout.
func retained(heap, collections series.Series) (retention, bool) {
	g := retention{low: series.LowPoints(heap, collections)}
	half := heap.T[0].Add(heap.Span() / 2)
	g.earlyLow, g.lateLow = series.Quantile(heap.Before(half).V, 0), series.Quantile(heap.From(half).V, 0)
	if g.low.Len() < 8 {
		return g, false
	}
	knee, err := series.FindKnee(g.low)
	if err == nil && g.above(knee.At) && knee.P < 0.001 {
		g.onset, g.off = knee.At, knee.Error
		return g, true
	}
	return g, g.outgrows() || g.rises()
}

// outgrows tells a slow growth by the latest troughs of the saw.
func (g *retention) outgrows() bool {
	low := bottoms(g.low)
	k := records(low, 0.001)
	return k > 0 && g.since(low, k)
}

// records is how many of the last values are each higher than any before, 0
// where that may be chance: that the last k of n come in this order has a
// probability of (n-k)!/n! (Rényi, "Théorie des éléments saillants d'une suite
// d'observations", 1962).
func records(s series.Series, chance float64) int {
	n, k, p := s.Len(), 0, 1.0
	for k < n-2 && s.V[n-1-k] > series.Quantile(s.V[:n-1-k], 1) {
		p /= float64(n - k)
		k++
	}
	if k < 3 || p >= chance {
		return 0
	}
	return k
}

// since takes the growth from its last k points. The line through them meets
// what was usual before at the onset.
func (g *retention) since(points series.Series, k int) bool {
	n := points.Len()
	before, rising := points.Before(points.T[n-k]), points.From(points.T[n-k])
	g.before, g.after = series.Quantile(before.V, 1), rising.V[k-1]
	if g.after < overSeen*g.before || g.after-g.before < 8*heapQuantum {
		return false
	}
	first, last := rising.T[0], rising.T[k-1]
	pace := (rising.V[k-1] - rising.V[0]) / last.Sub(first).Seconds()
	g.slope = series.Slope{PerSecond: pace, Origin: first, Level: rising.V[0], Samples: k}
	back := time.Duration((rising.V[0] - series.Median(before.V)) / pace * float64(time.Second))
	g.onset = later(first.Add(-back), before.T[0])
	g.off, g.slow = max(last.Sub(first)/time.Duration(2*k), time.Second), true
	return true
}

// keptByOne tells a slow growth by the heap profiles: what one function has in
// use rises from profile to profile, to three times what it was, and no
// collection since has left less than that. (A saw whose teeth and profiles
// fall together can rise so, but its collections come back.)
func (g *retention) keptByOne(tables []heapTable, life time.Time) bool {
	tables = slices.DeleteFunc(slices.Clone(tables), func(t heapTable) bool { return t.at.Before(life) })
	if len(tables) < 5 {
		return false
	}
	for _, r := range tables[len(tables)-1].inUse.Rows {
		var inUse series.Series
		for _, t := range tables {
			row, _ := t.inUse.Row(r.Function)
			inUse.Add(t.at, float64(row.Flat))
		}
		k := records(inUse, 0.01)
		if k == 0 {
			continue
		}
		was := series.Quantile(inUse.V[:inUse.Len()-k], 1)
		kept := inUse.V[inUse.Len()-2]
		low := g.low.From(inUse.T[inUse.Len()-2])
		if float64(r.Flat) < 3*was || low.Len() == 0 || series.Quantile(low.V, 0) < kept {
			continue
		}
		if g.since(inUse, k) {
			return true
		}
	}
	return false
}

// bottoms are the lowest points between two peaks of a saw; a peak is half as
// high again as the bottoms on its sides.
func bottoms(s series.Series) series.Series {
	const tooth = 1.5
	var out series.Series
	low, high, falling := 0, 0, true
	for i, v := range s.V {
		if falling {
			if v < s.V[low] {
				low = i
			}
			if v > tooth*s.V[low] {
				out.Add(s.T[low], s.V[low])
				falling, high = false, i
			}
			continue
		}
		if v > s.V[high] {
			high = i
		}
		if v < s.V[high]/tooth {
			falling, low = true, i
		}
	}
	return out
}

// above tells a growth from an instant on that has left all behind that was
// seen before: at least a third of the points since, and the least of late
// half as much again as the most before.
func (g *retention) above(since time.Time) bool {
	before, after := g.low.Before(since), g.low.From(since)
	if before.Len() < 4 || after.Len() < 4 {
		return false
	}
	g.before = series.Quantile(before.V, 1)
	late := after.V[len(after.V)-max(2, len(after.V)/3):]
	g.after = series.Quantile(late, 0)
	if g.after < overSeen*g.before {
		return false
	}
	slope, err := series.TheilSen(after)
	if err != nil {
		// Collections become rare as the heap grows: too few for an interval.
		first, last := after.T[0], after.T[after.Len()-1]
		slope = series.Slope{PerSecond: (g.after - after.V[0]) / last.Sub(first).Seconds(), Origin: first, Level: after.V[0], Samples: after.Len()}
	} else if !slope.Grows() {
		return false
	}
	g.slope = slope
	return slope.PerSecond > 0
}

// rises tells a slow growth by the lowest points of equal stretches, each long
// enough to hold a whole tooth of the saw: they must rise as a series, and by
// more than they scatter.
func (g *retention) rises() bool {
	var low series.Series
	width := g.low.Span() / troughs
	for i := range time.Duration(troughs) {
		from := g.low.T[0].Add(i * width)
		part := g.low.Between(from, from.Add(width))
		if part.Len() == 0 {
			continue
		}
		at := 0
		for j, v := range part.V {
			if v < part.V[at] {
				at = j
			}
		}
		low.Add(part.T[at], part.V[at])
	}
	if g.low.Len() < 3*troughs || falls(g.low) < troughs/2 {
		return false
	}
	trend, err := series.MannKendall(low)
	if err != nil || !trend.Rises(0.001) {
		return false
	}
	if g.slope, err = series.TheilSen(low); err != nil || !g.slope.Grows() {
		return false
	}
	grown := g.slope.PerSecond * low.Span().Seconds()
	rest := make([]float64, low.Len())
	for i := range rest {
		rest[i] = low.V[i] - g.slope.Value(low.T[i])
	}
	scatter := series.Quantile(rest, 1) - series.Quantile(rest, 0)
	g.onset, g.off, g.slow = low.T[0], g.low.Span()/4, true
	if knee, err := series.FindKnee(low); err == nil && knee.P < 0.01 && knee.After > knee.Before {
		g.onset, g.off = knee.At, max(knee.Error, width)
	}
	g.before, g.after = low.V[0], low.V[low.Len()-1]
	return grown > 2*scatter && grown > 0.5*math.Max(low.V[0], 8*heapQuantum)
}

// falls counts how often a series came down to less than two thirds of what it
// had been: the teeth of a saw.
func falls(s series.Series) int {
	n, high := 0, 0.0
	for _, v := range s.V {
		if v < high*2/3 {
			n, high = n+1, v
		}
		high = max(high, v)
	}
	return n
}

// A heapTable is one heap profile of a node, by function.
type heapTable struct {
	at               time.Time
	inUse, allocated profiles.Table
	record           string
}

// heapTables are the heap profiles of a node, text or raw, by time.
func (s *scene) heapTables(ctx context.Context, n *node) ([]heapTable, error) {
	var all []heapTable
	for smp, err := range s.rec.Samples(ctx, n.Name, "pprof_heap", s.from, s.to) {
		if err != nil {
			if damaged(err) {
				continue
			}
			return nil, err
		}
		if inUse, allocated, err := profiles.ParseHeap(string(smp.Text)); err == nil && smp.Failure == nil {
			all = append(all, heapTable{smp.At, inUse, allocated, recordName(n.Name, "pprof_heap", smp.At)})
		}
	}
	for p, err := range s.rec.Profiles(ctx, n.Name, "heap", s.from, s.to) {
		if err != nil {
			if damaged(err) {
				continue
			}
			return nil, err
		}
		raw, err := profiles.ParseRaw(p.Raw)
		if err != nil {
			continue
		}
		inUse, err1 := raw.Top("inuse_space", "")
		allocated, err2 := raw.Top("alloc_space", "")
		if err1 == nil && err2 == nil {
			all = append(all, heapTable{p.At, inUse, allocated, recordName(n.Name, "heap", p.At)})
		}
	}
	slices.SortStableFunc(all, func(a, b heapTable) int { return a.at.Compare(b.at) })
	return all, nil
}

// A keeper is a function whose allocations are retained more and more.
type keeper struct {
	function      string
	before, after float64 // bytes in use
	inUse         series.Series
	records       []string
}

// keepers are the functions whose allocations in use grew between the heap
// profiles before t and the last one, most first, application code before any
// other.
func keepers(tables []heapTable, t time.Time) []keeper {
	if len(tables) < 2 {
		return nil
	}
	last := tables[len(tables)-1]
	var all []keeper
	for _, r := range last.inUse.Rows {
		k := keeper{function: r.Function, after: float64(r.Flat)}
		for _, table := range tables {
			row, _ := table.inUse.Row(r.Function)
			k.inUse.Add(table.at, float64(row.Flat))
			if !table.at.After(t) {
				k.before = max(k.before, float64(row.Flat))
			}
			k.records = append(k.records, table.record)
		}
		if k.after-k.before >= 4*heapQuantum && k.after >= 2*k.before {
			all = append(all, k)
		}
	}
	application := func(k keeper) int {
		if profiles.OriginOf(k.function) == profiles.Application {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b keeper) int {
		return cmp.Or(cmp.Compare(application(a), application(b)), cmp.Compare(b.after-b.before, a.after-a.before))
	})
	return all
}

func (s *scene) memoryLeak(n *node, g retention, tables []heapTable) (*Finding, error) {
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
	found := keepers(tables, g.onset)
	if len(found) > 0 {
		k := found[0]
		f.Subject.Function = k.function
		f.Evidence = append(f.Evidence, Evidence{
			What: "bytes in use allocated by " + k.function, Node: n.Name, Tool: "pprof_heap", Field: "inuse",
			Values: map[string]any{"before_bytes": k.before, "after_bytes": k.after}, Records: k.records, Series: chart("bytes", k.inUse),
		})
		where = fmt.Sprintf(", allocated by %s (%s in use, before %s)", k.function, size(k.after), size(k.before))
		s.holder(n, k.function, g, f)
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
	if at := s.exhausted(g); at != "" {
		f.Summary += " " + at
	}
	return f, nil
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
func (s *scene) holder(n *node, function string, g retention, f *Finding) {
	behavior := profiles.BehaviorOf(function)
	if behavior == "" {
		return
	}
	var of []*actor
	for _, a := range n.procs.actors {
		if a.behavior == behavior && !a.last.Before(g.onset) {
			of = append(of, a)
		}
	}
	if len(of) == 0 {
		return
	}
	f.Subject.Behavior, f.Subject.Application = behavior, of[0].application
	if len(of) == 1 {
		f.Subject.PID, f.Subject.Name = of[0].pid, of[0].name
		return
	}
	f.Caveats = append(f.Caveats, fmt.Sprintf("%d processes have the behavior %s; which of them holds the memory cannot be told from the allocating function.", len(of), behavior))
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
func (s *scene) churn(n *node, tables []heapTable) *Finding {
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
			Kind: "heap_churn", Score: 52, Confidence: Medium,
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
			f.Score = 66
		}
		if end != s.to {
			f.End = &end
		}
		f.Subject.Function = allocator(tables, c.At)
		return f
	}
	return nil
}

// allocator is the application function that allocated most since t, "" where
// the heap profiles do not tell.
func allocator(tables []heapTable, t time.Time) string {
	var before *heapTable
	for i := range tables {
		if !tables[i].at.After(t) || before == nil {
			before = &tables[i]
		}
	}
	if before == nil {
		return ""
	}
	diff := profiles.Diff(before.allocated, tables[len(tables)-1].allocated)
	for _, r := range diff.Of(profiles.Application) {
		if r.Flat > 0 {
			return r.Function
		}
	}
	return ""
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
