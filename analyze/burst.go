package analyze

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A step is how many events were counted in a stretch.
type step struct {
	from, to time.Time
	first    time.Time // when the first of them was, if that is known
	events   float64
}

// steps are what a cumulative counter gained between samples. Steps across a
// restart are left out.
func steps(counter series.Series, breaks ...time.Time) []step {
	var all []step
	for i := 1; i < counter.Len(); i++ {
		pair := series.Series{T: counter.T[i-1 : i+1], V: counter.V[i-1 : i+1]}
		if gained, seen := series.Increase(pair, breaks...); seen > 0 {
			all = append(all, step{from: counter.T[i-1], to: counter.T[i], events: gained})
		}
	}
	return all
}

// A burst is events that became far more frequent from an instant on.
type burst struct {
	onset         time.Time
	off           time.Duration
	end           time.Time // of the last step with events
	before, after series.Count
	p             float64
}

const (
	// burstP is the probability of error at which events count as more
	// frequent, after allowing for every place that was tried; minBurst the
	// fewest events worth a warning, and burstRatio by how much their rate must
	// rise: all three, so that neither a rare event nor a busy log is a burst.
	burstP     = 1e-4
	minBurst   = 5
	burstRatio = 3
	// baseline is how long, at least, a stretch must be to compare with.
	baseline = 10 * time.Second
)

// findBurst is the most telling stretch in which events are more frequent than
// before it: a scan over all places for the greatest likelihood ratio (Kulldorff,
// "A Spatial Scan Statistic", 1997), first of where it began, then of where it
// ended, and an exact test of what was found. Without a baseline there is none.
func findBurst(all []step) (b burst, ok bool) {
	last := lastEvent(all)
	total := countOf(all[:last+1])
	var before series.Count
	best, at, places := 0.0, -1, 0
	for i, s := range all[:last+1] {
		if s.events > 0 && before.Seconds >= baseline.Seconds() {
			places++
			after := series.Count{Events: total.Events - before.Events, Seconds: total.Seconds - before.Seconds}
			if l := likelihood(before, after); l > best {
				best, at, b.before = l, i, before
			}
		}
		before.Events += s.events
		before.Seconds += s.to.Sub(s.from).Seconds()
	}
	if at < 0 {
		return b, false
	}
	b.onset, b.off = middle(all[at].from, all[at].to)
	if !all[at].first.IsZero() {
		b.onset, b.off = all[at].first, 0
	}
	end := at + spanOf(b.before, all[at:last+1])
	b.after, b.end = countOf(all[at:end]), all[end-1].to
	// What came later, once it was over, belongs to what is usual: one batch
	// of several is no burst.
	usual := slices.Concat(all[:at], all[end:])
	rest := countOf(usual)
	b.p = series.TestCounts(rest, b.after, series.Dispersion(eventsOf(usual))) * float64(places)
	return b, b.p < burstP && b.after.Events >= minBurst && b.after.Rate() > burstRatio*rest.Rate()
}

// spanOf is how many steps, from the first on, differ most from before.
func spanOf(before series.Count, all []step) (n int) {
	var after series.Count
	best := 0.0
	for i, s := range all {
		after.Events += s.events
		after.Seconds += s.to.Sub(s.from).Seconds()
		if l := likelihood(before, after); s.events > 0 && l >= best {
			best, n = l, i+1
		}
	}
	return n
}

func eventsOf(all []step) []float64 {
	v := make([]float64, len(all))
	for i, s := range all {
		v[i] = s.events
	}
	return v
}

// likelihood is the logarithm of how much likelier the counts are with two
// rates than with one, 0 where the later rate is not the higher.
func likelihood(before, after series.Count) float64 {
	if after.Rate() <= before.Rate() {
		return 0
	}
	sum := before.Events + after.Events
	expected := sum * after.Seconds / (before.Seconds + after.Seconds)
	l := after.Events * math.Log(after.Events/expected)
	if before.Events > 0 {
		l += before.Events * math.Log(before.Events/(sum-expected))
	}
	return l
}

func lastEvent(all []step) int {
	last := -1
	for i, s := range all {
		if s.events > 0 {
			last = i
		}
	}
	return last
}

func countOf(all []step) (c series.Count) {
	for _, s := range all {
		c.Events += s.events
		c.Seconds += s.to.Sub(s.from).Seconds()
	}
	return c
}

// within is the steps of a stretch.
func within(all []step, w Window) []step {
	var out []step
	for _, s := range all {
		if !s.from.Before(w.From) && !s.to.After(w.To) {
			out = append(out, s)
		}
	}
	return out
}
