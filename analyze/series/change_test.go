package series_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

const alpha = 0.001

func TestChanges(t *testing.T) {
	tests := []struct {
		name string
		s    series.Series
		at   []float64 // seconds
		miss float64   // allowed error of the place
	}{
		{"step up", sampled(1, 90, 2, 1, step(60, 10, 20)), []float64{60}, 2},
		{"step down", sampled(2, 90, 2, 1, step(60, 20, 10)), []float64{60}, 2},
		{"without noise", sampled(2, 90, 2, 0, step(60, 0, 1)), []float64{60}, 2},
		{"up and down", sampled(3, 90, 2, 1, func(x float64) float64 {
			return step(60, 10, 20)(x) - step(120, 0, 10)(x)
		}), []float64{60, 120}, 2},
		{"up for six samples of thirty", sampled(9, 30, 10, 0.05, func(x float64) float64 {
			return step(85, 0.2, 1)(x) - step(145, 0, 0.8)(x)
		}), []float64{85, 145}, 5},
		{"long, found in two passes", sampled(4, 5000, 2, 1, step(3333, 10, 13)), []float64{3333}, 4},
		{"near the end", sampled(5, 90, 2, 0.5, step(170, 10, 20)), []float64{170}, 2},
		{"noise", sampled(6, 90, 2, 1, flat(10)), nil, 0},
		{"constant", sampled(6, 90, 2, 0, flat(10)), nil, 0},
		{"one wild sample", sampled(6, 90, 2, 1, func(x float64) float64 {
			if x > 59 && x < 61 {
				return 1e4
			}
			return 10
		}), nil, 0},
		{"small against the noise", sampled(7, 90, 2, 5, step(60, 10, 11)), nil, 0},
		{"sawtooth", sampled(8, 90, 2, 0.5, func(x float64) float64 { return math.Mod(x, 24) }), nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes, err := series.Changes(test.s, alpha)
			if err != nil {
				t.Fatal(err)
			}
			if len(changes) != len(test.at) {
				t.Fatalf("changes %+v, want at %v", changes, test.at)
			}
			for i, c := range changes {
				near(t, "place", c.At.Sub(origin).Seconds(), test.at[i], test.miss)
				if c.P >= alpha || c.Error <= 0 {
					t.Errorf("change %+v: p or error is not set", c)
				}
			}
		})
	}
}

func TestChangesHaveFewFalseAlarms(t *testing.T) {
	for _, r := range []float64{0, 0.5, 0.8} {
		false1 := 0
		for seed := range uint64(100) {
			changes, err := series.Changes(walk(seed, 90, r), alpha)
			if err != nil {
				t.Fatal(err)
			}
			false1 += min(1, len(changes))
		}
		if false1 > 10 {
			t.Errorf("autocorrelation %g: changes in %d of 100 series without one", r, false1)
		}
	}
}

// What has few values stands at one of them for some samples by chance: those have no scatter
// of their own, and are no change.
func TestChangesOfFewValues(t *testing.T) {
	for _, n := range []int{30, 60, 200} {
		rng := rand.New(rand.NewPCG(11, uint64(n)))
		found := 0
		for range 200 {
			changes, err := series.Changes(sampled(1, n, 2, 0, func(float64) float64 { return float64(1 + rng.IntN(2)) }), alpha)
			if err != nil {
				t.Fatal(err)
			}
			found += min(1, len(changes))
		}
		if found > 6 {
			t.Errorf("changes in %d of 200 series of %d samples without one", found, n)
		}
	}
}

// An episode is found whatever scatters within it: a place at which that seems to change must
// not take along its end.
func TestEpisodesThatScatter(t *testing.T) {
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 3))
		wander := 0.0
		s := seriestest.Every(150, 2, func(at float64) float64 {
			wander = 0.6*wander + 0.08*chance.NormFloat64()
			switch {
			case at < 88 || at > 148:
				return 0.23 + 0.013*chance.NormFloat64()
			case at == 88: // it began within the sample
				return 0.73
			case at == 148:
				return 0.42
			}
			return 1 + wander
		})
		if changes, err := series.Changes(s, 0.001); err != nil || len(changes) != 2 {
			t.Errorf("seed %d: %d changes, want the begin and the end (%v)", seed, len(changes), err)
		}
	}
}

// A short episode far above the scatter is found: the place at which it is parted first is a few
// samples off, for both of its ends count at once.
func TestShortEpisodes(t *testing.T) {
	const tries = 200
	found := 0
	for seed := range uint64(tries) {
		s := sampled(seed, 150, 2, 1, func(x float64) float64 {
			if x >= 119 && x < 143 { // twelve samples
				return 8
			}
			return 0
		})
		changes, err := series.Changes(s, alpha)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 2 {
			found++
		}
	}
	if found < tries*97/100 {
		t.Errorf("%d of %d episodes were found", found, tries)
	}
}

