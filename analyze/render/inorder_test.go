package render

import (
	"slices"
	"testing"
)

func TestAlikeSaysTheNumbersOfAllItNames(t *testing.T) {
	nodes := []string{"a1@h", "b@h", "c@h"}
	for _, c := range []struct{ lines, want []string }{
		{
			[]string{"a1@h: 0 zombees, up for 1 min 5 s", "b@h: 2 zombees, up for 58 s", "c@h: 1 zombees, up for 3 h 2 min"},
			[]string{"all 3 nodes: 0 to 2 (b) zombees, up for 58 s to 3 h 2 min (c)"},
		},
		{
			[]string{"a1@h: no rise, 0.3 ms at most, over 90 answers", "c@h: no rise, 12 ms at most, over 88 answers"},
			[]string{"a1@h, c@h: no rise, 0.3 to 12 ms (c) at most, over 88 to 90 answers"},
		},
		{ // digits of names and of times of day are no numbers that can be put into a range
			[]string{"a1@h: worker1 from 10:00:01, 5 times", "b@h: worker2 from 10:00:01, 7 times", "c@h: worker2 from 10:00:02, 9 times"},
			[]string{"a1@h: worker1 from 10:00:01, 5 times", "b@h: worker2 from 10:00:01, 7 times", "c@h: worker2 from 10:00:02, 9 times"},
		},
		{ // a size is none of a time, and two lines of one node stay two
			[]string{"a1@h: 5 s", "b@h: 5 MiB", "b@h: 6 MiB", "b@h and c@h: 3 losses"},
			[]string{"a1@h: 5 s", "b@h: 5 MiB", "b@h: 6 MiB", "b@h and c@h: 3 losses"},
		},
		{
			[]string{"a1@h: heap 900 KiB", "b@h: heap 1.5 MiB", "c@h: heap 1.5 MiB"},
			[]string{"all 3 nodes: heap 900 KiB to 1.5 MiB (b)"},
		},
	} {
		if got := alike(c.lines, nodes); !slices.Equal(got, c.want) {
			t.Errorf("got\n%q\nwant\n%q", got, c.want)
		}
	}
	if got := called([]string{"a", "b", "c", "d", "e", "f"}, 9); got != "6 of 9 nodes (a, b, c, d and 2 more)" {
		t.Error(got)
	}
}
