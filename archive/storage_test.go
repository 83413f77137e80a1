package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"ergorecorder/archive/faultdisk"
	"ergorecorder/internal/pace"
)

// during is a failure of the n-th write or commit, and of some that follow.
func during(kind faultdisk.Kind, n, many int, works *atomic.Bool) func(int) faultdisk.Kind {
	return func(i int) faultdisk.Kind {
		if works.Load() || i < n || i >= n+many {
			return faultdisk.None
		}
		return kind
	}
}

// TestStorageErrors makes every write of a recording fail in turn, every sync,
// and every longer file, in all ways there are, once and several times in a row. Each failure
// must be told by Stats at once, cured when the disk works again, and nothing
// that was acknowledged may be missing, or be there twice.
func TestStorageErrors(t *testing.T) {
	step := pace.Every(4, 31)
	for i, f := range append(faultdisk.Writes(), faultdisk.Commits()...) {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			for _, many := range []int{1, 4} {
				n := i % step // each way begins at another place, so that together they meet all
				for ; faulty(t, f, n, many); n += step {
				}
				if n < 10 {
					t.Errorf("%d writes only", n)
				}
			}
		})
	}
}

// faulty is one recording, whose n-th write fails. It reports whether there were
// as many.
func faulty(t *testing.T, f faultdisk.Kind, n, many int) bool {
	what := fmt.Sprintf("%v at %d, %d times", f, n, many)
	var works atomic.Bool
	write, commit := during(f, n, many, &works), func(int) faultdisk.Kind { return faultdisk.None }
	if slices.Contains(faultdisk.Commits(), f) {
		write, commit = commit, write
	}
	d, err := faultdisk.New(write, commit)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opts := &Options{Now: func() time.Time { return now }, CommitEvery: time.Hour, RotateBytes: 96 << 10}
	opts.Beneath(d)
	path := t.TempDir() + string(filepath.Separator)
	w, err := OpenWriter(path, opts)
	if err != nil {
		works.Store(true)
		if w, err = OpenWriter(path, opts); err != nil {
			t.Fatalf("%s: open when the disk works again: %v", what, err)
		}
	}
	taken := 0
	for i := range 14 {
		taken += appendFaulty(t, what, w, d, i, f == faultdisk.Lost || f == faultdisk.Grow || f == faultdisk.Map)
		now = now.Add(2 * time.Hour)
	}
	s := w.Stats()
	writes, commits, hits := d.Counts()
	if hits > 0 && s.Fault.Count == 0 && taken < 14 {
		t.Fatalf("%s: nothing is told", what)
	}
	more := writes > n
	if slices.Contains(faultdisk.Commits(), f) {
		more = commits > n
	}
	works.Store(true)
	if appendFaulty(t, what, w, d, 14, false) == 0 || w.Stats().Failing != nil {
		t.Fatalf("%s: the disk works again, and %v", what, w.Stats().Failing)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close when the disk works again: %v", what, err)
	}
	checkFaulty(t, what, path, taken+1)
	return more
}

// appendFaulty appends a record and syncs. What is refused is not taken; may says
// that a failure need not be met.
func appendFaulty(t *testing.T, what string, w *Writer, d *faultdisk.Disk, i int, may bool) int {
	t.Helper()
	_, _, before := d.Counts()
	told := w.Stats().Fault.Count
	text := make([]byte, 12_000)
	seed := uint64(i)
	for j := range text { // what cannot be compressed
		seed = seed*6364136223846793005 + 1442695040888963407
		text[j] = byte(seed >> 56)
	}
	rec := &Record{Stream: StreamKey{Kind: Sample, Name: "x"}, At: time.Unix(int64(1e9+i), 0), Text: fmt.Appendf(nil, "%d %s", i, text)}
	if _, err := w.Append(rec); err != nil {
		if errors.Is(err, ErrClosed) {
			t.Fatalf("%s: %v", what, err)
		}
		return 0
	}
	err := w.Sync()
	s := w.Stats()
	_, _, hits := d.Counts()
	if hits > before && !may && s.Fault.Count == told {
		t.Fatalf("%s: a write failed, and Stats says nothing", what)
	}
	if hits > before {
		checkCut(t, what, w.path, s.Saved)
	}
	if err != nil && s.Fault.Err == nil {
		t.Fatalf("%s: %v, and Stats says nothing", what, err)
	}
	if err == nil && (s.Failing != nil || s.Durable != s.Accepted || s.Saved != s.Records) {
		t.Fatalf("%s: all is stored, and %+v", what, s)
	}
	return 1
}

