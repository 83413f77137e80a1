package archive

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

var retainStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// retainRecord is a record of bytes that do not compress.
func retainRecord(at time.Time, size int) *Record {
	text := make([]byte, size)
	seed := uint64(at.UnixNano())
	for j := range text {
		seed = seed*6364136223846793005 + 1442695040888963407
		text[j] = byte(seed >> 56)
	}
	return &Record{Stream: StreamKey{Kind: Sample, Name: "x"}, At: at, Text: fmt.Appendf(nil, "%d %s", at.Unix(), text)}
}

func retainWriter(t *testing.T, path string, opts *Options) *Writer {
	t.Helper()
	w, err := OpenWriter(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func appendSync(t *testing.T, w *Writer, rec *Record) {
	t.Helper()
	if _, err := w.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
}

// TestRotateAhead: one record whose date lies ahead closes one segment, not
// every one that follows.
func TestRotateAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a") + "/"
	now := retainStart
	opts := &Options{Now: func() time.Time { return now }}
	w := retainWriter(t, path, opts)
	appendSync(t, w, retainRecord(now, 10))
	appendSync(t, w, retainRecord(now.Add(25*time.Hour), 10))
	for i := range 10 {
		now = retainStart.Add(time.Duration(i) * time.Second)
		appendSync(t, w, retainRecord(now, 10))
		if i == 5 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w = retainWriter(t, path, opts)
		}
	}
	if n := w.Stats().Segments; n > 2 {
		t.Errorf("%d segments, want 2", n)
	}
}
