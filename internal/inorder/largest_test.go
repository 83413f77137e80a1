package inorder_test

import (
	"slices"
	"testing"

	"ergorecorder/internal/inorder"
)

func TestLargest(t *testing.T) {
	sizes := []int64{3, 9, 3, 0, 12}
	if got := inorder.Largest(len(sizes), func(i int) int64 { return sizes[i] }); !slices.Equal(got, []int{4, 1, 0, 2, 3}) {
		t.Errorf("of %d: %d", sizes, got)
	}
}
