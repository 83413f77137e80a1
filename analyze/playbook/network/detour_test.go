package network

import (
	"testing"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

// What was so at the first sample of a link was so when the recording began only if that was
// then: of a link that came later it is known since then.
func TestSoSince(t *testing.T) {
	for _, first := range []float64{5, 300} {
		var trips series.Series
		for i := range 10 {
			trips.Add(seriestest.At(first+5*float64(i)), 80)
		}
		at, says, facts := soSince(seriestest.At(0), trips)
		if older := first < 60; at.Equal(seriestest.At(0)) != older || (len(facts) > 0) != older || !older && !at.Equal(seriestest.At(first)) {
			t.Errorf("first measured after %v s, it is said to be so since %v: %s", first, at, says)
		}
	}
}
