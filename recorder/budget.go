package recorder

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/archive"
)

// A change tells of a task whose interval the budget has changed.
type change struct {
	task  string
	every time.Duration // now
	cost  time.Duration // of one run
}

// A stretch that has to grow grows by slack more than that, and by faster at a
// time at most; one that may shrink does so only when it may by settled:
// intervals, and the marks that tell of them, do not change with every answer.
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
func (t *task) bound(cost time.Duration, share float64) time.Duration {
	longest := longestOther
	if t.vital {
		longest = longestVital
	}
	return max(longest, t.every, time.Duration(float64(2*cost)/share))
}

// balance stretches intervals so that all tasks together cost no more than the
// share of the node's time. Cheap tasks keep theirs: the share is dealt out
// evenly, what one does not need goes to the others, and only those that want
// more than their part are stretched (max-min fairness). Nothing is said of a
// task that has not run often enough to tell.
func (s *schedule) balance(share, believed float64) []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := func(t *task) time.Duration { return time.Duration(float64(t.costs.Service()) * believed) }
	load := func(t *task) float64 { return float64(cost(t)) / float64(t.every) }
	part := fairPart(s.tasks, share, load)
	var changes []change
	for _, t := range s.tasks {
		want := load(t) / part
		if want < settled {
			want = 1
		}
		if want == t.stretch || !t.costs.Known() && want > t.stretch || want <= t.stretch && want > t.stretch/settled {
			continue
		}
		if want > 1 {
			want *= slack
		}
		want = min(want, faster*t.stretch, float64(t.bound(cost(t), share))/float64(t.every))
		if want == t.stretch {
			continue
		}
		t.stretch = want
		changes = append(changes, change{t.name, time.Duration(float64(t.every) * want), cost(t)})
	}
	return changes
}

// fairPart is the largest part of the share that a task may have.
func fairPart(tasks []*task, share float64, load func(*task) float64) float64 {
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

// balanceEvery is how often intervals are fitted to the budget.
const balanceEvery = 10 * time.Second

// balanceLoop keeps all nodes inside the budget.
func (r *Recorder) balanceLoop(ctx context.Context) {
	for r.clock.Sleep(ctx, balanceEvery) {
		if r.clock.Replayed() || r.opts.Budget <= 0 {
			continue
		}
		for _, n := range r.known() {
			n.mu.Lock()
			believed := n.spending.Believed()
			n.mu.Unlock()
			for _, c := range n.schedule.balance(r.opts.Budget, believed) {
				r.mark(archive.Mark{
					Kind: "budget", Node: n.name, From: r.clock.Now(),
					Note: fmt.Sprintf("%s now every %v: it costs the node %v a time", c.task, c.every.Round(time.Millisecond), c.cost.Round(time.Microsecond)),
					More: map[string]any{"task": c.task, "every_s": c.every.Seconds(), "cost_ms": float64(c.cost) / 1e6},
				})
			}
		}
	}
}
