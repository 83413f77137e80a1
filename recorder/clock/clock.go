// Package clock tells the cluster's time: the world's, or that of a replay which
// announces its own; and the steady time, by which intervals are counted. It
// samples nothing.
package clock

import (
	"context"
	"sync"
	"time"

	"ergorecorder/ergo"
)

// A Clock tells the cluster's time: the world's, or that of a replay which
// announces its own.
type Clock struct {
	now     func() time.Time     // the world's
	elapsed func() time.Duration // the steady time since the recorder was made

	mu     sync.Mutex
	follow *ergo.Clock // as announced last; nil for a live cluster
	heard  time.Time   // when, by the world's time
	live   bool        // it is no replay, whatever is announced
	shift  time.Duration
}

// New makes a clock of the world's and a steady time.
func New(now func() time.Time, elapsed func() time.Duration) *Clock {
	return &Clock{now: now, elapsed: elapsed}
}

// Hear takes in what an answer announced. A clock that no replay has, and one that does
// not fit the one that is followed, is somebody's nonsense, and counts for nothing.
func (c *Clock) Hear(announced *ergo.Clock) {
	if announced == nil || !sane(announced) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); !c.live && (c.follow == nil || c.fits(announced, now)) {
		c.follow, c.heard = announced, now
	}
}

// Stamp gives an answer its time: of a live cluster when it came, whatever it says; of
// the replay that is followed when it was observed, if that can be.
func (c *Clock) Stamp(a *ergo.Answer) {
	if a.Clock == nil && !a.Observed {
		return
	}
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow == nil || a.At.After(c.follow.End) || a.At.Year() < earliest {
		a.At, a.Observed = now, false
	}
}

// Live takes in that a node answered without announcing a clock: the cluster is none
// that is replayed, and stays that, though somebody announces one.
func (c *Clock) Live() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow != nil { // the steady time goes on from where it is
		c.shift = c.replayed(c.now()).Sub(time.Unix(0, 0).Add(c.elapsed()))
	}
	c.live, c.follow = true, nil
}

// What a replay's clock can be, and by how much it may be off from what was announced
// before: answers are under way for a while.
const (
	slowest, fastest = 0.01, 1e6
	underWay         = 30 * time.Second
	earliest, latest = 1970, 2200 // years
)

func sane(c *ergo.Clock) bool {
	year := func(t time.Time) bool { return t.Year() >= earliest && t.Year() <= latest }
	return c.Speed >= slowest && c.Speed <= fastest && year(c.Now) && year(c.End)
}

// fits reports whether a clock can be the one that is followed.
func (c *Clock) fits(announced *ergo.Clock, now time.Time) bool {
	if announced.Speed != c.follow.Speed || !announced.End.Equal(c.follow.End) {
		return false
	}
	next := announced.Now
	if next.After(announced.End) {
		next = announced.End
	}
	return next.Sub(c.replayed(now)).Abs() <= time.Second+time.Duration(float64(underWay)*announced.Speed)
}

// replayed is the time of the replay that is followed, which stops at its end.
func (c *Clock) replayed(now time.Time) time.Time {
	t := c.follow.Now.Add(time.Duration(float64(now.Sub(c.heard)) * c.follow.Speed))
	if t.After(c.follow.End) {
		return c.follow.End
	}
	return t
}

// Replayed reports whether the cluster is a replay.
func (c *Clock) Replayed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follow != nil
}

// Now is the cluster's time. That of a replay stops at its end.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.follow == nil {
		return now
	}
	return c.replayed(now)
}

// Steady is a time that no step of the world's clock moves: intervals are
// counted by it. Of a replay it is the replay's.
func (c *Clock) Steady() time.Time {
	if c.Replayed() {
		return c.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Unix(0, 0).Add(c.elapsed() + c.shift)
}

// Ended reports whether a replay has come to its end.
func (c *Clock) Ended() bool {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.follow != nil && !now.Before(c.follow.End)
}

// Wall is how long a stretch of the cluster's time takes in the world.
func (c *Clock) Wall(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow == nil {
		return d
	}
	return time.Duration(float64(d) / c.follow.Speed)
}

// After returns a channel that fires when the steady time is t, in a
// millisecond at the earliest, and a stop that releases it.
func (c *Clock) After(t time.Time) (<-chan time.Time, func() bool) {
	timer := time.NewTimer(max(c.Wall(t.Sub(c.Steady())), time.Millisecond))
	return timer.C, timer.Stop
}

// Sleep waits until the cluster's time has passed d; it reports false where
// ctx ended first.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) bool {
	fire, stop := c.After(c.Steady().Add(d))
	defer stop()
	select {
	case <-fire:
		return true
	case <-ctx.Done():
		return false
	}
}
