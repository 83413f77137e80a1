package archive

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/codec"
)

// A catalog knows which runs an archive holds, and where they lie. A writer
// and its views share one.
type catalog struct {
	zip      *codec.Zip
	settling sync.RWMutex // held while the disk has what the catalog does not say yet; before mu
	mu       sync.RWMutex
	streams  map[StreamKey]*streamRuns
	order    []*streamRuns // sorted by key, made on demand
	segments []*segment    // ascending by number
	damage   []*CorruptionError
	absence  []*CorruptionError // what the chain of segments tells, when the archive was opened
	dir      bool               // the segments are those of a directory, and named by their numbers
	after    int                // segments up to this number need not be there
	unbegun  bool               // the newest file of the directory is not begun
	live     string             // why the newest segment is not read; "" where it is
}

// streamRuns are the runs of one stream.
type streamRuns struct {
	key    StreamKey
	schema Schema
	parts  [][]*run // by part, ascending by Run
}

// A run is where the catalog knows a run to lie: in a block, or, until it is
// packed, in chunks of the tail.
type run struct {
	codec.Header
	seg      *segment
	size     int
	chunks   []chunkRef // nil where it is a block
	key      []byte     // of the value that holds the block
	at       int64      // place of the block in that value; in the file, where that is read raw
	ended    bool       // no chunk will follow
	bad      error
	synopsis []byte       // of a flat file's index
	stats    *codec.Stats // nil where another writer began the run
}

// A chunkRef says where a chunk lies in a batch of the tail.
type chunkRef struct {
	batch    *batch
	off, len uint32
	i        int32 // which of the batch, while that is in memory
}

// A batch is what one commit adds to the tail.
type batch struct {
	key    uint64
	memory atomic.Pointer[[][]byte] // the chunks, until they are on disk
	raw    int64                    // place of the value in the file, read raw
	live   int                      // chunks whose run is not packed
}

func newCatalog(z *codec.Zip) *catalog { return &catalog{zip: z, streams: map[StreamKey]*streamRuns{}} }

// stream is the stream with that key, made where it is new. Locked by the caller.
func (c *catalog) stream(k StreamKey, s Schema) *streamRuns {
	sr := c.streams[k]
	if sr == nil {
		sr = &streamRuns{key: k, schema: s}
		c.streams[k] = sr
		c.order = nil
	}
	if sr.schema.Road == "" && sr.schema.Reading == "" { // begun by a program that did not say
		sr.schema.Road, sr.schema.Reading = s.Road, s.Reading
	}
	return sr
}

// sorted are all streams by kind, node, name and arguments.
func (c *catalog) sorted() []*streamRuns {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.order == nil {
		for _, s := range c.streams {
			c.order = append(c.order, s)
		}
		slices.SortFunc(c.order, func(a, b *streamRuns) int {
			return cmp.Or(cmp.Compare(a.key.Kind, b.key.Kind), cmp.Compare(a.key.Node, b.key.Node),
				cmp.Compare(a.key.Name, b.key.Name), cmp.Compare(a.key.Args, b.key.Args))
		})
	}
	return c.order
}

// runs copies the runs of a part of a stream.
func (c *catalog) runs(k StreamKey, part int) []run {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.streams[k]
	if s == nil || part >= len(s.parts) {
		return nil
	}
	out := make([]run, len(s.parts[part]))
	for i, r := range s.parts[part] {
		out[i] = *r
	}
	return out
}

// add puts a run in its place. Locked by the caller. A run that is there
// already (in a block and still in the tail) stays as it is.
func (s *streamRuns) add(r *run) bool {
	for len(s.parts) <= r.Part {
		s.parts = append(s.parts, nil)
	}
	p := s.parts[r.Part]
	i, found := slices.BinarySearchFunc(p, r.Run, func(x *run, seq uint64) int { return cmp.Compare(x.Run, seq) })
	if !found {
		s.parts[r.Part] = slices.Insert(p, i, r)
	}
	return !found
}

// last is the newest run of a part, or nil.
func (s *streamRuns) last(part int) *run {
	if part >= len(s.parts) || len(s.parts[part]) == 0 {
		return nil
	}
	p := s.parts[part]
	return p[len(p)-1]
}

// addChunk adds a chunk to its run. Locked by the caller.
func (s *streamRuns) addChunk(seg *segment, h codec.Header, ref chunkRef) error {
	if h.Chunk == 0 {
		if l := s.last(h.Part); l != nil {
			l.ended = true
		}
		r := &run{Header: h, seg: seg, size: int(ref.len), chunks: []chunkRef{ref}}
		if !s.add(r) {
			return nil // it was packed, and the tail not yet cleared
		}
		ref.batch.live++
		return nil
	}
	r := s.find(h.Part, h.Run)
	if r == nil {
		return fmt.Errorf("the beginning of its run is missing")
	}
	if r.chunks == nil {
		return nil
	}
	if h.Chunk != len(r.chunks) {
		return fmt.Errorf("a chunk of its run is missing")
	}
	r.chunks = append(r.chunks, ref)
	r.Last, r.Records, r.Failures, r.Rows = h.Last, r.Records+h.Records, r.Failures+h.Failures, r.Rows+h.Rows
	r.From, r.To = min(r.From, h.From), max(r.To, h.To)
	r.size += int(ref.len)
	ref.batch.live++
	return nil
}

