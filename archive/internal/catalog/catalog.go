package catalog

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
)

// A Catalog knows which runs an archive holds, and where they lie. A writer
// and its views share one.
type Catalog struct {
	zip      *codec.Zip
	Settling sync.RWMutex // held while the disk has what the catalog does not say yet; before mu
	Mu       sync.RWMutex
	Streams  map[record.StreamKey]*Stream
	known    map[string]*Stream // by their definitions as segments have them
	alike    *alike             // what the segment before began with, while they are opened
	Order    []*Stream          // sorted by key, made on demand
	Segments []*Segment         // ascending by number
	Damage   []*record.CorruptionError
	Absence  []*record.CorruptionError // what the chain of segments tells, when the archive was opened
	Dir      bool                      // the segments are those of a directory, and named by their numbers
	After    int                       // segments up to this number need not be there
	Unbegun  bool                      // the newest file of the directory is not begun
	Live     string                    // why the newest segment is not read; "" where it is
	changes  uint64                    // of which runs there are, and of what they hold
}

// A Stream is the runs of one stream.
type Stream struct {
	Key    record.StreamKey
	Schema record.Schema
	Parts  [][]*Run // by part, ascending by Run
	of     *Catalog
}

// A Run is where the catalog knows a run to lie: in a block, or, until it is
// packed, in chunks of the tail.
type Run struct {
	codec.Header
	Seg      *Segment
	Size     int
	Chunks   []ChunkRef // nil where it is a block
	In       *Value     // that holds the block; nil where it is in a flat file, or read raw
	At       int64      // place of the block in that value, else in the file
	Ended    bool       // no chunk will follow
	bad      error
	synopsis []byte       // of a flat file's index
	Stats    *codec.Stats // nil where another writer began the run
}

// A ChunkRef says where a chunk lies in a batch of the tail.
type ChunkRef struct {
	Batch    *Batch
	Off, Len uint32
	I        int32 // which of the batch, while that is in memory
}

// A Batch is what one commit adds to the tail.
type Batch struct {
	Key    uint64
	Memory atomic.Pointer[[][]byte] // the chunks, until they are on disk
	raw    int64                    // place of the value in the file, where that is not read by bbolt
	Live   int                      // chunks whose run is not packed
}

// New is an empty catalog.
func New(z *codec.Zip) *Catalog {
	return &Catalog{zip: z, Streams: map[record.StreamKey]*Stream{}, known: map[string]*Stream{}}
}

// Stream is the stream with that key, made where it is new. Locked by the caller.
func (c *Catalog) Stream(k record.StreamKey, s record.Schema) *Stream {
	sr := c.Streams[k]
	if sr == nil {
		sr = &Stream{Key: k, Schema: s, of: c}
		c.Streams[k] = sr
		c.Order = nil
	}
	if sr.Schema.Road == "" && sr.Schema.Reading == "" { // begun by a program that did not say
		sr.Schema.Road, sr.Schema.Reading = s.Road, s.Reading
	}
	return sr
}

// Changes counts how often runs came, grew or went: while it stays, so does what
// the streams say. Locked by the caller.
func (c *Catalog) Changes() uint64 { return c.changes }

// Drop takes runs out. Streams of which none is left go too, but those that keep says. Locked
// by the caller.
func (c *Catalog) Drop(gone func(*Run) bool, keep func(record.StreamKey) bool) {
	c.changes++
	for k, sr := range c.Streams {
		for part, runs := range sr.Parts {
			sr.Parts[part] = slices.DeleteFunc(runs, gone)
		}
		if !keep(k) && !slices.ContainsFunc(sr.Parts, func(p []*Run) bool { return len(p) > 0 }) {
			delete(c.Streams, k)
			c.Order = nil
		}
	}
}

// Leave leaves only the streams that keep tells. Locked by the caller.
func (c *Catalog) Leave(keep func(record.StreamKey) bool) {
	c.changes++
	for k := range c.Streams {
		if !keep(k) {
			delete(c.Streams, k)
		}
	}
	c.Order = nil
}

