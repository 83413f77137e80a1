package recorder

import (
	"context"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A clock tells the cluster's time: the world's, or that of a replay which
// announces its own.
type clock struct {
	now     func() time.Time     // the world's
	elapsed func() time.Duration // the steady time since the recorder was made

	mu     sync.Mutex
	follow *ergo.Clock // as announced last; nil for a live cluster
	heard  time.Time   // when, by the world's time
}

// hear takes in what an answer announced.
func (c *clock) hear(announced *ergo.Clock) {
	if announced == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow, c.heard = announced, c.now()
}

// replayed reports whether the cluster is a replay.
func (c *clock) replayed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follow != nil
}

// Now is the cluster's time. That of a replay stops at its end.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.follow == nil {
		return now
	}
	t := c.follow.Now.Add(time.Duration(float64(now.Sub(c.heard)) * c.follow.Speed))
	if t.After(c.follow.End) {
		return c.follow.End
	}
	return t
}

// Steady is a time that no step of the world's clock moves: intervals are
// counted by it. Of a replay it is the replay's.
func (c *clock) Steady() time.Time {
	if c.replayed() {
		return c.Now()
	}
	return time.Unix(0, 0).Add(c.elapsed())
}

// ended reports whether a replay has come to its end.
func (c *clock) ended() bool {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follow != nil && !now.Before(c.follow.End)
}

// wall is how long a stretch of the cluster's time takes in the world.
func (c *clock) wall(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow == nil {
		return d
	}
	return time.Duration(float64(d) / c.follow.Speed)
}

// after returns a channel that fires when the steady time is t, in a
// millisecond at the earliest, and a stop that releases it.
func (c *clock) after(t time.Time) (<-chan time.Time, func() bool) {
	timer := time.NewTimer(max(c.wall(t.Sub(c.Steady())), time.Millisecond))
	return timer.C, timer.Stop
}

// sleep waits until the cluster's time has passed d; it reports false where
// ctx ended first.
func (c *clock) sleep(ctx context.Context, d time.Duration) bool {
	fire, stop := c.after(c.Steady().Add(d))
	defer stop()
	select {
	case <-fire:
		return true
	case <-ctx.Done():
		return false
	}
}
