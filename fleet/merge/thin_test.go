package merge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Two recorders ask every 5 s, however far apart: what is kept lies far enough
// apart that no difference of clocks puts it in the wrong order, and
// close enough that no gap is told. What the second alone saw is kept.
func TestThinned(t *testing.T) {
	const every = int64(5 * time.Second)
	rng := rand.New(rand.NewPCG(1, 2))
	for phase := int64(0); phase < every; phase += every / 50 {
		var seen [2][]sighting
		for i := range int64(100) {
			jitter := rng.Int64N(20e6)
			if i < 40 || i > 60 {
				seen[0] = append(seen[0], sighting{at: i*every + jitter})
			}
			if i < 90 {
				seen[1] = append(seen[1], sighting{at: i*every + phase + jitter})
			}
		}
		drop := thinned(seen[:], make([]bool, len(seen)))
		var kept []int64
		for i := range seen {
			for _, x := range seen[i] {
				if !drop[i][x.at] {
					kept = append(kept, x.at)
				}
			}
		}
		slices.Sort(kept)
		usual := interval(kept)
		for i, t1 := range kept[1:] {
			if d := t1 - kept[i]; d > silent*usual || d < every/4 {
				t.Fatalf("phase %v: two answers lie %v apart, usual are %v", time.Duration(phase), time.Duration(d), time.Duration(usual))
			}
		}
	}
}

// One who asks more often just then adds what the other did not see.
func TestThinnedDenser(t *testing.T) {
	var slow, dense []sighting
	for i := range int64(60) {
		slow = append(slow, sighting{at: i * 5e9})
	}
	for i := range int64(30) {
		dense = append(dense, sighting{at: 100e9 + 1e8 + i*1e9})
	}
	drop := thinned([][]sighting{slow, dense}, make([]bool, 2))
	if len(drop[0]) != 0 || len(drop[1]) != 6 {
		t.Errorf("dropped %d and %d", len(drop[0]), len(drop[1]))
	}
	failed := thinned([][]sighting{{{at: 1e9}, {at: 6e9, failed: true}, {at: 11e9}}, {{at: 6e9 + 1}}}, make([]bool, 2))
	if len(failed[0]) != 0 || len(failed[1]) != 0 {
		t.Errorf("an answer is dropped for a failed call: %v", failed)
	}
}
