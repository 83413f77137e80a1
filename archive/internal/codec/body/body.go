// Package body lays the streams of bytes of a block out, and finds them again: all of them, or those of some columns.
// FORMAT.md draws it.
package body

import (
	"encoding/binary"
	"errors"
	"slices"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/codec/parse"
)

// A Stream is one series of bytes (or bits) of a block.
type Stream struct {
	Tag  int
	Data []byte
	N    int // bytes; bits in a stream of bits
}

// Streams are numbered by field and by what they hold of it.
const (
	Class = iota // classes, or plain bytes
	Bits
	Dict
	List
)

// Fields from which on a reader of some columns does not need all.
const (
	FieldText    = 19
	FieldColumns = 20 // two for each column: its cells, and what its ages are counted from
)

// Tag is the number of a stream.
func Tag(field, sub int) int { return field*4 + sub }

// Size is how many bytes streams have.
func Size(ss []Stream) (total int) {
	for _, x := range ss {
		total += len(x.Data)
	}
	return total
}

const (
	// solidBelow is the size up to which a block is compressed as one: small
	// streams do not pay for a frame each, and all are needed anyway.
	solidBelow = 32 << 10
	// Large is how much a block holds before it is compressed where it has a synopsis and checksums of its columns. A smaller one
	// is as quickly read as a whole.
	Large = 128 << 10
)

// Layout lays a block or chunk out; where z is nil, without compressing anything.
func Layout(h header.Header, synopsis []byte, ss []Stream, z *frame.Zip) []byte {
	slices.SortFunc(ss, func(a, b Stream) int { return a.Tag - b.Tag })
	b := header.Append(nil, &h)
	if len(synopsis) > 0 {
		b = appendSynopsis(b, synopsis)
	}
	size, solid, summed := Size(ss), false, false
	if z != nil && (!h.Whole || size < solidBelow) {
		b, solid = appendSolid(b, h, ss, z)
	}
	if solid {
		b[5] |= header.Solid
	} else {
		pieces := pack(ss, z)
		if summed = h.Whole && h.Version >= 3 && size >= Large; summed {
			pieces = withSums(pieces)
		}
		b, _ = appendPieces(b, pieces, false)
	}
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	if summed {
		putSums(b)
	}
	header.PutSum(b)
	return b
}

// Plain lays a block out with every stream apart and none compressed, and with checksums by column however small it is, so that a
// fuzzer reaches all of it.
func Plain(h header.Header, ss []Stream) []byte {
	b, _ := appendPieces(header.Append(nil, &h), withSums(pack(ss, nil)), false)
	Resum(b)
	return b
}

// Resum sets the length and all checksums of what a fuzzer made of a block.
func Resum(b []byte) {
	if len(b) < header.Fixed {
		return
	}
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	if _, err := planOf(b, len(b), &plan{}); err == nil {
		putSums(b)
	}
	header.PutSum(b)
}

// appendSolid writes the streams as one compressed body, raw bits behind it:
// there is nothing to gain on those. In version 1 they were part of it. ok is
// false, and nothing is written, where readers would refuse such a frame.
func appendSolid(b []byte, h header.Header, ss []Stream, z *frame.Zip) (all []byte, ok bool) {
	body, bits := appendPieces(nil, pack(ss, nil), h.Version > 1)
	var packed []byte
	if h.Whole {
		packed = z.Whole(body)
	} else {
		packed = z.Quick(body)
	}
	if len(body) > z.MayHold(len(packed)) {
		return b, false
	}
	b = binary.AppendUvarint(b, uint64(len(body)))
	if h.Version > 1 {
		b = binary.AppendUvarint(b, uint64(len(packed)))
	}
	return append(append(b, packed...), bits...), true
}

