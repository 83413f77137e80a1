package ergo

import (
	"math"
	"testing"
	"time"
)

// TestLasting: no number of seconds runs over.
func TestLasting(t *testing.T) {
	for seconds, want := range map[int64]time.Duration{0: 0, 90: 90 * time.Second, -5: -5 * time.Second, math.MaxInt64: Century, math.MinInt64: -Century, 1e10: Century} {
		if got := Lasting(seconds); got != want {
			t.Errorf("%d seconds are %v, want %v", seconds, got, want)
		}
	}
	for seconds, want := range map[float64]time.Duration{1e300: Century, -1e300: -Century, math.Inf(1): Century, 7: 7 * time.Second} {
		if got := Lasting(seconds); got != want {
			t.Errorf("%v seconds are %v, want %v", seconds, got, want)
		}
	}
}
