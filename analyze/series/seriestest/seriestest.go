package seriestest

import (
	"time"

	"ergorecorder/analyze/series"
)

var zero = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func At(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }

// Every samples f at each of n steps.
func Every(n int, step float64, f func(t float64) float64) series.Series {
	var s series.Series
	for i := range n {
		t := float64(i) * step
		s.Add(At(t), f(t))
	}
	return s
}
