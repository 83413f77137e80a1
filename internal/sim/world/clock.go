package world

import "time"

// A Clock is what a machine shows: the true time, plus what it is off.
type Clock struct {
	Offset time.Duration // at the first sample
	Drift  float64       // seconds a second
	Steps  []Step
}

// A Step is a jump of a clock, or, if it takes a while, a slew.
type Step struct {
	At, By, Over time.Duration
}

// off is how far a clock is off at an instant.
func (c *Clock) off(at time.Duration) time.Duration {
	d := c.Offset + time.Duration(c.Drift*float64(at))
	for _, s := range c.Steps {
		switch {
		case at < s.At:
		case at >= s.At+s.Over:
			d += s.By
		default:
			d += time.Duration(float64(s.By) * float64(at-s.At) / float64(s.Over))
		}
	}
	return d
}

// shows is what the clock says at an instant, after the first sample.
func (c *Clock) shows(at time.Duration) time.Duration { return at + c.off(at) }

// wall is how old something is by the clock: now less the moment when it was
// made, both as the clock said them then.
func (n *Node) wall(made time.Duration) time.Duration {
	return n.Clock.shows(n.world.now) - n.Clock.shows(made)
}
