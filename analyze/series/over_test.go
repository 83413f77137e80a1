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

// A growth is one however often it is read: when the samples become denser, the
// steps become smaller, and the growth does not.
func TestGrowthReadMoreOften(t *testing.T) {
	counts := []float64{
		9, 12, 9, 10, 11, 9, 10, 13, 11, 9, 7, 12, 7, 23, 43, 69, 91, 119, 144, 171, 198, 224,
		243, 257, 271, 283, 296, 306, 318, 331, 343, 355, 362,
	}
	var s Series
	at := time.Unix(0, 0)
	for i, v := range counts {
		if at = at.Add(5 * time.Second); i >= 22 {
			at = at.Add(-2500 * time.Millisecond)
		}
		s.Add(at, v)
	}
	if g, ok := (Bar{Share: 0.05, Least: 10}).Growth(s); !ok {
		t.Errorf("no growth in %v: %+v", s.V, g)
	}
}
