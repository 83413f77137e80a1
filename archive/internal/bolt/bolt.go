package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"ergorecorder/archive/internal/record"
)

// lockWait is how long an open may wait for another process's lock.
const lockWait = 20 * time.Millisecond

// Options are how a file is opened.
func Options(readOnly bool, maxBytes int64) *bbolt.Options {
	return &bbolt.Options{
		ReadOnly:       readOnly,
		Timeout:        lockWait,
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		MaxSize:        int(maxBytes),
	}
}

// ErrNotBegun: nothing was ever committed to the file; see [NotBegun].
var ErrNotBegun = fmt.Errorf("%w: nothing was written to the file yet", record.ErrNotArchive)

// reserves are how much address space is reserved, so that a growing file need
// not be mapped again while readers look on: as much as the system grants.
func reserves(readOnly bool) []int {
	if readOnly {
		return []int{0}
	}
	var sizes []int
	for _, s := range []int64{64 << 30, 4 << 30, 512 << 20, 64 << 20, 0} {
		if s <= math.MaxInt/4 {
			sizes = append(sizes, int(s))
		}
	}
	return sizes
}

// AllocSize is the step by which a segment's file grows.
const AllocSize = 64 << 10

// Open opens a file and checks that its tree can be walked.
func Open(path string, opts *bbolt.Options) (db *bbolt.DB, err error) {
	if st, err := os.Stat(path); opts.ReadOnly && err == nil && st.Size() == 0 {
		return nil, ErrNotBegun // bbolt would begin it
	}
	if !opts.ReadOnly && NotBegun(path) {
		if err := clearUnbegun(path); err != nil {
			return nil, err
		}
	}
	for _, opts.InitialMmapSize = range reserves(opts.ReadOnly) {
		err = Guard(func() error {
			db, err = bbolt.Open(path, 0o600, opts)
			return err
		})
		if err == nil || !errors.Is(err, syscall.ENOMEM) && !strings.HasSuffix(err.Error(), syscall.ENOMEM.Error()) {
			break
		}
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%w%s", record.ErrLocked, holder(path))
	case errors.As(err, new(syscall.Errno)):
		return nil, err // of the disk, which says nothing about the file
	case err != nil && opts.ReadOnly && NotBegun(path):
		return nil, ErrNotBegun
	case err != nil:
		return nil, fmt.Errorf("%w: %w", record.ErrNotArchive, err)
	}
	db.AllocSize = AllocSize
	return db, nil
}

// Guard runs f, which reads mapped memory that may be damaged or cut off, and
// makes an error of a panic or a memory fault.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged: %v", r)
		}
	}()
	return f()
}

// Seal appends a checksum to a small value; open checks and removes it.
func Seal(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b)) }

// ErrSeal: a small value is not what was stored.
var ErrSeal = errors.New("checksum does not match")

// Unseal checks and removes what Seal appended.
func Unseal(b []byte) ([]byte, error) {
	if len(b) < 8 {
		return nil, ErrSeal
	}
	n := len(b) - 8
	if xxhash.Sum64(b[:n]) != binary.LittleEndian.Uint64(b[n:]) {
		return nil, ErrSeal
	}
	return b[:n], nil
}

// Close closes a file, if there is one.
func Close(db *bbolt.DB) error {
	if db == nil {
		return nil
	}
	return db.Close()
}

// TxID is the number of the newest transaction of a file.
func TxID(db *bbolt.DB) (id int, err error) {
	err = Guard(func() error {
		return db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil })
	})
	return id, err
}
