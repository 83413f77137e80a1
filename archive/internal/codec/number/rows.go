package number

import "encoding/binary"

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
func (d *Decoder) Rows(vals []int64, rows, changed []int32, sort Sort) (read int, told []int32) {
	class, data, pos, codes := d.class[d.at:], d.Bits.data, d.Bits.pos, d.Codes
	if len(class) > len(rows) {
		class = class[:len(rows)]
	}
	for read = range class {
		k := class[read]
		if k == ClassSame {
			continue
		}
		code := &codes[k]
		v, at := code.Base, pos
		if n := uint(code.Bits); n > 0 {
			i := pos >> 3
			if n > mostAtOnce || i+8 > uint(len(data)) {
				return d.took(read, pos), changed
			}
			v |= binary.LittleEndian.Uint64(data[i:]) >> (pos & 7) & (1<<n - 1)
			at += n
		}
		slot := rows[read]
		switch {
		case code.Op == OpDelta && sort == Counts:
			vals[slot] += int64(v)
		case code.Op == OpDelta:
			vals[slot] += Unfold(v)
		case code.Op == opFresh && sort != Instants:
			vals[slot] = int64(v)
		default:
			return d.took(read, pos), changed
		}
		pos = at
		changed = append(changed, slot)
	}
	return d.took(len(class), pos), changed
}

// mostAtOnce is how many bits a load of eight bytes has, wherever in the first of them they begin.
const mostAtOnce = 57

// took notes that so many classes were read, and the bits up to pos.
func (d *Decoder) took(classes int, pos uint) int {
	d.at, d.Bits.pos = d.at+classes, pos
	d.Short = d.Short || pos > d.Bits.end
	return classes
}
