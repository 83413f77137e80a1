// Package slots keeps sorted lists of slots: which rows of a part there are, which
// came and which went.
package slots

import "slices"

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
