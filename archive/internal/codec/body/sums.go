package body

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/codec/parse"
)

// TagSums is the stream of a large block that holds its checksums by column, so that who reads some columns reads no
// others. The first is of all that comes before the texts and the columns, itself left out; then there is
// one of the texts and of each column that the block holds something of.
const TagSums = 0*4 + List

// A span is what has one of these checksums: streams that lie end to end.
type span struct {
	group       int
	first, last int // of the pieces; last is not one of them
	from, to    int // in the block
}

// Groups of streams: what every reader needs, the texts, and then a column each.
const (
	groupBase = iota
	groupText
	groupColumns
)

func groupOf(tag int) int {
	switch field := tag / 4; {
	case field < FieldText:
		return groupBase
	case field < FieldColumns:
		return groupText
	default:
		return groupColumns + (field-FieldColumns)/2
	}
}

// withSums adds room for the checksums.
func withSums(pieces []Piece) []Piece {
	spans, at := 1, 0 // what every reader needs holds the checksums at least
	for i, p := range pieces {
		if g := groupOf(p.Tag); g != groupBase && (i == 0 || g != groupOf(pieces[i-1].Tag)) {
			spans++
		}
		if p.Tag < TagSums {
			at = i + 1
		}
	}
	return slices.Insert(pieces, at, Piece{Tag: TagSums, Data: make([]byte, 8*spans), N: 8 * spans})
}

// A plan tells where the streams of a block lie.
type plan struct {
	header.Header
	pieces []Piece // without their data
	spans  []span
	sums   int // where the checksums lie
}

// errWhole: a block has no checksums by column, or cannot be what it seems. Who reads all of it finds out.
var errWhole = errors.New("to be read as a whole")

// planOf reads the plan of a block from its beginning, of which as much is there as b: [parse.ErrShort] says that it is too little. Nothing is
// checked. The lists lie in the memory of old.
func planOf(b []byte, size int, old *plan) (p plan, err error) {
	rest, err := p.Read(b)
	if err != nil || p.Version < 3 || p.Version > header.Version || int(binary.LittleEndian.Uint32(b[8:])) != size || !p.Whole || b[5]&header.Solid != 0 {
		return p, errWhole
	}
	r := parse.Reader{B: rest}
	if b[5]&header.Synopsis != 0 {
		r.Bytes(r.Int())
		r.Bytes(8)
	}
	pieces, err := directory(&r, old.pieces)
	if r.Short {
		return p, parse.ErrShort
	}
	if err != nil {
		return p, errWhole
	}
	p.pieces, p.spans = pieces, old.spans[:0]
	from, at, held := 0, len(b)-len(r.B), -1
	for i := range pieces {
		if n := pieces[i].size; n < 0 || n > size-at { // where an int has 32 bits, a size may be below 0
			return p, errWhole
		}
		if pieces[i].Tag == TagSums && !pieces[i].Packed {
			p.sums, held = at, pieces[i].size
		}
		last := len(p.spans) - 1
		if g := groupOf(pieces[i].Tag); last < 0 || p.spans[last].group != g {
			p.spans = append(p.spans, span{group: g, first: i, from: from})
			last++
		}
		at += pieces[i].size
		from = at
		p.spans[last].last, p.spans[last].to = i+1, at
	}
	if at != size || held != 8*len(p.spans) {
		return p, errWhole
	}
	return p, nil
}

// sum is the checksum of a span whose bytes are given.
func (p *plan) sum(i int, b []byte) uint64 {
	if i > 0 {
		return xxhash.Sum64(b)
	}
	d := xxhash.New()
	d.Write(b[:24])
	d.Write(make([]byte, 8)) // the checksum of the whole block
	d.Write(b[header.Fixed:p.sums])
	d.Write(make([]byte, 8)) // this one
	d.Write(b[p.sums+8:])
	return d.Sum64()
}

