package events

import (
	"testing"
	"time"

	"ergorecorder/analyze/series"
)

// TestLeap looks for the leap of a rate of which there are few answers, five seconds apart.
func TestLeap(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		rates []float64
		at    time.Duration // of the first rate that is all flood; 0 is none
	}{
		"in between":        {[]float64{8, 9, 8, 8, 250, 500, 500, 500}, 25 * time.Second},
		"too few after":     {[]float64{8, 9, 8, 8, 8, 500, 500}, 0},
		"nothing before":    {[]float64{0, 0, 0, 0, 0, 0, 500, 500}, 0},
		"nothing, and then": {[]float64{0, 0, 0, 0, 250, 500, 500, 500}, 0},
		"nothing at all":    {[]float64{0, 0, 0, 0, 0, 0, 0, 0}, 0},
		"a little more":     {[]float64{8, 9, 8, 8, 20, 30, 30, 30}, 0},
	} {
		var rates series.Series
		for i, v := range c.rates {
			rates.T, rates.V = append(rates.T, start.Add(5*time.Second*time.Duration(i))), append(rates.V, v)
		}
		found := leap(rates, 10)
		switch {
		case c.at == 0 && len(found) > 0:
			t.Errorf("%s: a leap at %s, from %g to %g", name, found[0].At.Sub(start), found[0].Before, found[0].After)
		case c.at > 0 && (len(found) != 1 || found[0].At.Sub(start.Add(c.at)).Abs() > 5*time.Second || found[0].Before != 8 || found[0].After != 500):
			t.Errorf("%s: %+v", name, found)
		}
	}
}
