package work

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A Stall is a stretch in which a process that was not at rest did nothing: the
// same callback the whole time.
type Stall struct {
	Progress Point // the last listing before it; its time is zero if there is none
	From, To Point
	State    State
	Open     bool
}

func (s *Stall) Lasted() time.Duration { return s.To.At.Sub(s.From.At) }

// MinStall is the shortest stall that is kept for a closer look. It is below
// the time-out of a synchronous call, which is what decides later.
const MinStall = 3 * time.Second

// CallTimeout is the framework's default time-out of a synchronous call.
// Who does not take a message for that long fails every caller.
const CallTimeout = 5 * time.Second

// Longest is the longest stall in one of the states; one that lasts to the end
// of the window goes before others.
func (c *Course) Longest(states ...State) *Stall {
	var best *Stall
	for _, st := range c.stalls {
		if !slices.Contains(states, st.State) {
			continue
		}
		if best == nil || st.Open && !best.Open || st.Open == best.Open && st.Lasted() > best.Lasted() {
			best = st
		}
	}
	return best
}

// A Pattern is a standstill that comes again and again.
type Pattern struct {
	Times       int
	First, Last *Stall
	Every       time.Duration // from one to the next, at the median
	Lasts       time.Duration // each, at the median
	Longest     time.Duration
	Longer      bool          // each time longer
	Waiting     int64         // messages that waited at most
	Over        int           // those that are over
	Usual       time.Duration // each of them, at the median
}

// Recurs is the pattern that a stall is one of: stalls in the same state that
// last at least a third as long. One that lasts, and far longer than those
// before, is no part of a pattern.
func (c *Course) Recurs(st *Stall) Pattern {
	var p Pattern
	var lasted, gaps, over []float64
	for _, o := range c.stood {
		if o.State != st.State || o.Lasted() < st.Lasted()/3 {
			continue
		}
		if p.First == nil {
			p.First = o
		} else {
			gaps = append(gaps, o.From.At.Sub(p.Last.From.At).Seconds())
		}
		p.Last = o
		p.Times++
		p.Longest = max(p.Longest, o.Lasted())
		p.Waiting = max(p.Waiting, o.To.Mailbox)
		lasted = append(lasted, o.Lasted().Seconds())
		if !o.Open {
			over = append(over, o.Lasted().Seconds())
		}
	}
	if p.Over = len(over); p.Over > 0 {
		p.Usual = seconds(series.Median(over))
	}
	if p.Times < 2 {
		return p
	}
	p.grewFrom(c.stood, st.State, series.Median(gaps))
	p.glimpsedFrom(&c.Glimpses, st.State, series.Median(gaps))
	p.Every, p.Lasts = seconds(series.Median(gaps)), seconds(series.Median(lasted))
	third := max(1, len(lasted)/3)
	p.Longer = len(lasted) >= 4 && series.Median(lasted[len(lasted)-third:]) > 1.3*series.Median(lasted[:third])
	return p
}

// grewFrom finds those before that came by the same clock and were shorter: what
// lasts longer each time began with the shortest.
func (p *Pattern) grewFrom(stood []*Stall, state State, every float64) {
	for i := len(stood) - 1; i >= 0; i-- {
		o := stood[i]
		before := p.First.From.At.Sub(o.From.At).Seconds()
		if o.State == state && before > 0.75*every && before < 1.25*every && o.Lasted() < p.First.Lasted() {
			p.First = o
		}
	}
}

// glimpsedFrom finds one before that came by the same clock, and of which too few listings
// were made to see how long it lasted.
func (p *Pattern) glimpsedFrom(g *Glimpses, state State, every float64) {
	if g.First == nil || g.First.State != state || every <= 0 {
		return
	}
	n := p.First.From.At.Sub(g.First.From.At).Seconds() / every
	if whole := math.Round(n); whole >= 1 && int(whole) <= g.Times && math.Abs(n-whole) < 0.25 {
		p.First = g.First
	}
}

// FewWait is how many messages may wait for a process that stands still time and
// again, if that is its way of working: who is waited for by more does harm.
const FewWait = 3

// Habitual reports whether a pattern is the way in which a process works: there
// from the first, for a stretch without it that is longer than the pattern
// itself would be before it; no longer now than otherwise; and few wait for it.
func (c *Course) Habitual(st *Stall) bool {
	p := c.Recurs(st)
	return p.Times >= 4 && p.First.From.At.Sub(c.Begin.At) < p.Every*3/2 && !p.Longer &&
		st.Lasted() < 2*p.Lasts && p.Waiting <= FewWait
}

// Since is the first of the stalls of which one is the last of a run: in the
// same state, each soon after the one before. A call that times out and is made
// again is one trouble.
func (c *Course) Since(st *Stall) *Stall {
	first := st
	for i := len(c.stood) - 1; i >= 0; i-- {
		o := c.stood[i]
		if o.State != st.State || !o.To.At.Before(first.From.At) {
			continue
		}
		if first.From.At.Sub(o.To.At) > max(CallTimeout, o.Lasted()/3) {
			break
		}
		first = o
	}
	return first
}

// Ended is when a pattern was last seen, zero where it may go on at the
// window's end: it has to be away for longer than it was between two times.
func (p Pattern) Ended(to time.Time) time.Time {
	if p.Last.Open || to.Sub(p.Last.To.At) < p.Every*3/2 {
		return time.Time{}
	}
	return p.Last.To.At
}

// Zombie is the stall in which the process was a zombee, nil if it never was
// one. Whoever was seen to be one twice and over too short a time is left out:
// the recording is too sparse to tell.
func (c *Course) Zombie() *Stall { return c.Longest(Zombee) }
