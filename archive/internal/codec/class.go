package codec

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
type scheme struct {
	delta  uint64 // the largest difference that is its own class
	deltaN int    // class of a difference of n bits, less n
	freshN int    // class of a fresh value of n bits, less n
	toggle int
	fresh  int // class of the fresh value 0
}

// classSame, in every scheme, is the class of a cell that is as predicted.
const classSame = 0

// Ages in nanoseconds hardly ever differ by little, and need classes for
// their neighbours (see age.go). They are as all numbers of format version 1.
var (
	narrow = scheme{delta: 24, deltaN: 25 - 5, freshN: 85 - 5, toggle: 145, fresh: 146}
	wide   = scheme{delta: 63, deltaN: 64 - 7, freshN: 122 - 7, toggle: 180, fresh: 181}

	narrowCodes, wideCodes = narrow.codes(), wide.codes()
)

// A code is what a class means to who reads it.
type code struct {
	op   op
	bits uint8  // that follow
	base uint64 // value without them
}

type op uint8

const (
	opDelta op = iota
	opFresh
	opToggle
)

func (s *scheme) codes() (t [256]code) {
	for c := range t {
		switch {
		case c <= int(s.delta):
			t[c] = code{opDelta, 0, uint64(c)}
		case c >= s.fresh:
			t[c] = code{opFresh, 0, uint64(c - s.fresh)}
		case c == s.toggle:
			t[c] = code{op: opToggle}
		case c-s.deltaN <= 64:
			n := c - s.deltaN
			t[c] = code{opDelta, uint8(n - 1), 1 << (n - 1)}
		default:
			n := c - s.freshN
			t[c] = code{opFresh, uint8(n - 1), 1 << (n - 1)}
		}
	}
	return t
}

func fold(d int64) uint64   { return uint64(d)<<1 ^ uint64(d>>63) }
func unfold(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// A coder writes one series of numbers.
type coder struct {
	class  []byte
	bits   bitWriter
	narrow bool
}

func (c *coder) scheme() *scheme {
	if c.narrow {
		return &narrow
	}
	return &wide
}

// put writes a number as the shorter of its difference to the prediction and
// its fresh form; a literal's number (its place in a dictionary) rather fresh.
func (c *coder) put(delta, fresh uint64, literal bool) {
	s := c.scheme()
	switch {
	case delta <= 2 || delta <= s.delta && !literal:
		c.class = append(c.class, byte(delta))
	case fresh <= uint64(255-s.fresh):
		c.class = append(c.class, byte(s.fresh+int(fresh)))
	case bits.Len64(delta) <= bits.Len64(fresh) && delta > s.delta:
		c.long(s.deltaN, delta)
	default:
		c.long(s.freshN, fresh)
	}
}

func (c *coder) long(base int, v uint64) {
	n := bits.Len64(v)
	c.class = append(c.class, byte(base+n))
	c.bits.put(v&^(1<<(n-1)), uint(n-1))
}

// putDelta is put for a series whose values are near the one before.
func (c *coder) putDelta(v, pred int64) { c.put(fold(v-pred), uint64(v), false) }

// A decoder reads what a coder wrote. It never fails: past the end it reads
// zeros and sets short.
type decoder struct {
	class []byte
	bits  bitReader
	codes *[256]code
	short bool
}

func (d *decoder) get() (op, uint64) {
	if len(d.class) == 0 {
		d.short = true
		return opDelta, 0
	}
	c := d.codes[d.class[0]]
	d.class = d.class[1:]
	if c.bits == 0 {
		return c.op, c.base
	}
	v, ok := d.bits.get(uint(c.bits))
	if !ok {
		d.short = true
	}
	return c.op, c.base | v
}

// next reads what putDelta wrote.
func (d *decoder) next(pred int64) int64 {
	o, v := d.get()
	if o == opDelta {
		return pred + unfold(v)
	}
	return int64(v)
}

// A bitWriter packs bits, lowest first.
type bitWriter struct {
	buf  []byte
	acc  uint64
	fill uint
}

// put appends the n lowest bits of v, 64 at most; the others must be 0.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << w.fill
	if w.fill+n < 64 {
		w.fill += n
		return
	}
	w.buf = binary.LittleEndian.AppendUint64(w.buf, w.acc)
	w.acc = v >> (64 - w.fill)
	w.fill = w.fill + n - 64
}

// len is in bits.
func (w *bitWriter) len() int { return len(w.buf)*8 + int(w.fill) }

// bytes is what was written, the last byte filled up with 0.
func (w *bitWriter) bytes() []byte {
	acc := binary.LittleEndian.AppendUint64(nil, w.acc)
	return append(w.buf[:len(w.buf):len(w.buf)], acc[:(w.fill+7)/8]...)
}

// append adds the first n bits of src.
func (w *bitWriter) append(src []byte, n int) {
	for ; n >= 64; n, src = n-64, src[8:] {
		w.put(binary.LittleEndian.Uint64(src), 64)
	}
	if n > 0 {
		var last [8]byte
		copy(last[:], src)
		w.put(binary.LittleEndian.Uint64(last[:])&(1<<n-1), uint(n))
	}
}

// A bitReader reads what a bitWriter wrote.
type bitReader struct {
	data []byte
	pos  uint
	end  uint
}

func newBitReader(data []byte, n int) bitReader {
	return bitReader{data: data, end: min(uint(n), uint(len(data))*8)}
}

func (r *bitReader) get(n uint) (uint64, bool) {
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
func (r *bitReader) rare(n uint) uint64 {
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
