package scene

import (
	"math"
	"math/rand/v2"
	"testing"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

// TestCountsTwice: whole seconds that were counted twice are told from every
// load that a counter which counts right may show, one of two seconds a sample
// above all.
func TestCountsTwice(t *testing.T) {
	load := func(perSample, jitter float64) series.Series {
		rng := rand.New(rand.NewPCG(5, 5))
		return seriestest.Every(90, 2, func(t float64) float64 { return 4.3 + perSample*t/2 + jitter*(rng.Float64()-0.5) })
	}
	counted := func(s series.Series, twice bool) series.Series {
		var ns series.Series
		for i, v := range s.V {
			if twice {
				v += math.Floor(v)
			}
			ns.Add(s.T[i], v*1e9)
		}
		return ns
	}
	little := load(0.03, 0)
	for _, tt := range []struct {
		name         string
		user, system series.Series // in seconds
		known        bool          // else counted twice looks like another load counted once
	}{
		{"some", load(0.74, 0.1), little, true},
		{"little", load(0.05, 0), load(0.01, 0), true},
		{"nothing", load(0, 0), load(0, 0), false},
		{"a core", load(2, 0.02), little, true},
		{"a core, with jitter", load(2, 0.45), little, true},
		{"a core and no system time", load(2, 0.02), load(0, 0), false},
		{"a core with jitter and no system time", load(2, 0.45), load(0, 0), false},
		{"half a core", load(1, 0.02), little, true},
		{"two cores", load(4, 0.02), little, true},
		{"many cores", load(13.7, 3), load(1.1, 0.2), true},
	} {
		for _, twice := range []bool{false, true} {
			got := countsTwice(counted(tt.user, twice), counted(tt.system, twice))
			if want := twice && tt.known; got != want {
				t.Errorf("%s, counted twice %v: told as %v, want %v", tt.name, twice, got, want)
			}
		}
	}
	for i, v := range inSeconds(counted(little, true), true).V {
		if math.Abs(v-little.V[i]) > 1e-6 {
			t.Fatalf("sample %d: %g s of CPU, want %g", i, v, little.V[i])
		}
	}
}
