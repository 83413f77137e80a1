package series

import (
	"errors"
	"time"
)

// ErrNoGrowth says that a slope does not credibly lead to the limit.
var ErrNoGrowth = errors.New("no growth towards the limit")

// A Forecast is when a growth arrives at a limit if it goes on as it is.
// Earliest and Latest follow from the slope's confidence interval.
type Forecast struct {
	Expected, Earliest, Latest time.Time
}

// maxAhead is the furthest that a forecast looks ahead: a slope that was seen for
// minutes says nothing about next year.
const maxAhead = 365 * 24 * time.Hour

// Reach is when the growth arrives at the limit, starting from the fitted
// value at now (the end of the samples that gave the slope). It is
// [ErrNoGrowth] when the slope's interval holds 0, the limit has been passed,
// or lies over a year ahead. It knows of straight growth only: give it the
// slope of the last stretch without a bend.
func Reach(s Slope, now time.Time, limit float64) (Forecast, error) {
	left := limit - s.Value(now)
	if !s.Grows() || left <= 0 || left/s.PerSecond > maxAhead.Seconds() {
		return Forecast{}, ErrNoGrowth
	}
	at := func(slope float64) time.Time {
		return now.Add(seconds(min(left/slope, maxAhead.Seconds())))
	}
	return Forecast{Expected: at(s.PerSecond), Earliest: at(s.High), Latest: at(s.Low)}, nil
}
