// Package number writes series of numbers: a class for each, and the bits that the
// class leaves open. FORMAT.md draws them.
package number

import (
	"encoding/binary"
	"math/bits"
)

// Every number is written as a class, one byte that an entropy coder shrinks
// well, and the raw bits that the class leaves open. A scheme says what the
// classes mean, by the first class of each range: as predicted (0), the
// difference to the prediction itself, the bits of a longer difference, the
// bits of a longer fresh value, that the cell turns from a number into a
// literal or back (a class follows), and the fresh value itself.
//
// Differences of columns that may fall are folded (0, -1, 1, -2, …) first.
type Scheme struct {
	Delta  uint64 // the largest difference that is its own class
	deltaN int    // class of a difference of n bits, less n
	FreshN int    // class of a fresh value of n bits, less n
	Toggle int
	fresh  int // class of the fresh value 0
}

// ClassSame, in every scheme, is the class of a cell that is as predicted.
const ClassSame = 0

// Ages in nanoseconds hardly ever differ by little, and need classes for
// their neighbours (see age.go). They are as all numbers of format version 1.
var (
	Narrow = Scheme{Delta: 24, deltaN: 25 - 5, FreshN: 85 - 5, Toggle: 145, fresh: 146}
	Wide   = Scheme{Delta: 63, deltaN: 64 - 7, FreshN: 122 - 7, Toggle: 180, fresh: 181}

	NarrowCodes, WideCodes = Narrow.codes(), Wide.codes()
)

// A Code is what a class means to who reads it.
type Code struct {
	Op   Op
	Bits uint8  // that follow
	Base uint64 // value without them
}

type Op uint8

const (
	OpDelta Op = iota
	opFresh
	OpToggle
)

func (s *Scheme) codes() (t [256]Code) {
	for c := range t {
		switch {
		case c <= int(s.Delta):
			t[c] = Code{OpDelta, 0, uint64(c)}
		case c >= s.fresh:
			t[c] = Code{opFresh, 0, uint64(c - s.fresh)}
		case c == s.Toggle:
			t[c] = Code{Op: OpToggle}
		case c-s.deltaN <= 64:
			n := c - s.deltaN
			t[c] = Code{OpDelta, uint8(n - 1), 1 << (n - 1)}
		default:
			n := c - s.FreshN
			t[c] = Code{opFresh, uint8(n - 1), 1 << (n - 1)}
		}
	}
	return t
}

// Fold makes small numbers of small differences of either sign; Unfold takes it back.
func Fold(d int64) uint64 { return uint64(d)<<1 ^ uint64(d>>63) }

