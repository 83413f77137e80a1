package series_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/analyze/series"
)

func TestTheilSen(t *testing.T) {
	s := sampled(3, 90, 2, 5, ramp(0, 100, 0.7))
	for i := 0; i < s.Len(); i += 5 { // every fifth is wild
		s.V[i] += 1e6
	}
	slope, err := series.TheilSen(s)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", slope.PerSecond, 0.7, 0.1)
	if !(slope.Low <= 0.7 && 0.7 <= slope.High) {
		t.Errorf("interval %g to %g misses 0.7", slope.Low, slope.High)
	}
	if !slope.Grows() {
		t.Error("a growth of 0.7 is not seen to grow")
	}
}

// The 95 % interval must hold the truth about 95 times in 100.
func TestTheilSenIntervalCovers(t *testing.T) {
	covered := 0
	for seed := range uint64(200) {
		slope, err := series.TheilSen(sampled(seed, 60, 2, 5, ramp(0, 10, 0.05)))
		if err != nil {
			t.Fatal(err)
		}
		if slope.Low <= 0.05 && 0.05 <= slope.High {
			covered++
		}
	}
	if covered < 180 {
		t.Errorf("the interval holds the truth %d times in 200", covered)
	}
}

func TestMannKendall(t *testing.T) {
	tests := []struct {
		name  string
		s     series.Series
		rises bool
	}{
		{"clear rise", sampled(1, 60, 2, 1, ramp(0, 0, 0.2)), true},
		{"fall", sampled(1, 60, 2, 1, ramp(0, 0, -0.2)), false},
		{"noise", sampled(2, 60, 2, 1, flat(5)), false},
		{"constant", sampled(2, 60, 2, 0, flat(5)), false},
		{"mostly ties, one step up", sampled(2, 60, 2, 0, step(118, 0, 1)), false},
		{"long clear rise, thinned", sampled(1, 5000, 2, 1, ramp(0, 0, 0.01)), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trend, err := series.MannKendall(test.s)
			if err != nil {
				t.Fatal(err)
			}
			if got := trend.Rises(0.01); got != test.rises {
				t.Errorf("rises = %v (tau %.2f, z %.2f), want %v", got, trend.Tau, trend.Z, test.rises)
			}
		})
	}
}

// walk is a random series without a trend in which each value resembles the
// one before by r.
func walk(seed uint64, n int, r float64) series.Series {
	g := rand.New(rand.NewPCG(seed, 5))
	var s series.Series
	v := 0.0
	for i := range n {
		v = r*v + g.NormFloat64()
		s.Add(at(2*float64(i)), v)
	}
	return s
}

// Without the correction, half of such series would pass at 1 %.
func TestMannKendallIsNotFooledByAutocorrelation(t *testing.T) {
	rises := 0
	for seed := range uint64(200) {
		trend, err := series.MannKendall(walk(seed, 90, 0.8))
		if err != nil {
			t.Fatal(err)
		}
		if trend.P < 0.01 {
			rises++
		}
	}
	if rises > 20 {
		t.Errorf("%d of 200 series without a trend have one at 1 %%", rises)
	}
}

func TestTrendProperties(t *testing.T) {
	s := sampled(11, 120, 2, 4, ramp(0, 50, 0.3))
	base, err := series.TheilSen(s)
	if err != nil {
		t.Fatal(err)
	}
	gate, _ := series.MannKendall(s)
	tests := []struct {
		name      string
		s         series.Series
		slope     float64
		tolerance float64
	}{
		{"shifted in value", changed(s, func(x, v float64) (float64, float64) { return x, v + 1e6 }), base.PerSecond, 1e-6},
		{"shifted in time", changed(s, func(x, v float64) (float64, float64) { return x + 1e5, v }), base.PerSecond, 1e-6},
		{"scaled", changed(s, func(x, v float64) (float64, float64) { return x, v * 1024 }), base.PerSecond * 1024, 1e-6},
		{"slower clock", changed(s, func(x, v float64) (float64, float64) { return x * 2, v }), base.PerSecond / 2, 1e-6},
		{"a third of the samples lost", dropped(s, 3, 1.0/3), base.PerSecond, 0.03},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			slope, err := series.TheilSen(test.s)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "slope", slope.PerSecond, test.slope, test.tolerance)
			trend, _ := series.MannKendall(test.s)
			if trend.Rises(0.01) != gate.Rises(0.01) {
				t.Errorf("the verdict flips: z %.2f against %.2f", trend.Z, gate.Z)
			}
		})
	}
}

