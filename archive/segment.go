package archive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"ergorecorder/archive/internal/codec"
	"ergorecorder/internal/limit"
)

// Buckets of a segment. FORMAT.md describes keys and values.
var (
	bucketMeta    = []byte("meta")
	bucketStreams = []byte("streams")
	bucketBlocks  = []byte("blocks")
	bucketIndex   = []byte("index")
	bucketTail    = []byte("tail")
	keyArchive    = []byte("archive")
)

// FormatVersion is the version of the format that is written; all before it are read.
const FormatVersion = codec.Version

// segmentMeta says whose segment a file is.
type segmentMeta struct {
	Version  int     `json:"version"`
	ID       uint64  `json:"id,string"`
	Segment  int     `json:"segment"`
	Rounded  bool    `json:"rounded,omitempty"`
	Gone     numbers `json:"gone,omitempty"`    // segments that retention removed
	Dropped  []int   `json:"dropped,omitempty"` // the same, as version 2 told it
	Pinned   bool    `json:"pinned,omitempty"`  // retention left only what incidents pin
	Previous *link   `json:"previous,omitempty"`
	Next     int     `json:"next,omitempty"` // the segment that was begun behind this one
}

// A segment is one bbolt file. It is safe for concurrent use.
type segment struct {
	path  string
	meta  segmentMeta
	doubt bool // a commit failed: nothing of the file is believed; guarded by the writer's io
	txid  int  // of the newest transaction known to be on disk; guarded by the writer's io
	left  bool // retention found nothing in it but what incidents pin

	foreign bool // it is of another archive, and left out

	mu       sync.RWMutex
	db       *bbolt.DB
	raw      []byte // in place of db where its tree is damaged
	found    map[runID]*rawRun
	strange  int // blocks of another archive in raw
	searched int // how much of raw was searched
	stuck    atomic.Bool
	flat     *flatFile // in place of db where the file is flat
}

func (s *segment) name() string { return filepath.Base(s.path) }

// lockWait is how long an open may wait for another process's lock.
const lockWait = 20 * time.Millisecond

func boltOptions(readOnly bool, maxBytes int64) *bbolt.Options {
	return &bbolt.Options{
		ReadOnly:       readOnly,
		Timeout:        lockWait,
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		MaxSize:        int(maxBytes),
	}
}

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

// allocSize is the step by which a segment's file grows.
const allocSize = 64 << 10

// openBolt opens a file and checks that its tree can be walked.
func openBolt(path string, opts *bbolt.Options) (db *bbolt.DB, err error) {
	if notBegun(path) {
		if opts.ReadOnly {
			return nil, fmt.Errorf("%w: nothing was written to the file yet", ErrNotArchive)
		}
		if err := clearUnbegun(path); err != nil {
			return nil, err
		}
	}
	for _, opts.InitialMmapSize = range reserves(opts.ReadOnly) {
		err = guard(func() error {
			db, err = bbolt.Open(path, 0o600, opts)
			return err
		})
		if err == nil || !errors.Is(err, syscall.ENOMEM) && !strings.HasSuffix(err.Error(), syscall.ENOMEM.Error()) {
			break
		}
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%w%s", ErrLocked, holder(path))
	case errors.As(err, new(syscall.Errno)):
		return nil, err // of the disk, which says nothing about the file
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotArchive, err)
	}
	db.AllocSize = allocSize
	return db, nil
}

// guard runs f, which reads mapped memory that may be damaged or cut off, and
// makes an error of a panic or a memory fault.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged: %v", r)
		}
	}()
	return f()
}

// view runs f in a read transaction.
func (s *segment) view(f func(*bbolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return ErrClosed
	}
	if s.stuck.Load() {
		return errGone
	}
	began := false
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			began = true
			return f(tx)
		})
	})
	if err != nil && !began && !errors.Is(err, berrors.ErrInvalidMapping) { // that one is mended by opening it again
		s.stuck.Store(true)
	}
	return err
}

// errGone: bbolt could not read its own meta pages, and holds its locks ever
// since.
var errGone = errors.New("damaged: the file was cut off while it was open")

// size is the length of the segment's file.
func (s *segment) size() int64 {
	if s.flat != nil {
		return s.flat.Size
	}
	n := int64(0)
	if st, err := os.Stat(s.path); err == nil {
		n = st.Size()
	} else { // a copy that was removed once it was open
		_ = s.view(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	}
	return n
}

func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = nil
	if s.flat != nil && s.flat.file != nil {
		return s.flat.file.Close()
	}
	if s.db == nil {
		return nil
	}
	if s.stuck.Load() { // Close would wait for ever
		s.db = nil
		return errGone
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// seal appends a checksum to a small value; open checks and removes it.
func seal(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b)) }

var errSeal = errors.New("checksum does not match")

func unseal(b []byte) ([]byte, error) {
	if len(b) < 8 {
		return nil, errSeal
	}
	n := len(b) - 8
	if xxhash.Sum64(b[:n]) != binary.LittleEndian.Uint64(b[n:]) {
		return nil, errSeal
	}
	return b[:n], nil
}

// makeBuckets makes the buckets of an empty file.
func makeBuckets(tx *bbolt.Tx) error {
	for _, b := range [][]byte{bucketStreams, bucketBlocks, bucketIndex, bucketTail} {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	return nil
}

func putMeta(tx *bbolt.Tx, m segmentMeta) error {
	b, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	v, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.Put(keyArchive, seal(v))
}

func getMeta(tx *bbolt.Tx) (m segmentMeta, err error) {
	b := tx.Bucket(bucketMeta)
	if b == nil {
		return m, ErrNotArchive
	}
	v, err := unseal(b.Get(keyArchive))
	if err == nil {
		err = json.Unmarshal(v, &m)
	}
	if err != nil {
		return m, fmt.Errorf("meta: %w", err)
	}
	return m, m.check()
}

// check refuses a meta that this program cannot follow.
func (m *segmentMeta) check() error {
	if m.Version > FormatVersion {
		return fmt.Errorf("version %d, this program reads up to %d: %w", m.Version, FormatVersion, ErrVersion)
	}
	if m.Segment < 1 || m.Segment > maxSegment {
		return fmt.Errorf("meta: segment number %d: %w", m.Segment, limit.Segment.Over(int64(m.Segment)))
	}
	return nil
}

// runKey is the key of a run's block.
func runKey(h *codec.Header) []byte {
	k := binary.BigEndian.AppendUint64(nil, h.Run)
	k = binary.BigEndian.AppendUint32(k, h.Stream)
	return binary.BigEndian.AppendUint16(k, uint16(h.Part))
}

const (
	runKeyLen    = 8 + 4 + 2
	streamKeyLen = 4
)

func parseRunKey(k []byte) (h codec.Header) {
	h.Run, h.Stream, h.Part = binary.BigEndian.Uint64(k), binary.BigEndian.Uint32(k[8:]), int(binary.BigEndian.Uint16(k[12:]))
	return h
}

// putStreams stores definitions of streams, by number.
func putStreams(tx *bbolt.Tx, z *codec.Zip, defs map[uint32][]byte) error {
	if len(defs) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(defs)))
	return putList(tx.Bucket(bucketStreams), z, binary.BigEndian.AppendUint32(nil, first), listStreams(defs))
}

// listStreams lays out definitions, by number.
func listStreams(defs map[uint32][]byte) (b []byte) {
	for _, id := range slices.Sorted(maps.Keys(defs)) {
		b = binary.AppendUvarint(b, uint64(id))
		b = append(binary.AppendUvarint(b, uint64(len(defs[id]))), defs[id]...)
	}
	return b
}
