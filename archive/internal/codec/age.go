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

// Processes that wake for the same cause have been idle since nearly the same
// instant. So a cell of an AgeNS column may also be told as a difference to
// another row's, lag rows before it in the same sample; each row remembers
// the lag that was good for it. In such columns the classes from 146 on mean:
//
//	146..199  the difference to the neighbour has 0..53 bits; all but the first follow
//	200..255  the row's lag becomes 1..56; a class follows
const (
	classNear = 146
	nearBits  = 53
	classLag  = classNear + nearBits + 1
	maxLag    = 255 - classLag + 1
	newLagFee = 8  // bits that a change of the lag must save
	jittered  = 20 // bits that an instant may be off because the row was read earlier or later
)

// neighbours are the instants told so far in a sample, and each row's lag.
type neighbours struct {
	told []int64
	lags []uint8 // by slot; 0: none
}

func (n *neighbours) reset() { n.told = n.told[:0] }

func (n *neighbours) lag(slot int32) *uint8 {
	for int(slot) >= len(n.lags) {
		n.lags = append(n.lags, 0)
	}
	return &n.lags[slot]
}

// at is the instant told lag rows before.
func (n *neighbours) at(lag int) (int64, bool) {
	if lag == 0 || lag > len(n.told) {
		return 0, false
	}
	return n.told[len(n.told)-lag], true
}

// best is the lag with the nearest instant, and how many bits differ.
func (n *neighbours) best(v int64) (lag, size int) {
	size = 64
	for l := 1; l <= maxLag && l <= len(n.told); l++ {
		if b := bits.Len64(number.Fold(v - n.told[len(n.told)-l])); b < size {
			lag, size = l, b
		}
	}
	return lag, size
}

// saw notes a row that did not change.
func (c *column) saw(kind ColumnKind, now cell) {
	if kind == AgeNS && !now.lit {
		c.near.told = append(c.near.told, now.val)
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
		c.near.told = append(c.near.told, now.val)
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
	lag := c.near.lag(now.at)
	with := 64
	if v, ok := c.near.at(int(*lag)); ok {
		with = bits.Len64(number.Fold(now.val - v))
	}
	if min(with, size) > jittered {
		if l, b := c.near.best(now.val); b+newLagFee < min(with, size) {
			*lag, with = uint8(l), b
			c.Class = append(c.Class, byte(classLag+l-1))
		}
	}
	if with >= size || with > nearBits {
		return false
	}
	v, _ := c.near.at(int(*lag))
	d := number.Fold(now.val - v)
	c.Class = append(c.Class, byte(classNear+with))
	if with > 1 {
		c.Bits.Put(d&^(1<<(with-1)), uint(with-1))
	}
	return true
}

// age decodes what putAge wrote for a row that was there before.
func (c *colCursor) age(slot int32, before int64) int64 {
	lag := c.near.lag(slot)
	class := c.Class()
	if class >= classLag {
		*lag = uint8(class - classLag + 1)
		c.Pass()
		class = c.Class()
	}
	if class < classNear {
		return c.cell(cell{val: before}).val
	}
	c.Pass()
	n := uint(class - classNear)
	v, ok := c.near.at(int(*lag))
	d := uint64(n) // 0 and 1 stand for themselves
	if n > 1 {
		rest, got := c.Bits.Get(n - 1)
		d, ok = rest|1<<(n-1), ok && got
	}
	if !ok || n > nearBits {
		c.Short = true
	}
	return v + number.Unfold(d)
}
