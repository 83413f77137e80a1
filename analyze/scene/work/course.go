// Package work follows one process from listing to listing: how messages came,
// how long each took, when it stood still. It is handed rows and keeps what is
// worth a closer look, in bounded room however long the recording is.
package work

import "time"

// A Course is how a process worked over the listings that it was observed in.
// The zero value is ready for the first.
type Course struct {
	Begin Point // its first row
	Rest  Point // the first that shows it asleep with nothing to do: all that it did is counted then
	now   Point // its newest row
	busy  *Episode
	stall *Stall

	Episodes []*Episode // worth a closer look, at most maxEpisodes
	stalls   []*Stall   // likewise
	stood    []*Stall   // the first maxStood stalls, and the newest in the last place

	Stream Stream // of messages to it
	Surge  *Surge // the latest, nil if there was none

	Slowdown *Slowdown // the longest, nil if there was none
	slow     *Slowdown // that lasts
	woke     time.Time // the first row since it last woke up
	rest     Point     // the row before that

	LongWaits int    // stalls in wait response
	FirstWait *Stall // of those

	Glimpses Glimpses
}

// Rests reports whether the newest row shows the process asleep with nothing to
// do.
func (c *Course) Rests() bool { return c.now.State == Sleeping && c.now.Mailbox == 0 }

// Observe takes the process's next row.
func (c *Course) Observe(p Point) {
	prev := c.now
	c.flows(prev, p)
	c.timeInside(prev, &p)
	if prev.At.IsZero() {
		c.Begin = p
	}
	c.now = p
	if c.Rest.At.IsZero() && c.Rests() {
		c.Rest = p
	}
	c.observeSlowdown(prev, p)
	c.Glimpses.count(p)
	c.observeStall(prev, p)
	c.observeSurge(prev, p)
	if p.State == Sleeping && p.Mailbox == 0 {
		c.endEpisode()
		return
	}
	if c.busy == nil {
		c.busy = &Episode{Before: prev}
	}
	c.busy.add(p)
}

func (c *Course) observeStall(prev, p Point) {
	if c.stall != nil && (p.State != c.stall.State || !c.stall.From.still(p)) {
		c.endStall()
	}
	switch {
	case p.State == Sleeping:
	case c.stall != nil:
		c.stall.To = p
	default:
		c.stall = &Stall{Progress: prev, From: p, To: p, State: p.State}
	}
}

func (c *Course) endStall() {
	if s := c.stall; s != nil && s.Lasted() < MinStall {
		c.Glimpses.add(s)
	} else if s != nil {
		if s.State == Waiting {
			if c.LongWaits++; c.FirstWait == nil {
				c.FirstWait = s
			}
		}
		c.stalls = keepWorst(c.stalls, s, func(x, y *Stall) bool { return x.Lasted() < y.Lasted() })
		if len(c.stood) < maxStood {
			c.stood = append(c.stood, s)
		} else {
			c.stood[maxStood-1] = s
		}
	}
	c.stall = nil
}

func (c *Course) endEpisode() {
	if e := c.busy; e != nil && e.Rows >= 3 && (e.Worst.Mailbox > 0 || e.Waited > 0) {
		c.Episodes = keepWorst(c.Episodes, e, func(x, y *Episode) bool { return x.Worst.Mailbox < y.Worst.Mailbox })
	}
	c.busy = nil
}

// Drained says that no messages wait any more, since the newest row.
func (c *Course) Drained() {
	c.endStall()
	c.endEpisode()
}

// Finish ends the observation: the process is gone, or the window is over.
func (c *Course) Finish(gone bool) {
	if c.stall != nil {
		c.stall.Open = !gone
	}
	c.endStall()
	if c.busy != nil {
		c.busy.Open = !gone
	}
	c.endEpisode()
	if c.slow != nil {
		c.slow.Open = !gone
	}
	c.endSlowdown()
}

// keepWorst adds x to list and drops the least one where there are too many;
// never the first, for that is when it began.
func keepWorst[T any](list []T, x T, less func(a, b T) bool) []T {
	list = append(list, x)
	if len(list) <= maxEpisodes {
		return list
	}
	least := 1
	for i := 1; i < len(list); i++ {
		if less(list[i], list[least]) {
			least = i
		}
	}
	return append(list[:least], list[least+1:]...)
}

// Now is the newest row of the process.
func (c *Course) Now() Point { return c.now }

// Still says that the newest row was still true at t.
func (c *Course) Still(t time.Time) { c.now.At = t }

// Watched reports whether something lasts for which the next row is needed,
// even if it says the same.
func (c *Course) Watched() bool { return c.busy != nil || c.stall != nil }

// Notable reports whether something was kept for a closer look.
func (c *Course) Notable() bool {
	return len(c.Episodes)+len(c.stalls) > 0 || c.Glimpses.Worst != nil
}