func TestKnee(t *testing.T) {
	tests := []struct {
		name  string
		s     series.Series
		at    float64
		slope float64
	}{
		{"level, then growth", sampled(1, 90, 2, 1, ramp(60, 10, 0.5)), 60, 0.5},
		{"between samples", sampled(1, 90, 2, 0, ramp(61.1, 10, 0.5)), 61.1, 0.5},
		{"growth that stops", sampled(2, 90, 2, 1, func(x float64) float64 { return 0.5 * min(x, 90) }), 90, 0},
		{"long", sampled(3, 5000, 2, 5, ramp(4000, 10, 0.05)), 4000, 0.05},
		{"steep, huge values", sampled(4, 90, 2, 1e6, ramp(60, 5e9, 1.6e6)), 60, 1.6e6},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k, err := series.FindKnee(test.s)
			if err != nil {
				t.Fatal(err)
			}
			off := math.Abs(k.At.Sub(origin).Seconds() - test.at)
			if off > 1.5*k.Error.Seconds()+0.1 {
				t.Errorf("knee at %.1f s, error %v, want %.1f", k.At.Sub(origin).Seconds(), k.Error, test.at)
			}
			near(t, "slope after", k.After, test.slope, 0.1*test.slope+0.02)
			if k.P > alpha {
				t.Errorf("p = %g", k.P)
			}
		})
	}
	for name, s := range map[string]series.Series{
		"straight": sampled(5, 90, 2, 1, ramp(0, 0, 0.5)),
		"level":    sampled(6, 90, 2, 1, flat(4)),
		"constant": sampled(6, 90, 2, 0, flat(4)),
	} {
		if k, err := series.FindKnee(s); err != nil || k.P < 0.005 {
			t.Errorf("%s: %+v, %v; want no credible bend", name, k, err)
		}
	}
}

func TestChangeProperties(t *testing.T) {
	s := sampled(21, 90, 2, 1, step(60, 10, 14))
	tests := []struct {
		name string
		s    series.Series
		at   float64
	}{
		{"shifted in value", changed(s, func(x, v float64) (float64, float64) { return x, v + 1e6 }), 60},
		{"scaled", changed(s, func(x, v float64) (float64, float64) { return x, v * 4096 }), 60},
		{"shifted in time", changed(s, func(x, v float64) (float64, float64) { return x + 500, v }), 560},
		{"a quarter lost", dropped(s, 5, 0.25), 60},
		{"a gap after it", dropped(s, 0, 0).Between(at(0), at(90)), 60},
		{"every second sample", dropped(s, 9, 0.5), 60},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes, err := series.Changes(test.s, alpha)
			if err != nil || len(changes) != 1 {
				t.Fatalf("changes %+v, %v; want one", changes, err)
			}
			near(t, "place", changes[0].At.Sub(origin).Seconds(), test.at, 2+changes[0].Error.Seconds())
		})
	}
}

func TestMoreNoiseNeverMakesAChange(t *testing.T) {
	lastFound := math.MaxInt
	for _, noise := range []float64{0.5, 2, 8, 32} {
		found := 0
		for seed := range uint64(40) {
			changes, err := series.Changes(sampled(seed, 90, 2, noise, step(60, 10, 14)), alpha)
			if err != nil {
				t.Fatal(err)
			}
			found += min(1, len(changes))
		}
		if found > lastFound {
			t.Errorf("noise %g: found %d times, less often (%d) with less noise", noise, found, lastFound)
		}
		lastFound = found
	}
	if lastFound > 4 {
		t.Errorf("a step of an eighth of the noise is found %d times in 40", lastFound)
	}
}

func BenchmarkChanges(b *testing.B) {
	for name, n := range map[string]int{"3min": 90, "24h": 17280} {
		s := sampled(1, n, 2, 1, step(float64(n), 10, 12))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := series.Changes(s, alpha); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTheilSen(b *testing.B) {
	s := sampled(1, 17280, 5, 1, ramp(0, 10, 0.001))
	for b.Loop() {
		if _, err := series.TheilSen(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKnee(b *testing.B) {
	s := sampled(1, 17280, 5, 1, ramp(40000, 10, 0.001))
	for b.Loop() {
		if _, err := series.FindKnee(s); err != nil {
			b.Fatal(err)
		}
	}
}
