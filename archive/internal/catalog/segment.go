package catalog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
	"ergorecorder/internal/limit"
)

// Buckets of a segment. FORMAT.md describes keys and values.
var (
	BucketMeta    = []byte("meta")
	BucketStreams = []byte("streams")
	BucketBlocks  = []byte("blocks")
	BucketIndex   = []byte("index")
	BucketTail    = []byte("tail")
	keyArchive    = []byte("archive")
)

// maxSegment is the highest number of a segment: eight digits.
const maxSegment = limit.MostSegment

// FormatVersion is the version of the format that is written; all before it are read.
const FormatVersion = codec.Version

// Meta says whose segment a file is.
type Meta struct {
	Version  int     `json:"version"`
	ID       uint64  `json:"id,string"`
	Segment  int     `json:"segment"`
	Rounded  bool    `json:"rounded,omitempty"`
	Gone     Numbers `json:"gone,omitempty"`    // segments that retention removed
	Dropped  []int   `json:"dropped,omitempty"` // the same, as version 2 told it
	Pinned   bool    `json:"pinned,omitempty"`  // retention left only what incidents pin
	Previous *link   `json:"previous,omitempty"`
	Next     int     `json:"next,omitempty"` // the segment that was begun behind this one
}

// A Segment is one bbolt file. It is safe for concurrent use.
type Segment struct {
	Path  string
	Meta  Meta
	Doubt bool // a commit failed: nothing of the file is believed; guarded by the writer's io
	TxID  int  // of the newest transaction known to be on disk; guarded by the writer's io
	Left  bool // retention found nothing in it but what incidents pin

	Foreign bool // it is of another archive, and left out

	Mu       sync.RWMutex
	DB       *bbolt.DB
	raw      []byte // in place of db where its tree is damaged
	Found    map[RunID]*rawRun
	strange  int // blocks of another archive in raw
	searched int // how much of raw was searched
	stuck    atomic.Bool
	Flat     *FlatFile  // in place of db where the file is flat
	file     *bolt.File // in place of db where nobody writes the file
	values   []*Value   // of blocks, ascending by key
	held     bolt.Places
	lists    map[string][][]byte // values of held that were read already; both until Load has been here
}

// Name is that of the segment's file, without its directory.
func (s *Segment) Name() string { return filepath.Base(s.Path) }

// View runs f in a read transaction.
func (s *Segment) View(f func(*bbolt.Tx) error) error {
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	return s.view(f)
}

// view is View for who holds Mu.
func (s *Segment) view(f func(*bbolt.Tx) error) error {
	if s.DB == nil {
		return record.ErrClosed
	}
	if s.stuck.Load() {
		return errGone
	}
	began := false
	err := bolt.Guard(func() error {
		return s.DB.View(func(tx *bbolt.Tx) error {
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

// Size is the length of the segment's file.
func (s *Segment) Size() int64 {
	if s.Flat != nil {
		return s.Flat.Size
	}
	s.Mu.RLock()
	f := s.file
	s.Mu.RUnlock()
	if f != nil {
		return f.Size
	}
	n := int64(0)
	if st, err := os.Stat(s.Path); err == nil {
		n = st.Size()
	} else { // a copy that was removed once it was open
		_ = s.View(func(tx *bbolt.Tx) error { n = tx.Size(); return nil })
	}
	return n
}

// Close closes the segment's file.
func (s *Segment) Close() error {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.raw = nil
	if s.Flat != nil && s.Flat.file != nil {
		return s.Flat.file.Close()
	}
	if f := s.file; f != nil {
		s.file = nil
		return f.Close()
	}
	if s.DB == nil {
		return nil
	}
	if s.stuck.Load() { // Close would wait for ever
		s.DB = nil
		return errGone
	}
	err := s.DB.Close()
	s.DB = nil
	return err
}

// MakeBuckets makes the buckets of an empty file.
func MakeBuckets(tx *bbolt.Tx) error {
	for _, b := range [][]byte{BucketStreams, BucketBlocks, BucketIndex, BucketTail} {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	return nil
}

// PutMeta stores a segment's meta.
func PutMeta(tx *bbolt.Tx, m Meta) error {
	b, err := tx.CreateBucketIfNotExists(BucketMeta)
	if err != nil {
		return err
	}
	v, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.Put(keyArchive, bolt.Seal(v))
}

// GetMeta reads a segment's meta, and refuses one that this program cannot follow.
func GetMeta(tx *bbolt.Tx) (m Meta, err error) {
	b := tx.Bucket(BucketMeta)
	if b == nil {
		return m, record.ErrNotArchive
	}
	return parseMeta(b.Get(keyArchive))
}

// parseMeta reads a meta as it is stored.
func parseMeta(v []byte) (m Meta, err error) {
	if v, err = bolt.Unseal(v); err == nil {
		err = json.Unmarshal(v, &m)
	}
	if err != nil {
		return m, fmt.Errorf("meta: %w", err)
	}
	return m, m.check()
}

// check refuses a meta that this program cannot follow.
func (m *Meta) check() error {
	if m.Version > FormatVersion {
		return fmt.Errorf("version %d, this program reads up to %d: %w", m.Version, FormatVersion, record.ErrVersion)
	}
	if m.Segment < 1 {
		return fmt.Errorf("meta: segment number %d: segments are numbered from 1", m.Segment)
	}
	if m.Segment > maxSegment {
		return fmt.Errorf("meta: segment number %d: %w", m.Segment, limit.Segment.Over(int64(m.Segment)))
	}
	return nil
}

// RunKey is the key of a run's block.
func RunKey(h *codec.Header) []byte {
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

// PutStreams stores definitions of streams, by number.
func PutStreams(tx *bbolt.Tx, z *codec.Zip, defs map[uint32][]byte) error {
	if len(defs) == 0 {
		return nil
	}
	first := slices.Min(slices.Collect(maps.Keys(defs)))
	return bolt.PutList(tx.Bucket(BucketStreams), z, binary.BigEndian.AppendUint32(nil, first), listStreams(defs))
}

// listStreams lays out definitions, by number.
func listStreams(defs map[uint32][]byte) (b []byte) {
	for _, id := range slices.Sorted(maps.Keys(defs)) {
		b = binary.AppendUvarint(b, uint64(id))
		b = append(binary.AppendUvarint(b, uint64(len(defs[id]))), defs[id]...)
	}
	return b
}

// IsShut reports whether the segment's file could not be opened again.
func (s *Segment) IsShut() bool {
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	return s.DB == nil && s.Flat == nil && s.file == nil
}

// Reopen opens the segment for reading only, so that others can read it too.
func (s *Segment) Reopen() error {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if err := s.Shut(); err != nil {
		return err
	}
	f, err := bolt.OpenFile(s.Path, new([]byte))
	if err != nil {
		return err
	}
	defer f.Opened()
	places, err := f.Walk()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.file = f
	s.place(places)
	return nil
}

// Shut closes what is open of a bbolt file. Locked by the caller.
func (s *Segment) Shut() (err error) {
	if s.DB != nil {
		err = s.DB.Close()
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.DB, s.file = nil, nil
	return err
}

// BestMeta is the meta of a segment as far as its tree tells it, else what its
// name does.
func (s *Segment) BestMeta() (m Meta, err error) {
	err = s.View(func(tx *bbolt.Tx) (err error) {
		m, err = GetMeta(tx)
		return err
	})
	if errors.Is(err, record.ErrNotArchive) {
		m, err = Meta{Version: FormatVersion, Segment: 1}, nil
		if n, ok := SegmentNumber(s.Name()); ok {
			m.Segment = n
		}
	}
	return m, err
}
