package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
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
	Key         record.StreamKey
	Definition  []byte // of the stream, as FORMAT.md draws it
	Size        int    // of the bytes; an estimate where the run is open
	Open        bool   // the run goes on: a later block of that name says more
	rounded     bool   // ages in nanoseconds were kept to the millisecond
	read        func() ([]byte, error)
}

// Raw reads the block's bytes. It is an error where they are damaged, or where
// retention dropped them meanwhile.
func (b *Block) Raw() ([]byte, error) { return b.read() }

// Name is what no other block of the archive has.
func (b *Block) Name() RunID {
	return RunID{Stream: b.Stream, Part: b.Part, Run: b.Run}
}

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
	b := NewBlock(&r.Header, k, s)
	b.ReadBy(len(raw), func() ([]byte, error) { return raw, nil })
	return b, nil
}

// NewBlock is a block with what its header and its stream say. ReadBy makes it whole.
func NewBlock(h *codec.Header, k record.StreamKey, s record.Schema) *Block {
	return &Block{
		Archive: h.Archive, Stream: h.Stream, Part: h.Part, Run: h.Run, First: h.First, Last: h.Last, Records: h.Records, rounded: h.Round,
		From: Unix(h.From), To: Unix(h.To), Key: k, Definition: record.Definition(k, s),
	}
}

// ReadBy says how long the block is, and how its bytes are read.
func (b *Block) ReadBy(size int, read func() ([]byte, error)) { b.Size, b.read = size, read }

// A Cursor tells which blocks of one archive somebody has. The zero value has
// none. It is not safe for concurrent use.
type Cursor struct {
	upTo   uint64           // every block of a run up to this number
	beyond map[RunID]uint64 // and of later runs, up to which record
}

// Add notes that a block is had.
func (c *Cursor) Add(b *Block) {
	if c.beyond == nil {
		c.beyond = map[RunID]uint64{}
	}
	c.beyond[b.Name()] = max(c.beyond[b.Name()], b.Last)
}

// Has reports whether a block is had.
func (c *Cursor) Has(b *Block) bool {
	return b.Run <= c.upTo || c.beyond[b.Name()] >= b.Last
}

// UpTo is the number up to which every block of a run is had.
func (c *Cursor) UpTo() uint64 { return c.upTo }

const cursorEntry = 4 + 2 + 8 + 8

// MarshalBinary lays the cursor out with its checksum.
func (c *Cursor) MarshalBinary() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, c.upTo)
	for id, last := range c.beyond {
		b = binary.LittleEndian.AppendUint32(b, id.Stream)
		b = binary.LittleEndian.AppendUint16(b, uint16(id.Part))
		b = binary.LittleEndian.AppendUint64(b, id.Run)
		b = binary.LittleEndian.AppendUint64(b, last)
	}
	return bolt.Seal(b), nil
}

// UnmarshalBinary reads what MarshalBinary laid out.
func (c *Cursor) UnmarshalBinary(b []byte) error {
	b, err := bolt.Unseal(b)
	if err != nil {
		return fmt.Errorf("read a cursor: %w", err)
	}
	if len(b) < 8 || (len(b)-8)%cursorEntry != 0 {
		return fmt.Errorf("read a cursor: it cannot have %d bytes", len(b))
	}
	c.upTo, c.beyond = binary.LittleEndian.Uint64(b), map[RunID]uint64{}
	for b = b[8:]; len(b) > 0; b = b[cursorEntry:] {
		id := RunID{Stream: binary.LittleEndian.Uint32(b), Part: int(binary.LittleEndian.Uint16(b[4:])), Run: binary.LittleEndian.Uint64(b[6:])}
		c.beyond[id] = binary.LittleEndian.Uint64(b[14:])
	}
	return nil
}

// Settle moves the cursor's bound up as far as all is had: to before the first
// block that is not, or whose run goes on.
func (c *Cursor) Settle(first uint64) {
	if first == 0 || first-1 <= c.upTo {
		return
	}
	c.upTo = first - 1
	for id := range c.beyond {
		if id.Run <= c.upTo {
			delete(c.beyond, id)
		}
	}
}
