package work

import "time"

// A Slowdown is a stretch in which a process was inside callbacks nearly all the
// time, and each of its messages took many times as long as before.
type Slowdown struct {
	Base, Before Point     // what came before: its first row, and the last one before the slowdown
	To           Point     // the newest row of it
	last         Point     // the one before in which another number of messages was handled
	Woke         time.Time // the first row of a stretch in which it never came to rest; zero where it did
	Rows         int
	Waited       int // of which it was waiting for a response
	Deepest      int64
	Open         bool // it lasts to the last listing

	usual float64 // what a message took before, in s
}

const (
	// dearer is how many times as long as before a message must take: load, a
	// warm-up or a slower machine make it two or three times as dear.
	dearer = 4
	// FewestBefore are the messages from which what a message takes is known.
	FewestBefore = 20
)

// Lasted is for how long it was seen.
func (s *Slowdown) Lasted() time.Duration { return s.To.At.Sub(s.Before.At) }

// Waits reports whether the row shows the process waiting for a response.
func (p Point) Waits() bool { return p.State == Waiting }

// Inside is the share of the time from p to q that was spent inside callbacks.
func Inside(p, q Point) float64 {
	return float64(q.inside-p.inside) / max(float64(q.At.Sub(p.At)), 1)
}

// Takes is how long a message took from p to q, in s, by the time inside
// callbacks; 0 where too few were handled to know.
func Takes(p, q Point) float64 {
	if n := q.Handled() - p.Handled(); n >= FewestBefore {
		return float64(q.inside-p.inside) / 1e9 / float64(n)
	}
	return 0
}

// timeInside sets how long the process has been inside callbacks: its
// RunningTime, and what the callbacks since it last woke up have taken, for that
// is added when the mailbox has drained.
func (c *Course) timeInside(prev Point, p *Point) {
	if prev.At.IsZero() || p.Wakeups != prev.Wakeups || p.Run != prev.Run || prev.State == Sleeping {
		c.woke, c.rest = p.At, prev
	}
	p.inside = p.Run
	if p.State != Sleeping {
		p.inside += int64(p.At.Sub(c.woke))
	}
}

func (c *Course) observeSlowdown(prev, p Point) {
	if prev.At.IsZero() || !p.At.After(prev.At) {
		return
	}
	if s := c.slow; s != nil {
		if s.goesOn(p) {
			return
		}
		c.endSlowdown()
	}
	usual := Takes(c.Begin, prev)
	if usual > 0 && Inside(prev, p) >= 0.5 && each(prev, p) >= dearer*usual {
		c.slow = &Slowdown{Base: c.Begin, Before: prev, usual: usual}
		if c.woke.Before(p.At) && !c.rest.At.IsZero() {
			c.slow.Before, c.slow.Woke = c.rest, c.woke
		}
		c.slow.add(p)
	}
}

// each is how long a message took from p to q, in s, where few were handled.
func each(p, q Point) float64 {
	return float64(q.inside-p.inside) / 1e9 / float64(max(q.Handled()-p.Handled(), 1))
}

// goesOn takes the next row, if the slowdown goes on in it: that is judged
// whenever another message has been handled.
func (s *Slowdown) goesOn(p Point) bool {
	const idle = 2 * CallTimeout
	switch {
	case p.Handled() == s.To.Handled():
		s.Rows++
		if p.State == Waiting {
			s.Waited++
		}
		return p.State != Sleeping || p.At.Sub(s.To.At) <= idle
	case Inside(s.To, p) < 0.25 || each(s.To, p) < dearer/2*s.usual:
		return false
	}
	s.add(p)
	return true
}

func (s *Slowdown) add(p Point) {
	s.last, s.To, s.Deepest = s.To, p, max(s.Deepest, p.Mailbox)
	s.Rows++
	if p.State == Waiting {
		s.Waited++
	}
}

// caughtUp leaves out the last step of a slowdown that is over, if messages were quick in it again: between
// two rows it was slow to the end, and handled what had waited.
func (s *Slowdown) caughtUp() {
	if !s.Open && !s.last.At.IsZero() && dearer*each(s.last, s.To) <= each(s.Before, s.last) {
		s.To = s.last
	}
}

func (c *Course) endSlowdown() {
	if c.slow != nil {
		c.slow.caughtUp()
	}
	if s := c.slow; s != nil && (c.Slowdown == nil || s.Lasted() > c.Slowdown.Lasted()) {
		c.Slowdown = s
	}
	c.slow = nil
}
