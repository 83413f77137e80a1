package analyze

import (
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

// findBurst is the most telling place from which events are more frequent than
// before: a scan over all places for the least likely count (after Kulldorff,
// "A Spatial Scan Statistic", 1997). Without a baseline there is none.
func findBurst(all []step) (b burst, ok bool) {
	var total series.Count
	last := -1
	for i, s := range all {
		if s.events > 0 {
			last = i
		}
	}
	for _, s := range all[:last+1] {
		total.Events += s.events
		total.Seconds += s.to.Sub(s.from).Seconds()
	}
	var before series.Count
	squares := 0.0 // of the counts before
	b.p = 1
	places := 0
	for i, s := range all[:last+1] {
		if s.events > 0 && before.Seconds >= baseline.Seconds() {
			places++
			after := series.Count{Events: total.Events - before.Events, Seconds: total.Seconds - before.Seconds}
			mean := before.Events / float64(i)
			spread := (squares/float64(i) - mean*mean) / mean // above 1 for events in clusters; NaN for none
			if p := series.TestCounts(before, after, spread); p < b.p {
				onset, off := middle(s.from, s.to)
				if !s.first.IsZero() {
					onset, off = s.first, 0
				}
				b = burst{onset: onset, off: off, end: all[last].to, before: before, after: after, p: p}
			}
		}
		before.Events += s.events
		squares += s.events * s.events
		before.Seconds += s.to.Sub(s.from).Seconds()
	}
	b.p *= float64(places)
	ok = b.p < burstP && b.after.Events >= minBurst && b.after.Rate() > burstRatio*b.before.Rate()
	return b, ok
}
