package series_test

import (
	"math"
	"testing"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

func TestClimbs(t *testing.T) {
	tests := []struct {
		name  string
		value func(t float64) float64
		found bool
		onset float64
	}{
		{"level", func(float64) float64 { return 40 }, false, 0},
		{"waves", func(t float64) float64 { return 40 + 15*math.Sin(t/9) }, false, 0},
		{"one step up", func(t float64) float64 {
			if t > 90 {
				return 80
			}
			return 40
		}, false, 0},
		{"grows from 90 s on", func(t float64) float64 { return 40 + math.Floor(2*max(0, t-90)) }, true, 90},
		{"nine more are few", func(t float64) float64 { return 10 + math.Floor(0.1*max(0, t-88)) }, false, 0},
		{"grows all along", func(t float64) float64 { return 20 + math.Floor(t) }, true, 0},
	}
	for _, test := range tests {
		c, found := series.FindGrowth(seriestest.Every(90, 2, test.value))
		if found != test.found {
			t.Errorf("%s: found %v, want %v (%+v)", test.name, found, test.found, c.Slope)
			continue
		}
		if off := c.Onset.Sub(seriestest.At(test.onset)); found && off.Abs() > 4*time.Second {
			t.Errorf("%s: onset is %v off", test.name, off)
		}
	}
}
