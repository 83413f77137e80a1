package recorder

import (
	"fmt"
	"time"

	"ergorecorder/archive"
)

// What the recorder notices of itself: for how long it did not run, though it
// wanted to, and by how much the clock was stepped against the steady time.
const (
	pauseFrom = 2 * time.Second
	stepFrom  = 500 * time.Millisecond
)

// A vigil is how the recorder watches itself: it looks at both clocks often.
type vigil struct {
	wall   time.Time
	steady time.Time
}

// look compares both clocks with what they said when they were last looked at;
// expected is how long ago that should be.
func (r *Recorder) lookAtSelf(v *vigil, expected time.Duration) {
	if r.clock.replayed() {
		return
	}
	wall, steady := r.clock.Now().Round(0), r.clock.Steady()
	last := *v
	v.wall, v.steady = wall, steady
	if last.wall.IsZero() {
		return
	}
	ran := steady.Sub(last.steady)
	if late := ran - expected; late >= pauseFrom {
		r.mu.Lock()
		r.paused = steady
		r.mu.Unlock()
		r.mark(archive.Mark{
			Kind: archive.MarkGap, From: last.wall, To: wall,
			Note: fmt.Sprintf("the recorder itself stood still for %v: it, its machine or its disk was stopped", late.Round(time.Millisecond)),
			More: map[string]any{"what": "recorder", "how": "own_pause", "paused_s": late.Seconds()},
		})
	}
	if step := wall.Sub(last.wall) - ran; step.Abs() >= stepFrom {
		r.mark(archive.Mark{
			Kind: "clock_step", From: last.wall.Add(ran), To: wall,
			Note: fmt.Sprintf("the clock of the recording machine was set %+v: times before and after do not fit together", step.Round(time.Millisecond)),
			More: map[string]any{"step_s": step.Seconds()},
		})
	}
}

// pausedSince reports whether the recorder itself stood still at some time
// since the given steady time.
func (r *Recorder) pausedSince(began time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused.After(began)
}
