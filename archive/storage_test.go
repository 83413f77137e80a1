package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go.etcd.io/bbolt"
)

// A disk makes the I/O of bbolt fail: its n-th write, or the sync that follows
// that write, once or for some time.
type disk struct {
	t    *testing.T
	fail failure
	n    int // which operation fails; -1: none
	many int // how many fail in a row
	seen int
	hits int

	wrong *os.File // syncs of it fail
	real  map[*bbolt.DB]*os.File
}

type failure int

const (
	eio      failure = iota // the write fails
	enospc                  // there is no room
	short                   // only half of it is written
	lost                    // nothing is written, the disk says it was, and the sync tells
	syncOf                  // the sync behind it fails, and the system forgets
	failures                // how many there are
)

func (f failure) String() string { return [...]string{"EIO", "ENOSPC", "short", "lost", "sync"}[f] }

func newDisk(t *testing.T, f failure, n, many int) *disk {
	// A pipe cannot be synced.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return &disk{t: t, fail: f, n: n, many: many, wrong: w, real: map[*bbolt.DB]*os.File{}}
}

// field is a field of bbolt's database that it does not export.
func field[T any](db *bbolt.DB, names ...string) *T {
	v := reflect.ValueOf(db).Elem()
	for _, n := range names {
		v = v.FieldByName(n)
	}
	return (*T)(unsafe.Pointer(v.UnsafeAddr()))
}

func (d *disk) attach(db *bbolt.DB) {
	file := field[*os.File](db, "file")
	write := field[func([]byte, int64) (int, error)](db, "ops", "writeAt")
	actual := *file
	d.real[db] = actual
	*write = func(b []byte, off int64) (int, error) {
		d.seen++
		if i := d.seen - 1; d.n < 0 || i < d.n || i >= d.n+d.many {
			return actual.WriteAt(b, off)
		}
		d.hits++
		switch d.fail {
		case eio:
			return 0, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.EIO}
		case enospc:
			return 0, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.ENOSPC}
		case short:
			n, _ := actual.WriteAt(b[:len(b)/2], off)
			return n, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.EIO}
		case lost:
			*file = d.wrong
			return len(b), nil
		}
		*file = d.wrong
		return actual.WriteAt(b, off)
	}
}

// restore gives every database its file back, so that it can be closed.
func (d *disk) restore() {
	for db, f := range d.real {
		if file := field[*os.File](db, "file"); *file == d.wrong {
			*file = f
		}
	}
}

// TestStorageErrors makes every write of a recording fail in turn, and every
// sync, in all ways there are, once and several times in a row. Each failure
// must be told by Stats at once, cured when the disk works again, and nothing
// that was acknowledged may be missing, or be there twice.
func TestStorageErrors(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for f := range failures {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			for _, many := range []int{1, 4} {
				n := 0
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
func faulty(t *testing.T, f failure, n, many int) bool {
	what := fmt.Sprintf("%v of write %d, %d times", f, n, many)
	d := newDisk(t, f, n, many)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opts := &Options{Now: func() time.Time { return now }, CommitEvery: time.Hour, RotateBytes: 96 << 10}
	opts.bolt = d.attach
	opts.idle = d.restore
	path := t.TempDir() + string(filepath.Separator)
	w, err := OpenWriter(path, opts)
	if err != nil {
		d.n = -1
		if w, err = OpenWriter(path, opts); err != nil {
			t.Fatalf("%s: open when the disk works again: %v", what, err)
		}
	}
	taken := 0
	for i := range 14 {
		taken += appendFaulty(t, what, w, d, i)
		now = now.Add(2 * time.Hour)
	}
	s := w.Stats()
	if d.hits > 0 && s.Fault.Count == 0 && taken < 14 {
		t.Fatalf("%s: nothing is told", what)
	}
	more := d.seen > n
	d.n = -1
	if appendFaulty(t, what, w, d, 14) == 0 || w.Stats().Failing != nil {
		t.Fatalf("%s: the disk works again, and %v", what, w.Stats().Failing)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close when the disk works again: %v", what, err)
	}
	checkFaulty(t, what, path, taken+1)
	return more
}

// appendFaulty appends a record and syncs. What is refused is not taken.
func appendFaulty(t *testing.T, what string, w *Writer, d *disk, i int) int {
	t.Helper()
	before := d.hits
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
	if d.hits > before && d.fail != lost && err == nil {
		t.Fatalf("%s: a write failed, and Sync says nothing", what)
	}
	if err != nil && s.Fault.Err == nil {
		t.Fatalf("%s: %v, and Stats says nothing", what, err)
	}
	if err == nil && (s.Failing != nil || s.Durable != s.Accepted || s.Saved != s.Records) {
		t.Fatalf("%s: all is stored, and %+v", what, s)
	}
	return 1
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
