package scene

import (
	"testing"

	"ergorecorder/analyze/series/seriestest"
)

func TestLosses(t *testing.T) {
	up := func(at, since float64) LinkPoint {
		return LinkPoint{At: seriestest.At(at), Up: true, Since: seriestest.At(since)}
	}
	down := func(at float64) LinkPoint { return LinkPoint{At: seriestest.At(at)} }
	tests := []struct {
		name   string
		points []LinkPoint
		want   []Loss
	}{
		{"stands", []LinkPoint{up(0, -9), up(6, -9), up(12, -8.2)}, nil},
		{"goes and comes", []LinkPoint{up(0, -9), down(6), up(12, 8)}, []Loss{{After: seriestest.At(0), Before: seriestest.At(6), Made: seriestest.At(8)}}},
		{"goes", []LinkPoint{up(0, -9), down(6), down(12)}, []Loss{{After: seriestest.At(0), Before: seriestest.At(6)}}},
		{"was made again unseen", []LinkPoint{up(0, -9), up(6, 4)}, []Loss{{After: seriestest.At(0), Before: seriestest.At(5), Made: seriestest.At(4)}}},
	}
	for _, test := range tests {
		got := (&link{Points: test.points}).Losses()
		if len(got) != len(test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: %+v, want %+v", test.name, got[i], test.want[i])
			}
		}
	}
}

func TestBothSidesShowOneLoss(t *testing.T) {
	w := &Network{
		Links: map[[2]string]*link{
			{"a", "b"}: {Points: []LinkPoint{{At: seriestest.At(0), Up: true}, {At: seriestest.At(6)}}},
			{"b", "a"}: {Points: []LinkPoint{{At: seriestest.At(2), Up: true}, {At: seriestest.At(8)}}},
		},
		Logs: map[string][]connectionLine{"b": {{At: seriestest.At(4.5), Peer: "a", Lost: true}}},
	}
	all := w.Losses("a", "b")
	if len(all) != 1 || !all[0].Told || !all[0].Before.Equal(seriestest.At(4.5)) {
		t.Errorf("losses %+v, want the one that the log tells", all)
	}
	w.Logs = nil
	if all = w.Losses("a", "b"); len(all) != 1 || !all[0].After.Equal(seriestest.At(2)) || !all[0].Before.Equal(seriestest.At(6)) {
		t.Errorf("losses %+v, want one between 2 s and 6 s", all)
	}
}