func TestMoreNoiseIsNotMoreConfident(t *testing.T) {
	const seeds = 30
	lastZ, lastWidth := math.Inf(1), 0.0
	for _, noise := range []float64{1, 4, 16, 64} {
		z, width := 0.0, 0.0
		for seed := range uint64(seeds) {
			s := sampled(seed, 60, 2, noise, ramp(0, 0, 0.2))
			trend, err := series.MannKendall(s)
			if err != nil {
				t.Fatal(err)
			}
			slope, _ := series.TheilSen(s)
			z, width = z+trend.Z/seeds, width+(slope.High-slope.Low)/seeds
		}
		if z > lastZ || width < lastWidth {
			t.Errorf("noise %g: mean z %.2f after %.2f, interval %.3f after %.3f", noise, z, lastZ, width, lastWidth)
		}
		lastZ, lastWidth = z, width
	}
}

func TestCountsTest(t *testing.T) {
	tests := []struct {
		name          string
		before, after series.Count
		dispersion    float64
		low, high     float64
	}{
		// Exact binomial tails: P(X >= 5) of 5 at 1/2 = 1/32, P(X >= 3) of 4 at 1/4 = 13/256.
		{"five after none", series.Count{0, 60}, series.Count{5, 60}, 1, 0.03125, 0.03125},
		{"three of four in a quarter", series.Count{1, 90}, series.Count{3, 30}, 1, 13.0 / 256, 13.0 / 256},
		{"same rate", series.Count{60, 60}, series.Count{60, 60}, 1, 0.4, 0.6},
		{"rarer", series.Count{60, 60}, series.Count{5, 60}, 1, 0.99, 1},
		{"none at all", series.Count{0, 60}, series.Count{0, 60}, 1, 1, 1},
		{"nothing seen before", series.Count{0, 0}, series.Count{50, 60}, 1, 1, 1},
		{"many more", series.Count{10, 60}, series.Count{100, 60}, 1, 0, 1e-12},
		{"clustered", series.Count{10, 60}, series.Count{20, 60}, 10, 0.2, 0.6},
		{"huge", series.Count{1e7, 1000}, series.Count{1.01e7, 1000}, 1, 0, 1e-12},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := series.TestCounts(test.before, test.after, test.dispersion)
			if !(p >= test.low-1e-9 && p <= test.high+1e-9) {
				t.Errorf("p = %g, want %g to %g", p, test.low, test.high)
			}
		})
	}
	if d := series.Dispersion([]float64{0, 9, 0, 9, 0, 9}); d < 4 {
		t.Errorf("dispersion of clustered counts = %g", d)
	}
}

func TestReach(t *testing.T) {
	growing, err := series.TheilSen(sampled(1, 60, 2, 1, ramp(0, 100, 2)))
	if err != nil {
		t.Fatal(err)
	}
	now := at(118)
	f, err := series.Reach(growing, now, 1000)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "seconds to 1000", f.Expected.Sub(origin).Seconds(), 450, 5)
	if f.Earliest.After(f.Expected) || f.Latest.Before(f.Expected) {
		t.Errorf("expected %v is outside %v to %v", f.Expected, f.Earliest, f.Latest)
	}
	level, _ := series.TheilSen(sampled(1, 60, 2, 1, flat(100)))
	creeping := series.Slope{PerSecond: 1e-9, Low: 1e-10, High: 1e-8, Origin: now}
	for name, try := range map[string]struct {
		slope series.Slope
		limit float64
	}{
		"level": {level, 1000}, "already there": {growing, 200}, "next century": {creeping, 1e9},
	} {
		if _, err := series.Reach(try.slope, now, try.limit); !errors.Is(err, series.ErrNoGrowth) {
			t.Errorf("%s: %v, want no growth", name, err)
		}
	}
	if _, err := series.Reach(growing, now.Add(time.Hour), 1e12); err == nil {
		t.Error("a limit centuries ahead is forecast")
	}
}
