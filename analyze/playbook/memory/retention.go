package memory

import (
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/scene"
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

// A retention is what collections leave more and more of.
type retention struct {
	low           series.Series // what was left after collections
	onset         time.Time
	off           time.Duration
	slope         series.Slope // since the onset
	before, after float64      // bytes: the most that was left before the onset, the least of late
	slow          bool         // told by the troughs only
	fromStart     bool         // there is no stretch without it

	// How the tool measure comes to before, after and slope: a formula over the
	// heap, and of which stretch.
	by map[string]asked
	of string // the function of which a heap profile tells it; "" for the heap
}

// An asked value is a formula and the stretch that it is taken over.
type asked struct {
	formula  string
	from, to time.Time
}

// left is what collections leave, as a formula.
const left = "low(heap_alloc, num_gc)"

// over is a formula over the stretch of a series.
func over(formula string, s series.Series) asked {
	return asked{formula, s.T[0], s.T[s.Len()-1]}
}

// retained tells whether what is left after collections grows without coming
// back: either the least of late is far above the most that was ever left
// before, or, for slow growths, the troughs of the sawtooth rise throughout.
func retained(heap, collections series.Series) (retention, bool) {
	g := retention{low: series.LowPoints(heap, collections)}
	if g.low.Len() < 8 {
		return g, g.climbs()
	}
	knee, err := series.FindKnee(g.low)
	if err == nil && g.above(knee.At) && knee.P < 0.001 {
		g.onset, g.off = knee.At, knee.Error
		return g, true
	}
	return g, g.outgrows() || g.rises() || g.grows() || g.climbs()
}

const (
	// sinceStart is for how long a heap must have grown from the first sample
	// on: a node that starts fills its heap.
	sinceStart = time.Minute
	// flattens is the share of the pace that the last third of a growth keeps
	// at least, if it is none that comes to its end: a cache, a warm-up.
	flattens = 0.5
)

// grows tells a growth without a stretch before it: from the first sample on,
// what is left rises and does not flatten.
func (g *retention) grows() bool {
	c, ok := series.Bar{Share: overSeen - 1, Least: 8 * heapQuantum}.Growth(g.low)
	if !ok || !c.StillGrows() {
		return false
	}
	since := g.low.From(c.Onset)
	n := since.Len()
	last := since.From(since.T[0].Add(since.Span() * 2 / 3))
	if since.Span() < sinceStart || last.Len() < 2 {
		return false
	}
	pace := (last.V[last.Len()-1] - last.V[0]) / last.Span().Seconds()
	if late, err := series.TheilSen(last); err == nil {
		pace = late.PerSecond
	}
	if pace < flattens*c.Slope.PerSecond || since.V[n-1] < overSeen*c.Before {
		return false
	}
	g.onset, g.off, g.slope, g.before, g.after = c.Onset, c.Off, c.Slope, c.Before, c.After
	g.fromStart, g.by = !c.Onset.After(g.low.T[0]), nil
	return true
}

// climbs tells a growth from the first sample on of which there are few
// collections, for the runtime collects when the heap has doubled: each left
// more than all before, as long as it went on, and the last at the pace of all.
// That n values come in ascending order by chance has a probability of 1/n!.
func (g *retention) climbs() bool {
	const fewest = 6 // one in 720
	return g.low.Len() >= fewest && g.low.Span() >= sinceStart && g.ascends()
}

// beats reports whether a growth may be but the beat of two clocks: where as many collections come
// between any two samples, each sample is a little later in its tooth of the saw than the one
// before, and what it shows may be garbage, up to all that was allocated since that one.
func (g *retention) beats(heap, collections, allocated series.Series) bool {
	heap = heap.From(g.onset)
	per, garbage := -1.0, 0.0
	for i := 1; i < heap.Len(); i++ {
		was, ok := collections.At(heap.T[i-1])
		is, also := collections.At(heap.T[i])
		if !ok || !also || is == was || per >= 0 && is-was != per {
			return false
		}
		per = is - was
		from, ok := allocated.At(heap.T[i-1])
		to, also := allocated.At(heap.T[i])
		if !ok || !also {
			return false
		}
		garbage = max(garbage, to-from)
	}
	return per > 0 && g.after-g.before <= garbage
}

// keepsMost tells such a growth by fewer collections yet: at least half of all that was
// allocated between the first and the last of them is still there. Garbage that a saw
// would drop cannot be so little.
func (g *retention) keepsMost(heap, allocated series.Series) bool {
	const fewest, most = 4, 0.5
	n := g.low.Len()
	if n < fewest || heap.Span() < sinceStart || g.low.Span() < sinceStart/2 {
		return false
	}
	from, ok := allocated.At(g.low.T[0])
	to, also := allocated.At(g.low.T[n-1])
	kept := g.low.V[n-1] - g.low.V[0]
	if !ok || !also || kept < 16*heapQuantum || kept < most*(to-from) {
		return false
	}
	pace := func(i, k int) float64 { return (g.low.V[k] - g.low.V[i]) / g.low.T[k].Sub(g.low.T[i]).Seconds() }
	return pace(0, 1) >= flattens*pace(0, n-1) && g.ascends() // else it began later
}

// keepsSince tells such a growth that began later, with the allocation that it keeps: a
// node that hardly works collects too seldom to have left four values by then. What it
// leaves must be two doublings above all that it left before.
func (g *retention) keepsSince(heap, allocated, rates series.Series) bool {
	const much = 4
	changes, err := series.Changes(rates, 0.001)
	if err != nil || g.low.Len() == 0 {
		return false
	}
	step := allocated.Interval()
	for _, c := range changes {
		before, since := g.low.Before(c.At), retention{low: g.low.From(c.At.Add(step))}
		if c.After <= c.Before || before.Len() == 0 || g.low.V[g.low.Len()-1] < much*series.Quantile(before.V, 1) {
			continue
		}
		if since.keepsMost(heap, allocated) {
			*g = since
			g.onset, g.off, g.fromStart = c.At.Add(-step/2), c.Error+step/2, false // a rate's time is the end of its step
			return true
		}
	}
	return false
}

// ascends takes a growth of which each collection left more than all before, two
// doublings in all, the last at the pace of all.
func (g *retention) ascends() bool {
	const much = 4
	n := g.low.Len()
	if !slices.IsSorted(g.low.V) || g.low.V[0] <= 0 || g.low.V[n-1] < much*g.low.V[0] {
		return false
	}
	pace := func(i int) float64 { return (g.low.V[n-1] - g.low.V[i]) / g.low.T[n-1].Sub(g.low.T[i]).Seconds() }
	if pace(n-2) < flattens*pace(0) {
		return false
	}
	g.onset, g.off, g.fromStart = g.low.T[0], g.low.Interval(), true
	g.by = map[string]asked{
		"before_bytes": {"last(heap_alloc)", g.low.T[0], g.low.T[0]},
		"after_bytes":  {"last(heap_alloc)", g.low.T[n-1], g.low.T[n-1]},
		"bytes_per_s":  {"change(heap_alloc) / span(heap_alloc)", g.low.T[0], g.low.T[n-1]},
	}
	g.before, g.after = g.low.V[0], g.low.V[n-1]
	g.slope = series.Slope{PerSecond: pace(0), Origin: g.onset, Level: g.before, Samples: n}
	return true
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
	top := slices.Index(before.V, g.before)
	g.by = map[string]asked{
		"before_bytes": {"last(heap_alloc)", before.T[top], before.T[top]},
		"after_bytes":  {"last(heap_alloc)", last, last},
		"bytes_per_s":  {"change(heap_alloc) / span(heap_alloc)", first, last},
	}
	pace := (rising.V[k-1] - rising.V[0]) / last.Sub(first).Seconds()
	g.slope = series.Slope{PerSecond: pace, Origin: first, Level: rising.V[0], Samples: k}
	back := time.Duration((rising.V[0] - series.Median(before.V)) / pace * float64(time.Second))
	g.onset = series.Later(first.Add(-back), before.T[0])
	g.off, g.slow = max(last.Sub(first)/time.Duration(2*k), time.Second), true
	return true
}

// keptByOne tells a slow growth by the heap profiles: what one function has in
// use rises from profile to profile, to three times what it was, and no
// collection since has left less than that. (A saw whose teeth and profiles
// fall together can rise so, but its collections come back.)
func (g *retention) keptByOne(tables []scene.HeapTable) bool {
	if len(tables) < 5 {
		return false
	}
	for _, r := range tables[len(tables)-1].InUse.Rows {
		var inUse series.Series
		for _, t := range tables {
			row, _ := t.InUse.Row(r.Function)
			inUse.Add(t.At, float64(row.Flat))
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
		if !flat(inUse, k) && g.since(inUse, k) {
			g.by, g.of = nil, r.Function
			return true
		}
	}
	return false
}

// flat reports whether the last k points rise no more at the pace of all of
// them: what fills up comes to its end.
func flat(s series.Series, k int) bool {
	from, last := s.Len()-k, s.Len()-1
	late := from + 2*k/3
	if late >= last {
		late = last - 1
	}
	pace := func(i int) float64 { return (s.V[last] - s.V[i]) / s.T[last].Sub(s.T[i]).Seconds() }
	return pace(late) < flattens*pace(from)
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
	if g.after < overSeen*g.before || fills(after) {
		return false
	}
	latest := after.From(after.T[len(after.V)-max(2, len(after.V)/3)])
	g.by = map[string]asked{
		"before_bytes": over("max("+left+")", before), "after_bytes": over("min(heap_alloc)", latest), "bytes_per_s": over("slope("+left+")", after),
	}
	slope, err := series.TheilSen(after)
	if err != nil {
		g.by["bytes_per_s"] = over(fmt.Sprintf("(%v - first(heap_alloc)) / span(%s)", g.after, left), after)
		// Collections become rare as the heap grows: too few for an interval.
		first, last := after.T[0], after.T[after.Len()-1]
		slope = series.Slope{PerSecond: (g.after - after.V[0]) / last.Sub(first).Seconds(), Origin: first, Level: after.V[0], Samples: after.Len()}
	} else if !slope.Grows() {
		return false
	}
	g.slope = slope
	return slope.PerSecond > 0 && paceOfLate(before) <= slope.PerSecond
}

// paceOfLate is how fast a series grew a second in the latter half of its time: what
// grew faster before does not begin to grow.
func paceOfLate(s series.Series) float64 {
	late := s.From(s.T[0].Add(s.Span() / 2))
	if late.Len() < 2 {
		return 0
	}
	return (late.V[late.Len()-1] - late.V[0]) / late.Span().Seconds()
}

// fills reports whether a growth comes to its end: of three thirds of its time, the
// last is hardly higher than the one before, which was higher than the first. So a
// cache fills up, and a node that has started warms up.
func fills(s series.Series) bool {
	const hardly = 0.25
	var thirds [3]float64
	third := s.Span() / 3
	for i := range thirds {
		from := s.T[0].Add(time.Duration(i) * third)
		part := s.Between(from, from.Add(third+1))
		if part.Len() < 2 {
			return false
		}
		thirds[i] = series.Median(part.V)
	}
	return thirds[2]-thirds[1] < hardly*(thirds[1]-thirds[0])
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
	dents := fmt.Sprintf("troughs(%s, %d)", left, troughs)
	g.by = map[string]asked{
		"before_bytes": over("first("+dents+")", g.low), "after_bytes": over("last("+dents+")", g.low), "bytes_per_s": over("slope("+dents+")", g.low),
	}
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
