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

// Where a clock was put back samples of two times stand mixed: there is no rate.
// A counter that begins anew falls once.
func TestMixed(t *testing.T) {
	var c series.Series
	for i := range 20 {
		c.Add(at(float64(2*i)), float64(100*i))
	}
	for i := range 10 { // put back by 9 s at 38 s
		c.Add(at(31+float64(2*i)), float64(2000+100*i))
	}
	mixed := series.Mixed(c)
	if len(mixed) != 1 || mixed[0][0].After(at(31)) || mixed[0][1].Before(at(38)) {
		t.Fatalf("mixed %v, want one from 31 s at the latest to 38 s at least", mixed)
	}
	if r := series.Outside(series.Rates(c), mixed); series.Quantile(r.V, 1) != 50 || series.Quantile(r.V, 0) != 50 {
		t.Errorf("rates %v, want 50 everywhere", r.V)
	}
	var again series.Series
	for i := range 20 {
		again.Add(at(float64(2*i)), float64(100*(i%10)))
	}
	if mixed := series.Mixed(again); mixed != nil {
		t.Errorf("a counter that began anew is mixed in %v", mixed)
	}
}
