package weigh

import (
	"slices"
	"testing"
	"time"
)

// An event that is not in one listing is published as often as before, by the next.
func TestSeen(t *testing.T) {
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	e := &event{}
	for _, at := range []int{0, 5, 15} { // it is not in the listing of 10
		e.seen(0, start.Add(time.Duration(at)*time.Second), float64(2*at), 1)
	}
	if !slices.Equal(e.published[0], []float64{2, 2}) {
		t.Errorf("it is published %v times a second, want 2", e.published[0])
	}
}
