package soak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seeds = flag.Int("seeds", 100, "how many seeds TestSeeds runs")
	first = flag.Uint64("first", 1, "the first of them")
	one   = flag.Uint64("seed", 0, "run this seed only")
	hours = flag.Float64("hours", 0, "how many hours TestSoak simulates; 0: ten minutes")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

// short is the plan of a seed.
var short = plan{lasts: 30 * time.Second}

// TestSeeds runs half a minute of the world for each seed.
func TestSeeds(t *testing.T) {
	if *one != 0 {
		w := run(t, *one, short)
		t.Logf("seed %d: %d faults, %d power cuts\n%v", *one, w.faults, w.cuts, w.told)
		return
	}
	many := *seeds
	if testing.Short() {
		many = min(many, 30)
	}
	var next, faults, cuts, dumps, scans atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(many) && !t.Failed(); i = next.Add(1) - 1 {
				seed := *first + uint64(i)
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					w := run(t, seed, short)
					faults.Add(int64(w.faults))
					cuts.Add(int64(w.cuts))
					dumps.Add(int64(w.dumps))
					scans.Add(int64(w.scans))
					if t.Failed() {
						t.Logf("again: go test ./internal/soak -run TestSeeds -seed %d\n%v", seed, w.told)
					}
				})
			}
		})
	}
	all.Wait()
	t.Logf("%d seeds: %d faults of the disk, %d power cuts, %d dumps, %d scans", many, faults.Load(), cuts.Load(), dumps.Load(), scans.Load())
}

// TestSoak runs one long life: ten simulated minutes, or as many hours as asked
// for, with retention.
func TestSoak(t *testing.T) {
	p := plan{lasts: 10 * time.Minute, retention: true}
	if *hours > 0 {
		p.lasts = time.Duration(*hours * float64(time.Hour))
	}
	seed := max(*one, 1)
	w := run(t, seed, p)
	t.Logf("%v: %d faults of the disk, %d power cuts, %d dumps, %d scans, %d records", p.lasts, w.faults, w.cuts, w.dumps, w.scans, w.writer.Stats().Records)
	if t.Failed() {
		t.Logf("again: go test ./internal/soak -run TestSoak -seed %d -hours %g\n%v", seed, *hours, w.told)
	}
}
