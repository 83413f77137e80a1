package archive

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"ergorecorder/archive/internal/codec"
)

// A Block is a run as one piece of bytes, which can be decoded alone: what is
// handed to others who keep or read parts of an archive.
type Block struct {
	Archive     uint64 // whose it is
	Stream      uint32 // the stream's number in it
	Part        int
	Run         uint64 // Seq of its first record; with Stream and Part it names the block
	First, Last uint64 // Seq of the first and of the last record
	Records     int
	From, To    time.Time // of the earliest and of the latest record
	Key         StreamKey
	Definition  []byte // of the stream, as FORMAT.md draws it
	Size        int    // of the bytes; an estimate where the run is open
	Open        bool   // the run goes on: a later block of that name says more
	rounded     bool   // ages in nanoseconds were kept to the millisecond
	read        func() ([]byte, error)
}

// Raw reads the block's bytes. It is an error where they are damaged, or where
// retention dropped them meanwhile.
func (b *Block) Raw() ([]byte, error) { return b.read() }

// ArchiveID is the number of an archive as [Info].ID and file names spell it.
func ArchiveID(id uint64) string { return fmt.Sprintf("%016x", id) }

// name is what no other block of the archive has.
func (b *Block) name() runID { return runID{b.Stream, b.Part, b.Run} }

// ParseBlock looks at a block that came from elsewhere: that it is whole, of a
// version this program reads, and that its checksum is right.
func ParseBlock(raw []byte) (*Block, error) { return parseBlock(codec.NewZip(), raw) }

func parseBlock(z *codec.Zip, raw []byte) (*Block, error) {
	r, err := codec.Open(z, raw)
	if err == nil && !r.Whole {
		err = errors.New("it is a piece of a run, not a block")
	}
	if err != nil {
		return nil, fmt.Errorf("read a block of %d bytes: %w", len(raw), err)
	}
	k, s, err := aboutOf(r)
	if err != nil {
		return nil, fmt.Errorf("read a block of %d bytes: %w", len(raw), err)
	}
	b := newBlock(&r.Header, k, s)
	b.Size, b.read = len(raw), func() ([]byte, error) { return raw, nil }
	return b, nil
}

func newBlock(h *codec.Header, k StreamKey, s Schema) *Block {
	return &Block{
		Archive: h.Archive, Stream: h.Stream, Part: h.Part, Run: h.Run, First: h.First, Last: h.Last, Records: h.Records, rounded: h.Round,
		From: unix(h.From), To: unix(h.To), Key: k, Definition: definition(k, s),
	}
}

// A Cursor tells which blocks of one archive somebody has. The zero value has
// none. It is not safe for concurrent use.
type Cursor struct {
	upTo   uint64           // every block of a run up to this number
	beyond map[runID]uint64 // and of later runs, up to which record
}

// Add notes that a block is had.
func (c *Cursor) Add(b *Block) {
	if c.beyond == nil {
		c.beyond = map[runID]uint64{}
	}
	c.beyond[b.name()] = max(c.beyond[b.name()], b.Last)
}

// Has reports whether a block is had.
func (c *Cursor) Has(b *Block) bool {
	return b.Run <= c.upTo || c.beyond[b.name()] >= b.Last
}

const cursorEntry = 4 + 2 + 8 + 8

// MarshalBinary lays the cursor out with its checksum.
func (c *Cursor) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, c.upTo)
	for id, last := range c.beyond {
		b = binary.LittleEndian.AppendUint32(b, id.stream)
		b = binary.LittleEndian.AppendUint16(b, uint16(id.part))
		b = binary.LittleEndian.AppendUint64(b, id.run)
		b = binary.LittleEndian.AppendUint64(b, last)
	}
	return seal(b), nil
}

// UnmarshalBinary reads what MarshalBinary laid out.
func (c *Cursor) UnmarshalBinary(b []byte) error {
	b, err := unseal(b)
	if err != nil {
		return fmt.Errorf("read a cursor: %w", err)
	}
	if len(b) < 8 || (len(b)-8)%cursorEntry != 0 {
		return fmt.Errorf("read a cursor: it cannot have %d bytes", len(b))
	}
	c.upTo, c.beyond = binary.LittleEndian.Uint64(b), map[runID]uint64{}
	for b = b[8:]; len(b) > 0; b = b[cursorEntry:] {
		id := runID{binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint16(b[4:])), binary.LittleEndian.Uint64(b[6:])}
		c.beyond[id] = binary.LittleEndian.Uint64(b[14:])
	}
	return nil
}

// settle moves the cursor's bound up as far as all is had: to before the first
// block that is not, or whose run goes on.
func (c *Cursor) settle(first uint64) {
	if first == 0 || first-1 <= c.upTo {
		return
	}
	c.upTo = first - 1
	for id := range c.beyond {
		if id.run <= c.upTo {
			delete(c.beyond, id)
		}
	}
}

