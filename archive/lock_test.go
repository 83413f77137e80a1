package archive

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
)

// tearMeta damages the newer meta page of a file.
func tearMeta(t *testing.T, file []byte) {
	t.Helper()
	transaction := func(meta int) uint64 { return binary.LittleEndian.Uint64(file[meta+bolt.PageHeader+48:]) }
	meta, page := 0, int(binary.LittleEndian.Uint32(file[bolt.PageHeader+8:]))
	if transaction(0) < transaction(page) {
		meta = page
	}
	file[meta+30] ^= 1
}

// TestTwoWriters starts a second writer before the first, the second, … step of
// I/O of another that opens the archive, goes on with it and closes it. One of
// the two is refused, and nothing that either acknowledged is missing.
func TestTwoWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("writers in processes of their own")
	}
	const held = 4
	torn := crashedFile(t, held)
	tearMeta(t, torn)
	for n := 0; ; n++ {
		path := filepath.Join(t.TempDir(), "a.erg")
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		acknowledged := held
		at := retainStart.Add(time.Hour)
		record := func(w *Writer, err error) *Writer {
			t.Helper()
			if errors.Is(err, ErrLocked) {
				return nil
			}
			if err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
			appendSync(t, w, retainRecord(at, 9000))
			acknowledged++
			return w
		}
		var second *Writer
		steps, at0 := 0, ""
		first := record(OpenWriter(path, &Options{fault: func(step string) error {
			if steps++; steps-1 == n {
				at0 = step
				second = record(OpenWriter(path, nil))
			}
			return nil
		}}))
		if first != nil && second != nil {
			t.Errorf("step %d (%s): two writers at once", n, at0)
		}
		for _, w := range []**Writer{&first, &second} { // a second may begin while the first closes
			if *w == nil {
				continue
			}
			record(*w, nil)
			if err := (*w).Close(); err != nil {
				t.Errorf("step %d (%s): close: %v", n, at0, err)
			}
		}
		rep, err := Verify(t.Context(), path)
		if err != nil || len(rep.Damage) > 0 || rep.Records != acknowledged {
			t.Errorf("step %d (%s): %d records acknowledged: %+v, %v", n, at0, acknowledged, rep, err)
		}
		if at0 == "" {
			break
		}
	}
}

// TestRotatedMeanwhile: a writer that looked which segment is the newest, and
// then waited, does not write to one behind which the next was begun.
func TestRotatedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	w := retainWriter(t, dir, nil)
	appendSync(t, w, retainRecord(retainStart, 10))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWriter(dir, &Options{fault: func(step string) error {
		if step != "lock a segment" {
			return nil
		}
		return os.WriteFile(filepath.Join(dir, catalog.SegmentName(2)), bolt.FirstPages(os.Getpagesize()), 0o600)
	}})
	if !errors.Is(err, ErrLocked) {
		t.Errorf("%v, %v", w, err)
	}
}

// TestMetaPagesApart: while a file is recorded, its two meta pages lie a page
// of the system's apart, although it was closed with smaller ones before.
func TestMetaPagesApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	for i := range 3 {
		w := retainWriter(t, path, nil)
		appendSync(t, w, retainRecord(retainStart.Add(time.Duration(i)*time.Second), 9000))
		if got := w.seg.DB.Info().PageSize; got != os.Getpagesize() {
			t.Errorf("recorded with pages of %d bytes", got)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w = retainWriter(t, path, nil)
		if err := w.Close(); err != nil { // nothing was recorded
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(b[bolt.PageHeader+8:]); got != closedPage {
			t.Errorf("closed with pages of %d bytes", got)
		}
		if rep, err := Verify(t.Context(), path); err != nil || len(rep.Damage) > 0 || rep.Records != i+1 {
			t.Errorf("%+v, %v", rep, err)
		}
	}
}

// TestStatsWhileWriting: the race detector finds nothing in figures that are
// asked for while the disk is written.
func TestStatsWhileWriting(t *testing.T) {
	w := retainWriter(t, filepath.Join(t.TempDir(), "a.erg"), nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				w.Stats()
			}
		}
	}()
	for i := range 20 {
		appendSync(t, w, retainRecord(retainStart.Add(time.Duration(i)*time.Second), 3000))
	}
	close(stop)
	<-stopped
}
