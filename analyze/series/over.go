package series

import "time"

// quietFor is how long something has to be away, at least, to be called over.
const quietFor = 10 * time.Second

// Over reports whether what happened at some moments, in order, is over by an
// instant: it has been away for three times as long as it ever was in between.
func Over(moments []time.Time, by time.Time) bool {
	if len(moments) == 0 {
		return false
	}
	longest := quietFor / 3
	for i := 1; i < len(moments); i++ {
		longest = max(longest, moments[i].Sub(moments[i-1]))
	}
	return by.Sub(moments[len(moments)-1]) > max(quietFor, 3*longest)
}

// Growths are the moments at which a counter had grown.
func Growths(c Series) []time.Time {
	var all []time.Time
	for i := 1; i < c.Len(); i++ {
		if c.V[i] > c.V[i-1] {
			all = append(all, c.T[i])
		}
	}
	return all
}

// Throughout is how much a counter grew, and in how many seconds, where it did so from the
// first: not much later than it grows on average, and in the first half as in the second.
func Throughout(counter Series) (grown, seconds float64, ok bool) {
	const soon = 5 // times what is between two events on average: chance lets one wait for longer once in 150 times
	if grown, seconds = Increase(counter); grown <= 0 || seconds <= 0 {
		return grown, seconds, false
	}
	first := Growths(counter)[0].Sub(counter.T[0]).Seconds()
	if first > soon*seconds/grown+2*counter.Interval().Seconds() {
		return grown, seconds, false
	}
	half := counter.T[0].Add(counter.Span() / 2)
	for _, part := range []Series{counter.Before(half), counter.From(half)} {
		if more, span := Increase(part); span <= 0 || more/span < grown/seconds/2 {
			return grown, seconds, false
		}
	}
	return grown, seconds, true
}
