// Package slots keeps sorted lists of slots: which rows of a part there are, which
// came and which went.
package slots

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Read reads a list of slots below most into the memory of dst, and says what lies
// behind it; ok is false where b does not begin with one.
func Read(dst []int32, b []byte, most int32) (list []int32, rest []byte, ok bool) {
	n, w := uint64(0), 1
	if len(b) > 0 && b[0] < 0x80 {
		n = uint64(b[0])
	} else {
		n, w = binary.Uvarint(b)
	}
	if w <= 0 || n > uint64(most) || n > uint64(len(b)-w) {
		return dst[:0], nil, false
	}
	b = b[w:]
	list = slices.Grow(dst[:0], int(n))[:n]
	i, slot := 0, int32(-1)
	for ; i+8 <= len(list); i += 8 {
		gaps := binary.LittleEndian.Uint64(b[i : i+8]) // each takes a byte or more
		if gaps&longGaps != 0 {
			break
		}
		to := (*[8]int32)(list[i : i+8])
		to[0] = slot + 1 + int32(uint8(gaps))
		to[1] = to[0] + 1 + int32(uint8(gaps>>8))
		to[2] = to[1] + 1 + int32(uint8(gaps>>16))
		to[3] = to[2] + 1 + int32(uint8(gaps>>24))
		to[4] = to[3] + 1 + int32(uint8(gaps>>32))
		to[5] = to[4] + 1 + int32(uint8(gaps>>40))
		to[6] = to[5] + 1 + int32(uint8(gaps>>48))
		to[7] = to[6] + 1 + int32(uint8(gaps>>56))
		slot = to[7]
	}
	for ; i < len(list); i++ {
		if b[i] >= 0x80 {
			return readOn(list, i, slot, b[i:], most)
		}
		slot += 1 + int32(b[i])
		list[i] = slot
	}
	return list, b[n:], slot < most
}

// longGaps are the bits that gaps of more than a byte have in one of eight bytes.
const longGaps = 0x8080808080808080

// readOn is Read from the i-th slot on, which has a gap of more than a byte.
func readOn(list []int32, i int, slot int32, b []byte, most int32) (all []int32, rest []byte, ok bool) {
	for ; i < len(list); i++ {
		gap, w := binary.Uvarint(b)
		if w <= 0 || gap > uint64(most) {
			return list[:0], nil, false
		}
		b = b[w:]
		slot += 1 + int32(gap)
		list[i] = slot
	}
	return list, b, slot < most
}

// A Set is a set of slots below 4,096.
type Set [64]uint64

// Remove takes slots out.
func (s *Set) Remove(list []int32) {
	for _, slot := range list {
		s[slot>>6] &^= 1 << (slot & 63)
	}
}

// Add puts slots in.
func (s *Set) Add(list []int32) {
	for _, slot := range list {
		s[slot>>6] |= 1 << (slot & 63)
	}
}

// AppendTo appends the slots, ascending.
func (s *Set) AppendTo(list []int32) []int32 {
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			list = append(list, int32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return list
}

// Len is how many there are.
func (s *Set) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// place is where a slot stands, or would, in a sorted list of different slots, none of
// which is below 0: at most at the place of its own number, and in a table in which
// few slots are free shortly before it.
func place(list []int32, slot int32) (i int, found bool) {
	const near = 8
	i = min(int(slot), len(list))
	for range near {
		if i == 0 || list[i-1] < slot {
			return i, i < len(list) && list[i] == slot
		}
		i--
	}
	return slices.BinarySearch(list[:i+1], slot)
}

// Without is a sorted list less another, in the list's memory. What lies between
// two that are gone is moved at once.
func Without(list, gone []int32) []int32 {
	if len(gone) == 0 {
		return list
	}
	first, _ := place(list, gone[0])
	kept, from := first, first
	for _, s := range gone {
		n, found := place(list, s)
		if !found {
			continue
		}
		kept += copy(list[kept:], list[from:n])
		from = n + 1
	}
	kept += copy(list[kept:], list[from:])
	return list[:kept]
}

// With is a sorted list and another, each slot once, in the list's memory where
// there is room.
func With(list, news []int32) []int32 {
	if len(news) == 0 {
		return list
	}
	old := len(list)
	list = append(list, news...)
	to, end := len(list), old // from the end: list[to:] is done, list[:end] is not
	for i := len(news) - 1; i >= 0; i-- {
		n, found := place(list[:end], news[i])
		to -= end - n
		copy(list[to:], list[n:end])
		if end = n; !found {
			to--
			list[to] = news[i]
		}
	}
	return append(list[:end], list[to:]...)
}
