package series_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/analyze/series"
)

var origin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return origin.Add(time.Duration(seconds * float64(time.Second)))
}

// sampled is f every step seconds, jittered, plus noise of the given deviation.
func sampled(seed uint64, n int, step, noise float64, f func(x float64) float64) series.Series {
	r := rand.New(rand.NewPCG(seed, 0))
	var s series.Series
	for i := range n {
		x := step * (float64(i) + 0.2*(r.Float64()-0.5))
		s.Add(at(x), f(x)+noise*r.NormFloat64())
	}
	return s
}

func flat(v float64) func(float64) float64 { return func(float64) float64 { return v } }

// step is low before x = when, and high from there.
func step(when, low, high float64) func(float64) float64 {
	return func(x float64) float64 {
		if x < when {
			return low
		}
		return high
	}
}

// ramp is level until x = when, and grows by slope per second from there.
func ramp(when, level, slope float64) func(float64) float64 {
	return func(x float64) float64 { return level + slope*max(0, x-when) }
}

// changed is s with every sample mapped.
func changed(s series.Series, f func(x, v float64) (float64, float64)) series.Series {
	var c series.Series
	for i, t := range s.T {
		x, v := f(t.Sub(origin).Seconds(), s.V[i])
		c.Add(at(x), v)
	}
	return c
}

// dropped is s without the given share of its samples.
func dropped(s series.Series, seed uint64, share float64) series.Series {
	r := rand.New(rand.NewPCG(seed, 1))
	var c series.Series
	for i, t := range s.T {
		if r.Float64() >= share {
			c.Add(t, s.V[i])
		}
	}
	return c
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %g, want %g within %g", what, got, want, tolerance)
	}
}

func TestAddKeepsOrderAndFiniteValues(t *testing.T) {
	var s series.Series
	for _, x := range []float64{3, 1, 2, 2} {
		s.Add(at(x), x)
	}
	s.Add(at(4), math.NaN())
	s.Add(at(5), math.Inf(1))
	if s.Len() != 4 || s.V[0] != 1 || s.V[3] != 3 {
		t.Fatalf("got %v at %v", s.V, s.T)
	}
	if got := s.Between(at(2), at(3)); got.Len() != 2 {
		t.Errorf("Between holds %d samples, want the two at 2", got.Len())
	}
	if got := s.Before(at(2)).Len() + s.From(at(2)).Len(); got != 4 {
		t.Errorf("Before and From hold %d samples together, want 4", got)
	}
	if _, ok := s.At(at(0.5)); ok {
		t.Error("At before the first sample gave a value")
	}
	if v, _ := s.At(at(2.9)); v != 2 {
		t.Errorf("At(2.9) = %g, want 2", v)
	}
}

func TestAppendToPartLeavesTheWhole(t *testing.T) {
	s := sampled(1, 10, 1, 0, func(x float64) float64 { return x })
	want := s.V[5]
	part := s.Before(s.T[5])
	part.Add(at(100), -1)
	if s.V[5] != want {
		t.Error("adding to a part changed the whole")
	}
}

func TestRobustStatistics(t *testing.T) {
	v := []float64{5, 1, 3, 2, 4}
	near(t, "median", series.Median(v), 3, 0)
	near(t, "quantile 0.25", series.Quantile(v, 0.25), 2, 0)
	near(t, "quantile 1", series.Quantile(v, 1), 5, 0)
	near(t, "quantile 0.9", series.Quantile(v, 0.9), 4.6, 1e-12)
	if v[0] != 5 {
		t.Error("the values were sorted in place")
	}
	if !math.IsNaN(series.Median(nil)) {
		t.Error("the median of nothing is not NaN")
	}
	r := rand.New(rand.NewPCG(7, 7))
	var normal []float64
	for range 2000 {
		normal = append(normal, 10+2*r.NormFloat64())
	}
	near(t, "median of normal values", series.Median(normal), 10, 0.15)
	for i := range 900 { // 45 % wild
		normal[i] = 1e9
	}
	if m := series.Median(normal); m > 20 {
		t.Errorf("median with 45 %% wild values = %g", m)
	}
}

