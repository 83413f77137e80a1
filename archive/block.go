package archive

import (
	"cmp"
	"errors"
	"io"
	"iter"
	"slices"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/record"
)

// A Block is a run as one piece of bytes, which can be decoded alone: what is
// handed to others who keep or read parts of an archive.
type Block = catalog.Block

// A Cursor tells which blocks of one archive somebody has. The zero value has
// none. It is not safe for concurrent use.
type Cursor = catalog.Cursor

// A FlatBuilder makes a flat file of blocks of one archive that came from
// elsewhere, in any order.
type FlatBuilder = catalog.FlatBuilder

// NewFlat begins a flat file of blocks of the archive with that identity, as
// segment number 1 where it begins with the archive, as a higher number where
// blocks of earlier times are left out: they are then not missed.
func NewFlat(w io.Writer, archive uint64, segment int) *FlatBuilder {
	return catalog.NewFlat(w, archive, segment)
}

// ParseBlock looks at a block that came from elsewhere: that it is whole, of a
// version this program reads, and that its checksum is right.
func ParseBlock(raw []byte) (*Block, error) { return catalog.ParseBlock(raw) }

// ArchiveID is the number of an archive as [Info].ID and file names spell it.
func ArchiveID(id uint64) string { return record.ArchiveID(id) }

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
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	first, newest := uint64(0), c.UpTo()
	for _, sr := range r.cat.Streams {
		for _, runs := range sr.Parts {
			i, _ := slices.BinarySearchFunc(runs, c.UpTo()+1, func(x *catalog.Run, seq uint64) int { return cmp.Compare(x.Run, seq) })
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
	c.Settle(first)
	slices.SortFunc(found, func(a, b *Block) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Part, b.Part))
	})
	return found
}

// Leave leaves only the streams in the reader that keep tells: others of their
// records are read elsewhere.
func (r *Reader) Leave(keep func(StreamKey) bool) {
	r.cat.Mu.Lock()
	defer r.cat.Mu.Unlock()
	r.cat.Leave(keep)
}

// Lacks tells the reader of what did not come to where it reads: damage of which the archive itself
// may know nothing, such as the newest of what there is.
func (r *Reader) Lacks(what *CorruptionError) {
	r.cat.Mu.Lock()
	defer r.cat.Mu.Unlock()
	r.cat.Damage = append(r.cat.Damage, what)
}

func lowest(a, b uint64) uint64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// block is a run as a block: nil while some of it is not on disk, which a crash
// would undo. Locked by the caller.
func (r *Reader) block(sr *catalog.Stream, x *catalog.Run) *Block {
	now := *x
	b := catalog.NewBlock(&now.Header, sr.Key, sr.Schema)
	if now.Chunks == nil {
		b.ReadBy(now.Size, func() ([]byte, error) { return r.rawBlock(sr.Key, b.Name()) })
		return b
	}
	if b.Open = true; stored(x) < len(x.Chunks) {
		return nil
	}
	b.ReadBy(now.Size, func() ([]byte, error) { return r.openBlock(sr.Key, b) })
	return b
}

// stored is how many of a run's chunks are on disk.
func stored(x *catalog.Run) (n int) {
	for n < len(x.Chunks) && x.Chunks[n].Batch.Memory.Load() == nil {
		n++
	}
	return n
}

// lookUp is a copy of where a run lies now.
func (r *Reader) lookUp(k StreamKey, id catalog.RunID) (catalog.Run, error) {
	r.cat.Settling.RLock()
	defer r.cat.Settling.RUnlock()
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	if sr := r.cat.Streams[k]; sr != nil {
		if x := sr.Find(id.Part, id.Run); x != nil {
			return *x, nil
		}
	}
	return catalog.Run{}, catalog.ErrDropped
}

// rawBlock fetches the bytes of a run that has ended, checked.
func (r *Reader) rawBlock(k StreamKey, id catalog.RunID) ([]byte, error) {
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
	x, err := r.lookUp(k, b.Name())
	if err != nil {
		return nil, err
	}
	if x.Chunks != nil {
		x.Chunks = slices.Clone(x.Chunks[:stored(&x)])
	}
	raw, h, err := r.blockOf(k, &x)
	if err == nil {
		b.First, b.Last, b.Records, b.From, b.To = h.First, h.Last, h.Records, catalog.Unix(h.From), catalog.Unix(h.To)
		b.Size = len(raw)
	}
	return raw, err
}

// blockOf makes a block of a run, if it is none, and checks it. A run that was
// packed meanwhile is looked up again.
func (r *Reader) blockOf(k StreamKey, x *catalog.Run) (b []byte, h codec.Header, err error) {
	const tries = 5
	for range tries {
		pieces, moved, err := x.Read()
		if err == nil && !moved {
			if b, err = asBlock(r.zip, x, pieces); err == nil {
				h, err = header.Only(b)
			}
			if err == nil {
				return b, h, nil
			}
		}
		if err != nil && !moved {
			return nil, h, r.cat.Corruption(k, x, err)
		}
		if *x, err = r.lookUp(k, catalog.RunID{Stream: x.Stream, Part: x.Part, Run: x.Run}); err != nil {
			return nil, h, err
		}
	}
	return nil, h, r.cat.Corruption(k, x, errors.New("its block is missing"))
}

// asBlock makes a block of what was read of a run.
func asBlock(z *codec.Zip, x *catalog.Run, pieces [][]byte) ([]byte, error) {
	if x.Chunks != nil {
		return codec.Merge(z, nil, pieces...)
	}
	_, err := codec.Open(z, pieces[0])
	return pieces[0], err
}
