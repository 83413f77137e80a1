package incident

import "time"

// A Spacing says when detectors are asked again. What they look at grows with the
// cluster, and so does what they take of the machine on which the recorder runs.
type Spacing struct {
	Every time.Duration // from one answer to the next question, where they are quick
	Share float64       // of the time in which detectors may be at work
}

// How far the share makes the questions apart at most, so that a fault that lasts a
// minute is still met while it lasts; and how many times longer than they took
// detectors rest whatever that is: the recorder itself must get its turn.
const (
	longestRest = time.Minute
	leastRest   = 5
)

// Rest is how long detectors rest that took so long.
func (s Spacing) Rest(took time.Duration) time.Duration {
	rest := s.Every
	if s.Share > 0 {
		rest = max(rest, min(time.Duration(float64(took)/s.Share), longestRest))
	}
	return max(rest, leastRest*took)
}
