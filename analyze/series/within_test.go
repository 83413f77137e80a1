package series

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestWithin: what is refused before it is looked for is no growth.
func TestWithin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	grew, refused := 0, 0
	for range 400 {
		var s Series
		n, bend, slope, noise := 8+rng.IntN(60), rng.IntN(60), 2*rng.Float64(), 8*rng.Float64()
		level := 40 * rng.Float64()
		for i := range n {
			s.Add(time.Unix(int64(5*i), 0), level+slope*float64(max(0, i-bend))+noise*rng.Float64())
		}
		bar := Bar{Share: rng.Float64(), Least: 20 * rng.Float64()}
		_, ok := bar.growth(s)
		if within := bar.within(s); ok && !within {
			t.Fatalf("it grew by the bar %+v, and was refused: %v", bar, s.V)
		} else if !within {
			refused++
		}
		if ok {
			grew++
		}
	}
	if grew < 40 || refused < 40 {
		t.Errorf("%d grew and %d were refused: it shows nothing", grew, refused)
	}
}