// checkCut: after a kill at this instant all that was called saved is there, and
// a recorder goes on.
func checkCut(t *testing.T, what, path string, saved uint64) {
	t.Helper()
	copied := t.TempDir() + string(filepath.Separator)
	if err := os.CopyFS(copied, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"killed", "and opened again"} {
		rep, err := Verify(t.Context(), copied)
		if err != nil || len(rep.Damage) > 0 || uint64(rep.Records) < saved {
			t.Fatalf("%s, %s: %d records were saved: %v, %v", what, when, saved, err, rep)
		}
		w, err := OpenWriter(copied, nil)
		if err != nil {
			t.Fatalf("%s, %s: %v", what, when, err)
		}
		if err := w.Close(); err != nil {
			t.Fatalf("%s, %s: %v", what, when, err)
		}
	}
}

// checkFaulty: the archive holds what was taken, each record once.
func checkFaulty(t *testing.T, what, path string, taken int) {
	t.Helper()
	rep, err := Verify(t.Context(), path)
	if err != nil || len(rep.Damage) > 0 {
		t.Fatalf("%s: %v, %v", what, err, rep)
	}
	if rep.Records != taken {
		t.Fatalf("%s: %d records of %d that were taken", what, rep.Records, taken)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := map[string]bool{}
	for rec, err := range r.Records(t.Context(), Query{}) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if seen[string(rec.Text)] {
			t.Fatalf("%s: record %d is there twice", what, rec.Seq)
		}
		seen[string(rec.Text)] = true
	}
}

// TestRecordsComeWhileARotationFails: a rotation fails where it notes what
// follows, and records are appended while the next one opens the segment again:
// each belongs to one segment, whole.
func TestRecordsComeWhileARotationFails(t *testing.T) {
	for _, f := range []faultdisk.Kind{faultdisk.EIO, faultdisk.Short, faultdisk.Lost, faultdisk.Sync} {
		t.Run(f.String(), func(t *testing.T) {
			var works atomic.Bool
			works.Store(true)
			d, err := faultdisk.New(during(f, 0, 1<<30, &works), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			var w *Writer
			n, begun, failed := 0, false, false
			add := func() {
				n++
				if _, err := w.Append(&Record{Stream: StreamKey{Kind: Sample, Name: "x"}, At: time.Unix(int64(1e9+n), 0), Text: fmt.Appendf(nil, "%d", n)}); err != nil {
					t.Fatal(err)
				}
			}
			opts := &Options{CommitEvery: time.Hour}
			opts.Beneath(d)
			opts.fault = func(step string) error {
				switch {
				case step == "initialize a segment" && n > 0:
					begun = true
				case step == "commit" && begun && !failed:
					failed = true
					works.Store(false)
				case step == "renew a segment":
					works.Store(true)
					add()
				}
				return nil
			}
			path := t.TempDir() + string(filepath.Separator)
			if w, err = OpenWriter(path, opts); err != nil {
				t.Fatal(err)
			}
			add()
			if err := w.Rotate(); err == nil {
				t.Fatal("the note failed, and nothing is told")
			}
			if err := w.Rotate(); err != nil {
				t.Fatalf("the disk works again, and %v", err)
			}
			add()
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			checkFaulty(t, f.String(), path, n)
		})
	}
}
