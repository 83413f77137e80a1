package work

import "time"

// A Stream is how messages came to a process: until when they did, and the longest
// stretch before in which next to none did.
type Stream struct {
	Last    Point // the newest row that shows about as many as ever
	Longest time.Duration
	Rose    bool // it was seen to begin, or to rise many times over: it may be meant to end
	Pause   Pause
}

// A Pause is the longest stretch in which next to no messages came, before they
// came again.
type Pause struct {
	From, To Point         // the last row with messages, and the last without
	Next     time.Duration // the second longest
}

// Lasted is how long it was at least.
func (p Pause) Lasted() time.Duration { return p.To.At.Sub(p.From.At) }

func (p *Pause) take(from, to Point) {
	if q := (Pause{From: from, To: to}); q.Lasted() > p.Lasted() {
		q.Next = p.Lasted()
		*p = q
	} else {
		p.Next = max(p.Next, q.Lasted())
	}
}

// trickle is the share of its usual rate below which next to nothing comes.
const trickle = 0.1

func (c *Course) flows(prev, p Point) {
	if c.Stream.Last.At.IsZero() {
		c.Stream.Last = p
		return
	}
	usual := float64(prev.In-c.Begin.In) / max(prev.At.Sub(c.Begin.At).Seconds(), 1e-3)
	now := float64(p.In-prev.In) / max(p.At.Sub(prev.At).Seconds(), 1e-3)
	if seen := prev.At.Sub(c.Begin.At); seen > MinStall && p.In-prev.In >= 20 && now*trickle > 2*usual {
		c.Stream.Rose = true
	}
	if now > 0 && now >= trickle*usual {
		c.Stream.Longest = max(c.Stream.Longest, p.At.Sub(c.Stream.Last.At))
		c.Stream.Pause.take(c.Stream.Last, prev)
		c.Stream.Last = p
	}
}
