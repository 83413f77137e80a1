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

// Habitual reports whether the process stands still like that time and again,
// from early on, and no longer now than otherwise: then it is its way of
// working.
func (a *Actor) Habitual(st *Stall) bool {
	var like []float64
	early := false
	for _, o := range a.stalls {
		if o != st && o.State == st.State && !o.Open {
			like = append(like, o.Lasted().Seconds())
			early = early || o.From.At.Sub(a.First) < st.From.At.Sub(a.First)/2
		}
	}
	return len(like) >= 3 && early && st.Lasted().Seconds() < 2*series.Median(like)
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

// Zombie is the stall in which the process was a zombee, nil if it never was
// one. Whoever was seen to be one twice and over too short a time is left out:
// the recording is too sparse to tell.
func (a *Actor) Zombie() *Stall { return a.Longest(zombee) }
