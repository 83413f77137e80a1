package codec

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"ergorecorder/archive/internal/codec/number"
)

// Ages grow with the clock. A column of ages holds the instants from which
// they are counted instead, which stay as they are while a row idles.

// resolveAges finds the instant from which the ages of this sample are best
// counted, so that what all rows share (jitter of the call, progress of time)
// is written once, and rows that only grew older are unchanged.
func (c *column) resolveAges(s *Scratch, at, unit int64, round bool) {
	pred := c.predictRef(at, unit)
	scale := int64(1)
	if round {
		scale = 1e6
	}
	aged := c.aged
	c.aged = nil
	ref := pred
	if aged != nil {
		ref = mostCommon(c.instants(aged, scale), pred)
	}
	c.ref.PutDelta(ref, pred)
	c.refV, c.refA = ref, at
	for _, cells := range [...][]cell{c.news, c.changes} {
		for i, ce := range cells {
			if !ce.lit {
				cells[i].val = ref - divide(ce.val, scale)
			}
		}
	}
	if aged == nil {
		return
	}
	if c.changes == nil {
		c.news, c.changes = s.list(), s.list()
	}
	before := len(c.changes)
	aged.has.each(func(slot int32) {
		v := aged.vals[slot]
		if off := v - (ref-c.vals[slot])*scale; off != 0 && !(round && off >= -scale && off <= scale) {
			c.changes = append(c.changes, cell{at: slot, val: ref - divide(v, scale)})
		}
	})
	if before > 0 { // rows whose age was, or is, no number
		slices.SortFunc(c.changes, func(a, b cell) int { return cmp.Compare(a.at, b.at) })
	}
}

// instants are, of some rows, the instants at which they have the age that
// they say if nothing happened to them.
func (c *column) instants(aged *agedColumn, scale int64) []int64 {
	var some []int64
	step, i := 1+aged.has.count()/64, 0
	aged.has.each(func(slot int32) {
		if i%step == 0 {
			some = append(some, c.vals[slot]+divide(aged.vals[slot], scale))
		}
		i++
	})
	return some
}

func (c *column) predictRef(at, unit int64) int64 {
	if c.refA == 0 {
		return at / unit
	}
	return c.refV + at/unit - c.refA/unit
}

// divide rounds to the nearest.
func divide(v, by int64) int64 {
	if by == 1 {
		return v
	}
	return int64(math.Round(float64(v) / float64(by)))
}

// mostCommon is the middle of the quarter of the values that lies closest
// together (the shorth's idea), or other where there are none.
func mostCommon(v []int64, other int64) int64 {
	if len(v) == 0 {
		return other
	}
	slices.Sort(v)
	k := len(v) / 4
	best := 0
	for i := range len(v) - k {
		if v[i+k]-v[i] < v[best+k]-v[best] {
			best = i
		}
	}
	return v[best+k/2]
}

// What a cell of a neighbour costs and saves, see [number.Neighbours].
const (
	newLagFee = 8  // bits that a change of the lag must save
	jittered  = 20 // bits that an instant may be off because the row was read earlier or later
)

// saw notes a row that did not change.
func (c *column) saw(kind ColumnKind, now cell) {
	if kind == AgeNS && !now.lit {
		c.near.Tell(now.val)
	}
}

// putAge writes an instant as what is shortest: the difference to the row's
// own, the age afresh, or the difference to a neighbour's.
func (c *column) putAge(before int64, now cell, near bool) {
	delta, fresh := number.Fold(now.val-before), uint64(c.refV-now.val)
	size := bits.Len64(delta)
	if fresh > number.Narrow.Delta {
		size = min(size, bits.Len64(fresh))
	}
	told := near && c.putNear(now, size)
	if near {
		c.near.Tell(now.val)
	}
	if told {
		return
	}
	if delta > number.Narrow.Delta && fresh > number.Narrow.Delta && bits.Len64(fresh) < bits.Len64(delta) {
		c.Coder.Long(number.Narrow.FreshN, fresh)
	} else {
		c.Coder.Put(delta, math.MaxUint64, false)
	}
}

func (c *column) putNear(now cell, size int) bool {
	lag := c.near.Lag(now.at)
	with := 64
	if v, ok := c.near.At(int(*lag)); ok {
		with = bits.Len64(number.Fold(now.val - v))
	}
	if min(with, size) > jittered {
		if l, b := c.near.Best(now.val); b+newLagFee < min(with, size) {
			*lag, with = uint8(l), b
			c.Class = append(c.Class, byte(number.ClassLag+l-1))
		}
	}
	if with >= size || with > number.NearBits {
		return false
	}
	v, _ := c.near.At(int(*lag))
	d := number.Fold(now.val - v)
	c.Class = append(c.Class, byte(number.ClassNear+with))
	if with > 1 {
		c.Bits.Put(d&^(1<<(with-1)), uint(with-1))
	}
	return true
}

// age decodes what putAge wrote for a row that was there before.
func (c *colCursor) age(slot int32, before int64) int64 {
	if v, told := c.Near(&c.near, slot); told {
		return v
	}
	return c.cell(cell{val: before}).val
}
