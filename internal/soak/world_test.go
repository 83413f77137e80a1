package soak

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/faultdisk"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/sim"
	"ergorecorder/recorder"
)

// A plan is what a run is made of.
type plan struct {
	lasts     time.Duration
	retention bool    // segments are dropped
	crowds    float64 // of the times at which a crowd may come, in so many it does
	rests     bool    // now and then all works for minutes
}

// A world is one run: a cluster, a disk, a clock and a recorder, and what the
// seed makes of them.
type world struct {
	t     *testing.T
	dir   string
	plan  plan
	seed  uint64
	began time.Time
	nodes []string

	cluster *sim.Live
	disk    *faultdisk.Disk
	writer  *archive.Writer
	rec     *recorder.Recorder
	path    string

	mu      sync.Mutex
	rng     *rand.Rand // of the world; the disk has its own
	offset  time.Duration
	bad     faultdisk.Kind // what the disk does now
	often   float64        // to which share of the writes
	told    []string
	refused []refusal
	drawnAt time.Time // see luck
	drawn   map[string]int
	asked   map[string]int // calls, by what is asked

	faults                                    int
	cuts, dumps, scans, saves, crowds, rested atomic.Int64
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) between(a, b int) int { return a + w.rng.IntN(b-a+1) }

// run runs a seed.
func run(t *testing.T, seed uint64, p plan) *world {
	w := &world{t: t, seed: seed, asked: map[string]int{}, dir: scratch(t), plan: p, rng: rand.New(rand.NewPCG(seed, 1))}
	synctest.Test(t, func(t *testing.T) {
		w.t = t
		w.began = time.Now()
		w.open()
		w.live()
	})
	return w
}

// scratch is a folder in memory, where the system has one: the disk is simulated.
func scratch(t *testing.T) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "soak-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// open makes the cluster, the disk, the archive and the recorder.
func (w *world) open() {
	for i := range w.between(1, 3) {
		w.nodes = append(w.nodes, fmt.Sprintf("%c@h", 'a'+i))
	}
	w.cluster = sim.NewLive(w.nodes...)
	w.cluster.Spread = func(node string, nth int) time.Duration { return w.apartBy(fmt.Sprint(node, nth)) }
	for _, n := range w.nodes {
		processes := w.between(5, 40)
		w.cluster.Node(n, func(n *sim.LiveNode) { n.Processes = processes })
	}
	kindOf := func(commit bool) func(int) faultdisk.Kind {
		return func(int) faultdisk.Kind {
			luck := w.luck("disk")
			w.mu.Lock()
			defer w.mu.Unlock()
			k := w.bad
			if (k == faultdisk.Grow || k == faultdisk.Map) != commit || luck >= w.often {
				return faultdisk.None
			}
			return k
		}
	}
	var err error
	if w.disk, err = faultdisk.New(kindOf(false), kindOf(true)); err != nil {
		w.t.Fatal(err)
	}
	w.path = filepath.Join(w.dir, "a.erg")
	conf := &archive.Options{Now: w.now, CommitEvery: time.Duration(w.between(1, 8)) * time.Second}
	if w.plan.retention || w.chance(0.5) {
		w.path = filepath.Join(w.dir, "archive") + string(filepath.Separator)
		conf.RotateBytes = 64 << 10
	}
	if w.plan.retention {
		conf.KeepBytes = 256 << 10
	}
	conf.Beneath(w.disk)
	if w.writer, err = archive.OpenWriter(w.path, conf); err != nil {
		w.t.Fatal(err)
	}
	if w.rec, err = recorder.New(w.ways(), w.writer, w.options()); err != nil {
		w.t.Fatal(err)
	}
}

// now is the clock of the recording machine, which is set now and then.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.offset)
}

func (w *world) ways() ergo.Caller {
	var ways []live.Way
	for i, n := range w.nodes {
		if i == 0 || w.chance(0.5) {
			ways = append(ways, live.Way{Name: n, Caller: w.apart(n, w.cluster.Endpoint(n))})
		}
	}
	r := live.NewRouter(ways, time.Now, nil)
	return routed{r, w.apart("router", r)}
}

// routed is a router whose calls are kept apart, see apart: it forwards by turns.
type routed struct {
	*live.Router
	calls ergo.Caller
}

func (r routed) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	return r.calls.Call(ctx, call)
}

