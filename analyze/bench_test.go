package analyze_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive/archivetest"
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

func judgeWorkload(b *testing.B, load sim.Workload) {
	path := filepath.Join(b.TempDir(), "day.erg")
	w := archivetest.Writer(b, path, nil)
	for r := range load.Records() {
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
	rows := float64(load.Nodes) * float64(load.Processes) * float64(load.Length/load.Every)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := analyze.Run(context.Background(), rec, analyze.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
