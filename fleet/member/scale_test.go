package member_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/lease"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/ship"
	"ergorecorder/internal/cpu"
	"ergorecorder/internal/pace"
)

// The fleet of the scale tests: SCALE=1 runs them, SCALE=0.1 a tenth of the nodes.
const (
	scaleRecorders = 10
	scaleNodes     = 50 // of each
	scaleProcesses = 1000
	scaleOutage    = 10 * time.Minute
	scaleWithin    = 5 * time.Minute
)

// scaled is how large the fleet is to be.
func scaled(t *testing.T) float64 {
	t.Helper()
	var share float64
	if _, err := fmt.Sscan(os.Getenv("SCALE"), &share); err != nil {
		t.Skip("SCALE=1 measures a fleet of 10 recorders and 500 nodes (make fleet-scale)")
	}
	return share
}

// A source is a recorder of the scale test: an archive, and what shipping it took.
type source struct {
	w     *archive.Writer
	load  *archivetest.Workload
	now   time.Time
	nodes int
	rows  int64
	store time.Duration // CPU
	ship  *ship.Shipper
}

func newSource(t *testing.T, i, nodes int, l *link.Link) *source {
	t.Helper()
	s := &source{load: archivetest.NewWorkload(nodes, scaleProcesses, uint64(i+1)), nodes: nodes}
	s.now = s.load.Start
	path := filepath.Join(t.TempDir(), fmt.Sprint("r", i)) + "/"
	var err error
	s.w, err = archive.OpenWriter(path, &archive.Options{Now: func() time.Time { return s.now }, CommitEvery: time.Hour})
	must(t, err)
	t.Cleanup(func() { must(t, s.w.Close()) })
	s.ship, err = ship.New(ship.Options{
		Fleet: "f", Cluster: "c", Recorder: fmt.Sprint("r", i), View: s.w.View(), Durable: func() uint64 { return s.w.Stats().Durable },
		State: path + "state", Within: scaleWithin, EndRuns: s.w.EndRuns, Now: func() time.Time { return s.now }, Notice: func(string) {},
	}, l)
	must(t, err)
	return s
}

// record records so much of the workload's time, with a commit each second of it.
func (s *source) record(t *testing.T, d time.Duration) {
	t.Helper()
	second, ended := s.now, s.now
	for end := s.now.Add(d); s.now.Before(end); {
		for node := range s.nodes {
			rec := s.load.Next(node)
			before := cpu.Spent()
			_, err := s.w.Append(rec)
			must(t, err)
			if s.now = rec.At; s.now.Sub(second) >= time.Second {
				second = s.now
				must(t, s.w.Sync())
			}
			if s.now.Sub(ended) >= scaleWithin/8 {
				ended = s.now
				must(t, s.w.EndRuns(s.now.Add(-scaleWithin)))
			}
			s.store += cpu.Spent() - before
			s.rows += scaleProcesses
		}
	}
	must(t, s.w.EndRuns(s.now.Add(time.Hour)))
	s.load = nil // it is large
}

