package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/cpu"
	"ergorecorder/recorder/ingest"
)

// BenchmarkCapture takes in captures, as record import does: the bundled one,
// or the files that ERGO_BENCH_CAPTURE names by a pattern, all into one archive.
func BenchmarkCapture(b *testing.B) {
	pattern := os.Getenv("ERGO_BENCH_CAPTURE")
	if pattern == "" {
		pattern = "../../testdata/stuck.jsonl.gz"
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		b.Fatalf("%s: %v", pattern, err)
	}
	var captures [][]byte
	size := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		captures = append(captures, raw)
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, z)
		if err != nil {
			b.Fatal(err)
		}
		size += int(n)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	rows, kept := 0, int64(0)
	began := cpu.Spent()
	for b.Loop() {
		rows, kept = takeIn(b, captures)
	}
	cpu.Report(b, b.N, began)
	b.ReportMetric(float64(rows)*float64(b.N)/(cpu.Spent()-began).Seconds()/1e3, "krows/cpu-s")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64(kept), "bytes-kept")
}

func takeIn(b *testing.B, captures [][]byte) (rows int, size int64) {
	path := filepath.Join(b.TempDir(), "a.erg")
	w := archivetest.Writer(b, path, &archive.Options{CommitEvery: time.Hour})
	var sum ingest.Imported
	for _, c := range captures {
		if err := ingest.Capture(context.Background(), bytes.NewReader(c), w, ingest.Options{}, &sum); err != nil {
			b.Fatal(err)
		}
	}
	if len(sum.Broken) > 0 {
		b.Fatal(sum.Broken[0])
	}
	for _, s := range w.View().Streams() {
		rows += s.Rows
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return rows, st.Size()
}
