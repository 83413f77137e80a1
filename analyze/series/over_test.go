package series

import (
	"testing"
	"time"
)

func TestOver(t *testing.T) {
	at := func(seconds ...float64) (all []time.Time) {
		for _, s := range seconds {
			all = append(all, time.Unix(0, int64(s*1e9)))
		}
		return all
	}
	for _, c := range []struct {
		moments []time.Time
		by      float64
		want    bool
	}{
		{nil, 100, false},
		{at(1, 2, 3), 9, false},
		{at(1, 2, 3), 14, true},
		{at(1, 2, 3, 40), 140, false}, // it was away for 37 s before
		{at(1, 2, 3, 40), 160, true},
	} {
		if got := Over(c.moments, at(c.by)[0]); got != c.want {
			t.Errorf("Over(%v, %v) = %v", c.moments, c.by, got)
		}
	}
	grew := Growths(Series{T: at(1, 2, 3, 4), V: []float64{5, 5, 6, 6}})
	if len(grew) != 1 || !grew[0].Equal(at(3)[0]) {
		t.Errorf("Growths = %v", grew)
	}
}
