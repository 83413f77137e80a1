package inorder

import (
	"cmp"
	"slices"
)

// Largest are the numbers below n, those of the largest first: who gives work to several in that order leaves none
// of them alone with much at the end.
func Largest(n int, size func(i int) int64) []int {
	order, sizes := make([]int, n), make([]int64, n)
	for i := range order {
		order[i], sizes[i] = i, size(i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	return order
}