// putSums sets the checksums of a block that was laid out with room for them.
func putSums(b []byte) {
	p, err := planOf(b, len(b), &plan{})
	if err != nil {
		panic("a block was laid out that cannot be read by columns") // no data lead here
	}
	for i := len(p.spans) - 1; i >= 0; i-- { // the first is also of the others
		binary.LittleEndian.PutUint64(b[p.sums+8*i:], p.sum(i, b[p.spans[i].from:p.spans[i].to]))
	}
}

// CheckSums checks the checksums of a block by column, where it has any.
func CheckSums(b []byte) error {
	p, err := planOf(b, len(b), &plan{})
	if err != nil {
		return nil // it is read as a whole
	}
	for i, s := range p.spans {
		if p.sum(i, b[s.from:s.to]) != binary.LittleEndian.Uint64(b[p.sums+8*i:]) {
			return fmt.Errorf("of bytes %d to %d, by column: %w", s.from, s.to, parse.ErrChecksum)
		}
	}
	return nil
}

// A Room is memory for a block, and for one after the other: what was read of the one before is then not valid any more.
type Room struct {
	Bytes []byte
	plan  plan
}

// A Partial is a block of which nothing is read but what its reader asks for. What was read is checked.
type Partial struct {
	header.Header
	Pieces []Piece

	src  io.ReaderAt
	room *Room // what was read, and where the rest lies
	sums []byte
}

// firstRead is how much of a block is read to find out where its streams lie: for most all that every reader needs.
const firstRead = 16 << 10

// Open reads what every reader of a block needs. It is nil where the block must be read as a whole, which then also
// finds what is damaged.
func Open(src io.ReaderAt, size int, room *Room) *Partial {
	x := &Partial{src: src, room: room}
	room.Bytes = room.Bytes[:0]
	for n := min(firstRead, size); ; n = min(2*n, size) {
		if !x.read(len(room.Bytes), n) {
			return nil
		}
		p, err := planOf(room.Bytes, size, &room.plan)
		if err == nil {
			room.plan = p
			break
		}
		if n == size || err != parse.ErrShort {
			return nil
		}
	}
	p := &room.plan
	end := p.spans[0].to
	if end > len(room.Bytes) && !x.read(len(room.Bytes), end) {
		return nil
	}
	b := room.Bytes[:end]
	if p.sum(0, b) != binary.LittleEndian.Uint64(b[p.sums:]) {
		return nil
	}
	x.Header, x.Pieces, x.sums = p.Header, p.pieces, b[p.sums:p.sums+8*len(p.spans)]
	for i := range x.Pieces {
		x.Pieces[i].unread = true
	}
	x.place(&p.spans[0], b)
	return x
}

// Column reads a column. It is false where that is damaged.
func (x *Partial) Column(number int) bool {
	i := slices.IndexFunc(x.room.plan.spans, func(s span) bool { return s.group == groupColumns+number })
	if i < 0 {
		return true // no row has it
	}
	s, n := &x.room.plan.spans[i], len(x.room.Bytes)
	if !x.read(s.from, s.to) {
		return false
	}
	b := x.room.Bytes[n:]
	if x.room.plan.sum(i, b) != binary.LittleEndian.Uint64(x.sums[8*i:]) {
		return false
	}
	x.place(s, b)
	return true
}

// read reads bytes of the block behind those that were read before.
func (x *Partial) read(from, to int) bool {
	n := len(x.room.Bytes)
	x.room.Bytes = slices.Grow(x.room.Bytes, to-from)[:n+to-from]
	got, _ := x.src.ReadAt(x.room.Bytes[n:], int64(from))
	return got == to-from
}

// place gives the streams of a span, whose bytes end with b, their data.
func (x *Partial) place(s *span, b []byte) {
	for i := s.last - 1; i >= s.first; i-- {
		p := &x.Pieces[i]
		at := len(b) - p.size
		p.Data, p.unread, b = b[at:], false, b[:at]
	}
}
