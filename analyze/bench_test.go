package analyze_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// BenchmarkRun is all playbooks over half an hour of two nodes of 1,000
// processes, sampled every 5 s; rows are process rows.
func BenchmarkRun(b *testing.B) {
	path := filepath.Join(b.TempDir(), "day.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	load := sim.Standard(2, 30*time.Minute)
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
