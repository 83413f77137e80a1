package analyze

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/analyze/profiles"
	"ergorecorder/analyze/series"
)

var zero = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func sec(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }

// every samples f at each of n steps.
func every(n int, step float64, f func(t float64) float64) series.Series {
	var s series.Series
	for i := range n {
		t := float64(i) * step
		s.Add(sec(t), f(t))
	}
	return s
}

func TestFindBurst(t *testing.T) {
	// A counter sampled every 2 s for 3 minutes.
	counted := func(rate func(t float64) float64) []step {
		total := 0.0
		return steps(every(90, 2, func(t float64) float64 {
			total += math.Floor(2 * rate(t))
			return total
		}))
	}
	at := func(from, to, before, during float64) func(float64) float64 {
		return func(t float64) float64 {
			if t > from && t <= to {
				return during
			}
			return before
		}
	}
	tests := []struct {
		name   string
		steps  []step
		found  bool
		onset  float64
		events float64
	}{
		{"none at all", counted(at(0, 0, 0, 0)), false, 0, 0},
		{"steady", counted(at(0, 0, 1, 0)), false, 0, 0},
		{"from nothing", counted(at(90, 200, 0, 1)), true, 91, 88},
		{"over again", counted(at(90, 110, 0, 2)), true, 91, 40},
		{"three times as many is not far above", counted(at(90, 200, 1, 3)), false, 0, 0},
		{"four times as many is", counted(at(90, 200, 1, 4)), true, 91, 352},
		{"four events are too few", []step{{from: sec(0), to: sec(60)}, {from: sec(60), to: sec(62), events: 4}}, false, 0, 0},
		{"five are enough", []step{{from: sec(0), to: sec(60)}, {from: sec(60), to: sec(62), events: 5}}, true, 61, 5},
		{"without a baseline", counted(at(-1, 200, 0, 3)), false, 0, 0},
		{"with nine seconds of one", []step{{from: sec(0), to: sec(9)}, {from: sec(9), to: sec(11), events: 50}}, false, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, found := findBurst(test.steps)
			if found != test.found {
				t.Fatalf("found %v, want %v: %+v", found, test.found, b)
			}
			if !found {
				return
			}
			if off := b.onset.Sub(sec(test.onset)); off.Abs() > time.Second {
				t.Errorf("onset is %v off", off)
			}
			if b.after.Events != test.events {
				t.Errorf("%g events in the burst, want %g", b.after.Events, test.events)
			}
		})
	}
}

// A batch that fails a few times an hour is how that node is.
func TestFindBurstKnowsClusters(t *testing.T) {
	total := 0.0
	s := every(1800, 2, func(t float64) float64 {
		if math.Mod(t, 600) == 590 {
			total += 12
		}
		return total
	})
	if b, found := findBurst(steps(s)); found {
		t.Errorf("regular batches are taken for a burst: %+v", b)
	}
}

func TestRetained(t *testing.T) {
	// A heap that a collection brings down to live every 3.7 s, of an
	// application that keeps up to 8 MB for 21 s.
	heap := func(seed uint64, n int, live func(t float64) float64) (h, gc series.Series) {
		rng := rand.New(rand.NewPCG(seed, 1))
		for i := range n {
			t := 2 * float64(i)
			cycle := math.Floor(t / 3.7)
			h.Add(sec(t), live(t)+5e6+4e5*math.Mod(t, 21)+2e6*(t-3.7*cycle)+3e5*rng.Float64())
			gc.Add(sec(t), cycle)
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
				if off := g.onset.Sub(sec(test.onset)).Seconds(); leaks && math.Abs(off) > test.loose {
					t.Errorf("seed %d: onset is %.1f s off", seed, off)
				}
			}
		})
	}
}

func TestKeptByOne(t *testing.T) {
	tables := func(mb ...float64) []heapTable {
		var all []heapTable
		for i, v := range mb {
			all = append(all, heapTable{at: sec(30 * float64(i)), inUse: profiles.Table{Rows: []profiles.Row{{Function: "a.f", Flat: int64(v * (1 << 20))}}}})
		}
		return all
	}
	tests := []struct {
		name   string
		tables []heapTable
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
		g := retention{low: every(90, 2, func(float64) float64 { return test.low * (1 << 20) })}
		if got := g.keptByOne(test.tables); got != test.leaks {
			t.Errorf("%s: leaks %v, want %v", test.name, got, test.leaks)
		}
	}
}

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
		c, found := climbs(every(90, 2, test.value))
		if found != test.found {
			t.Errorf("%s: found %v, want %v (%+v)", test.name, found, test.found, c.slope)
			continue
		}
		if off := c.onset.Sub(sec(test.onset)); found && off.Abs() > 4*time.Second {
			t.Errorf("%s: onset is %v off", test.name, off)
		}
	}
}

