package number

import (
	"bytes"
	"encoding/binary"
)

// A Sort says how the numbers of rows are told.
type Sort uint8

const (
	Levels   Sort = iota // differences are folded, a fresh number stands for itself
	Counts               // differences are not folded
	Instants             // a fresh number is counted from elsewhere: Rows stops at it
)

// Rows reads a number for each of some rows that have one before, in vals, and adds those
// that are told anew to changed. It stops at the first row that is told otherwise than by a number, or too
// near the end of what there is, and says how many rows it read: [Decoder.Get] takes it from there.
//
// This is where a scan spends its time: a class is looked up in a table, its bits come with one load, and nothing
// is written to d or allocated on the way. Each loop has no more in it than the processor has registers for.
func (d *Decoder) Rows(vals []int64, rows, changed []int32, sort Sort) (read int, all []int32) {
	class := d.class[d.at:]
	n := min(len(class), len(rows))
	class, rows = class[:n], rows[:n]
	var pos uint
	if sort == Counts {
		n, pos = counts(vals, rows, class, d.Bits.data, d.Bits.pos, d.Codes)
	} else {
		n, pos = levels(vals, rows, class, d.Bits.data, d.Bits.pos, d.Codes, sort)
	}
	return d.took(n, pos), appendTold(changed, rows[:n], class[:n])
}

// counts reads numbers that grow.
func counts(vals []int64, rows []int32, class, data []byte, pos uint, codes *[256]Code) (int, uint) {
	rows = rows[:len(class)]
	for i, k := range class {
		code := &codes[k]
		if code.Op != OpDelta {
			return i, pos
		}
		v, more := code.Base, uint(code.Bits)
		if more > 0 {
			at := pos >> 3
			if more > mostAtOnce || at+8 > uint(len(data)) {
				return i, pos
			}
			v |= binary.LittleEndian.Uint64(data[at:at+8]) >> (pos & 7) & (v - 1) // the base of a longer number is a power of two
			pos += more
		}
		vals[rows[i]] += int64(v)
	}
	return len(class), pos
}

// levels reads numbers that rise and fall, or stand for themselves.
func levels(vals []int64, rows []int32, class, data []byte, pos uint, codes *[256]Code, sort Sort) (int, uint) {
	rows = rows[:len(class)]
	stop := stopAt(sort)
	for i, k := range class {
		code := &codes[k]
		if code.Op >= stop {
			return i, pos
		}
		v, more := code.Base, uint(code.Bits)
		if more > 0 {
			at := pos >> 3
			if more > mostAtOnce || at+8 > uint(len(data)) {
				return i, pos
			}
			v |= binary.LittleEndian.Uint64(data[at:at+8]) >> (pos & 7) & (v - 1)
			pos += more
		}
		slot := rows[i]
		differs := int64(code.Op) - 1 // all bits, or none
		vals[slot] = (vals[slot]+Unfold(v))&differs | int64(v)&^differs
	}
	return len(class), pos
}

// stopAt is the first of what a number may be told by that is not read with others.
func stopAt(sort Sort) Op {
	if sort == Instants {
		return opFresh
	}
	return OpToggle
}

// appendTold adds those of some rows that are told anew.
func appendTold(changed, rows []int32, class []byte) []int32 {
	for len(class) > 0 {
		n := bytes.IndexByte(class, ClassSame)
		if n < 0 {
			return append(changed, rows...)
		}
		changed, rows, class = append(changed, rows[:n]...), rows[n+1:], class[n+1:]
	}
	return changed
}

// New is Rows for rows that had no number before: each is predicted to be like the one before it, the first like last. It
// gives the number of the last row that it read. Whether one differs from that or stands for itself cannot be guessed, so nothing branches on it.
func (d *Decoder) New(vals []int64, rows, changed []int32, last int64, sort Sort) (read int, all []int32, now int64) {
	class, data, pos, codes := d.class[d.at:], d.Bits.data, d.Bits.pos, d.Codes
	n := min(len(class), len(rows))
	class, rows = class[:n], rows[:n]
	stop := stopAt(sort)
	for i, k := range class {
		code := &codes[k]
		v, more := code.Base, uint(code.Bits)
		if code.Op >= stop {
			return d.took(i, pos), append(changed, rows[:i]...), last
		}
		if more > 0 {
			at := pos >> 3
			if more > mostAtOnce || at+8 > uint(len(data)) {
				return d.took(i, pos), append(changed, rows[:i]...), last
			}
			v |= binary.LittleEndian.Uint64(data[at:at+8]) >> (pos & 7) & (v - 1)
			pos += more
		}
		delta := int64(v)
		if sort != Counts {
			delta = Unfold(v)
		}
		differs := int64(code.Op) - 1 // all bits, or none
		last = (last+delta)&differs | int64(v)&^differs
		vals[rows[i]] = last
	}
	return d.took(n, pos), append(changed, rows...), last
}

// mostAtOnce is how many bits a load of eight bytes has, wherever in the first of them they begin.
const mostAtOnce = 57

// took notes that so many classes were read, and the bits up to pos.
func (d *Decoder) took(classes int, pos uint) int {
	d.at, d.Bits.pos = d.at+classes, pos
	d.Short = d.Short || pos > d.Bits.end
	return classes
}
