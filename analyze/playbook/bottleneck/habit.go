package bottleneck

import (
	"math"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
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

// A habit is what is known of the pauses of a behavior.
type habit struct {
	watched time.Time // since when one of those that paused was seen
	pauses  []pause   // in time
	among   int       // behaviors that pause
}

// habits are those of all nodes, by behavior.
func habits(s *scene.Scene) (map[string]habit, error) {
	const missed = 20 // messages that would have come: that they do not is no chance
	type key struct{}
	all, err := s.Once(key{}, func() (any, error) {
		all := map[string]habit{}
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
				h := all[a.Behavior]
				if len(h.pauses) == 0 || a.Begin.At.Before(h.watched) {
					h.watched = a.Begin.At
				}
				h.pauses = append(h.pauses, pause{a, p.From.At, p.Lasted()})
				all[a.Behavior] = h
			}
		}
		for b, h := range all {
			slices.SortFunc(h.pauses, func(a, b pause) int { return a.from.Compare(b.from) })
			h.among = len(all)
			all[b] = h
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return all.(map[string]habit), nil
}

// habitual reports whether others of a process's behavior pause as it does, and at moments
// of their own: what stops many at one moment is no habit, nor is what none of them did
// before. They pause for about as long where it was over, for half as long where it is
// not: that one may not end.
func habitual(like pause, over bool, of habit) bool {
	const (
		moments = 3
		apart   = 10 * time.Second
	)
	aboutAs := time.Duration(2) // times as short, at most
	if over {
		aboutAs = 4
	}
	came := row{watched: of.watched, first: like.from, last: like.from, many: 1, among: of.among}
	if like.actor.Begin.At.Before(came.watched) {
		came.watched = like.actor.Begin.At
	}
	before := time.Time{}
	for _, p := range of.pauses {
		if p.actor == like.actor || p.lasted*aboutAs < like.lasted || p.from.Sub(like.from).Abs() < apart || p.from.Sub(before) < apart {
			continue
		}
		before = p.from
		came.add(p.from)
		if came.many > moments && !came.late() {
			return true // whatever comes after
		}
	}
	return came.many > moments && !came.novel()
}

// A row is pauses that came one after the other, to processes that were watched since.
type row struct {
	watched, first, last time.Time
	many                 int
	among                int // behaviors that are looked at: one of many may look new by chance
}

func (r *row) add(at time.Time) {
	if r.many++; at.Before(r.first) {
		r.first = at
	}
	if at.After(r.last) {
		r.last = at
	}
}

// late reports whether none came for longer than all of them took.
func (r *row) late() bool { return r.first.Sub(r.watched) > r.last.Sub(r.first) }

// novel reports whether pauses began at some moment: they are late, and of as many that come
// at chance all would lie in so late a part of the time, of any behavior, in one case of fifty. Of thousands
// of processes that pause every minute or so the first pause is always some minutes late:
// that alone says nothing.
func (r *row) novel() bool {
	const chance = .02
	span := r.last.Sub(r.first).Seconds()
	return r.late() && math.Pow(span/r.last.Sub(r.watched).Seconds(), float64(r.many-1)) < chance/float64(r.among)
}

// inTurn makes one finding of the pauses that came to several processes of a behavior, one
// after the other, and are over: the first stands for all. One that begins when nobody has
// paused for longer than pauses last is the first of others.
func inTurn(paused []*finding.Finding) {
	type turn struct {
		first *finding.Finding
		end   time.Time     // of those so far
		most  time.Duration // the longest of them
	}
	turns := map[string]*turn{}
	for _, f := range slices.SortedFunc(slices.Values(paused), func(a, b *finding.Finding) int { return a.Onset.Compare(b.Onset) }) {
		b := f.Subject.Behavior
		if f.End == nil || f.Cause != nil || b == "" {
			continue
		}
		t, lasted := turns[b], f.End.Sub(f.Onset)
		if t == nil || f.Onset.Sub(t.end) > max(t.most, lasted) {
			turns[b] = &turn{f, *f.End, lasted}
			continue
		}
		f.FollowsFrom(t.first, "the streams to processes of this behavior paused one after the other")
		t.end, t.most = series.Later(t.end, *f.End), max(t.most, lasted)
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
