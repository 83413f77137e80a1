package scene

import (
	"context"
	"time"

	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
)

// A start is when a stall began.
type start struct {
	At    time.Time
	Off   time.Duration
	Exact bool // the node itself said since when
}

// Lasted is for how long the process stood still at least.
func (b start) Lasted(st *work.Stall) time.Duration {
	if b.Exact {
		return st.To.At.Sub(b.At)
	}
	return st.Lasted()
}

// Beginning is the stretch by which StallBegan tells when a stall began.
func (a *Actor) Beginning(st *work.Stall) Stretch {
	lower := st.Progress.At
	if lower.IsZero() {
		lower = st.From.At
	}
	return Stretch{a.Pid, lower, st.From.At.Add(2 * a.Node.Interval)}
}

// StallBegan is when the process last did something before a stall: by the node's
// own StateTime, else by the age of the oldest message, else between the last
// listing that shows work done and the first of the stall.
func (s *Scene) StallBegan(ctx context.Context, a *Actor, st *work.Stall) (start, error) {
	around := a.Beginning(st)
	lower := around.From
	rows, err := s.Zoom(ctx, a.Node, around)
	if err != nil {
		return start{}, err
	}
	// A process that was busy for long has been running since before its last
	// progress: then its ages say nothing. It waits anew with each call: a timer of its own
	// that goes off meanwhile counts as a message that it sends, and is no progress.
	plausible := func(at time.Time) bool {
		return !at.Before(lower.Add(-time.Second)) || st.Progress.At.IsZero()
	}
	for _, r := range rows {
		if r.At.Before(st.From.At) {
			continue
		}
		if at := r.At.Add(-r.StateTime); r.StateTime > 0 && (st.State == work.Waiting || plausible(at)) {
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
func (s *Scene) WaitBegan(ctx context.Context, a *Actor, e *work.Episode) (time.Time, time.Duration, error) {
	b, err := s.StallBegan(ctx, a, e.Begun())
	return b.At, b.Off, err
}
