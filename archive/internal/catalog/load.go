package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/record"
)

// segmentSuffix ends the name of every file that may be a segment.
const segmentSuffix = ".erg"

// SegmentPaths are the segments of the archive at path, ascending.
func SegmentPaths(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case st.Mode().IsRegular():
		return []string{path}, nil
	case !st.IsDir():
		return nil, fmt.Errorf("open %s: it is %s: %w", path, Special(st.Mode()), record.ErrNotArchive)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if _, ok := SegmentNumber(e.Name()); ok {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// Special says what kind of file it is that cannot hold an archive. Opening one
// could wait for ever.
func Special(m os.FileMode) string {
	switch {
	case m&os.ModeNamedPipe != 0:
		return "a named pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// SegmentName is the file of a segment in a directory.
func SegmentName(number int) string { return fmt.Sprintf("%08d%s", number, segmentSuffix) }

// SegmentNumber is the opposite of segmentName: eight digits, of which there are
// more only where the first is none of theirs.
func SegmentNumber(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) < 8 || len(digits) > 8 && digits[0] == '0' || digits[0] == '+' || digits[0] == '-' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

// OpenSegment opens a file for reading. Where its tree is damaged it is read
// raw, and damage says so. room is memory that one file after the other may use.
func OpenSegment(path string, room *[]byte) (s *Segment, damage, err error) {
	if s, err := openClosed(path, room); err == nil {
		return s, nil, nil
	}
	s = &Segment{Path: path}
	if db, err := bolt.Open(path, bolt.Options(true, 0)); err == nil {
		s.DB = db
		if err = CheckFile(path); err == nil {
			err = s.View(func(tx *bbolt.Tx) (err error) {
				s.Meta, err = GetMeta(tx)
				return err
			})
			if errors.Is(err, record.ErrNotArchive) && bolt.NotBegun(path) {
				err = bolt.ErrNotBegun
			}
		}
		if err == nil || errors.Is(err, record.ErrVersion) {
			return s, nil, err
		}
		damage = err
		s.Close()
	} else if errors.Is(err, record.ErrLocked) || !errors.Is(err, record.ErrNotArchive) {
		return nil, nil, err
	} else if isFlat(path) {
		return openFlatSegment(path)
	} else {
		damage = err
	}
	if err := s.OpenRaw(); err != nil {
		return nil, nil, err
	}
	return s, damage, nil
}

// openFlatSegment is OpenSegment of a flat file.
func openFlatSegment(path string) (s *Segment, damage, err error) {
	s, err = OpenFlatFile(path)
	if err == nil || errors.As(err, new(syscall.Errno)) || errors.Is(err, record.ErrVersion) {
		return s, nil, err
	}
	damage = err
	s = &Segment{Path: path}
	return s, damage, s.OpenRaw()
}

// CheckFile walks the tree of a file.
func CheckFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return bolt.CheckTree(f, st.Size())
}

// BatchKey is the key of a batch in the tail.
func BatchKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Load adds what a segment holds to the catalog. It returns the highest
// number of a batch and of a stream.
func (c *Catalog) Load(s *Segment) (batches uint64, streams uint32, err error) {
	if s.IsRaw() {
		return 0, 0, c.loadRaw(s)
	}
	if s.Flat != nil {
		c.Mu.Lock()
		defer c.Mu.Unlock()
		return 0, 0, c.loadFlat(s)
	}
	defs := map[uint32]*Stream{}
	defer s.loaded()
	err = s.contents(func(each eachValue) {
		c.Mu.Lock()
		defer c.Mu.Unlock()
		each(BucketStreams, func(k, v []byte) {
			if err := c.loadStreams(defs, k, v); err != nil {
				c.Blame(s, nil, 0, 0, fmt.Errorf("definitions of streams %x: %w", k, err))
			}
		})
		for id := range defs {
			streams = max(streams, id)
		}
		c.loadBlocks(s, each, defs)
		each(BucketTail, func(k, v []byte) {
			if len(k) != 8 {
				c.Blame(s, nil, 0, 0, fmt.Errorf("tail: a key of %d bytes", len(k)))
				return
			}
			n := binary.BigEndian.Uint64(k)
			batches = max(batches, n)
			c.loadBatch(s, defs, &Batch{Key: n, raw: s.tailAt(k)}, v)
		})
	})
	return batches, streams, err
}

// loadStreams reads the definitions of streams that were begun together.
func (c *Catalog) loadStreams(defs map[uint32]*Stream, k, v []byte) error {
	if c.alike == nil || !bytes.Equal(c.alike.value, v) || len(k) != c.alike.keyLen {
		b, err := bolt.ParseList(c.zip, k, v, streamKeyLen)
		if err != nil {
			return err
		}
		own := map[uint32]*Stream{}
		if err := c.parseStreams(own, b); err != nil {
			return err
		}
		c.alike = &alike{len(k), bytes.Clone(v), own}
	}
	maps.Copy(defs, c.alike.defs)
	return nil
}

// alike are the definitions read last. A segment mostly begins with those of the one before it, byte for byte.
type alike struct {
	keyLen int
	value  []byte
	defs   map[uint32]*Stream
}

// parseStreams reads what listStreams laid out.
func (c *Catalog) parseStreams(defs map[uint32]*Stream, b []byte) (err error) {
	for err == nil && len(b) > 0 {
		id, n := binary.Uvarint(b)
		if n <= 0 {
			return record.ErrDefinition
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return record.ErrDefinition
		}
		b = b[n+m:]
		defs[uint32(id)], err = c.told(b[:size])
		b = b[size:]
	}
	return err
}

// told is the stream that a definition tells of. Most segments have those of the
// one before: each is read once.
func (c *Catalog) told(definition []byte) (*Stream, error) {
	if sr := c.known[string(definition)]; sr != nil && c.Streams[sr.Key] == sr {
		return sr, nil
	}
	key, schema, err := record.ParseDefinition(definition)
	if err != nil {
		return nil, err
	}
	sr := c.Stream(key, schema)
	c.known[string(definition)] = sr
	return sr, nil
}

// Blame notes damage. Locked by the caller.
func (c *Catalog) Blame(s *Segment, k *record.StreamKey, from, to int64, err error) {
	e := &record.CorruptionError{Segment: s.Name(), Err: err}
	if k != nil {
		e.Stream = k.String()
	}
	if from != 0 || to != 0 {
		e.From, e.To = Unix(from), Unix(to)
	}
	c.Damage = append(c.Damage, e)
}

// loadBlocks adds the blocks to the catalog, by the index. Where an entry is
// damaged all blocks are looked at.
func (c *Catalog) loadBlocks(s *Segment, each eachValue, defs map[uint32]*Stream) {
	intact := true
	each(BucketIndex, func(k, v []byte) {
		runs, err := s.parseIndex(c.zip, k, v)
		if err != nil {
			c.Blame(s, nil, 0, 0, fmt.Errorf("index %x: %w", k, err))
			intact = false
		}
		for _, r := range runs {
			r.Seg, r.Archive = s, s.Meta.ID
			if sr := defs[r.Stream]; sr != nil {
				sr.add(r)
			} else {
				intact = false
			}
		}
	})
	if intact {
		return
	}
	each(BucketBlocks, func(k, v []byte) {
		if v == nil {
			c.Blame(s, nil, 0, 0, fmt.Errorf("blocks %x: %w", k, bolt.ErrNoValue))
		}
		for off := 0; off < len(v); {
			h, _, size, err := header.Parse(v[off:])
			if err != nil {
				c.Blame(s, nil, 0, 0, fmt.Errorf("blocks %x at %d: %w", k, off, err))
				return
			}
			sr := defs[h.Stream]
			if sr == nil {
				sr = c.defineFrom(defs, h.Stream, v[off:off+size])
			}
			switch {
			case h.Archive != s.Meta.ID:
				c.Blame(s, nil, h.From, h.To, fmt.Errorf("blocks %x at %d: of another archive", k, off))
			case sr == nil:
				c.Blame(s, nil, h.From, h.To, fmt.Errorf("blocks %x at %d: the stream is not known", k, off))
			default:
				sr.add(&Run{Header: h, Seg: s, Size: size, Ended: true, In: s.value(k), At: int64(off)})
			}
			off += size
		}
	})
}

// defineFrom learns a stream from a block, which says what it is of.
func (c *Catalog) defineFrom(defs map[uint32]*Stream, id uint32, pieces ...[]byte) *Stream {
	r, err := codec.Open(c.zip, pieces...)
	if err != nil {
		return nil
	}
	key, schema, err := aboutOf(r)
	if err != nil {
		return nil
	}
	defs[id] = c.Stream(key, schema)
	return defs[id]
}

// aboutOf is what a run says of its stream.
func aboutOf(r *codec.Run) (k record.StreamKey, s record.Schema, err error) {
	b, err := r.About()
	if err != nil {
		return k, s, err
	}
	if k, s, err = record.ParseDefinition(b); err != nil {
		return k, s, err
	}
	columns, err := r.Columns()
	if err != nil {
		return k, s, err
	}
	for n, kind := range columns {
		if s.Columns == nil {
			s.Columns = map[string]record.ColumnKind{}
		}
		s.Columns[n] = record.ColumnKind(kind)
	}
	return k, s, nil
}

// loadBatch adds the chunks of a batch to the catalog.
func (c *Catalog) loadBatch(s *Segment, defs map[uint32]*Stream, b *Batch, value []byte) {
	if value == nil {
		c.Blame(s, nil, 0, 0, fmt.Errorf("tail %d: %w", b.Key, bolt.ErrNoValue))
	}
	for off := 0; off < len(value); {
		h, _, size, err := header.Parse(value[off:])
		if err != nil {
			c.Blame(s, nil, 0, 0, fmt.Errorf("tail %d at %d: %w", b.Key, off, err))
			return // where the next chunk begins is not known
		}
		ref := ChunkRef{Batch: b, Off: uint32(off), Len: uint32(size)}
		sr := defs[h.Stream]
		if sr == nil && h.Chunk == 0 {
			sr = c.defineFrom(defs, h.Stream, value[off:off+size])
		}
		off += size
		switch {
		case h.Archive != s.Meta.ID:
			c.Blame(s, nil, h.From, h.To, fmt.Errorf("tail %d: a chunk of another archive", b.Key))
		case sr == nil:
			c.Blame(s, nil, h.From, h.To, fmt.Errorf("tail %d: its stream is not known", b.Key))
		default:
			if err := sr.AddChunk(s, h, ref); err != nil {
				c.Blame(s, &sr.Key, h.From, h.To, fmt.Errorf("tail %d: %w", b.Key, err))
			}
		}
	}
}

// AppendEntry is what the index holds of a block: the key of its run, what
// its header counts, its size, and where it lies: the key of its value, and
// the place within.
func AppendEntry(b []byte, h *codec.Header, size int, key []byte, at int) []byte {
	b = header.AppendSummary(append(b, RunKey(h)...), h)
	b = binary.AppendUvarint(b, uint64(size))
	b = binary.AppendUvarint(b, uint64(at))
	if at > 0 {
		b = append(b, key...)
	}
	return b
}

// maxBlock is what a block's header can say of its length.
const maxBlock = math.MaxInt32

var errEntry = errors.New("entry is impossible")

// parseIndex reads the entries of blocks that were stored together.
func (s *Segment) parseIndex(z *codec.Zip, k, v []byte) (runs []*Run, err error) {
	b, err := bolt.ParseList(z, k, v, runKeyLen)
	for err == nil && len(b) > 0 {
		var r *Run
		if r, b, err = s.parseEntry(b); err == nil {
			runs = append(runs, r)
		}
	}
	return runs, err
}

func (s *Segment) parseEntry(b []byte) (r *Run, rest []byte, err error) {
	key := b
	if r, b, err = parsePlace(b); err != nil {
		return nil, nil, err
	}
	if r.At > 0 {
		if len(b) < runKeyLen {
			return nil, nil, errEntry
		}
		key, b = b, b[runKeyLen:]
	}
	r.In = s.value(key[:runKeyLen])
	return r, b, nil
}

// parsePlace reads an entry but for the key of the value.
func parsePlace(b []byte) (r *Run, rest []byte, err error) {
	if len(b) < runKeyLen {
		return nil, nil, errEntry
	}
	r = &Run{Header: parseRunKey(b), Ended: true}
	seq := r.Run
	if b, err = r.ParseSummary(b[runKeyLen:]); err != nil {
		return nil, nil, err
	}
	size, n := binary.Uvarint(b)
	if seq != r.Run || n <= 0 {
		return nil, nil, errEntry
	}
	at, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return nil, nil, errEntry
	}
	b = b[n+m:]
	if size > maxBlock || at > math.MaxInt64-maxBlock {
		return nil, nil, errEntry
	}
	r.Size, r.At = int(size), int64(at)
	return r, b, nil
}