// Sorted are all streams by kind, node, name and arguments.
func (c *Catalog) Sorted() []*Stream {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	if c.Order == nil {
		for _, s := range c.Streams {
			c.Order = append(c.Order, s)
		}
		slices.SortFunc(c.Order, func(a, b *Stream) int {
			return cmp.Or(cmp.Compare(a.Key.Kind, b.Key.Kind), cmp.Compare(a.Key.Node, b.Key.Node),
				cmp.Compare(a.Key.Name, b.Key.Name), cmp.Compare(a.Key.Args, b.Key.Args))
		})
	}
	return c.Order
}

// Bytes are those of the runs of a stream.
func (c *Catalog) Bytes(s *Stream) (n int64) {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	for _, runs := range s.Parts {
		for _, r := range runs {
			n += int64(r.Size)
		}
	}
	return n
}

// Runs copies the runs of a part of a stream.
func (c *Catalog) Runs(k record.StreamKey, part int) []Run {
	return c.RunsLike(k, part, func(*Run) bool { return true })
}

// RunsLike copies the runs of a part of a stream that are wanted.
func (c *Catalog) RunsLike(k record.StreamKey, part int, wanted func(*Run) bool) (out []Run) {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	s := c.Streams[k]
	if s == nil || part >= len(s.Parts) {
		return nil
	}
	n := 0
	for _, r := range s.Parts[part] {
		if wanted(r) {
			n++
		}
	}
	out = make([]Run, 0, n)
	for _, r := range s.Parts[part] {
		if wanted(r) {
			out = append(out, *r)
		}
	}
	return out
}

// NewestFrom is the latest time at or before t at which a run of a part of a stream begins: its record is there.
func (c *Catalog) NewestFrom(k record.StreamKey, part int, t int64) (from int64, found bool) {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	s := c.Streams[k]
	if s == nil || part >= len(s.Parts) {
		return 0, false
	}
	for _, r := range s.Parts[part] {
		if r.From <= t && (!found || r.From > from) {
			from, found = r.From, true
		}
	}
	return from, found
}

// add puts a run in its place. Locked by the caller. A run that is there
// already (in a block and still in the tail) stays as it is.
func (s *Stream) add(r *Run) bool {
	for len(s.Parts) <= r.Part {
		s.Parts = append(s.Parts, nil)
	}
	p := s.Parts[r.Part]
	i, found := slices.BinarySearchFunc(p, r.Run, func(x *Run, seq uint64) int { return cmp.Compare(x.Run, seq) })
	if !found {
		s.of.changes++
		s.Parts[r.Part] = slices.Insert(p, i, r)
	}
	return !found
}

// Last is the newest run of a part, or nil.
func (s *Stream) Last(part int) *Run {
	if part >= len(s.Parts) || len(s.Parts[part]) == 0 {
		return nil
	}
	p := s.Parts[part]
	return p[len(p)-1]
}

// AddChunk adds a chunk to its run. Locked by the caller.
func (s *Stream) AddChunk(seg *Segment, h codec.Header, ref ChunkRef) error {
	if h.Chunk == 0 {
		if l := s.Last(h.Part); l != nil {
			l.Ended = true
		}
		r := &Run{Header: h, Seg: seg, Size: int(ref.Len), Chunks: []ChunkRef{ref}}
		if !s.add(r) {
			return nil // it was packed, and the tail not yet cleared
		}
		ref.Batch.Live++
		return nil
	}
	r := s.Find(h.Part, h.Run)
	if r == nil {
		return fmt.Errorf("the beginning of its run is missing")
	}
	if r.Chunks == nil {
		return nil
	}
	if h.Chunk != len(r.Chunks) {
		return fmt.Errorf("a chunk of its run is missing")
	}
	s.of.changes++
	r.Chunks = append(r.Chunks, ref)
	r.Last, r.Records, r.Failures, r.Rows = h.Last, r.Records+h.Records, r.Failures+h.Failures, r.Rows+h.Rows
	r.From, r.To = min(r.From, h.From), max(r.To, h.To)
	r.Size += int(ref.Len)
	ref.Batch.Live++
	return nil
}