// Unfold is the opposite of Fold.
func Unfold(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// A Coder writes one series of numbers.
type Coder struct {
	Class  []byte
	Bits   BitWriter
	Narrow bool
}

// Scheme says what the classes of the series mean.
func (c *Coder) Scheme() *Scheme {
	if c.Narrow {
		return &Narrow
	}
	return &Wide
}

// Put writes a number as the shorter of its difference to the prediction and
// its fresh form; a literal's number (its place in a dictionary) rather fresh.
func (c *Coder) Put(delta, fresh uint64, literal bool) {
	s := c.Scheme()
	switch {
	case delta <= 2 || delta <= s.Delta && !literal:
		c.Class = append(c.Class, byte(delta))
	case fresh <= uint64(255-s.fresh):
		c.Class = append(c.Class, byte(s.fresh+int(fresh)))
	case bits.Len64(delta) <= bits.Len64(fresh) && delta > s.Delta:
		c.Long(s.deltaN, delta)
	default:
		c.Long(s.FreshN, fresh)
	}
}

// Long writes a number of several bits, in the classes from base on.
func (c *Coder) Long(base int, v uint64) {
	n := bits.Len64(v)
	c.Class = append(c.Class, byte(base+n))
	c.Bits.Put(v&^(1<<(n-1)), uint(n-1))
}

// PutDelta is put for a series whose values are near the one before.
func (c *Coder) PutDelta(v, pred int64) { c.Put(Fold(v-pred), uint64(v), false) }

// A Decoder reads what a coder wrote. It never fails: past the end it reads
// zeros and sets short.
type Decoder struct {
	Bits  BitReader
	Codes *[256]Code
	Short bool
	class []byte
	at    int // how many classes were read
}

// NewDecoder reads a series of those classes and bits.
func NewDecoder(class []byte, bits BitReader, codes *[256]Code) Decoder {
	return Decoder{Bits: bits, Codes: codes, class: class}
}

// Left is how many classes are left.
func (d *Decoder) Left() int { return len(d.class) - d.at }

// Class is the next class, -1 at the end.
func (d *Decoder) Class() int {
	if d.at >= len(d.class) {
		return -1
	}
	return int(d.class[d.at])
}

// Pass passes over a class.
func (d *Decoder) Pass() { d.at++ }

// Get reads a class and its bits.
func (d *Decoder) Get() (Op, uint64) {
	if d.at >= len(d.class) {
		d.Short = true
		return OpDelta, 0
	}
	c := &d.Codes[d.class[d.at]]
	d.at++
	if c.Bits == 0 {
		return c.Op, c.Base
	}
	v, ok := d.Bits.Get(uint(c.Bits))
	if !ok {
		d.Short = true
	}
	return c.Op, c.Base | v
}

// Next reads what putDelta wrote.
func (d *Decoder) Next(pred int64) int64 {
	o, v := d.Get()
	if o == OpDelta {
		return pred + Unfold(v)
	}
	return int64(v)
}

// A BitWriter packs bits, lowest first.
type BitWriter struct {
	buf  []byte
	acc  uint64
	fill uint
}

// Put appends the n lowest bits of v, 64 at most; the others must be 0.
func (w *BitWriter) Put(v uint64, n uint) {
	w.acc |= v << w.fill
	if w.fill+n < 64 {
		w.fill += n
		return
	}
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.acc)
	w.acc = v >> (64 - w.fill)
	w.fill = w.fill + n - 64
}

// Len is in bits.
func (w *BitWriter) Len() int { return len(w.buf)*8 + int(w.fill) }

// Bytes is what was written, the last byte filled up with 0.
func (w *BitWriter) Bytes() []byte {
	acc := binary.LittleEndian.AppendUint64(nil, w.acc)
	return append(w.buf[:len(w.buf):len(w.buf)], acc[:(w.fill+7)/8]...)
}

// Append adds the first n bits of src.
func (w *BitWriter) Append(src []byte, n int) {
	for ; n >= 64; n, src = n-64, src[8:] {
		w.Put(binary.LittleEndian.Uint64(src), 64)
	}
	if n > 0 {
		var last [8]byte
		copy(last[:], src)
		w.Put(binary.LittleEndian.Uint64(last[:])&(1<<n-1), uint(n))
	}
}

// A BitReader reads what a bitWriter wrote.
type BitReader struct {
	data []byte
	pos  uint
	end  uint
}

// NewBitReader reads the first n bits of data.
func NewBitReader(data []byte, n int) BitReader {
	return BitReader{data: data, end: min(uint(n), uint(len(data))*8)}
}

// Get reads n bits, 64 at most; ok is false where there are not as many.
func (r *BitReader) Get(n uint) (uint64, bool) {
	if r.pos+n > r.end {
		return 0, false
	}
	i, s := r.pos>>3, r.pos&7
	if s+n > 64 || i+8 > uint(len(r.data)) {
		return r.rare(n), true
	}
	r.pos += n
	return binary.LittleEndian.Uint64(r.data[i:]) >> s & (1<<n - 1), true
}

// rare reads bits of nine bytes, or of the last ones.
func (r *BitReader) rare(n uint) uint64 {
	i, s := r.pos>>3, r.pos&7
	r.pos += n
	var b [9]byte
	copy(b[:], r.data[i:])
	v := binary.LittleEndian.Uint64(b[:]) >> s
	if s+n > 64 {
		v |= uint64(b[8]) << (64 - s)
	}
	return v & (1<<n - 1)
}
