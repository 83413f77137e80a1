package incident

import "time"

// A Spacing says when detectors are asked again. What they look at grows with the
// cluster, and so does what they take of the machine on which the recorder runs.
type Spacing struct {
	Every time.Duration // from one answer to the next question, where they need little
	Share float64       // of a core's time that they may use
}

// How far the share makes the questions apart at most, so that each moment is looked at
// twice while it is among the last five minutes; and how many times longer than the CPU time that they used
// detectors rest whatever that is: they are not what the machine is there for. The rest is of
// the cluster's time: of a replay that goes n times as fast as it was, they get n times the share.
const (
	longestRest = 2 * time.Minute
	leastRest   = 5
)

// Rest is how long detectors rest that used so much CPU time.
func (s Spacing) Rest(used time.Duration) time.Duration {
	rest := s.Every
	if s.Share > 0 {
		rest = max(rest, min(time.Duration(float64(used)/s.Share), longestRest))
	}
	return max(rest, leastRest*used)
}
