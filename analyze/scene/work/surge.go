package work

import (
	"time"

	"ergorecorder/analyze/series"
)

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

func (c *Course) observeSurge(prev, p Point) {
	dt := p.At.Sub(prev.At).Seconds()
	if prev.At.IsZero() || dt <= 0 {
		return
	}
	rate := float64(min(p.In-prev.In, p.Out-prev.Out)) / dt
	s := c.Surge
	switch {
	case s != nil && s.open && rate*SurgeRise < s.Rate():
		s.open = false
	case s != nil && s.open && rate >= SurgeRise*s.Rate() && s.From == s.To:
		s.From, s.To = p, p // the first row had only its beginning
	case s != nil && s.open && rate < SurgeRise*s.Rate():
		s.To, s.Deepest = p, max(s.Deepest, p.Mailbox)
	case rate >= surgeRate || rate >= surgeBusy && float64(p.Run-prev.Run)/1e9/dt >= surgeShare:
		base := c.Begin
		if s != nil && s.open {
			base = s.From
		} else if s != nil {
			base = s.To
		}
		c.Surge = &Surge{Base: base, Before: prev, From: p, To: p, Deepest: p.Mailbox, open: true}
	}
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
