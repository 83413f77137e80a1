package analyze

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"ergorecorder/analyze/series"
)

// round keeps three significant figures, so that reports do not claim more.
func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits < 0 {
		return math.Round(v)
	}
	p := math.Pow(10, float64(min(digits, 12)))
	return math.Round(v*p) / p
}

// number is a value in words, to three figures.
func number(v float64) string { return strconv.FormatFloat(round(v), 'f', -1, 64) }

// seconds is a number of seconds in words.
func seconds(v float64) string {
	if v < 0.1 {
		return number(v*1000) + " ms"
	}
	return short(time.Duration(v * float64(time.Second)))
}

// short is a duration in words, to about three figures.
func short(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return number(float64(d)/1e6) + " ms"
	case d < 2*time.Minute:
		return number(d.Seconds()) + " s"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// clock is a time of day, UTC.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// size is a number of bytes in words.
func size(v float64) string {
	for _, u := range []string{"B", "KB", "MB", "GB"} {
		if math.Abs(v) < 1024 {
			return number(v) + " " + u
		}
		v /= 1024
	}
	return number(v) + " TB"
}

// maxChart is how many points a chart in a finding has.
const maxChart = 120

// chart is a series as evidence shows it: at most maxChart points.
func chart(unit string, s series.Series) *Series {
	if s.Len() == 0 {
		return nil
	}
	c := &Series{Unit: unit}
	step := (s.Len() + maxChart - 1) / maxChart
	for i := 0; i < s.Len(); i += step {
		c.At = append(c.At, s.T[i])
		c.Value = append(c.Value, s.V[i])
	}
	return c
}
