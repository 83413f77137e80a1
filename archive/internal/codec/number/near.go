package number

import "math/bits"

// Processes that wake for the same cause have been idle since nearly the same
// instant. So a cell of an AgeNS column may also be told as a difference to
// another row's, lag rows before it in the same sample; each row remembers
// the lag that was good for it. In such columns the classes from 146 on mean:
//
//	146..199  the difference to the neighbour has 0..53 bits; all but the first follow
//	200..255  the row's lag becomes 1..56; a class follows
const (
	ClassNear = 146
	NearBits  = 53
	ClassLag  = ClassNear + NearBits + 1
	MaxLag    = 255 - ClassLag + 1
)

// Neighbours are the instants told so far in a sample, and each row's lag.
type Neighbours struct {
	told []int64
	lags []uint8 // by slot; 0: none
}

// Reset begins a sample.
func (n *Neighbours) Reset() { n.told = n.told[:0] }

// Restart begins a run, in the memory of the one before.
func (n *Neighbours) Restart() { n.told, n.lags = n.told[:0], n.lags[:0] }

// ClearLags forgets the lags.
func (n *Neighbours) ClearLags() { clear(n.lags) }

// Tell adds an instant.
func (n *Neighbours) Tell(v int64) { n.told = append(n.told, v) }

// Lag is the lag of a slot.
func (n *Neighbours) Lag(slot int32) *uint8 {
	for int(slot) >= len(n.lags) {
		n.lags = append(n.lags, 0)
	}
	return &n.lags[slot]
}

// At is the instant told lag rows before.
func (n *Neighbours) At(lag int) (int64, bool) {
	if lag == 0 || lag > len(n.told) {
		return 0, false
	}
	return n.told[len(n.told)-lag], true
}

// Best is the lag with the nearest instant, and how many bits differ.
func (n *Neighbours) Best(v int64) (lag, size int) {
	size = 64
	for l := 1; l <= MaxLag && l <= len(n.told); l++ {
		if b := bits.Len64(Fold(v - n.told[len(n.told)-l])); b < size {
			lag, size = l, b
		}
	}
	return lag, size
}

// Near reads a number that is told by a neighbour's; told is false, and no more than the row's lag was read,
// where it is told otherwise.
func (d *Decoder) Near(n *Neighbours, slot int32) (v int64, told bool) {
	lag := n.Lag(slot)
	class := d.Class()
	if class >= ClassLag {
		*lag = uint8(class - ClassLag + 1)
		d.Pass()
		class = d.Class()
	}
	if class < ClassNear {
		return 0, false
	}
	d.Pass()
	size := uint(class - ClassNear)
	v, ok := n.At(int(*lag))
	off := uint64(size) // 0 and 1 stand for themselves
	if size > 1 {
		rest, got := d.Bits.Get(size - 1)
		off, ok = rest|1<<(size-1), ok && got
	}
	if !ok || size > NearBits {
		d.Short = true
	}
	return v + Unfold(off), true
}
