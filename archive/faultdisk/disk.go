// Package faultdisk makes the I/O of an archive fail, in the ways in which disks
// do, for tests of the archive and of what is built upon it. It reaches into
// bbolt, which offers no other way.
package faultdisk

import (
	"os"
	"reflect"
	"sync"
	"syscall"
	"unsafe"
)

// A Kind is a way in which I/O fails.
type Kind int

// The ways that there are. None lets the disk work.
const (
	None  Kind = iota
	EIO        // the write fails
	Full       // there is no room
	Short      // only half of it is written
	Lost       // nothing is written, the disk says it was, and the sync tells
	Sync       // the sync behind the write fails, and the system forgets
	Grow       // the file cannot be made longer, or be synced
	Map        // a longer file cannot be mapped
	kinds
)

// Writes are the kinds that a single write decides, Commits those that a
// commit does.
func Writes() []Kind { return []Kind{EIO, Full, Short, Lost, Sync} }

// Commits: see [Writes].
func Commits() []Kind { return []Kind{Grow, Map} }

func (k Kind) String() string {
	return [kinds]string{"none", "EIO", "ENOSPC", "short", "lost", "sync", "grow", "mmap"}[k]
}

// A Disk is beneath the databases that were attached to it. It is safe for
// concurrent use.
type Disk struct {
	write, commit func(n int) Kind

	mu      sync.Mutex
	writes  int
	commits int
	hits    int
	wrong   [2]*os.File // a pipe, which can neither be synced nor be made longer
	real    map[any]*os.File
}

// New makes a disk on which the n-th write and the n-th commit, from 0, go as
// the functions say; nil lets all of them work. Close releases it.
func New(write, commit func(n int) Kind) (*Disk, error) {
	always := func(int) Kind { return None }
	if write == nil {
		write = always
	}
	if commit == nil {
		commit = always
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &Disk{write: write, commit: commit, wrong: [2]*os.File{r, w}, real: map[any]*os.File{}}, nil
}

// Close releases what the disk holds of the system.
func (d *Disk) Close() {
	for _, f := range d.wrong {
		f.Close()
	}
}

// Counts are how many writes and commits there were, and how many failed.
func (d *Disk) Counts() (writes, commits, failed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes, d.commits, d.hits
}

// field is a field of bbolt's database that it does not export.
func field[T any](db any, names ...string) *T {
	v := reflect.ValueOf(db).Elem()
	for _, n := range names {
		v = v.FieldByName(n)
	}
	return (*T)(unsafe.Pointer(v.UnsafeAddr()))
}

// Attach puts the disk beneath a *bbolt.DB.
func (d *Disk) Attach(db any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := field[*os.File](db, "file")
	actual := *file
	d.real[db] = actual
	*field[func([]byte, int64) (int, error)](db, "ops", "writeAt") = func(b []byte, off int64) (int, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		kind := d.write(d.writes)
		d.writes++
		if kind != None {
			d.hits++
		}
		switch kind {
		case EIO:
			return 0, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.EIO}
		case Full:
			return 0, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.ENOSPC}
		case Short:
			n, _ := actual.WriteAt(b[:len(b)/2], off)
			return n, &os.PathError{Op: "write", Path: actual.Name(), Err: syscall.EIO}
		case Lost:
			*file = d.wrong[0]
			return len(b), nil
		case Sync:
			*file = d.wrong[0]
		}
		return actual.WriteAt(b, off)
	}
}

// Begin comes before a commit.
func (d *Disk) Begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := d.commit(d.commits)
	d.commits++
	if kind == None {
		return
	}
	d.hits++
	for db := range d.real {
		switch kind {
		case Grow:
			*field[*os.File](db, "file") = d.wrong[0]
		case Map:
			*field[int](db, "datasz") = 0 // any page that is added needs a new mapping
			*field[int](db, "MmapFlags") = badFlags
		}
	}
}

// badFlags are flags of mmap that no file of a disk can bear: MAP_SYNC, with
// the bit that makes the system look at it.
const badFlags = 0x80000 | 0x2

// Settle comes when bbolt has done what it was asked for: its databases get
// their files back, so that they can be closed.
func (d *Disk) Settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for db, f := range d.real {
		if file := field[*os.File](db, "file"); *file == d.wrong[0] {
			*file = f
		}
		*field[int](db, "MmapFlags") = 0
		if size := field[int](db, "datasz"); *size == 0 {
			*size = len(*field[[]byte](db, "dataref"))
		}
	}
}