// pack makes pieces of streams: each is compressed where z is given and that pays.
func pack(ss []Stream, z *frame.Zip) []Piece {
	pieces := make([]Piece, len(ss), len(ss)+1)
	for i, s := range ss {
		p := Piece{Tag: s.Tag, Data: s.Data, N: s.N}
		if z != nil && len(s.Data) > 16 {
			e := z.Pack(s.Data, s.Tag%4 == Dict || s.Tag/4 == FieldText, s.Tag%4 == Bits)
			if len(e) < len(s.Data)-len(s.Data)/32 && len(s.Data) <= z.MayHold(len(e)) {
				p.Data, p.Packed = e, true
			}
		}
		pieces[i] = p
	}
	return pieces
}

// appendPieces writes the directory, then the data, or that without the raw
// bits, which then come apart.
func appendPieces(b []byte, pieces []Piece, apart bool) (all, bits []byte) {
	size := 0
	for _, p := range pieces {
		size += len(p.Data)
	}
	b = slices.Grow(b, size+8*len(pieces)+8)
	b = binary.AppendUvarint(b, uint64(len(pieces)))
	last := 0
	for _, p := range pieces {
		b = binary.AppendUvarint(b, uint64(p.Tag-last))
		last = p.Tag
		if p.Packed {
			b = binary.AppendUvarint(b, uint64(p.N)<<1|1)
			b = binary.AppendUvarint(b, uint64(len(p.Data)))
		} else {
			b = binary.AppendUvarint(b, uint64(p.N)<<1)
		}
	}
	for _, p := range pieces {
		if apart && p.Tag%4 == Bits {
			bits = append(bits, p.Data...)
		} else {
			b = append(b, p.Data...)
		}
	}
	return b, bits
}

// A Piece is a stream as it lies in a block.
type Piece struct {
	Tag    int
	Data   []byte
	N      int
	Packed bool
	size   int  // of its data
	unread bool // that was left where it lies
}

// Parse finds the streams of a block's body, ascending by tag.
func Parse(version, flags byte, body []byte, z *frame.Zip) ([]Piece, error) {
	r := parse.Reader{B: body}
	bits := &r
	if flags&header.Solid != 0 {
		n := r.Int()
		packed := r.B
		if version > 1 {
			packed = r.Bytes(r.Int())
			bits = &parse.Reader{B: r.B, Short: r.Short}
		}
		raw, err := z.ExpandTo(packed, n, parse.MaxRaw)
		if err != nil {
			return nil, err
		}
		r = parse.Reader{B: raw}
	}
	out, err := directory(&r, nil)
	if err != nil {
		return nil, err
	}
	for i := range out {
		from := &r
		if out[i].Tag%4 == Bits {
			from = bits
		}
		out[i].Data = from.Bytes(out[i].size)
	}
	if r.Short || bits.Short || len(r.B) != 0 || len(bits.B) != 0 {
		return nil, parse.ErrContent
	}
	return out, nil
}

// directory reads which streams there are, and how long each is, into the memory of old.
func directory(r *parse.Reader, old []Piece) (out []Piece, err error) {
	n := r.Int()
	if n > len(r.B) {
		return nil, parse.ErrContent
	}
	out = slices.Grow(old[:0], n)[:n]
	clear(out)
	last := 0
	for i := range out {
		p := &out[i]
		p.Tag = last + r.Int()
		if i > 0 && p.Tag == last {
			return nil, parse.ErrContent
		}
		last = p.Tag
		v := r.Uvarint()
		if v>>1 > parse.MaxRaw*8 {
			return nil, parse.ErrContent
		}
		p.N, p.Packed = int(v>>1), v&1 == 1
		if p.size = rawLen(p.Tag, p.N); p.Packed {
			p.size = r.Int()
		}
	}
	return out, nil
}

// rawLen is the length in bytes of n units of a stream.
func rawLen(tag, n int) int {
	if tag%4 == Bits {
		return (n + 7) / 8
	}
	return n
}

var errUnread = errors.New("a column was not read that is asked for now")

// Unpack is the raw data of a piece.
func (p *Piece) Unpack(z *frame.Zip, m *frame.Memory) ([]byte, error) {
	switch {
	case p.unread:
		return nil, errUnread
	case !p.Packed:
		return p.Data, nil
	}
	return z.ExpandIn(m, p.Data, rawLen(p.Tag, p.N), parse.MaxRaw)
}
