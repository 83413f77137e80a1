package series

import (
	"time"
)

// Middle is the instant between two, and how far off it is from either.
func Middle(a, b time.Time) (time.Time, time.Duration) {
	half := b.Sub(a) / 2
	return a.Add(half), half
}

// Later is the later of two instants.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Earlier is the earlier of two instants.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
