package codec

import (
	"encoding/binary"
	"math/bits"
)

// Every number is written as a class, one byte that an entropy coder shrinks
// well, and the raw bits that the class leaves open.
//
//	0         as predicted
//	1..24     the difference to the prediction is 1..24
//	25..84    the difference has 5..64 bits; all but the first follow
//	85..144   a fresh value of 5..64 bits; all but the first follow
//	145       the cell turns from a number into a literal or back; a class follows
//	146..255  the fresh value 0..109
//
// Differences of columns that may fall are folded (0, -1, 1, -2, …) first.
const (
	classSame   = 0
	classDelta  = 24
	classDeltaN = 25 - 5
	classFreshN = 85 - 5
	classToggle = 145
	classFresh  = 146
	freshDirect = 255 - classFresh
)

func fold(d int64) uint64   { return uint64(d)<<1 ^ uint64(d>>63) }
func unfold(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// A coder writes one series of numbers.
type coder struct {
	class []byte
	bits  bitWriter
}

// put writes a number as the shorter of its difference to the prediction and
// its fresh form; a literal's number (its place in a dictionary) rather fresh.
func (c *coder) put(delta, fresh uint64, literal bool) {
	switch {
	case delta <= 2 || delta <= classDelta && !literal:
		c.class = append(c.class, byte(delta))
	case fresh <= freshDirect:
		c.class = append(c.class, byte(classFresh+fresh))
	case bits.Len64(delta) <= bits.Len64(fresh) && delta > classDelta:
		c.long(classDeltaN, delta)
	default:
		c.long(classFreshN, fresh)
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
	short bool
}

type op uint8

const (
	opDelta op = iota
	opFresh
	opToggle
)

func (d *decoder) get() (op, uint64) {
	if len(d.class) == 0 {
		d.short = true
		return opDelta, 0
	}
	c := int(d.class[0])
	d.class = d.class[1:]
	switch {
	case c <= classDelta:
		return opDelta, uint64(c)
	case c >= classFresh:
		return opFresh, uint64(c - classFresh)
	case c == classToggle:
		return opToggle, 0
	}
	o, n := opDelta, uint(c-classDeltaN)
	if n > 64 {
		o, n = opFresh, uint(c-classFreshN)
	}
	v, ok := d.bits.get(n - 1)
	if !ok {
		d.short = true
	}
	return o, v | 1<<(n-1)
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

// A bitReader reads what a bitWriter wrote. Its data ends in 9 spare bytes.
type bitReader struct {
	data []byte
	pos  uint
	end  uint
}

func newBitReader(data []byte, n int) bitReader {
	return bitReader{data: append(data[:len(data):len(data)], make([]byte, 9)...), end: uint(n)}
}

func (r *bitReader) get(n uint) (uint64, bool) {
	if r.pos+n > r.end {
		return 0, false
	}
	i, s := r.pos>>3, r.pos&7
	r.pos += n
	v := binary.LittleEndian.Uint64(r.data[i:]) >> s
	if s+n > 64 {
		v |= uint64(r.data[i+8]) << (64 - s)
	}
	return v & (1<<n - 1), true
}
