package clock

import "time"

// From when on a recorder did not run though it wanted to, and by how much a clock was stepped
// against the steady time.
const (
	pauseFrom = 2 * time.Second
	stepFrom  = 500 * time.Millisecond
)

// A Vigil is how the recorder watches itself: it looks at both clocks often.
type Vigil struct {
	wall   time.Time
	steady time.Time
}

// Seen is what was noticed between two looks at the clocks.
type Seen struct {
	From, To time.Time     // of the looks
	Late     time.Duration // for how long the recorder did not run, though it wanted to; 0: it ran
	Step     time.Duration // by which the clock was set; 0: it was not
}

// Look compares both clocks with what they said when they were last looked at;
// expected is how long ago that should be.
func (v *Vigil) Look(wall, steady time.Time, expected time.Duration) Seen {
	wall = wall.Round(0)
	last := *v
	v.wall, v.steady = wall, steady
	s := Seen{From: last.wall, To: wall}
	if last.wall.IsZero() {
		return s
	}
	ran := steady.Sub(last.steady)
	if late := ran - expected; late >= pauseFrom {
		s.Late = late
	}
	if step := wall.Sub(last.wall) - ran; step.Abs() >= stepFrom {
		s.Step = step
	}
	return s
}
