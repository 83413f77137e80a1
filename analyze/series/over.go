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