// Find is the run of a part that begins with record seq, or nil.
func (s *Stream) Find(part int, seq uint64) *Run {
	if part >= len(s.Parts) {
		return nil
	}
	p := s.Parts[part]
	i, found := slices.BinarySearchFunc(p, seq, func(x *Run, seq uint64) int { return cmp.Compare(x.Run, seq) })
	if !found {
		return nil
	}
	return p[i]
}

// Read fetches the bytes of a run: one block, or its chunks. moved says that
// the run has been packed meanwhile and has to be looked up again.
func (r *Run) Read() (pieces [][]byte, moved bool, err error) { return r.readIn(new([]byte)) }

// readIn is read with memory for a block, which is grown as it needs to be.
func (r *Run) readIn(room *[]byte) (pieces [][]byte, moved bool, err error) {
	if r.bad != nil {
		return nil, false, r.bad
	}
	if r.Seg.IsRaw() {
		return r.readRaw()
	}
	if r.Seg.Flat != nil {
		b, err := r.readFlat()
		return [][]byte{b}, false, err
	}
	if r.Chunks == nil {
		b, err := r.Block(room)
		return [][]byte{b}, b == nil && err == nil, err
	}
	if pieces, ok, err := r.Seg.tail(r.Chunks); ok {
		return pieces, pieces == nil && err == nil, err
	}
	err = r.Seg.View(func(tx *bbolt.Tx) error {
		tail := tx.Bucket(BucketTail)
		for _, c := range r.Chunks {
			if m := c.Batch.Memory.Load(); m != nil {
				pieces = append(pieces, (*m)[c.I])
				continue
			}
			v := bolt.GetValue(tail, BatchKey(c.Batch.Key))
			if int(c.Off+c.Len) > len(v) {
				moved = true
				return nil
			}
			pieces = append(pieces, append([]byte{}, v[c.Off:c.Off+c.Len]...))
		}
		return nil
	})
	return pieces, moved, err
}

// Block fetches the run's block; nil where nothing lies in its place.
func (r *Run) Block(room *[]byte) (b []byte, err error) {
	return r.Seg.block(r.In, r.At, r.Size, room)
}

// Corruption says that a run could not be read.
func (c *Catalog) Corruption(k record.StreamKey, r *Run, err error) *record.CorruptionError {
	return &record.CorruptionError{Segment: r.Seg.Name(), Stream: k.String(), From: Unix(r.From), To: Unix(r.To), Err: err}
}

// Open opens a run for decoding.
func (c *Catalog) Open(z *codec.Zip, k record.StreamKey, r Run) (*codec.Run, error) {
	return c.OpenIn(z, k, r, &codec.Room{}, nil)
}

// OpenIn is open with memory for a block, for who wants no columns but these, and no texts; nil stands for all.
func (c *Catalog) OpenIn(z *codec.Zip, k record.StreamKey, r Run, room *codec.Room, columns []string) (*codec.Run, error) {
	const tries = 5
	for range tries {
		if columns != nil {
			if cr := r.openColumns(z, room, columns); cr != nil && r.is(cr) {
				return cr, nil
			}
		}
		pieces, moved, err := r.readIn(&room.Bytes)
		if err == nil && !moved {
			var cr *codec.Run
			if cr, err = codec.Open(z, pieces...); err == nil {
				if r.is(cr) {
					return cr, nil
				}
				err = fmt.Errorf("another block stands in its place")
			}
		}
		c.Settling.RLock()
		c.Mu.RLock()
		now := (*Run)(nil)
		if s := c.Streams[k]; s != nil {
			now = s.Find(r.Part, r.Run)
		}
		if now != nil {
			moved = moved || now.Seg != r.Seg || (now.Chunks == nil) != (r.Chunks == nil) || now.At != r.At || now.In != r.In
			r = *now
		}
		c.Mu.RUnlock()
		c.Settling.RUnlock()
		if now == nil {
			return nil, ErrDropped
		}
		if err != nil && !moved {
			return nil, c.Corruption(k, &r, err)
		}
	}
	return nil, c.Corruption(k, &r, fmt.Errorf("its block is missing"))
}

