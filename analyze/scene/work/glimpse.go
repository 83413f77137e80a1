package work

import "time"

// Glimpses are stalls of which too few listings were made to see how long they lasted, but
// by the age of the oldest message it was for as long as is looked at closely.
type Glimpses struct {
	First, Last, Worst *Stall // the worst was for longer than a call may take; nil where none was
	Times              int
	Late               int // listings that show it at work with a message as old as that
}

func (g *Glimpses) count(p Point) {
	if p.State != Sleeping && p.Latency >= int64(CallTimeout) {
		g.Late++
	}
}

func (g *Glimpses) add(s *Stall) {
	// Who was at rest at the listing before has done at most a little in between; of one that
	// is behind for longer its backlog tells more.
	rested := !s.Progress.At.IsZero() && s.Progress.State == Sleeping && s.Progress.Mailbox == 0
	old := func(age time.Duration) bool {
		return s.To.Latency >= int64(age) || s.To.Latency == LatencyUnknown && s.To.Mailbox > FewWait // its state may tell
	}
	if !rested || !old(MinStall) {
		return
	}
	if g.First == nil {
		g.First = s
	}
	g.Last, g.Times = s, g.Times+1
	if w := g.Worst; old(CallTimeout) && (w == nil || s.To.Latency > w.To.Latency || s.To.Latency == w.To.Latency && s.To.Mailbox > w.To.Mailbox) {
		g.Worst = s
	}
}

// Ended is when they were last seen, zero where the next may come: they have to be away for
// longer than they were between two.
func (g *Glimpses) Ended(to time.Time) time.Time {
	every := g.Last.From.At.Sub(g.First.From.At) / time.Duration(max(g.Times-1, 1))
	if g.Last.Open || to.Sub(g.Last.To.At) < every*3/2 {
		return time.Time{}
	}
	return g.Last.To.At
}

// StoodStill reports whether a process did nothing for so long, by what it handled since the
// listing before: with its usual pace until then, and nothing since. Who works all the time,
// however far behind, has handled more.
func (c *Course) StoodStill(s *Stall, waited time.Duration) bool {
	const (
		fewest = 5   // messages that would have been handled meanwhile: fewer may be chance
		missed = 0.7 // the share of them that was not
	)
	before := s.Progress.At.Sub(c.Begin.At).Seconds()
	if before <= 0 {
		return false
	}
	pace := float64(s.Progress.Handled()-c.Begin.Handled()) / before
	still, gap := waited.Seconds(), s.To.At.Sub(s.Progress.At).Seconds()
	handled := float64(s.To.Handled() - s.Progress.Handled())
	return pace*still >= fewest && pace*gap-handled >= missed*pace*min(still, gap)
}
