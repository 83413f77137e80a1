package series_test

import (
	"math"
	"testing"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

func TestFindBurst(t *testing.T) {
	// A counter sampled every 2 s for 3 minutes.
	counted := func(rate func(t float64) float64) []series.Step {
		total := 0.0
		return series.Steps(seriestest.Every(90, 2, func(t float64) float64 {
			total += math.Floor(2 * rate(t))
			return total
		}))
	}
	at := func(from, to, before, during float64) func(float64) float64 {
		return func(t float64) float64 {
			if t > from && t <= to {
				return during
			}
			return before
		}
	}
	tests := []struct {
		name   string
		steps  []series.Step
		found  bool
		onset  float64
		events float64
	}{
		{"none at all", counted(at(0, 0, 0, 0)), false, 0, 0},
		{"steady", counted(at(0, 0, 1, 0)), false, 0, 0},
		{"from nothing", counted(at(90, 200, 0, 1)), true, 91, 88},
		{"over again", counted(at(90, 110, 0, 2)), true, 91, 40},
		{"three times as many is not far above", counted(at(90, 200, 1, 3)), false, 0, 0},
		{"four times as many is", counted(at(90, 200, 1, 4)), true, 91, 352},
		{"four events are too few", []series.Step{{From: seriestest.At(0), To: seriestest.At(60)}, {From: seriestest.At(60), To: seriestest.At(62), Events: 4}}, false, 0, 0},
		{"five are enough", []series.Step{{From: seriestest.At(0), To: seriestest.At(60)}, {From: seriestest.At(60), To: seriestest.At(62), Events: 5}}, true, 61, 5},
		{"without a baseline", counted(at(-1, 200, 0, 3)), false, 0, 0},
		{"with nine seconds of one", []series.Step{{From: seriestest.At(0), To: seriestest.At(9)}, {From: seriestest.At(9), To: seriestest.At(11), Events: 50}}, false, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, found := series.FindBurst(test.steps)
			if found != test.found {
				t.Fatalf("found %v, want %v: %+v", found, test.found, b)
			}
			if !found {
				return
			}
			if off := b.Onset.Sub(seriestest.At(test.onset)); off.Abs() > time.Second {
				t.Errorf("onset is %v off", off)
			}
			if b.After.Events != test.events {
				t.Errorf("%g events in the burst, want %g", b.After.Events, test.events)
			}
		})
	}
}

// A batch that fails a few times an hour is how that node is.
func TestFindBurstKnowsClusters(t *testing.T) {
	total := 0.0
	s := seriestest.Every(1800, 2, func(t float64) float64 {
		if math.Mod(t, 600) == 590 {
			total += 12
		}
		return total
	})
	if b, found := series.FindBurst(series.Steps(s)); found {
		t.Errorf("regular batches are taken for a burst: %+v", b)
	}
}
