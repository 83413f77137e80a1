package series_test

import (
	"testing"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

func TestLessTakesOffOwnErrors(t *testing.T) {
	counter := seriestest.Every(6, 2, func(t float64) float64 { return []float64{0, 1, 1, 4, 4, 0}[int(t/2)] })
	got := series.Without(counter, []time.Time{seriestest.At(1), seriestest.At(4.5)}).V
	// One of the node's four errors is not ours twice over; then a new life.
	for i, want := range []float64{0, 0, 0, 2, 2, 0} {
		if got[i] != want {
			t.Fatalf("without our own: %v", got)
		}
	}
}
