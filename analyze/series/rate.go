package series

import (
	"slices"
	"time"
)

// Rates is the rate per second of a cumulative counter: the sample at T[i] is
// the mean rate since the sample before it.
//
// A counter starts again from 0 when its node restarts. No rate is given for
// a step in which it fell, nor for one that holds one of breaks (the starts of
// new incarnations, for counters that overtook their old value before they
// were seen again): what was counted in between is not known.
func Rates(counter Series, breaks ...time.Time) Series {
	var r Series
	for i := 1; i < counter.Len(); i++ {
		dt := counter.T[i].Sub(counter.T[i-1]).Seconds()
		dv := counter.V[i] - counter.V[i-1]
		if dt <= 0 || dv < 0 || crosses(counter.T[i-1], counter.T[i], breaks) {
			continue
		}
		r.T = append(r.T, counter.T[i])
		r.V = append(r.V, dv/dt)
	}
	return r
}

// Increase is how much a cumulative counter grew over the series, and over how
// many seconds that was seen. As in [Rates], steps across a restart count for
// neither.
func Increase(counter Series, breaks ...time.Time) (grown, seconds float64) {
	for i := 1; i < counter.Len(); i++ {
		dv := counter.V[i] - counter.V[i-1]
		if dv < 0 || crosses(counter.T[i-1], counter.T[i], breaks) {
			continue
		}
		grown += dv
		seconds += counter.T[i].Sub(counter.T[i-1]).Seconds()
	}
	return grown, seconds
}

func crosses(from, to time.Time, breaks []time.Time) bool {
	for _, b := range breaks {
		if b.After(from) && !b.After(to) {
			return true
		}
	}
	return false
}

// LowPoints is the heap that is left after a collection, from samples of the
// live heap and the number of collections (cumulative) at the same times: of
// each stretch between two collections, the lowest sample. Stretches that
// hold no sample have none. Within a stretch the heap only grows, so its first
// sample is the nearest to what the collection left; where collections are more
// frequent than samples, the points still contain some of the sawtooth, and a
// low [Quantile] or [TheilSen] over several of them is what is retained.
func LowPoints(heap, collections Series) Series {
	var low Series
	last := 0.0
	for i, t := range heap.T {
		gc, ok := collections.At(t)
		if !ok {
			continue
		}
		n := low.Len()
		switch {
		case n == 0 || gc != last:
			low.T, low.V = append(low.T, t), append(low.V, heap.V[i])
		case heap.V[i] < low.V[n-1]:
			low.T[n-1], low.V[n-1] = t, heap.V[i]
		}
		last = gc
	}
	return low
}

// Sum adds two counters that were read together.
func Sum(a, b Series) Series {
	var c Series
	for i, t := range a.T {
		x, _ := b.At(t)
		c.Add(t, a.V[i]+x)
	}
	return c
}

// Without is a counter without the given events. It never falls: an event that
// the node counted later than we did is taken off later.
func Without(counter Series, events []time.Time) Series {
	var out Series
	i, high := 0, 0.0
	last, taken := 0.0, 0.0
	for k, t := range counter.T {
		for i < len(events) && !events[i].After(t) {
			i++
		}
		if k > 0 && counter.V[k] < last {
			high, taken = 0, float64(i) // a new life
		}
		last = counter.V[k]
		high = max(high, counter.V[k]-(float64(i)-taken))
		out.Add(t, high)
	}
	return out
}

// Mixed are the stretches in which samples of two times stand mixed, because the
// clock that dated them was put back: a counter falls there again and again, where
// it holds none of breaks. A single fall is a counter that began anew.
func Mixed(counter Series, breaks ...time.Time) [][2]time.Time {
	const near = 6 // samples: in a stretch that is mixed nearly every second one falls
	var all [][2]time.Time
	from, last, falls := 0, 0, 0
	for i := 1; i <= counter.Len(); i++ {
		if i < counter.Len() && (counter.V[i] >= counter.V[i-1] || crosses(counter.T[i-1], counter.T[i], breaks)) {
			continue
		}
		if i == counter.Len() || falls > 0 && i-last > near {
			if falls > 1 {
				all = append(all, [2]time.Time{counter.T[from], counter.T[min(last+1, counter.Len()-1)]})
			}
			falls = 0
		}
		if falls++; falls == 1 {
			from = i - 1
		}
		last = i
	}
	return all
}

// Outside is a series without the samples from one of the stretches, both ends
// included, nor the first behind it.
func Outside(s Series, stretches [][2]time.Time) Series {
	if len(stretches) == 0 {
		return s
	}
	var out Series
	before := false
	for i, t := range s.T {
		in := slices.ContainsFunc(stretches, func(w [2]time.Time) bool { return !t.Before(w[0]) && !t.After(w[1]) })
		if !in && !before {
			out.T, out.V = append(out.T, t), append(out.V, s.V[i])
		}
		before = in
	}
	return out
}