func TestRatesAcrossRestarts(t *testing.T) {
	counter := func(v ...float64) series.Series {
		var s series.Series
		for i, x := range v {
			s.Add(at(float64(2*i)), x)
		}
		return s
	}
	tests := []struct {
		name          string
		counter       series.Series
		breaks        []time.Time
		rates         int
		grown, second float64
	}{
		{"steady", counter(0, 10, 20, 30), nil, 3, 30, 6},
		{"reset", counter(100, 110, 5, 15), nil, 2, 20, 4},
		{"overtaken unseen", counter(1, 2, 50, 60), nil, 3, 59, 6},
		{"overtaken, restart known", counter(1, 2, 50, 60), []time.Time{at(3)}, 2, 11, 4},
		{"restart at a sample", counter(1, 2, 50, 60), []time.Time{at(4)}, 2, 11, 4},
		{"one sample", counter(5), nil, 0, 0, 0},
		{"none", counter(), nil, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rates := series.Rates(test.counter, test.breaks...)
			if rates.Len() != test.rates {
				t.Errorf("%d rates, want %d: %v", rates.Len(), test.rates, rates.V)
			}
			for _, v := range rates.V {
				if v < 0 {
					t.Errorf("negative rate %g", v)
				}
			}
			grown, seconds := series.Increase(test.counter, test.breaks...)
			near(t, "grown", grown, test.grown, 0)
			near(t, "seconds", seconds, test.second, 1e-9)
		})
	}
}

func TestLowPoints(t *testing.T) {
	var heap, gc series.Series
	// A live heap of 10 that grows by 1 a cycle, under a sawtooth of 8; five
	// samples a cycle.
	for i := range 50 {
		cycle := float64(i / 5)
		heap.Add(at(float64(i)), 10+cycle+2*float64(i%5))
		gc.Add(at(float64(i)), cycle)
	}
	low := series.LowPoints(heap, gc)
	if low.Len() != 10 {
		t.Fatalf("%d low points, want one a cycle", low.Len())
	}
	for i, v := range low.V {
		near(t, "low point", v, 10+float64(i), 0)
	}
	slope, err := series.TheilSen(low)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "retained per second", slope.PerSecond, 0.2, 1e-9)
	if got := series.LowPoints(heap, series.Series{}); got.Len() != 0 {
		t.Error("low points without a count of collections")
	}
}

func TestTooFew(t *testing.T) {
	few := sampled(1, 7, 1, 1, flat(3))
	for name, f := range map[string]func(series.Series) error{
		"theil-sen":    func(s series.Series) error { _, err := series.TheilSen(s); return err },
		"mann-kendall": func(s series.Series) error { _, err := series.MannKendall(s); return err },
		"changes":      func(s series.Series) error { _, err := series.Changes(s, 0.01); return err },
		"knee":         func(s series.Series) error { _, err := series.FindKnee(s); return err },
	} {
		var refused *series.TooFewError
		if err := f(few); !errors.As(err, &refused) || refused.Have != 7 || refused.Need != 8 {
			t.Errorf("%s of 7 samples: %v, want a refusal that needs 8", name, err)
		}
		if err := f(sampled(1, 8, 1, 1, flat(3))); err != nil {
			t.Errorf("%s of 8 samples: %v", name, err)
		}
	}
	var same series.Series
	for range 9 {
		same.Add(at(1), 1)
	}
	if _, err := series.TheilSen(same); err == nil {
		t.Error("a slope from samples of one instant")
	}
}

// What came all along came soon after the first answer, and in both halves; what began or
// ended meanwhile did not.
func TestThroughout(t *testing.T) {
	for _, c := range []struct {
		what     string
		from, to int // seconds in which one comes every second
		want     bool
	}{{"all along", 0, 240, true}, {"since a quarter", 60, 240, false}, {"until a quarter", 0, 60, false}, {"never", 0, 0, false}} {
		var s series.Series
		n := 0.0
		for i := range 120 {
			if at := 2 * i; at > c.from && at <= c.to {
				n += 2
			}
			s.Add(origin.Add(time.Duration(2*i)*time.Second), n)
		}
		if _, _, ok := series.Throughout(s); ok != c.want {
			t.Errorf("%s: it came throughout: %v, want %v", c.what, ok, c.want)
		}
	}
}
