package analyze_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/cpu"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// BenchmarkRun is all playbooks over nodes of 1,000 processes, sampled every
// 5 s; rows are process rows. The day takes half a minute to make.
func BenchmarkRun(b *testing.B) {
	b.Run("2nodes-30min", func(b *testing.B) { judgeWorkload(b, sim.Standard(2, 30*time.Minute)) })
	b.Run("1node-1day", func(b *testing.B) { judgeWorkload(b, sim.Standard(1, 24*time.Hour)) })
	b.Run("10nodes-1day", func(b *testing.B) { judgeWorkload(b, sim.Standard(10, 24*time.Hour)) })
}

// BenchmarkNodes is judging many small nodes: what a row costs must not grow with how
// many there are.
func BenchmarkNodes(b *testing.B) {
	for _, nodes := range []int{50, 500} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			load := sim.Standard(nodes, 10*time.Minute)
			load.Processes = 40
			judgeWorkload(b, load)
		})
	}
}

// BenchmarkLines is judging a node that logs 28 lines a second for an hour.
func BenchmarkLines(b *testing.B) {
	load := sim.Standard(1, time.Hour)
	load.Lines = 100_000
	judgeWorkload(b, load)
}

// BenchmarkSuspects is as BenchmarkRun, over the workload of the storage
// measurements. That leaves processes running with mail when they go idle, so
// that of each thousand some 580 are judged to be blocked.
func BenchmarkSuspects(b *testing.B) {
	for _, c := range []struct {
		name   string
		nodes  int
		length time.Duration
	}{{"1node-1h", 1, time.Hour}, {"10nodes-1h", 10, time.Hour}} {
		b.Run(c.name, func(b *testing.B) {
			load := archivetest.NewWorkload(c.nodes, 1000, 1)
			benchRecords(b, float64(c.nodes*load.Processes)*float64(c.length/load.Every), func(yield func(*archive.Record) bool) {
				for range int(c.length / load.Every) {
					for n := range c.nodes {
						if !yield(load.Next(n)) {
							return
						}
					}
				}
			})
		})
	}
}

func judgeWorkload(b *testing.B, load sim.Workload) {
	benchRecords(b, float64(load.Nodes)*float64(load.Processes)*float64(load.Length/load.Every), load.Records())
}

func benchRecords(b *testing.B, rows float64, records iter.Seq[*archive.Record]) {
	path := filepath.Join(b.TempDir(), "day.erg")
	w := archivetest.Writer(b, path, nil)
	for r := range records {
		if _, err := w.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer rec.Close()
	b.ReportAllocs()
	began := cpu.Spent()
	for b.Loop() {
		if _, err := analyze.Run(context.Background(), rec, analyze.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	cpu.Report(b, b.N, began)
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