// apart keeps the calls to an entry point, and its answers, from coming at one
// instant: of those, Go's scheduler makes what order it likes, and the run would
// not follow from the seed. How long one waits follows from what it asks and how
// often that was asked before.
func (w *world) apart(name string, to ergo.Caller) ergo.Caller {
	return ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		key := fmt.Sprint(name, call.Tool, call.Node, call.Args)
		w.mu.Lock()
		w.asked[key]++
		key = fmt.Sprint(key, w.asked[key])
		w.mu.Unlock()
		time.Sleep(w.apartBy(key))
		a, err := to.Call(ctx, call)
		time.Sleep(w.apartBy(key + "back"))
		a.At = time.Now()
		return a, err
	})
}

// luck is a number in [0, 1) that follows from the seed, the instant, and how
// often it was drawn at that instant: one draw more or less at another changes
// nothing.
func (w *world) luck(what string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); !now.Equal(w.drawnAt) {
		w.drawnAt, w.drawn = now, map[string]int{}
	}
	w.drawn[what]++
	return float64(w.hash(what, w.drawnAt.UnixNano(), w.drawn[what])>>11) / (1 << 53)
}

func (w *world) hash(of ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, append(of, w.seed)...)
	return rand.New(rand.NewPCG(h.Sum64(), w.seed)).Uint64() // FNV alone leaves neighbours alike
}

// apartBy is a time of up to a millisecond that follows from the seed and a key.
func (w *world) apartBy(key string) time.Duration {
	return time.Duration(w.hash(key)%uint64(time.Millisecond)) + 1
}

func (w *world) options() recorder.Options {
	o := recorder.Standard()
	if w.chance(0.3) {
		o = recorder.Light()
	}
	o.Jitter = func() float64 { return w.luck("jitter") }
	o.Now = w.now
	o.Elapsed = func() time.Duration { return time.Since(w.began) }
	o.Notice = func(s string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, s)
	}
	return o
}

// live lets the time pass, and something happen every few seconds; in the end
// everything works again, and what was recorded is checked.
func (w *world) live() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	time.Sleep(7919 * time.Microsecond) // the recorder's ticks are not those of the writer
	go func() { ended <- w.rec.Run(ctx) }()
	happen := w.events()
	for told := time.Hour; time.Since(w.began) < w.plan.lasts; {
		if time.Since(w.began) >= told {
			w.t.Logf("%v are over", told)
			told += time.Hour
		}
		time.Sleep(time.Duration(w.between(50_000, 3_000_000))*time.Microsecond + 137)
		happen[w.rng.IntN(len(happen))]()
		w.judge()
		if w.plan.rests && w.chance(0.03) {
			w.rest()
		}
	}
	w.heal()
	time.Sleep(10 * time.Second)
	w.checkStatus()
	cancel()
	if err := <-ended; err != nil {
		w.t.Errorf("run: %v", err)
	}
	w.cluster.Close()
	w.end()
}

// rest lets everything work for minutes, as most of a day goes, and looks at the
// status then.
func (w *world) rest() {
	w.heal()
	w.start()
	time.Sleep(time.Duration(w.between(10, 300)) * time.Second)
	w.checkStatus()
	w.rested.Add(1)
}

// heal makes all work again.
func (w *world) heal() {
	w.mu.Lock()
	w.bad = faultdisk.None
	w.mu.Unlock()
	for _, n := range w.nodes {
		w.cluster.Node(n, func(n *sim.LiveNode) { n.Thaw(); n.Cut, n.NoApp = nil, false })
	}
}

// checkStatus: once everything works, nothing fails, and what was taken is on disk.
func (w *world) checkStatus() {
	if err := w.writer.Sync(); err != nil {
		w.t.Errorf("sync on a disk that works: %v", err)
	}
	s := w.rec.Status().Storage
	_, _, failed := w.disk.Counts()
	w.faults = failed
	if s.Failing != "" || s.Durable != s.Accepted || s.Faults > 0 && s.Fault == "" {
		w.t.Errorf("on a disk that works the status says %+v", s)
	}
}

// end closes the archive and holds it against what the writer counted.
func (w *world) end() {
	if err := w.writer.Close(); err != nil {
		w.t.Errorf("close: %v", err)
	}
	w.disk.Close()
	st := w.writer.Stats()
	if st.Saved != st.Records {
		w.t.Errorf("%d records were taken, and %d are on disk", st.Records, st.Saved)
	}
	rep := w.verify(w.path)
	if rep != nil && !w.plan.retention && uint64(rep.Records) != st.Records {
		w.t.Errorf("the archive holds %d records, and %d were taken", rep.Records, st.Records)
	}
}

// verify fails unless an archive is sound.
func (w *world) verify(path string) *archive.Report {
	rep, err := archive.Verify(context.Background(), path)
	if err != nil {
		w.t.Errorf("verify: %v", err)
		return nil
	}
	for _, d := range rep.Damage {
		w.t.Errorf("damage: %v", d)
	}
	return rep
}
