package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/codec"
)

// segmentSuffix ends the name of every file that may be a segment.
const segmentSuffix = ".erg"

// segmentPaths are the segments of the archive at path, ascending.
func segmentPaths(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case st.Mode().IsRegular():
		return []string{path}, nil
	case !st.IsDir():
		return nil, fmt.Errorf("open %s: it is %s: %w", path, special(st.Mode()), ErrNotArchive)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if _, ok := segmentNumber(e.Name()); ok {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// special says what kind of file it is that cannot hold an archive. Opening one
// could wait for ever.
func special(m os.FileMode) string {
	switch {
	case m&os.ModeNamedPipe != 0:
		return "a named pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// segmentName is the file of a segment in a directory.
func segmentName(number int) string { return fmt.Sprintf("%08d%s", number, segmentSuffix) }

// segmentNumber is the opposite of segmentName: eight digits, of which there are
// more only where the first is none of theirs.
func segmentNumber(name string) (int, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) < 8 || len(digits) > 8 && digits[0] == '0' || digits[0] == '+' || digits[0] == '-' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

// openSegment opens a file for reading. Where its tree is damaged it is read
// raw, and damage says so.
func openSegment(path string) (s *segment, damage, err error) {
	if isFlat(path) {
		s, err = openFlatFile(path)
		if err == nil || errors.As(err, new(syscall.Errno)) || errors.Is(err, ErrVersion) {
			return s, nil, err
		}
		damage = err
		s = &segment{path: path}
		return s, damage, s.openRaw()
	}
	s = &segment{path: path}
	if db, err := openBolt(path, boltOptions(true, 0)); err == nil {
		s.db = db
		if err = checkFile(path); err == nil {
			err = s.view(func(tx *bbolt.Tx) (err error) {
				s.meta, err = getMeta(tx)
				return err
			})
		}
		if err == nil || errors.Is(err, ErrVersion) {
			return s, nil, err
		}
		damage = err
		s.close()
	} else if errors.Is(err, ErrLocked) || !errors.Is(err, ErrNotArchive) {
		return nil, nil, err
	} else {
		damage = err
	}
	if err := s.openRaw(); err != nil {
		return nil, nil, err
	}
	return s, damage, nil
}

func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return checkTree(f, st.Size())
}

// batchKey is the key of a batch in the tail.
func batchKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// load adds what a segment holds to the catalog. It returns the highest
// number of a batch and of a stream.
func (c *catalog) load(s *segment) (batches uint64, streams uint32, err error) {
	if s.isRaw() {
		return 0, 0, c.loadRaw(s)
	}
	if s.flat != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return 0, 0, c.loadFlat(s)
	}
	defs := map[uint32]*streamRuns{}
	err = s.view(func(tx *bbolt.Tx) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		eachValue(tx, bucketStreams, func(k, v []byte) {
			if err := c.loadStreams(defs, k, v); err != nil {
				c.blame(s, nil, 0, 0, fmt.Errorf("definitions of streams %x: %w", k, err))
			}
		})
		for id := range defs {
			streams = max(streams, id)
		}
		c.loadBlocks(s, tx, defs)
		eachValue(tx, bucketTail, func(k, v []byte) {
			if len(k) != 8 {
				c.blame(s, nil, 0, 0, fmt.Errorf("tail: a key of %d bytes", len(k)))
				return
			}
			n := binary.BigEndian.Uint64(k)
			batches = max(batches, n)
			c.loadBatch(s, defs, &batch{key: n}, v)
		})
		return nil
	})
	return batches, streams, err
}

// loadStreams reads the definitions of streams that were begun together.
func (c *catalog) loadStreams(defs map[uint32]*streamRuns, k, v []byte) error {
	b, err := parseList(c.zip, k, v, streamKeyLen)
	if err != nil {
		return err
	}
	return c.parseStreams(defs, b)
}

// parseStreams reads what listStreams laid out.
func (c *catalog) parseStreams(defs map[uint32]*streamRuns, b []byte) (err error) {
	for err == nil && len(b) > 0 {
		id, n := binary.Uvarint(b)
		if n <= 0 {
			return errDefinition
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return errDefinition
		}
		var key StreamKey
		var schema Schema
		b = b[n+m:]
		if key, schema, err = parseDefinition(b[:size]); err == nil {
			defs[uint32(id)] = c.stream(key, schema)
		}
		b = b[size:]
	}
	return err
}

// blame notes damage. Locked by the caller.
func (c *catalog) blame(s *segment, k *StreamKey, from, to int64, err error) {
	e := &CorruptionError{Segment: s.name(), Err: err}
	if k != nil {
		e.Stream = k.String()
	}
	if from != 0 || to != 0 {
		e.From, e.To = unix(from), unix(to)
	}
	c.damage = append(c.damage, e)
}

// loadBlocks adds the blocks to the catalog, by the index. Where an entry is
// damaged all blocks are looked at.
func (c *catalog) loadBlocks(s *segment, tx *bbolt.Tx, defs map[uint32]*streamRuns) {
	intact := true
	eachValue(tx, bucketIndex, func(k, v []byte) {
		runs, err := parseIndex(c.zip, k, v)
		if err != nil {
			c.blame(s, nil, 0, 0, fmt.Errorf("index %x: %w", k, err))
			intact = false
		}
		for _, r := range runs {
			r.seg, r.Archive = s, s.meta.ID
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
	eachValue(tx, bucketBlocks, func(k, v []byte) {
		if v == nil {
			c.blame(s, nil, 0, 0, fmt.Errorf("blocks %x: %w", k, errNoValue))
		}
		for off := 0; off < len(v); {
			h, _, size, err := codec.ParseHeader(v[off:])
			if err != nil {
				c.blame(s, nil, 0, 0, fmt.Errorf("blocks %x at %d: %w", k, off, err))
				return
			}
			sr := defs[h.Stream]
			if sr == nil {
				sr = c.defineFrom(defs, h.Stream, v[off:off+size])
			}
			switch {
			case h.Archive != s.meta.ID:
				c.blame(s, nil, h.From, h.To, fmt.Errorf("blocks %x at %d: of another archive", k, off))
			case sr == nil:
				c.blame(s, nil, h.From, h.To, fmt.Errorf("blocks %x at %d: the stream is not known", k, off))
			default:
				sr.add(&run{Header: h, seg: s, size: size, ended: true, key: slices.Clone(k), at: int64(off)})
			}
			off += size
		}
	})
}

// defineFrom learns a stream from a block, which says what it is of.
func (c *catalog) defineFrom(defs map[uint32]*streamRuns, id uint32, pieces ...[]byte) *streamRuns {
	r, err := codec.Open(c.zip, pieces...)
	if err != nil {
		return nil
	}
	key, schema, err := aboutOf(r)
	if err != nil {
		return nil
	}
	defs[id] = c.stream(key, schema)
	return defs[id]
}

// aboutOf is what a run says of its stream.
func aboutOf(r *codec.Run) (k StreamKey, s Schema, err error) {
	b, err := r.About()
	if err != nil {
		return k, s, err
	}
	if k, s, err = parseDefinition(b); err != nil {
		return k, s, err
	}
	columns, err := r.Columns()
	if err != nil {
		return k, s, err
	}
	for n, kind := range columns {
		if s.Columns == nil {
			s.Columns = map[string]ColumnKind{}
		}
		s.Columns[n] = ColumnKind(kind)
	}
	return k, s, nil
}

// loadBatch adds the chunks of a batch to the catalog.
func (c *catalog) loadBatch(s *segment, defs map[uint32]*streamRuns, b *batch, value []byte) {
	if value == nil {
		c.blame(s, nil, 0, 0, fmt.Errorf("tail %d: %w", b.key, errNoValue))
	}
	for off := 0; off < len(value); {
		h, _, size, err := codec.ParseHeader(value[off:])
		if err != nil {
			c.blame(s, nil, 0, 0, fmt.Errorf("tail %d at %d: %w", b.key, off, err))
			return // where the next chunk begins is not known
		}
		ref := chunkRef{batch: b, off: uint32(off), len: uint32(size)}
		sr := defs[h.Stream]
		if sr == nil && h.Chunk == 0 {
			sr = c.defineFrom(defs, h.Stream, value[off:off+size])
		}
		off += size
		switch {
		case h.Archive != s.meta.ID:
			c.blame(s, nil, h.From, h.To, fmt.Errorf("tail %d: a chunk of another archive", b.key))
		case sr == nil:
			c.blame(s, nil, h.From, h.To, fmt.Errorf("tail %d: its stream is not known", b.key))
		default:
			if err := sr.addChunk(s, h, ref); err != nil {
				c.blame(s, &sr.key, h.From, h.To, fmt.Errorf("tail %d: %w", b.key, err))
			}
		}
	}
}

// appendEntry is what the index holds of a block: the key of its run, what
// its header counts, its size, and where it lies: the key of its value, and
// the place within.
func appendEntry(b []byte, h *codec.Header, size int, key []byte, at int) []byte {
	b = codec.AppendSummary(append(b, runKey(h)...), h)
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
func parseIndex(z *codec.Zip, k, v []byte) (runs []*run, err error) {
	b, err := parseList(z, k, v, runKeyLen)
	for err == nil && len(b) > 0 {
		var r *run
		if r, b, err = parseEntry(b); err == nil {
			runs = append(runs, r)
		}
	}
	return runs, err
}

func parseEntry(b []byte) (r *run, rest []byte, err error) {
	r, b, err = parsePlace(b)
	if err == nil && r.at > 0 {
		if len(b) < runKeyLen {
			return nil, nil, errEntry
		}
		r.key, b = slices.Clone(b[:runKeyLen]), b[runKeyLen:]
	}
	return r, b, err
}

// parsePlace reads an entry but for the key of the value.
func parsePlace(b []byte) (r *run, rest []byte, err error) {
	if len(b) < runKeyLen {
		return nil, nil, errEntry
	}
	r = &run{Header: parseRunKey(b), key: slices.Clone(b[:runKeyLen]), ended: true}
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
	r.size, r.at = int(size), int64(at)
	return r, b, nil
}

// Segments are the files of the archive at path, in the order in which they
// were written.
func Segments(path string) ([]string, error) { return segmentPaths(path) }
