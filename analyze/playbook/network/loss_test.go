package network

import (
	"math"
	"testing"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/analyze/series/seriestest"
)

func TestCompareEnds(t *testing.T) {
	ends := func(loss float64) (missing, sent series.Series) {
		var out, in []scene.LinkPoint
		for i := range 20 {
			x := 6 * float64(i)
			since := -10.0
			if x >= 60 {
				since = 57 // a new connection: both ends count from 0
			}
			out = append(out, scene.LinkPoint{At: seriestest.At(x), Up: true, Since: seriestest.At(since), Out: 20 * (x - since)})
			in = append(in, scene.LinkPoint{At: seriestest.At(x + 1.5), Up: true, Since: seriestest.At(since), In: (1 - loss) * 20 * (x + 1.5 - since)})
		}
		missing, sent, _ = compareEnds(out, in)
		return missing, sent
	}
	missing, sent := ends(0)
	if m := series.Quantile(missing.V, 1); math.Abs(m) > 1e-6 {
		t.Errorf("nothing was lost, and %g messages are missing", m)
	}
	lost, _ := ends(0.25)
	gap, total := lost.V[lost.Len()-1]-lost.V[0], sent.V[sent.Len()-1]-sent.V[0]
	if share := gap / total; math.Abs(share-0.25) > 0.02 {
		t.Errorf("%.0f %% are missing, want 25", 100*share)
	}
}

// What is missing is never more than what was sent, wherever the loss began
// between two answers.
func TestLostIsAPartOfWhatWasSent(t *testing.T) {
	for begins := 30.0; begins < 42; begins += 0.5 {
		var out, in []scene.LinkPoint
		received := func(x float64) float64 { return 20 * math.Min(x, begins) }
		for i := range 30 {
			x := 4 * float64(i)
			out = append(out, scene.LinkPoint{At: seriestest.At(x), Up: true, Since: seriestest.At(0), Out: 20 * x})
			in = append(in, scene.LinkPoint{At: seriestest.At(x + 1.5), Up: true, Since: seriestest.At(0), In: received(x + 1.5)})
		}
		missing, sent, _ := compareEnds(out, in)
		for i, since := range missing.T {
			lost, total := lostOf(missing, sent, since)
			if lost > total+1e-6 {
				t.Fatalf("begun at %g s, since answer %d: %g of %g are missing", begins, i, lost, total)
			}
		}
	}
}
