package soak

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var (
	seeds = flag.Int("seeds", defaultSeeds, "how many seeds TestSeeds runs")
	first = flag.Uint64("first", 1, "the first of them")
	one   = flag.Uint64("seed", 0, "run this seed only")
	hours = flag.Float64("hours", 0, "how many hours TestSoak simulates; 0: ten minutes")
)

const defaultSeeds = 100

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// A tally is what happened in some runs.
type tally struct {
	mu                                                sync.Mutex
	faults, cuts, dumps, scans, saves, crowds, rested int64
}

func (a *tally) add(w *world) *tally {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults += int64(w.faults)
	a.cuts += w.cuts.Load()
	a.dumps += w.dumps.Load()
	a.scans += w.scans.Load()
	a.saves += w.saves.Load()
	a.crowds += w.crowds.Load()
	a.rested += w.rested.Load()
	return a
}

func (a *tally) String() string {
	return fmt.Sprintf("%d faults of the disk, %d power cuts, %d dumps, %d scans, %d salvages, %d crowds, %d rests", a.faults, a.cuts, a.dumps, a.scans, a.saves, a.crowds, a.rested)
}

// short is the plan of a seed.
var short = plan{lasts: 30 * time.Second, crowds: 0.3}

// TestSeeds runs half a minute of the world for each seed.
func TestSeeds(t *testing.T) {
	if *one != 0 {
		w := run(t, *one, short)
		t.Logf("seed %d: %v\n%v", *one, new(tally).add(w), w.told)
		return
	}
	many := *seeds
	if testing.Short() {
		many = min(many, 6)
	}
	var next atomic.Int64
	var sum tally
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(many) && !t.Failed(); i = next.Add(1) - 1 {
				seed := *first + uint64(i)
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					w := run(t, seed, short)
					sum.add(w)
					if t.Failed() {
						t.Logf("again: go test ./internal/soak -run TestSeeds -seed %d\n%v", seed, w.told)
					}
				})
			}
		})
	}
	all.Wait()
	t.Logf("%d seeds: %v", many, &sum)
}

// TestSoak runs one long life: ten simulated minutes, or as many hours as asked
// for, with retention.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("ten minutes of the world")
	}
	p := plan{lasts: 10 * time.Minute, retention: true, crowds: 1}
	if *hours > 0 {
		p.lasts, p.rests = time.Duration(*hours*float64(time.Hour)), true
	}
	seed := max(*one, 1)
	w := run(t, seed, p)
	t.Logf("%v: %v, %d records", p.lasts, new(tally).add(w), w.writer.Stats().Records)
	if t.Failed() {
		t.Logf("again: go test ./internal/soak -run TestSoak -seed %d -hours %g\n%v", seed, *hours, w.told)
	}
}
