package coverage

import (
	"cmp"
	"slices"
	"time"
)

// gapIntervals is how many of its intervals a reading may be silent before
// that is a hole, as in package replay.
const gapIntervals = 3

// maxHoles bounds the holes that are kept of a reading: the longest.
const maxHoles = 20

// cover computes what a reading's answers cover of [from, to]. From one answer
// to the next is covered if that is not a hole; before the first answer and
// behind the last, as far as an answer stands.
func (r *Reading) cover(heard []time.Time, from, to time.Time) {
	if len(heard) == 0 {
		return
	}
	first, last := heard[0], heard[len(heard)-1]
	r.First, r.Last = &first, &last
	usual := interval(heard)
	r.IntervalS = usual.Seconds()
	if usual == 0 {
		return // one instant covers nothing
	}
	d := steps(heard)
	open := time.Duration(0)
	hole := func(a, b time.Time, near int) bool {
		if b.Sub(a) <= gapIntervals*max(usual, around(d, near)) {
			return false
		}
		open += b.Sub(a)
		r.Holes = append(r.Holes, Hole{a, b})
		return true
	}
	hole(from, first, 0)
	for i := 1; i < len(heard); i++ {
		hole(heard[i-1], heard[i], i-1)
	}
	r.tail = hole(last, to, len(d)-1)
	slices.SortStableFunc(r.Holes, func(a, b Hole) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	r.Holes = r.Holes[:min(len(r.Holes), maxHoles)]
	if window := to.Sub(from); window > 0 {
		r.Covered = max(0, 1-open.Seconds()/window.Seconds())
	}
}

// interval is the median time from one instant to the next, 0 where there are
// fewer than two.
func interval(heard []time.Time) time.Duration {
	if len(heard) < 2 {
		return 0
	}
	return middle(steps(heard))
}

// steps are the times from one instant to the next.
func steps(heard []time.Time) []time.Duration {
	d := make([]time.Duration, len(heard)-1)
	for i := range d {
		d[i] = heard[i+1].Sub(heard[i])
	}
	return d
}

func middle(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// around is the usual step near the i-th: a recorder asks less often while a
// node is busy, and says so, which is no hole.
func around(d []time.Duration, i int) time.Duration {
	const near = 4 // steps on either side
	return middle(d[max(0, i-near):min(len(d), i+near+1)])
}
