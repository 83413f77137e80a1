package archive_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/cpu"
)

// hours is how much of the workload the long benchmarks write: 24, or what
// the environment says.
func hours(b *testing.B) float64 {
	if s := os.Getenv("ERGO_BENCH_HOURS"); s != "" {
		h, err := strconv.ParseFloat(s, 64)
		if err != nil {
			b.Fatal(err)
		}
		return h
	}
	return 24
}

// day writes hours of a workload and returns the archive's path, its rows and
// what the writer did.
func day(b *testing.B, nodes, processes int, hours float64, opts *archive.Options) (path string, rows int, st archive.Stats, took time.Duration) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "day.erg")
	load := archivetest.NewWorkload(nodes, processes, 1)
	now := load.Start
	o := *opts
	o.Now = func() time.Time { return now }
	o.CommitEvery = time.Hour // committed below, once a second of the workload's time
	w, err := archive.OpenWriter(path, &o)
	if err != nil {
		b.Fatal(err)
	}
	samples := int(hours * 3600 / 5)
	second := load.Start
	for range samples {
		for node := range nodes {
			rec := load.Next(node)
			start := time.Now()
			if _, err := w.Append(rec); err != nil {
				b.Fatal(err)
			}
			took += time.Since(start)
			if now = rec.At; now.Sub(second) >= time.Second {
				second = now
				if err := w.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			rows += processes
		}
	}
	if err := w.Sync(); err != nil {
		b.Fatal(err)
	}
	st = w.Stats()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return path, rows, st, took
}

// BenchmarkDay writes the design workload with a commit every second, and
// then reads it: size, disk writes, scans, seeks.
func BenchmarkDay(b *testing.B) {
	for _, c := range []struct {
		name             string
		nodes, processes int
		share            float64
		opts             archive.Options
	}{
		{"10x1000/ms", 10, 1000, 1, archive.Options{RoundStateTime: true}},
		{"10x1000/exact", 10, 1000, 1, archive.Options{}},
		{"1x100000/ms", 1, 100_000, 1.0 / 24, archive.Options{RoundStateTime: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := hours(b) * c.share
			path, rows, st, took := day(b, c.nodes, c.processes, h, &c.opts)
			r, err := archive.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			b.ResetTimer()
			for range b.N {
				scanTwo(b, r, rows)
			}
			b.StopTimer()
			b.ReportMetric(float64(r.Info().Bytes)/float64(rows), "bytes/row")
			b.ReportMetric(float64(st.BytesWritten)/(h*3600)/1024, "KB-written/s")
			b.ReportMetric(float64(r.Info().Bytes)/(h*3600)/1024, "KB-kept/s")
			b.ReportMetric(float64(rows)/took.Seconds()/1e3, "krows-taken/s")
			seek(b, r)
		})
	}
}

// made is the path of an archive of the design workload, exact, and its rows: of
// ERGO_BENCH_HOURS hours, or what was made before and ERGO_BENCH_DAY names.
func made(b *testing.B) (path string, rows int) {
	if path = os.Getenv("ERGO_BENCH_DAY"); path == "" {
		path, rows, _, _ = day(b, 10, 1000, hours(b), &archive.Options{})
		return path, rows
	}
	r, err := archive.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, s := range r.Streams() {
		rows += s.Rows
	}
	return path, rows
}

// BenchmarkScan scans two columns of an archive that is opened anew: as cells that are told, and as whole samples.
func BenchmarkScan(b *testing.B) {
	path, rows := made(b)
	for _, way := range []struct {
		name string
		scan func(*testing.B, *archive.Reader, int)
	}{{"cells", cellsOfTwo}, {"samples", scanTwo}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			began := cpu.Spent()
			for b.Loop() {
				r, err := archive.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				way.scan(b, r, rows)
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			cpu.Report(b, b.N, began)
		})
	}
}

// cellsOfTwo adds up the cells that are told of two columns of every stream.
func cellsOfTwo(b *testing.B, r *archive.Reader, rows int) {
	start := time.Now()
	seen, sum := 0, int64(0)
	for _, s := range r.Streams() {
		for c, err := range r.Cells(ctx, s.StreamKey, time.Time{}, time.Time{}, []string{"MessagesIn", "RunningTime"}) {
			if err != nil {
				b.Fatal(err)
			}
			for i := range c.Parts {
				p := &c.Parts[i]
				seen += p.Rows
				sum += told(&p.Columns[0]) + told(&p.Columns[1])
			}
		}
	}
	if seen != rows || sum == 0 {
		b.Fatalf("%d rows of %d", seen, rows)
	}
	b.ReportMetric(2*float64(rows)/time.Since(start).Seconds()/1e6, "Mvalues-scanned/s")
}

// told is the sum of the cells that are told of a column.
func told(c *archive.ColumnCells) (sum int64) {
	for _, row := range c.Rows {
		sum += c.Ints[row]
	}
	return sum
}

