package slots

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPlace: the place of a slot is that of a binary search, and lists are merged and
// thinned as sets are, however sparse they are.
func TestPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	set := func(most int32) (list []int32) {
		for slot := rng.Int32N(3); slot < most; slot += 1 + rng.Int32N(1+rng.Int32N(20)) {
			list = append(list, slot)
		}
		return list
	}
	for range 2000 {
		list, other := set(256), set(256)
		for _, slot := range other {
			i, found := place(list, slot)
			if j, also := slices.BinarySearch(list, slot); i != j || found != also {
				t.Fatalf("place of %d in %v: %d, %v, want %d, %v", slot, list, i, found, j, also)
			}
		}
		less := slices.DeleteFunc(slices.Clone(list), func(s int32) bool { _, in := slices.BinarySearch(other, s); return in })
		both := slices.Concat(list, other)
		slices.Sort(both)
		both = slices.Compact(both)
		if got := Without(slices.Clone(list), other); !slices.Equal(got, less) {
			t.Fatalf("%v without %v: %v", list, other, got)
		}
		if got := With(slices.Clone(list), other); !slices.Equal(got, both) {
			t.Fatalf("%v with %v: %v", list, other, got)
		}
	}
}
