package schedule

import (
	"math"
	"slices"
	"time"
)

// A Change tells of a task whose interval the budget has changed.
type Change struct {
	Task  string
	Every time.Duration // now
	Cost  time.Duration // of one run
}

// A stretch that has to grow does so at once, by slack more than that, and by
// faster at a time at most; one that may shrink does so only when it may with a
// budget smaller by settled: the budget is kept, and intervals, and the marks that
// tell of them, do not change with every answer.
const (
	slack   = 1.1
	faster  = 4
	settled = 1.25
)

// How long the budget may make intervals: those of what every verdict needs,
// and all others. Only a run that by itself costs more than the share of that
// time comes less often.
const (
	longestVital = 30 * time.Second
	longestOther = 10 * time.Minute
)

// bound is the longest interval of a task by the budget. One task may not take
// more than half of the share, however much every verdict needs it.
func (t *Task) bound(cost time.Duration, share float64) time.Duration {
	longest := longestOther
	if t.Vital {
		longest = longestVital
	}
	return max(longest, t.Every, time.Duration(float64(2*cost)/share))
}

// A Means is what our calls may cost: a share of the node's time, and a share of the
// time of who forwards them; by how much they cost either more than they seem to.
type Means struct {
	Node, Entry           float64 // entry 0: nobody forwards them
	NodeRatio, EntryRatio float64
}

// cost is what a run of a task costs the node, or what its forwarding counts for
// it: as much of the node's share as it takes of the other.
func (m *Means) cost(t *Task) time.Duration {
	node, entry := t.service()
	c := float64(node) * m.NodeRatio
	if m.Entry > 0 {
		c = max(c, float64(entry)*m.EntryRatio*m.Node/m.Entry)
	}
	return time.Duration(c)
}

// Balance stretches intervals so that all tasks together cost no more than the
// share of the node's time. Cheap tasks keep theirs: the share is dealt out
// evenly, what one does not need goes to the others, and only those that want
// more than their part are stretched (max-min fairness). Nothing is said of a
// task that has not run often enough to tell.
func (s *Schedule) Balance(m Means) []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := m.Node
	cost := m.cost
	load := func(t *Task) float64 { return float64(cost(t)) / float64(t.Every) }
	part, spare := fairPart(s.tasks, share, load), fairPart(s.tasks, share/settled, load)
	s.part = part
	var changes []Change
	for _, t := range s.tasks {
		want := load(t) / part
		if want > t.stretch && !t.costs.Known() || want <= t.stretch && load(t)/spare > t.stretch {
			continue
		}
		if want > 1 {
			want *= slack
		}
		want = min(max(want, 1), faster*t.stretch, float64(t.bound(cost(t), share))/float64(t.Every))
		if want == t.stretch {
			continue
		}
		t.stretch = want
		changes = append(changes, Change{t.Name, time.Duration(float64(t.Every) * want), cost(t)})
	}
	return changes
}

// fairPart is the largest part of the share that a task may have.
func fairPart(tasks []*Task, share float64, load func(*Task) float64) float64 {
	loads := make([]float64, len(tasks))
	for i, t := range tasks {
		loads[i] = load(t)
	}
	slices.Sort(loads)
	for i, l := range loads {
		part := share / float64(len(loads)-i)
		if l > part {
			return part
		}
		share -= l
	}
	return math.Inf(1)
}

// Passing is which share of its time forwarding for the node costs another.
func (s *Schedule) Passing() (share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		_, entry := t.service()
		share += float64(entry) / (float64(t.Every) * t.stretch)
	}
	return share
}
