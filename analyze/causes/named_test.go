package causes

import (
	"slices"
	"testing"
)

// A name is found in a line by its words, also one of several and one within brackets, and never as a part of
// a longer word.
func TestDirectory(t *testing.T) {
	d := directory{at: map[string][]int{}}
	for i, name := range []string{"", "stock_keeper", "<3CE67E3D.0.1021>", "desk-of-north", "desk", "stock_keeper", "é"} {
		d.add(name, i)
	}
	for _, c := range []struct {
		line string
		want []int
	}{
		{"call to stock_keeper failed: timed out", []int{1, 5}},
		{"call to stock_keeper_2 failed", nil},
		{"no answer of <3CE67E3D.0.1021>: timed out", []int{2}},
		{"no answer of <3CE67E3D.0.10215>", nil},
		{"'desk-of-north' and stock_keeper", []int{1, 3, 4, 5}},
		{"", nil},
	} {
		var met []int
		if got := d.first(c.line, func(i int) bool { met = append(met, i); return true }); (got < 0) != (c.want == nil) || got >= 0 && got != c.want[0] {
			t.Errorf("first(%q) = %d, want the first of %v", c.line, got, c.want)
		}
		met = nil
		d.first(c.line, func(i int) bool { met = append(met, i); return false })
		if slices.Sort(met); !slices.Equal(met, c.want) {
			t.Errorf("%q: met %v, want %v", c.line, met, c.want)
		}
	}
}
