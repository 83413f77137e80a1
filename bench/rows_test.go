package bench

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/cpu"
)

const nodes, processes = 10, 1000

// hours is how much of the workload is taken: one, or what ERGO_BENCH_HOURS says.
func hours(b *testing.B) float64 {
	s := os.Getenv("ERGO_BENCH_HOURS")
	if s == "" {
		return 1
	}
	h, err := strconv.ParseFloat(s, 64)
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// samples calls f with every sample of the workload.
func samples(b *testing.B, f func(node int, r *archive.Record)) (rows int) {
	load := archivetest.NewWorkload(nodes, processes, 1)
	for range int(hours(b) * 3600 / 5) {
		for node := range nodes {
			f(node, load.Next(node))
			rows += processes
		}
	}
	return rows
}

// A row is a process in a listing, with all that is told of it.
type row struct {
	PID, Name, Application, Behavior, Kind string
	MessagesIn, MessagesOut                int64
	MessagesMailbox, MailboxLatency        int64
	RunningTime, InitTime, Wakeups         int64
	Uptime, StateTime                      int64
	State, Parent, Leader, LogLevel        string
}

func rowsOf(b *testing.B, r *archive.Record) (list []row) {
	if err := json.Unmarshal(r.Text, &list); err != nil {
		b.Fatal(err)
	}
	return list
}

// since is from when on the process has been in its state, in ms, and born when
// it began, in s.
func (r row) since(at time.Time) int64 { return at.UnixMilli() - r.StateTime/1e6 }
func (r row) born(at time.Time) int64  { return at.Unix() - r.Uptime }

// A change is what others than the archive are given to store of a sample: only
// who is new, who is gone and whose values changed, as a careful user would do.
type change struct {
	node  int
	at    time.Time
	known map[int]row // new processes, by a number of their own
	gone  []int
	rows  []int // numbers of those whose values follow, new ones among them
	told  []row
}

// A follower makes changes of samples.
type follower struct {
	last [nodes]map[string]int // numbers of the processes that live
	rows map[int]row           // what was told of them, without ages
	next int
}

// changes calls f with what changed in every sample, in order. Reading the JSON
// is nobody's cost.
func changes(b *testing.B, f func(c *change)) (rows int) {
	w := follower{rows: map[int]row{}}
	return samples(b, func(node int, r *archive.Record) {
		f(w.follow(node, r.At, rowsOf(b, r)))
	})
}

func (w *follower) follow(node int, at time.Time, list []row) *change {
	c := &change{node: node, at: at, known: map[int]row{}}
	now := make(map[string]int, len(list))
	for _, r := range list {
		id, ok := w.last[node][r.PID]
		if !ok {
			w.next++
			id = w.next
			c.known[id] = r
		}
		now[r.PID] = id
		kept := r
		kept.StateTime, kept.Uptime = 0, 0
		if !ok || w.rows[id] != kept {
			w.rows[id] = kept
			c.rows, c.told = append(c.rows, id), append(c.told, r)
		}
	}
	for pid, id := range w.last[node] {
		if _, ok := now[pid]; !ok {
			c.gone = append(c.gone, id)
			delete(w.rows, id)
		}
	}
	w.last[node] = now
	return c
}

// A moment is an instant at which the state of a node is asked for, and what is
// true of it then.
type moment struct {
	Node     int
	At       time.Time
	Rows     int   // processes that live
	In       int64 // the sum of MessagesIn
	Running  int64 // the sum of RunningTime
	Behavior int   // how many of them have one that begins with "o"
}

// moments are a few instants, 1 ms after a sample each, in random order: the first
// of those that every benchmark is asked about.
func moments(b *testing.B, n int) []moment {
	asked.Do(func() { asked.list = manyMoments(b, 100) })
	return asked.list[:min(n, len(asked.list))]
}

// asked are the moments, worked out once for all benchmarks of a run.
var asked struct {
	sync.Once
	list []moment
}

func manyMoments(b *testing.B, n int) []moment {
	var all []moment
	samples(b, func(node int, r *archive.Record) {
		all = append(all, moment{Node: node, At: r.At.Add(time.Millisecond)})
	})
	rng := rand.New(rand.NewPCG(3, 4))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	all = all[:min(n, len(all))]
	wanted := map[string]*moment{}
	for i := range all {
		wanted[fmt.Sprint(all[i].Node, all[i].At.UnixNano())] = &all[i]
	}
	samples(b, func(node int, r *archive.Record) {
		m := wanted[fmt.Sprint(node, r.At.Add(time.Millisecond).UnixNano())]
		if m == nil {
			return
		}
		for _, r := range rowsOf(b, r) {
			m.add(r.MessagesIn, r.RunningTime, r.Behavior)
		}
	})
	return all
}

func (m *moment) add(in, running int64, behavior string) {
	m.Rows, m.In, m.Running = m.Rows+1, m.In+in, m.Running+running
	if behavior != "" && behavior[0] == 'o' {
		m.Behavior++
	}
}

// A figure is one measurement: by the clock, and CPU of the whole process.
type figure struct{ wall, cpu time.Duration }

// measure measures what f does.
func measure(f func()) figure {
	began, before := time.Now(), cpu.Spent()
	f()
	return figure{time.Since(began), cpu.Spent() - before}
}

func (f *figure) add(g figure) { f.wall, f.cpu = f.wall+g.wall, f.cpu+g.cpu }

// A result is what is compared.
type result struct {
	size        int64
	taken, scan figure
	opened      figure // the file, before the scan, where that was measured
	scanned     int64  // the sum of both columns over the rows that it keeps
	states      []figure
	lost        int // rows that were there at the moments and did not come back as they were
}

// ask asks for the state at each moment and counts what is not as it was.
func (r *result) ask(b *testing.B, list []moment, state func(m moment) moment) {
	for _, m := range list {
		var got moment
		r.states = append(r.states, measure(func() { got = state(m) }))
		switch d := max(m.Rows-got.Rows, got.Rows-m.Rows); {
		case d > 0:
			r.lost += d
		case got.In != m.In || got.Running != m.Running || got.Behavior != m.Behavior:
			b.Errorf("node %d at %s: %+v, want %+v", m.Node, m.At, got, m)
		}
	}
}

// report reports the figures: of states the median.
func (r *result) report(b *testing.B, rows int) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	median := func(of func(figure) time.Duration) float64 {
		var list []time.Duration
		for _, s := range r.states {
			list = append(list, of(s))
		}
		slices.Sort(list)
		if len(list) == 0 {
			return math.NaN()
		}
		return ms(list[len(list)/2])
	}
	if r.scanned == 0 {
		b.Error("nothing was scanned")
	}
	b.ReportMetric(float64(r.size)/float64(rows), "bytes/row")
	b.ReportMetric(float64(rows)/r.taken.cpu.Seconds(), "rows-taken/cpu-s")
	b.ReportMetric(ms(r.scan.wall), "scan-ms")
	b.ReportMetric(ms(r.scan.cpu), "scan-cpu-ms")
	b.ReportMetric(ms(r.opened.cpu), "open-cpu-ms")
	b.ReportMetric(median(func(f figure) time.Duration { return f.wall }), "state-ms")
	b.ReportMetric(median(func(f figure) time.Duration { return f.cpu }), "state-cpu-ms")
	b.ReportMetric(float64(r.lost), "rows-lost")
	b.ReportMetric(0, "ns/op")
}

// sizeOf is the bytes of a file, or of all in a directory.
func sizeOf(path string) (size int64) {
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if in, err := e.Info(); err == nil {
				size += in.Size()
			}
		}
		return nil
	})
	return size
}
