package slots

import (
	"encoding/binary"
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

// TestRead: a list is read as it was written, and what is none is refused.
func TestRead(t *testing.T) {
	gaps := func(n int, gap uint64) []byte {
		b := binary.AppendUvarint(nil, uint64(n))
		for range n {
			b = binary.AppendUvarint(b, gap)
		}
		return b
	}
	rest := []byte{9, 9}
	for _, c := range []struct {
		b    []byte
		want []int32
		ok   bool
	}{
		{gaps(0, 0), nil, true},
		{gaps(3, 0), []int32{0, 1, 2}, true},
		{gaps(2, 200), []int32{200, 401}, true},
		{append(gaps(0, 0)[:0], 2, 5, 0x80, 1), []int32{5, 134}, true},
		{gaps(200, 1), nil, true},
		{gaps(10, 400), nil, true},
		{gaps(11, 400), nil, false}, // behind the last slot
		{gaps(4097, 0), nil, false},
		{[]byte{5, 1}, nil, false},
		{[]byte{1, 0x80}, nil, false},
		{[]byte{0x80}, nil, false},
		{[]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, nil, false},
	} {
		b := c.b
		if c.ok {
			b = append(slices.Clone(b), rest...)
		}
		got, left, ok := Read([]int32{7, 8}, b, 4096)
		if ok != c.ok || ok && (string(left) != string(rest) || c.want != nil && !slices.Equal(got, c.want)) {
			t.Errorf("%v: %v, %v, %v; want %v, %v", c.b, got, left, ok, c.want, c.ok)
		}
	}
}

// BenchmarkRead reads a list of 156 of 1,000 slots.
func BenchmarkRead(b *testing.B) {
	var list []byte
	list = append(list, 156, 1)
	for i := range 156 {
		list = append(list, byte(i*7%13))
	}
	var dst []int32
	for b.Loop() {
		var ok bool
		if dst, _, ok = Read(dst, list, 4096); !ok || len(dst) != 156 {
			b.Fatal("no list")
		}
	}
}
