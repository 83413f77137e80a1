package serve

import (
	"fmt"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A Clock runs through a window of a recording, some times faster than the
// world, from the first time it is read to the window's end, where it stays.
type Clock struct {
	from, end time.Time
	speed     float64
	now       func() time.Time

	mu    sync.Mutex
	start time.Time
}

// NewClock is a clock from one moment of a recording to another. Now is the
// time of the world.
func NewClock(from, end time.Time, speed float64, now func() time.Time) (*Clock, error) {
	switch {
	case !(speed > 0):
		return nil, fmt.Errorf("replay clock: speed %g: it must be above 0", speed)
	case !from.Before(end):
		return nil, fmt.Errorf("replay clock: there is nothing between %s and %s", from.Format(time.RFC3339Nano), end.Format(time.RFC3339Nano))
	}
	return &Clock{from: from, end: end, speed: speed, now: now}, nil
}

// Now is the moment of the recording that the clock shows. The first time that it
// is asked it starts.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	if c.start.IsZero() {
		c.start = c.now()
	}
	c.mu.Unlock()
	return c.peek()
}

// peek is the moment that the clock shows, whether it runs or has not started.
func (c *Clock) peek() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.start.IsZero() {
		return c.from
	}
	t := c.from.Add(time.Duration(float64(now.Sub(c.start)) * c.speed))
	if t.After(c.end) {
		return c.end
	}
	return t
}

// World is how long a stretch of the recording takes in the world.
func (c *Clock) World(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.speed)
}

// said is what the clock announces at a moment.
func (c *Clock) said() *ergo.Clock {
	return &ergo.Clock{Now: c.Now(), Speed: c.speed, End: c.end}
}

// announce is the clock's header at a moment.
func (c *Clock) announce(now time.Time) string {
	return fmt.Sprintf("%s speed=%g end=%s", now.UTC().Format(time.RFC3339Nano), c.speed, c.end.UTC().Format(time.RFC3339Nano))
}