// TestScaleBacklog: what 10 recorders of 50 nodes record in ten minutes without an engine is
// shipped when it is back, all at once.
func TestScaleBacklog(t *testing.T) {
	nodes := max(int(scaleNodes*scaled(t)), 1)
	e := startEngines(t, 1)
	var sources []*source
	var store time.Duration
	var rows int64
	for i := range scaleRecorders {
		s := newSource(t, i, nodes, e.link())
		s.record(t, scaleOutage)
		store += s.store
		rows += s.rows
		sources = append(sources, s)
	}
	began, used := time.Now(), cpu.Spent()
	var all sync.WaitGroup
	for _, s := range sources {
		all.Go(func() {
			if err := s.ship.Step(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	took, used := time.Since(began), cpu.Spent()-used
	var shipped ship.Shipped
	for _, s := range sources {
		got := s.ship.Shipped()
		shipped.Bytes += got.Bytes
		shipped.Blocks += got.Blocks
		shipped.Records += got.Records
		if b := s.ship.Backlog(); b.Blocks > 0 {
			t.Errorf("%d blocks are left", b.Blocks)
		}
	}
	perRecorder := func(d time.Duration) float64 {
		return 100 * d.Seconds() / scaleRecorders / scaleOutage.Seconds()
	}
	t.Logf("%d recorders x %d nodes x %d processes, %v: %d rows in %d blocks, %d bytes shipped, %.2f bytes a row",
		scaleRecorders, nodes, scaleProcesses, scaleOutage, rows, shipped.Blocks, shipped.Bytes, float64(shipped.Bytes)/float64(rows))
	t.Logf("storing took %.2f %% of a core a recorder; shipping, the engine's share in it, %.3f %%", perRecorder(store), perRecorder(used))
	t.Logf("the backlog of %v was drained in %v (CPU %v)", scaleOutage, took.Round(time.Millisecond), used.Round(time.Millisecond))
	if took > 2*time.Minute {
		t.Errorf("the backlog took %v, more than 2 min", took)
	}
}

// keeper is a recorder that does nothing but keep its leases.
type keeper struct {
	*lease.Keeper
	link *link.Link
	stop context.CancelFunc
	done chan struct{}
}

func newKeeper(t *testing.T, e *engines, i int, names []string) *keeper {
	t.Helper()
	k := &keeper{link: e.link(), done: make(chan struct{})}
	began := time.Now()
	k.Keeper = lease.New(lease.Options{
		Cluster: "c", Name: fmt.Sprint("r", i), Archive: fmt.Sprint(i), Takeover: lease.Takeover(5 * time.Second), Witnesses: 1,
		Recorders: k.link.Bucket(shape.Recorders("f")), Leases: k.link.Bucket(shape.Leases("f", "c")),
		Self: func(*shape.Recorder) {}, Session: func() string { return fmt.Sprint(i, time.Now().UnixNano()) },
		Now: time.Now, Elapsed: func() time.Duration { return time.Since(began) }, Hear: func(lease.Event) {},
	})
	k.There(names)
	var ctx context.Context
	ctx, k.stop = context.WithCancel(t.Context())
	go func() { defer close(k.done); k.Run(ctx) }()
	t.Cleanup(k.kill)
	return k
}

// kill ends it so that the engine hears nothing of it any more.
func (k *keeper) kill() {
	k.link.Close()
	k.stop()
	<-k.done
}

// TestScaleTakeover: the nodes of dead recorders are taken over in time, as all 500 are at once at first.
func TestScaleTakeover(t *testing.T) {
	nodes := max(int(scaleNodes*scaled(t)), 1) * scaleRecorders
	for _, n := range []int{1, 3} {
		e := startEngines(t, n)
		var names []string
		for i := range nodes {
			names = append(names, fmt.Sprintf("n%d@host%d.x", i, i))
		}
		began := time.Now()
		var keepers []*keeper
		for i := range scaleRecorders {
			keepers = append(keepers, newKeeper(t, e, i, names))
		}
		had := func() (all int) {
			for _, k := range keepers {
				all += len(k.Nodes())
			}
			return all
		}
		within(t, time.Minute, "all nodes", func() bool { return had() == nodes })
		t.Logf("%d engines: %d nodes were shared by %d recorders within %v", n, nodes, scaleRecorders, time.Since(began).Round(time.Millisecond))
		var times []time.Duration
		for range pace.Times(3, 3, 1) {
			lost := len(keepers[0].Nodes())
			keepers[0].kill()
			keepers = keepers[1:]
			at := time.Now()
			within(t, 15*time.Second, fmt.Sprintf("the takeover of %d nodes", lost), func() bool { return had() == nodes })
			times = append(times, time.Since(at).Round(time.Millisecond))
		}
		slices.Sort(times)
		t.Logf("%d engines: the nodes of a dead recorder were taken over after %v, of at most 15 s", n, times)
		for _, k := range keepers {
			k.kill()
		}
	}
}