func (s *streamRuns) find(part int, seq uint64) *run {
	if part >= len(s.parts) {
		return nil
	}
	p := s.parts[part]
	i, found := slices.BinarySearchFunc(p, seq, func(x *run, seq uint64) int { return cmp.Compare(x.Run, seq) })
	if !found {
		return nil
	}
	return p[i]
}

// read fetches the bytes of a run: one block, or its chunks. moved says that
// the run has been packed meanwhile and has to be looked up again.
func (r *run) read() (pieces [][]byte, moved bool, err error) { return r.readIn(new([]byte)) }

// readIn is read with memory for a block, which is grown as it needs to be.
func (r *run) readIn(room *[]byte) (pieces [][]byte, moved bool, err error) {
	if r.bad != nil {
		return nil, false, r.bad
	}
	if r.seg.isRaw() {
		return r.readRaw()
	}
	if r.seg.flat != nil {
		b, err := r.readFlat()
		return [][]byte{b}, false, err
	}
	if r.chunks == nil {
		b, err := r.block(room)
		return [][]byte{b}, b == nil && err == nil, err
	}
	err = r.seg.view(func(tx *bbolt.Tx) error {
		tail := tx.Bucket(bucketTail)
		for _, c := range r.chunks {
			if m := c.batch.memory.Load(); m != nil {
				pieces = append(pieces, (*m)[c.i])
				continue
			}
			v := getValue(tail, batchKey(c.batch.key))
			if int(c.off+c.len) > len(v) {
				moved = true
				return nil
			}
			pieces = append(pieces, append([]byte{}, v[c.off:c.off+c.len]...))
		}
		return nil
	})
	return pieces, moved, err
}

// block fetches the run's block; nil where nothing lies in its place.
func (r *run) block(room *[]byte) (b []byte, err error) {
	err = r.seg.view(func(tx *bbolt.Tx) error {
		if v := getValue(tx.Bucket(bucketBlocks), r.key); r.at+int64(r.size) <= int64(len(v)) {
			*room = append((*room)[:0], v[r.at:r.at+int64(r.size)]...)
			b = *room
		}
		return nil
	})
	return b, err
}

// corruption says that a run could not be read.
func (c *catalog) corruption(k StreamKey, r *run, err error) *CorruptionError {
	return &CorruptionError{Segment: r.seg.name(), Stream: k.String(), From: unix(r.From), To: unix(r.To), Err: err}
}

// open opens a run for decoding.
func (c *catalog) open(z *codec.Zip, k StreamKey, r run) (*codec.Run, error) {
	return c.openIn(z, k, r, new([]byte))
}

// openIn is open with memory for a block.
func (c *catalog) openIn(z *codec.Zip, k StreamKey, r run, room *[]byte) (*codec.Run, error) {
	const tries = 5
	for range tries {
		pieces, moved, err := r.readIn(room)
		if err == nil && !moved {
			var cr *codec.Run
			if cr, err = codec.Open(z, pieces...); err == nil {
				if cr.Run == r.Run && cr.Part == r.Part && cr.Records == r.Records && cr.Archive == r.Archive {
					return cr, nil
				}
				err = fmt.Errorf("another block stands in its place")
			}
		}
		c.settling.RLock()
		c.mu.RLock()
		now := (*run)(nil)
		if s := c.streams[k]; s != nil {
			now = s.find(r.Part, r.Run)
		}
		if now != nil {
			moved = moved || now.seg != r.seg || (now.chunks == nil) != (r.chunks == nil) || now.at != r.at || !bytes.Equal(now.key, r.key)
			r = *now
		}
		c.mu.RUnlock()
		c.settling.RUnlock()
		if now == nil {
			return nil, errDropped
		}
		if err != nil && !moved {
			return nil, c.corruption(k, &r, err)
		}
	}
	return nil, c.corruption(k, &r, fmt.Errorf("its block is missing"))
}

// errDropped: retention removed the run while it was being read.
var errDropped = fmt.Errorf("dropped by retention")

func unix(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// synopsis is that of a run; nil where it has none. Only the head of its block is
// read.
func (c *catalog) synopsis(z *codec.Zip, k StreamKey, x *run) (*codec.Synopsis, error) {
	b := x.synopsis
	if b == nil {
		var err error
		if b, err = x.readSynopsis(); err != nil {
			return nil, c.corruption(k, x, err)
		}
	}
	if len(b) == 0 {
		return nil, nil
	}
	s, err := codec.ParseSynopsis(b, z)
	if err != nil {
		return nil, c.corruption(k, x, err)
	}
	return s, nil
}

func (r *run) readSynopsis() (b []byte, err error) {
	if r.chunks != nil || r.bad != nil || r.seg.flat != nil {
		return nil, nil
	}
	if r.seg.isRaw() {
		pieces, _, err := r.readRaw()
		if err != nil {
			return nil, err
		}
		return codec.SynopsisOf(pieces[0])
	}
	err = r.seg.view(func(tx *bbolt.Tx) error {
		v := getValue(tx.Bucket(bucketBlocks), r.key)
		if r.at+int64(r.size) > int64(len(v)) {
			return nil
		}
		found, err := codec.SynopsisOf(v[r.at : r.at+int64(r.size)])
		b = bytes.Clone(found)
		return err
	})
	return b, err
}
