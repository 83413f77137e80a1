package series_test

import (
	"math"
	"testing"

	"ergorecorder/analyze/series"
)

func TestCounter(t *testing.T) {
	var c series.Counter
	for i, tt := range []struct {
		v    uint64
		want float64
	}{{math.MaxUint64 - 699, 0}, {math.MaxUint64 - 683, 16}, {math.MaxUint64, 683}, {15, 16}, {31, 16}, {31, 0}, {7, 7}, {1 << 62, 1<<62 - 7}, {4, 4}} {
		if got, ok := c.Step(tt.v); got != tt.want || ok != (i > 0) {
			t.Errorf("step %d to %d: %v %v, want %v", i, tt.v, got, ok, tt.want)
		}
	}
}
