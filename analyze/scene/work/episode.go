package work

import "time"

// An Episode is a stretch in which every listing shows the process at work or
// with messages waiting.
type Episode struct {
	Before Point   // the last listing at rest; its time is zero if there is none
	Points []Point // thinned to maxPoints
	End    time.Time
	Open   bool // it lasts to the last listing
	skip   int  // listings to pass over between two points kept
	passed int
	Worst  Point // the deepest mailbox
	Rows   int   // listings in it
	Waited int   // of which it was waiting for a response
}

// Waits reports whether the process waited for replies nearly all the time.
func (e *Episode) Waits() bool { return 5*e.Waited >= 4*e.Rows }

// Handled is how many messages a second were handled over the episode.
func (e *Episode) Handled() float64 {
	first, last := e.Points[0], e.Points[len(e.Points)-1]
	return float64(last.Handled()-first.Handled()) / max(last.At.Sub(first.At).Seconds(), 1e-3)
}

// Begun is the beginning of an episode of waiting, as a stall.
func (e *Episode) Begun() *Stall {
	return &Stall{Progress: e.Before, From: e.Points[0], To: e.Points[0], State: Waiting}
}

// WaitingEpisode is the longest episode in which the process waited for replies
// nearly all the time, for longer than two calls may take; nil if there is none.
func (c *Course) WaitingEpisode() *Episode {
	var best *Episode
	for _, e := range c.Episodes {
		if e.Waits() && e.lasted() > 2*CallTimeout && (best == nil || e.lasted() > best.lasted()) {
			best = e
		}
	}
	return best
}

func (e *Episode) lasted() time.Duration { return e.End.Sub(e.Points[0].At) }

const (
	maxPoints   = 256
	maxEpisodes = 8
	maxStood    = 256
)

func (e *Episode) add(p Point) {
	e.Rows++
	if p.State == Waiting {
		e.Waited++
	}
	if p.Mailbox >= e.Worst.Mailbox {
		e.Worst = p
	}
	e.End = p.At
	if e.passed < e.skip {
		e.passed++
		return
	}
	e.passed = 0
	e.Points = append(e.Points, p)
	if len(e.Points) < maxPoints {
		return
	}
	kept := e.Points[:0]
	for i := 0; i < maxPoints; i += 2 {
		kept = append(kept, e.Points[i])
	}
	e.Points = kept
	e.skip = 2*e.skip + 1
}
