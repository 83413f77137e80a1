package bottleneck

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// Processes that work by sessions pause when one is over, each at a moment of its
// own, and of thousands some pause for longer than they ever did. That is their habit.

// A pause is a stretch after which messages came to a process again, although by its
// own rate many would have come within it.
type pause struct {
	actor  *scene.Actor
	from   time.Time
	lasted time.Duration
}

// pauses are those of all nodes, by behavior and in time.
func pauses(s *scene.Scene) (map[string][]pause, error) {
	const missed = 20 // messages that would have come: that they do not is no chance
	type key struct{}
	all, err := s.Once(key{}, func() (any, error) {
		all := map[string][]pause{}
		for _, n := range s.Nodes {
			for _, a := range n.Procs.Actors {
				p := a.Stream.Pause
				before := p.From.At.Sub(a.Begin.At).Seconds()
				if a.Own() || a.Behavior == "" || before <= 0 || float64(p.From.In-a.Begin.In)/before*p.Lasted().Seconds() < missed {
					continue
				}
				if 2*listed(n, p.From.At, p.To.At) < int(p.Lasted()/max(n.Interval, time.Second)) {
					continue // nobody looked
				}
				all[a.Behavior] = append(all[a.Behavior], pause{a, p.From.At, p.Lasted()})
			}
		}
		for _, of := range all {
			slices.SortFunc(of, func(a, b pause) int { return a.from.Compare(b.from) })
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return all.(map[string][]pause), nil
}

// habitual reports whether others of a process's behavior pause as it does, and at moments
// of their own: what stops many at one moment is no habit, nor is what none of them did
// before. They pause for about as long where it was over, for half as long where it is
// not: that one may not end.
func habitual(like pause, over bool, of []pause) bool {
	const (
		moments = 3
		apart   = 10 * time.Second
	)
	aboutAs := time.Duration(2) // times as short, at most
	if over {
		aboutAs = 4
	}
	seen, last := []time.Time{like.from}, time.Time{}
	watched := like.actor.Begin.At
	for _, p := range of {
		if p.actor.Begin.At.Before(watched) {
			watched = p.actor.Begin.At
		}
		if p.actor == like.actor || p.lasted*aboutAs < like.lasted || p.from.Sub(like.from).Abs() < apart || p.from.Sub(last) < apart {
			continue
		}
		seen, last = append(seen, p.from), p.from
	}
	return len(seen) > moments && !novel(watched, seen)
}

// novel reports whether pauses began at some moment: none was seen before for longer than
// from the first to the last, and of as many that come at chance all would lie in so late
// a part of the time in one case of fifty. Of thousands of processes that pause every
// minute or so the first pause is always some minutes late: that alone says nothing.
func novel(watched time.Time, at []time.Time) bool {
	const chance = .02
	first, last := slices.MinFunc(at, time.Time.Compare), slices.MaxFunc(at, time.Time.Compare)
	free, span := first.Sub(watched).Seconds(), last.Sub(first).Seconds()
	return free > span && math.Pow(span/(span+free), float64(len(at)-1)) < chance
}

// inTurn makes one finding of the pauses that came to several processes of a behavior, one
// after the other, and are over: the first stands for all.
func inTurn(paused []*finding.Finding) {
	first := map[string]*finding.Finding{}
	for _, f := range slices.SortedFunc(slices.Values(paused), func(a, b *finding.Finding) int { return a.Onset.Compare(b.Onset) }) {
		switch b := f.Subject.Behavior; {
		case f.End == nil || f.Cause != nil || b == "":
		case first[b] == nil:
			first[b] = f
		default:
			f.FollowsFrom(first[b], "the streams to processes of this behavior paused one after the other, which they never did before")
		}
	}
}

// listed is how many listings of a node there are after an instant, up to another: over a
// gap, or a step of the recorder's clock, nobody was seen to be quiet.
func listed(n *scene.Node, after, until time.Time) int {
	count := 0
	for _, t := range n.Procs.Listings {
		if t.After(after) && !t.After(until) {
			count++
		}
	}
	return count
}