// BenchmarkSeek asks for the state of a node at random instants.
func BenchmarkSeek(b *testing.B) {
	path, _ := made(b)
	r, err := archive.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	began := cpu.Spent()
	for b.Loop() {
		seek(b, r)
	}
	cpu.Report(b, b.N*seeks, began) // of one
}

// scanTwo scans two columns of every stream.
func scanTwo(b *testing.B, r *archive.Reader, rows int) {
	start := time.Now()
	seen := 0
	var sum int64
	for _, s := range r.Streams() {
		for f, err := range r.Scan(ctx, s.StreamKey, time.Time{}, time.Time{}, []string{"MessagesIn", "RunningTime"}) {
			if err != nil {
				b.Fatal(err)
			}
			seen += len(f.Live)
			for _, slot := range f.Changed {
				sum += f.Columns[0].Ints[slot] + f.Columns[1].Ints[slot]
			}
		}
	}
	if seen != rows || sum == 0 {
		b.Fatalf("%d rows of %d", seen, rows)
	}
	b.ReportMetric(2*float64(rows)/time.Since(start).Seconds()/1e6, "Mvalues-scanned/s")
}

// seeks is how many instants seek asks about.
const seeks = 300

// seek asks for the state of a node at random instants.
func seek(b *testing.B, r *archive.Reader) {
	rng := rand.New(rand.NewPCG(1, 1))
	in, streams := r.Info(), r.Streams()
	times := make([]time.Duration, 0, seeks)
	for range cap(times) {
		s := streams[rng.IntN(len(streams))]
		at := in.From.Add(time.Duration(rng.Int64N(int64(in.To.Sub(in.From)))))
		start := time.Now()
		if _, err := r.Last(s.StreamKey, "", at); err != nil && at.After(s.From) {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1e3, "seek-p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1e3, "seek-p99-ms")
}

// BenchmarkAppend takes in JSON text: scan, compare and encode.
func BenchmarkAppend(b *testing.B) {
	load := archivetest.NewWorkload(1, 1000, 1)
	recs := make([]archive.Record, 100)
	for i := range recs {
		recs[i] = *load.Next(0)
		recs[i].Text = slices.Clone(recs[i].Text)
	}
	w, err := archive.OpenWriter(filepath.Join(b.TempDir(), "a.erg"), &archive.Options{CommitEvery: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		rec := recs[i%len(recs)]
		b.SetBytes(int64(len(rec.Text)))
		rec.At = rec.At.Add(time.Duration(i/len(recs)) * 500 * time.Second)
		if _, err := w.Append(&rec); err != nil {
			b.Fatal(err)
		}
		if i%60 == 59 {
			b.StopTimer()
			if err := w.Sync(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.StopTimer()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppendWide takes in answers of 100,000 rows, a few in each turn, with a commit after each; a small answer of
// another node comes in beside. It reports the longest that either took.
func BenchmarkAppendWide(b *testing.B) {
	var wide, small time.Duration
	for b.Loop() {
		w, err := archive.OpenWriter(filepath.Join(b.TempDir(), "a.erg"), &archive.Options{CommitEvery: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		load, other := archivetest.NewWorkload(1, 100_000, 1), archivetest.NewWorkload(2, 10, 2)
		for range 6 {
			rec := load.Next(0)
			done := make(chan struct{})
			go func() {
				defer close(done)
				wide = max(wide, appended(b, w, rec))
			}()
			for beside := true; beside; {
				small = max(small, appended(b, w, other.Next(1)))
				select {
				case <-done:
					beside = false
				case <-time.After(10 * time.Millisecond):
				}
			}
			if err := w.Sync(); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(wide.Microseconds())/1e3, "wide-ms")
	b.ReportMetric(float64(small.Microseconds())/1e3, "small-ms")
}

func appended(b *testing.B, w *archive.Writer, rec *archive.Record) time.Duration {
	start := time.Now()
	if _, err := w.Append(rec); err != nil {
		b.Error(err)
	}
	return time.Since(start)
}

// BenchmarkMemory measures what the writer keeps for each live process.
func BenchmarkMemory(b *testing.B) {
	for _, processes := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("10x%d", processes), func(b *testing.B) {
			for range b.N {
				benchmarkMemory(b, 10, processes)
			}
		})
	}
}

func benchmarkMemory(b *testing.B, nodes, processes int) {
	load := archivetest.NewWorkload(nodes, processes, 1)
	for node := range nodes {
		load.Next(node) // the workload's own memory is not counted
	}
	before := heap()
	w, err := archive.OpenWriter(filepath.Join(b.TempDir(), "a.erg"), &archive.Options{RoundStateTime: true})
	if err != nil {
		b.Fatal(err)
	}
	for range 12 {
		for node := range nodes {
			if _, err := w.Append(load.Next(node)); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	used := heap() - before - load.Bytes()
	b.ReportMetric(float64(used)/float64(nodes*processes), "bytes/process")
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
