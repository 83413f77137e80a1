package archive_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// writeSegments writes a directory of so many segments, a record of each of a few streams in each; every is
// called behind each.
func writeSegments(t testing.TB, n int, every func(w *archive.Writer)) (dir string) {
	w, dir := archivetest.CreateDir(t, nil)
	for i := range n {
		for name := range 4 {
			r := &archive.Record{
				Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: fmt.Sprint("tool", name)},
				Schema: archive.Schema{Form: archive.FormObject}, At: time.Unix(int64(i), 0).UTC(),
				Text: fmt.Appendf(nil, `{"N":%d}`, i),
			}
			if _, err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if every != nil {
			every(w)
		}
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mapped counts the files below a directory that this process has mapped.
func mapped(t *testing.T, dir string) (n int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	for line := range bytes.Lines(maps) {
		if bytes.Contains(line, []byte(filepath.Clean(dir)+"/")) {
			n++
		}
	}
	return n
}

// TestSegmentsAreNotMapped: of a directory only the segment that is written is mapped, whoever reads the others:
// each mapping costs its pages for as long as the archive is open.
func TestSegmentsAreNotMapped(t *testing.T) {
	const n = 20
	dir := writeSegments(t, n, func(w *archive.Writer) {
		if got := mapped(t, w.Path()); got > 1 {
			t.Fatalf("while it is written %d segments are mapped", got)
		}
	})
	r := archivetest.Open(t, dir)
	if got := mapped(t, dir); got > 0 {
		t.Errorf("of an open archive %d segments are mapped", got)
	}
	records := 0
	for _, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	if records != 4*n {
		t.Errorf("%d records, want %d", records, 4*n)
	}
	if got := mapped(t, dir); got > 0 {
		t.Errorf("of an archive that was read %d segments are mapped", got)
	}
}

// BenchmarkOpenSegments opens a directory of 720 segments.
func BenchmarkOpenSegments(b *testing.B) {
	dir := writeSegments(b, 720, nil)
	b.ReportAllocs()
	for b.Loop() {
		r, err := archive.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