// is reports whether that is the run.
func (r *Run) is(cr *codec.Run) bool {
	return cr.Run == r.Run && cr.Part == r.Part && cr.Records == r.Records && cr.Archive == r.Archive
}

// oneBlock is how long a block is that comes with one read anyway.
const oneBlock = 16 << 10

// openColumns opens some columns of a block where they can be read alone; else it is nil. Of a flat file that
// is far away a whole block comes with one request.
func (r *Run) openColumns(z *codec.Zip, room *codec.Room, columns []string) (cr *codec.Run) {
	switch {
	case r.Chunks != nil || r.bad != nil || r.Size <= oneBlock || r.Seg.IsRaw():
	case r.Seg.Flat != nil:
		if f := r.Seg.Flat; f.file != nil {
			cr = codec.OpenColumns(z, io.NewSectionReader(f.file, r.At, int64(r.Size)), r.Size, room, columns)
		}
	default:
		r.Seg.stretch(r.In, r.At, r.Size, func(src io.ReaderAt) { cr = codec.OpenColumns(z, src, r.Size, room, columns) })
	}
	return cr
}

// ErrDropped: retention removed the run while it was being read.
var ErrDropped = fmt.Errorf("dropped by retention")

// Unix is a time of so many nanoseconds.
func Unix(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// Synopsis is that of a run; nil where it has none. Only the head of its block is
// read.
func (c *Catalog) Synopsis(z *codec.Zip, k record.StreamKey, x *Run) (*codec.Synopsis, error) {
	b := x.synopsis
	if b == nil {
		var err error
		if b, err = x.readSynopsis(); err != nil {
			return nil, c.Corruption(k, x, err)
		}
	}
	if len(b) == 0 {
		return nil, nil
	}
	s, err := codec.ParseSynopsis(b, z)
	if err != nil {
		return nil, c.Corruption(k, x, err)
	}
	return s, nil
}

func (r *Run) readSynopsis() (b []byte, err error) {
	if r.Chunks != nil || r.bad != nil || r.Seg.Flat != nil {
		return nil, nil
	}
	if r.Seg.IsRaw() {
		pieces, _, err := r.readRaw()
		if err != nil {
			return nil, err
		}
		return codec.SynopsisOf(pieces[0])
	}
	const mostly = 8 << 10 // holds the whole synopsis of most blocks
	head, err := r.Seg.block(r.In, r.At, min(r.Size, mostly), new([]byte))
	if err != nil || head == nil {
		return nil, err
	}
	if b, err = codec.SynopsisOf(head); err == nil || r.Size <= mostly {
		return b, err
	}
	whole, err := r.Block(new([]byte))
	if err != nil || whole == nil {
		return nil, err
	}
	return codec.SynopsisOf(whole)
}

// Missing are the runs that the archive should hold and that were not got.
func (c *Catalog) Missing(got map[RunID]bool) (lost []*record.CorruptionError) {
	for _, sr := range c.Sorted() {
		for _, runs := range sr.Parts {
			for _, x := range runs {
				if got[RunID{Stream: x.Stream, Part: x.Part, Run: x.Run}] || x.Seg.IsRaw() {
					continue
				}
				lost = append(lost, c.Corruption(sr.Key, x, fmt.Errorf("records lost from number %d on: %d", x.Run, x.Records)))
			}
		}
	}
	slices.SortFunc(lost, func(a, b *record.CorruptionError) int { return cmp.Compare(a.Stream, b.Stream) })
	return lost
}
