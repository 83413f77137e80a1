package memory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

func TestRetained(t *testing.T) {
	// A heap that a collection brings down to live every 3.7 s, of an
	// application that keeps up to 8 MB for 21 s.
	heap := func(seed uint64, n int, live func(t float64) float64) (h, gc series.Series) {
		rng := rand.New(rand.NewPCG(seed, 1))
		for i := range n {
			t := 2 * float64(i)
			cycle := math.Floor(t / 3.7)
			h.Add(seriestest.At(t), live(t)+5e6+4e5*math.Mod(t, 21)+2e6*(t-3.7*cycle)+3e5*rng.Float64())
			gc.Add(seriestest.At(t), cycle)
		}
		return h, gc
	}
	tests := []struct {
		name  string
		n     int
		live  func(t float64) float64
		leaks bool
		onset float64
		loose float64
	}{
		{"a saw", 90, func(float64) float64 { return 0 }, false, 0, 0},
		{"a saw for an hour", 1800, func(float64) float64 { return 0 }, false, 0, 0},
		{"growth from 60 s on", 90, func(t float64) float64 { return 1e6 * max(0, t-60) }, true, 60, 8},
		{"growth that stops below what the saw shows", 90, func(t float64) float64 { return 5e6 * min(1, max(0, t-60)/20) }, false, 0, 0},
		{"slow growth over an hour", 1800, func(t float64) float64 { return 2e4 * t }, true, 0, 900},
		{"growth from the first sample on", 90, func(t float64) float64 { return 1e6 * t }, true, 0, 8},
		{"a start that flattens", 90, func(t float64) float64 { return 3e7 * (1 - math.Exp(-t/40)) }, false, 0, 0},
		{"a leak that is let go", 90, func(t float64) float64 {
			if t > 150 {
				return 0
			}
			return 1e6 * max(0, t-60)
		}, false, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(5) {
				h, gc := heap(seed, test.n, test.live)
				g, leaks := retained(h, gc)
				if leaks != test.leaks {
					t.Fatalf("seed %d: leaks %v, want %v: onset %v, %g to %g", seed, leaks, test.leaks, g.onset, g.before, g.after)
				}
				if pace := (test.live(120) - test.live(100)) / 20; leaks && math.Abs(g.slope.PerSecond-pace) > pace/3 {
					t.Errorf("seed %d: grows by %g a second, want %g: what is left at collections, over the time between them", seed, g.slope.PerSecond, pace)
				}
				if off := g.onset.Sub(seriestest.At(test.onset)).Seconds(); leaks && math.Abs(off) > test.loose {
					t.Errorf("seed %d: onset is %.1f s off", seed, off)
				}
			}
		})
	}
}

// A node that is asked as often as it collects shows a saw as a slow rise; what it keeps would pass
// what it allocates in the meantime.
func TestBeats(t *testing.T) {
	for keeps, want := range map[float64]bool{0: false, 2e5: true} {
		var heap, collections, allocated series.Series
		for i := range 30 {
			t, pace := 10*float64(i), 1e6
			cycle := math.Floor(t / 9.7)
			heap.Add(seriestest.At(t), 5e6+keeps*t+pace*(t-9.7*cycle))
			collections.Add(seriestest.At(t), cycle)
			allocated.Add(seriestest.At(t), pace*t)
		}
		g, leaks := retained(heap, collections)
		if !leaks {
			t.Fatalf("keeping %g a second it does not rise", keeps)
		}
		if got := !g.beats(heap, collections, allocated); got != want {
			t.Errorf("keeping %g a second it leaks: %v (%g to %g)", keeps, got, g.before, g.after)
		}
	}
}

func TestKeptByOne(t *testing.T) {
	tables := func(mb ...float64) []scene.HeapTable {
		var all []scene.HeapTable
		for i, v := range mb {
			all = append(all, scene.HeapTable{At: seriestest.At(30 * float64(i)), InUse: profiles.Table{Rows: []profiles.Row{{Function: "a.f", Flat: int64(v * (1 << 20))}}}})
		}
		return all
	}
	tests := []struct {
		name   string
		tables []scene.HeapTable
		low    float64 // MB that the last collections left
		leaks  bool
	}{
		{"rises", tables(0, 0, 0, 3, 6, 9), 14, true},
		{"rises, but collections leave less than that", tables(0, 0, 0, 3, 6, 9), 5, false},
		{"comes back", tables(0, 0, 6, 3, 6, 9), 14, false},
		{"too few profiles", tables(0, 3, 6, 9), 14, false},
		{"less than eight sampled allocations", tables(0, 0, 0, 1, 2, 3), 14, false},
		{"less than three times what it was", tables(4, 4, 4, 6, 8, 11), 14, false},
	}
	for _, test := range tests {
		g := retention{low: seriestest.Every(90, 2, func(float64) float64 { return test.low * (1 << 20) })}
		if got := g.keptByOne(test.tables); got != test.leaks {
			t.Errorf("%s: leaks %v, want %v", test.name, got, test.leaks)
		}
	}
}

// TestKeepersOfALateProfile: where no profile is from before the growth, the first
// one is what is compared with, and who keeps the memory is told by its part of
// the growth, not by what it had all along.
func TestKeepersOfALateProfile(t *testing.T) {
	table := func(at, leaking, large float64) scene.HeapTable {
		rows := []profiles.Row{{Function: "shop/app.(*Cache).put", Flat: int64(leaking * (1 << 20))}, {Function: "shop/app.load", Flat: int64(large * (1 << 20))}}
		return scene.HeapTable{At: seriestest.At(at), InUse: profiles.Table{Rows: rows}}
	}
	tests := []struct {
		name   string
		tables []scene.HeapTable
		want   string
	}{
		{"both after the onset", []scene.HeapTable{table(100, 60, 300), table(160, 105, 303)}, "shop/app.(*Cache).put 60"},
		{"one before", []scene.HeapTable{table(20, 1, 300), table(160, 105, 303)}, "shop/app.(*Cache).put 1"},
		{"none has a part of it", []scene.HeapTable{table(100, 60, 300), table(160, 63, 303)}, ""},
		{"one profile", []scene.HeapTable{table(160, 105, 303)}, ""},
	}
	for _, test := range tests {
		found := keepers(test.tables, retention{onset: seriestest.At(50), slope: series.Slope{PerSecond: 1 << 20}})
		got := ""
		for _, k := range found {
			got += fmt.Sprintf("%s %.0f", k.function, k.before/(1<<20))
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
