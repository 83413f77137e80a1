package catalog

import (
	"encoding/json"
	"fmt"
	"io"

	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
)

// A FlatBuilder makes a flat file of blocks of one archive that came from
// elsewhere, in any order.
type FlatBuilder struct {
	flat *FlatWriter
	meta Meta
	defs map[uint32][]byte
	at   map[RunID]placed
}

// placed is where a block stands in the index, and how far it goes.
type placed struct {
	entry int
	last  uint64
}

// NewFlat begins a flat file of blocks of the archive with that identity. The
// file is segment number 1 where it begins with the archive, a higher number
// where blocks of earlier times are left out: they are then not missed. Blocks that
// are missing between others are.
func NewFlat(w io.Writer, archive uint64, segment int) *FlatBuilder {
	return &FlatBuilder{
		flat: NewFlatWriter(w, codec.NewZip()),
		meta: Meta{Version: FormatVersion, ID: archive, Segment: segment},
		defs: map[uint32][]byte{}, at: map[RunID]placed{},
	}
}

// Add adds a block, checked: that it is whole and of the archive. One that is
// there already is passed over; of two of one run, the one that says more stays.
func (f *FlatBuilder) Add(b *Block) error {
	if b.Archive != f.meta.ID {
		return fmt.Errorf("add a block of archive %s to one of %s: %w", record.ArchiveID(b.Archive), record.ArchiveID(f.meta.ID), ErrForeign)
	}
	raw, err := b.Raw()
	if err != nil {
		return fmt.Errorf("add a block: %w", err)
	}
	return f.AddRaw(raw)
}

// AddRaw adds a block that is at hand as bytes, as Add does.
func (f *FlatBuilder) AddRaw(raw []byte) error {
	b, err := parseBlock(f.flat.z, raw)
	if err == nil && b.Archive != f.meta.ID {
		err = ErrForeign
	}
	if err != nil {
		return fmt.Errorf("add a block: %w", err)
	}
	there, twice := f.at[b.Name()]
	if twice && there.last >= b.Last {
		return nil
	}
	if twice {
		f.flat.Entries[there.entry] = nil
	}
	f.at[b.Name()] = placed{len(f.flat.Entries), b.Last}
	f.meta.Rounded = f.meta.Rounded || b.rounded
	if len(b.Definition) > len(f.defs[b.Stream]) { // a block tells the columns that it has
		f.defs[b.Stream] = b.Definition
	}
	return f.flat.Block(raw)
}

// Close writes the index. Nothing is a flat file before.
func (f *FlatBuilder) Close() error {
	meta, err := json.Marshal(f.meta)
	if err != nil {
		return err
	}
	return f.flat.Finish(meta, f.defs)
}