// Blocks walks the blocks that the cursor does not have, by the number of their
// first record, and shortens the cursor. Only their heads are looked at until
// [Block.Raw] is called. Of runs that go on, what is on disk of them is
// walked too with open; else they come when they have ended. Who adds each block to the cursor
// and keeps that goes on where it stopped; nothing comes twice, but an
// open one again when there is more of it.
func (r *Reader) Blocks(c *Cursor, open bool) iter.Seq[*Block] {
	return func(yield func(*Block) bool) {
		for _, b := range r.blocksBeyond(c, open) {
			if !yield(b) {
				return
			}
		}
	}
}

// blocksBeyond are the blocks that the cursor does not have.
func (r *Reader) blocksBeyond(c *Cursor, open bool) (found []*Block) {
	r.cat.mu.RLock()
	defer r.cat.mu.RUnlock()
	first, newest := uint64(0), c.upTo
	for _, sr := range r.cat.streams {
		for _, runs := range sr.parts {
			i, _ := slices.BinarySearchFunc(runs, c.upTo+1, func(x *run, seq uint64) int { return cmp.Compare(x.Run, seq) })
			for _, x := range runs[i:] {
				newest = max(newest, x.Run)
				b := r.block(sr, x)
				has := b != nil && c.Has(b)
				if !has || b.Open {
					first = lowest(first, x.Run)
				}
				if b != nil && !has && (open || !b.Open) {
					found = append(found, b)
				}
			}
		}
	}
	if first == 0 {
		first = newest + 1
	}
	c.settle(first)
	slices.SortFunc(found, func(a, b *Block) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Part, b.Part))
	})
	return found
}

// Leave leaves only the streams in the reader that keep tells: others of their
// records are read elsewhere.
func (r *Reader) Leave(keep func(StreamKey) bool) {
	r.cat.mu.Lock()
	defer r.cat.mu.Unlock()
	for k := range r.cat.streams {
		if !keep(k) {
			delete(r.cat.streams, k)
		}
	}
	r.cat.order = nil
}

func lowest(a, b uint64) uint64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// block is a run as a block: nil while some of it is not on disk, which a crash
// would undo. Locked by the caller.
func (r *Reader) block(sr *streamRuns, x *run) *Block {
	now := *x
	b := newBlock(&now.Header, sr.key, sr.schema)
	if now.chunks == nil {
		b.Size, b.read = now.size, func() ([]byte, error) { return r.rawBlock(sr.key, b.name()) }
		return b
	}
	if b.Open = true; stored(x) < len(x.chunks) {
		return nil
	}
	b.Size, b.read = now.size, func() ([]byte, error) { return r.openBlock(sr.key, b) }
	return b
}

// stored is how many of a run's chunks are on disk.
func stored(x *run) (n int) {
	for n < len(x.chunks) && x.chunks[n].batch.memory.Load() == nil {
		n++
	}
	return n
}

// lookUp is a copy of where a run lies now.
func (r *Reader) lookUp(k StreamKey, id runID) (run, error) {
	r.cat.settling.RLock()
	defer r.cat.settling.RUnlock()
	r.cat.mu.RLock()
	defer r.cat.mu.RUnlock()
	if sr := r.cat.streams[k]; sr != nil {
		if x := sr.find(id.part, id.run); x != nil {
			return *x, nil
		}
	}
	return run{}, errDropped
}

// rawBlock fetches the bytes of a run that has ended, checked.
func (r *Reader) rawBlock(k StreamKey, id runID) ([]byte, error) {
	x, err := r.lookUp(k, id)
	if err != nil {
		return nil, err
	}
	b, _, err := r.blockOf(k, &x)
	return b, err
}

// openBlock makes a block of what is on disk of a run that goes on, and says in
// it how far that goes.
func (r *Reader) openBlock(k StreamKey, b *Block) ([]byte, error) {
	x, err := r.lookUp(k, b.name())
	if err != nil {
		return nil, err
	}
	if x.chunks != nil {
		x.chunks = slices.Clone(x.chunks[:stored(&x)])
	}
	raw, h, err := r.blockOf(k, &x)
	if err == nil {
		b.First, b.Last, b.Records, b.From, b.To = h.First, h.Last, h.Records, unix(h.From), unix(h.To)
		b.Size = len(raw)
	}
	return raw, err
}

// blockOf makes a block of a run, if it is none, and checks it. A run that was
// packed meanwhile is looked up again.
func (r *Reader) blockOf(k StreamKey, x *run) (b []byte, h codec.Header, err error) {
	const tries = 5
	for range tries {
		pieces, moved, err := x.read()
		if err == nil && !moved {
			if b, err = asBlock(r.zip, x, pieces); err == nil {
				h, err = codec.HeaderOnly(b)
			}
			if err == nil {
				return b, h, nil
			}
		}
		if err != nil && !moved {
			return nil, h, r.cat.corruption(k, x, err)
		}
		if *x, err = r.lookUp(k, runID{x.Stream, x.Part, x.Run}); err != nil {
			return nil, h, err
		}
	}
	return nil, h, r.cat.corruption(k, x, errors.New("its block is missing"))
}

// asBlock makes a block of what was read of a run.
func asBlock(z *codec.Zip, x *run, pieces [][]byte) ([]byte, error) {
	if x.chunks != nil {
		return codec.Merge(z, nil, pieces...)
	}
	_, err := codec.Open(z, pieces[0])
	return pieces[0], err
}
