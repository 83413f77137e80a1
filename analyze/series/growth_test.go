package series_test

import (
	"math"
	"math/rand/v2"
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

// A count to which chance adds wanders far from any straight line; it grows all
// the same. One that wanders and comes back does not.
func TestGrowthByChance(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	up, around := 0.0, 30.0
	count := seriestest.Every(120, 2, func(float64) float64 {
		for chance.Float64() < 0.8 {
			up++
		}
		return up
	})
	back := seriestest.Every(120, 2, func(float64) float64 {
		around += 4*(chance.Float64()-0.5) - (around-30)/20
		return math.Round(around)
	})
	if g, ok := series.FindGrowth(count); !ok || g.Onset.Sub(count.T[0]) > 4*time.Second {
		t.Errorf("a count of %v in the end is no growth: %+v", up, g)
	}
	if g, ok := series.FindGrowth(back); ok {
		t.Errorf("what comes back grows: %+v", g)
	}
}

// Counts to which chance adds grow whatever the chances; those of what comes and ends as it
// happens, around one level, do not, for all that they wander.
func TestGrowthOfWhatComesAndEnds(t *testing.T) {
	const tries = 200
	grew, wandered := 0, 0
	for seed := range uint64(tries) {
		chance := rand.New(rand.NewPCG(seed, 7))
		if g, ok := series.FindGrowth(coming(chance, 0, 2, 0)); ok && g.StillGrows() {
			grew++
		}
		lives := []float64{10, 40, 120}[seed%3] // s
		if g, ok := series.FindGrowth(coming(chance, 60, 60/lives, 1/lives)); ok && g.StillGrows() {
			wandered++
		}
	}
	if grew < tries*98/100 || wandered > 0 {
		t.Errorf("of %d counts that grow %d were told, of %d that wander %d", tries, grew, tries, wandered)
	}
}

// coming is a count, read every two seconds, of what comes so often a second and of which each
// ends with a chance a second.
func coming(chance *rand.Rand, n, comes, ends float64) series.Series {
	const step = 0.05
	return seriestest.Every(120, 2, func(float64) float64 {
		for range int(2 / step) {
			if chance.Float64() < comes*step {
				n++
			}
			if chance.Float64() < n*ends*step {
				n--
			}
		}
		return n
	})
}
