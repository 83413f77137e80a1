package number

import (
	"encoding/binary"
	"slices"
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
// is written to d or allocated on the way.
func (d *Decoder) Rows(vals []int64, rows, changed []int32, sort Sort) (read int, all []int32) {
	class, data, pos, codes := d.class[d.at:], d.Bits.data, d.Bits.pos, d.Codes
	n := min(len(class), len(rows))
	class, rows = class[:n], rows[:n]
	old := len(changed)
	changed = slices.Grow(changed, n)
	told, n := changed[old:old+n], 0
	for i, k := range class {
		if k == ClassSame {
			continue
		}
		code := &codes[k]
		v, at := code.Base, pos
		if more := uint(code.Bits); more > 0 {
			byte8 := pos >> 3
			if more > mostAtOnce || byte8+8 > uint(len(data)) {
				return d.took(i, pos), changed[:old+n]
			}
			v |= binary.LittleEndian.Uint64(data[byte8:]) >> (pos & 7) & (1<<(more&63) - 1)
			at += more
		}
		slot := rows[i]
		switch {
		case code.Op == OpDelta && sort == Counts:
			vals[slot] += int64(v)
		case code.Op == OpDelta:
			vals[slot] += Unfold(v)
		case code.Op == opFresh && sort != Instants:
			vals[slot] = int64(v)
		default:
			return d.took(i, pos), changed[:old+n]
		}
		pos = at
		told[n] = slot
		n++
	}
	return d.took(len(class), pos), changed[:old+n]
}

// New is Rows for rows that had no number before: each is predicted to be like the one before it, the first like last. It
// gives the number of the last row that it read.
func (d *Decoder) New(vals []int64, rows, changed []int32, last int64, sort Sort) (read int, all []int32, now int64) {
	for i, slot := range rows {
		if d.at >= len(d.class) {
			return i, changed, last
		}
		if op := d.Codes[d.class[d.at]].Op; op == OpToggle || op == opFresh && sort == Instants {
			return i, changed, last
		}
		switch op, v := d.Get(); {
		case op == opFresh:
			last = int64(v)
		case sort == Counts:
			last += int64(v)
		default:
			last += Unfold(v)
		}
		vals[slot], changed = last, append(changed, slot)
	}
	return len(rows), changed, last
}

// mostAtOnce is how many bits a load of eight bytes has, wherever in the first of them they begin.
const mostAtOnce = 57

// took notes that so many classes were read, and the bits up to pos.
func (d *Decoder) took(classes int, pos uint) int {
	d.at, d.Bits.pos = d.at+classes, pos
	d.Short = d.Short || pos > d.Bits.end
	return classes
}
