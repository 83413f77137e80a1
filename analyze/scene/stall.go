package scene

import (
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A Stall is a stretch in which a process that was not at rest did nothing: the
// same callback the whole time.
type Stall struct {
	Progress Point // the last listing before it; its time is zero if there is none
	From, To Point
	State    procState
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
func (a *Actor) Longest(states ...procState) *Stall {
	var best *Stall
	for _, st := range a.stalls {
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
	Longer      bool  // each time longer
	Waiting     int64 // messages that waited at most
}

// Recurs is the pattern that a stall is one of: stalls in the same state that
// last at least a third as long. One that lasts, and far longer than those
// before, is no part of a pattern.
func (a *Actor) Recurs(st *Stall) Pattern {
	var p Pattern
	var lasted, gaps []float64
	for _, o := range a.stood {
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
	}
	if p.Times < 2 {
		return p
	}
	p.grewFrom(a.stood, st.State, gaps)
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	p.Every, p.Lasts = seconds(series.Median(gaps)), seconds(series.Median(lasted))
	third := max(1, len(lasted)/3)
	p.Longer = len(lasted) >= 4 && series.Median(lasted[len(lasted)-third:]) > 1.3*series.Median(lasted[:third])
	return p
}

// grewFrom takes in those before that came by the same clock and were shorter: what
// lasts longer each time began with the shortest.
func (p *Pattern) grewFrom(stood []*Stall, state procState, gaps []float64) {
	every := series.Median(gaps)
	for i := len(stood) - 1; i >= 0; i-- {
		o := stood[i]
		before := p.First.From.At.Sub(o.From.At).Seconds()
		if o.State == state && before > 0.75*every && before < 1.25*every && o.Lasted() < p.First.Lasted() {
			p.First = o
			p.Times++
		}
	}
}

// fewWait is how many messages may wait for a process that stands still time and
// again, if that is its way of working: who is waited for by more does harm.
const fewWait = 3

// Habitual reports whether a pattern is the way in which a process works: there
// from the first, for a stretch without it that is longer than the pattern
// itself would be before it; no longer now than otherwise; and few wait for it.
func (a *Actor) Habitual(st *Stall) bool {
	p := a.Recurs(st)
	return p.Times >= 4 && p.First.From.At.Sub(a.First) < p.Every*3/2 && !p.Longer &&
		st.Lasted() < 2*p.Lasts && p.Waiting <= fewWait
}

// Since is the first of the stalls of which one is the last of a run: in the
// same state, each soon after the one before. A call that times out and is made
// again is one trouble.
func (a *Actor) Since(st *Stall) *Stall {
	first := st
	for i := len(a.stood) - 1; i >= 0; i-- {
		o := a.stood[i]
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

// Ended is when a pattern was last seen, zero where it may go on: it has to be
// away for longer than it was between two times.
func (p Pattern) Ended(s *Scene) time.Time {
	if p.Last.Open || s.To.Sub(p.Last.To.At) < p.Every*3/2 {
		return time.Time{}
	}
	return p.Last.To.At
}

// A start is when a stall began.
type start struct {
	At    time.Time
	Off   time.Duration
	exact bool // the node itself said since when
}

// Lasted is for how long the process stood still at least.
func (b start) Lasted(st *Stall) time.Duration {
	if b.exact {
		return st.To.At.Sub(b.At)
	}
	return st.Lasted()
}

// StallBegan is when the process last did something before a stall: by the node's
// own StateTime, else by the age of the oldest message, else between the last
// listing that shows work done and the first of the stall.
func (s *Scene) StallBegan(ctx context.Context, a *Actor, st *Stall) (start, error) {
	lower := st.Progress.At
	if lower.IsZero() {
		lower = st.From.At
	}
	rows, err := s.Zoom(ctx, a.Node, lower, st.From.At.Add(2*a.Node.Interval), a.Pid)
	if err != nil {
		return start{}, err
	}
	// A process that was busy for long has been running since before its last
	// progress: then its ages say nothing.
	plausible := func(at time.Time) bool {
		return !at.Before(lower.Add(-time.Second)) || st.Progress.At.IsZero()
	}
	for _, r := range rows[a.Pid] {
		if r.At.Before(st.From.At) {
			continue
		}
		if at := r.At.Add(-r.StateTime); r.StateTime > 0 && plausible(at) {
			return start{at, r.Took + 100*time.Millisecond, true}, nil
		}
		if at := r.At.Add(-time.Duration(r.Latency)); r.Latency > 0 && plausible(at) {
			return start{at, r.Took + 500*time.Millisecond, false}, nil
		}
	}
	at, off := series.Middle(lower, st.From.At)
	return start{at, off, false}, nil
}

// WaitBegan is when the process began to wait in an episode of waiting.
func (s *Scene) WaitBegan(ctx context.Context, a *Actor, e *Episode) (time.Time, time.Duration, error) {
	b, err := s.StallBegan(ctx, a, &Stall{Progress: e.Before, From: e.Points[0], To: e.Points[0], State: Waiting})
	return b.At, b.Off, err
}

// Zombie is the stall in which the process was a zombee, nil if it never was
// one. Whoever was seen to be one twice and over too short a time is left out:
// the recording is too sparse to tell.
func (a *Actor) Zombie() *Stall { return a.Longest(zombee) }

// A Surge is a stretch in which a process both got and sent far more messages
// than before.
type Surge struct {
	Base, Before Point // what came before: its first row, and the last one before the rise
	From, To     Point // the first and the newest row of the stretch
	Deepest      int64 // mailbox
	open         bool
}

const (
	// surgeRate is from which rate on messages in and out are looked at, and
	// surgeBusy the rate for a process that spends surgeShare of its time on them.
	surgeRate, surgeBusy, surgeShare = 500, 20, 0.3
	// SurgeRise is how many times as many messages make a surge.
	SurgeRise = 5
)

// Lasted is for how long it was seen.
func (s *Surge) Lasted() time.Duration { return s.To.At.Sub(s.Before.At) }

// Rate is how many messages a second it got meanwhile, Usual before.
func (s *Surge) Rate() float64  { return rateIn(s.From, s.To, rateIn(s.Before, s.From, 0)) }
func (s *Surge) Usual() float64 { return rateIn(s.Base, s.Before, 0) }

// Began is when it began, by what the first row has of it.
func (s *Surge) Began() (time.Time, time.Duration) {
	off := s.From.At.Sub(s.Before.At) / 2
	r := s.Rate()
	if r <= 0 {
		return series.Middle(s.Before.At, s.From.At)
	}
	at := s.From.At.Add(-seconds(float64(s.From.In-s.Before.In) / r))
	if at.Before(s.Before.At) {
		at = s.Before.At
	}
	return at, min(off, time.Second)
}

// rateIn is how many messages a second arrived from p to q.
func rateIn(p, q Point, unknown float64) float64 {
	if dt := q.At.Sub(p.At).Seconds(); dt > 0 {
		return float64(q.In-p.In) / dt
	}
	return unknown
}

func (a *Actor) observeSurge(prev, p Point) {
	dt := p.At.Sub(prev.At).Seconds()
	if prev.At.IsZero() || dt <= 0 {
		return
	}
	rate := float64(min(p.In-prev.In, p.Out-prev.Out)) / dt
	s := a.Surge
	switch {
	case s != nil && s.open && rate*SurgeRise < s.Rate():
		s.open = false
	case s != nil && s.open && rate >= SurgeRise*s.Rate() && s.From == s.To:
		s.From, s.To = p, p // the first row had only its beginning
	case s != nil && s.open && rate < SurgeRise*s.Rate():
		s.To, s.Deepest = p, max(s.Deepest, p.Mailbox)
	case rate >= surgeRate || rate >= surgeBusy && float64(p.Run-prev.Run)/1e9/dt >= surgeShare:
		base := a.Begin
		if s != nil && s.open {
			base = s.From
		} else if s != nil {
			base = s.To
		}
		a.Surge = &Surge{Base: base, Before: prev, From: p, To: p, Deepest: p.Mailbox, open: true}
	}
}
