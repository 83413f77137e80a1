package network

import (
	"testing"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

// Messages that are torn since the midst of the first half are not torn all along.
func TestUnwholeAllAlong(t *testing.T) {
	for _, c := range []struct {
		since float64
		want  bool
	}{{0, true}, {60, false}} {
		var counted series.Series
		torn := 0.0
		for i := range 48 {
			x := 5 * float64(i)
			if x > c.since {
				torn++
			}
			counted.Add(seriestest.At(x), torn)
		}
		s := &scene.Scene{From: seriestest.At(0), To: seriestest.At(240)}
		if f := unwholeAllAlong(s, counted, nil, "b@h", "a@h"); (f != nil) != c.want {
			t.Errorf("torn since %v s: found all along is %v, want %v", c.since, f != nil, c.want)
		}
	}
}