// TestCountsTwice: whole seconds that were counted twice are told from every
// load that a counter which counts right may show, one of two seconds a sample
// above all.
func TestCountsTwice(t *testing.T) {
	load := func(perSample, jitter float64) series.Series {
		rng := rand.New(rand.NewPCG(5, 5))
		return every(90, 2, func(t float64) float64 { return 4.3 + perSample*t/2 + jitter*(rng.Float64()-0.5) })
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

func TestLessTakesOffOwnErrors(t *testing.T) {
	counter := every(6, 2, func(t float64) float64 { return []float64{0, 1, 1, 4, 4, 0}[int(t/2)] })
	got := less(counter, []time.Time{sec(1), sec(4.5)}).V
	// One of the node's four errors is not ours twice over; then a new life.
	for i, want := range []float64{0, 0, 0, 2, 2, 0} {
		if got[i] != want {
			t.Fatalf("without our own: %v", got)
		}
	}
}

func TestLosses(t *testing.T) {
	up := func(at, since float64) linkPoint { return linkPoint{at: sec(at), up: true, since: sec(since)} }
	down := func(at float64) linkPoint { return linkPoint{at: sec(at)} }
	tests := []struct {
		name   string
		points []linkPoint
		want   []loss
	}{
		{"stands", []linkPoint{up(0, -9), up(6, -9), up(12, -8.2)}, nil},
		{"goes and comes", []linkPoint{up(0, -9), down(6), up(12, 8)}, []loss{{after: sec(0), before: sec(6), made: sec(8)}}},
		{"goes", []linkPoint{up(0, -9), down(6), down(12)}, []loss{{after: sec(0), before: sec(6)}}},
		{"was made again unseen", []linkPoint{up(0, -9), up(6, 4)}, []loss{{after: sec(0), before: sec(5), made: sec(4)}}},
	}
	for _, test := range tests {
		got := (&link{points: test.points}).losses()
		if len(got) != len(test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: %+v, want %+v", test.name, got[i], test.want[i])
			}
		}
	}
}

func TestBothSidesShowOneLoss(t *testing.T) {
	w := &network{
		links: map[[2]string]*link{
			{"a", "b"}: {points: []linkPoint{{at: sec(0), up: true}, {at: sec(6)}}},
			{"b", "a"}: {points: []linkPoint{{at: sec(2), up: true}, {at: sec(8)}}},
		},
		logs: map[string][]connectionLine{"b": {{at: sec(4.5), peer: "a", lost: true}}},
	}
	all := w.losses("a", "b")
	if len(all) != 1 || !all[0].told || !all[0].before.Equal(sec(4.5)) {
		t.Errorf("losses %+v, want the one that the log tells", all)
	}
	w.logs = nil
	if all = w.losses("a", "b"); len(all) != 1 || !all[0].after.Equal(sec(2)) || !all[0].before.Equal(sec(6)) {
		t.Errorf("losses %+v, want one between 2 s and 6 s", all)
	}
}

func TestCompareEnds(t *testing.T) {
	ends := func(loss float64) (missing, sent series.Series) {
		var out, in []linkPoint
		for i := range 20 {
			x := 6 * float64(i)
			since := -10.0
			if x >= 60 {
				since = 57 // a new connection: both ends count from 0
			}
			out = append(out, linkPoint{at: sec(x), up: true, since: sec(since), out: 20 * (x - since)})
			in = append(in, linkPoint{at: sec(x + 1.5), up: true, since: sec(since), in: (1 - loss) * 20 * (x + 1.5 - since)})
		}
		return compareEnds(out, in)
	}
	missing, sent := ends(0)
	if m := series.Quantile(missing.V, 1); math.Abs(m) > 1e-6 {
		t.Errorf("nothing was lost, and %g messages are missing", m)
	}
	lost, _ := ends(0.25)
	gap, total := lost.V[lost.Len()-1]-lost.V[0], sent.V[sent.Len()-1]-sent.V[0]
	if share := gap / total; math.Abs(share-0.25) > 0.02 {
		t.Errorf("%.0f %% are missing, want 25", 100*share)
	}
}

func TestHottest(t *testing.T) {
	table := profiles.Table{Rows: []profiles.Row{
		{Function: "runtime.mallocgc", Flat: 40, Cum: 60},
		{Function: "app.(*A).scan", Flat: 30, Cum: 80},
		{Function: "app.(*A).HandleMessage", Flat: 0, Cum: 90},
		{Function: "app.(*B).HandleMessage", Flat: 5, Cum: 10},
	}}
	if r, ok := hottest(table, 100); !ok || r.Function != "app.(*A).scan" {
		t.Errorf("hottest is %+v, want the innermost that holds about as much", r)
	}
	if r, ok := hottest(table, 400); ok {
		t.Errorf("%+v is named with less than 30 %% of the CPU", r)
	}
}
