package recorder

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// window is how many of the last answers tell what a call costs.
const window = 20

// costs are those of the last calls.
type costs struct {
	last []time.Duration
	next int
}

func (c *costs) add(d time.Duration) {
	if len(c.last) < window {
		c.last = append(c.last, d)
		return
	}
	c.last[c.next] = d
	c.next = (c.next + 1) % window
}

// median is zero where nothing is known.
func (c *costs) median() time.Duration {
	if len(c.last) == 0 {
		return 0
	}
	s := slices.Clone(c.last)
	slices.Sort(s)
	return s[len(s)/2]
}

// spending is what a node's time went into.
type spending struct {
	tools map[string]*costs
	total time.Duration
}

// charge notes a call and returns what it cost the node: no more than the
// median of its tool's last answers (what is longer was waiting), nothing for
// a time-out, and nothing for the time that a CPU profile sleeps.
func (s *spending) charge(tool string, args ergo.Args, took time.Duration, timedOut bool) time.Duration {
	if timedOut {
		return 0
	}
	if tool == "pprof_cpu" {
		seconds, ok := args.Int("duration")
		if !ok {
			seconds = 5
		}
		took = max(0, took-time.Duration(seconds)*time.Second)
	}
	if s.tools == nil {
		s.tools = map[string]*costs{}
	}
	c := s.tools[tool]
	if c == nil {
		c = &costs{}
		s.tools[tool] = c
	}
	c.add(took)
	took = min(took, c.median())
	s.total += took
	return took
}

// A change tells of a task whose interval the budget has changed.
type change struct {
	task  string
	every time.Duration // now
	cost  time.Duration // of one run
}

// A stretch that has to grow grows by slack more than that, and one that may
// shrink does so only when it may by settled: intervals, and the marks that
// tell of them, do not change with every answer.
const (
	slack   = 1.1
	settled = 1.25
)

// balance stretches intervals so that all tasks together cost no more than the
// share of the node's time. Cheap tasks keep theirs: the share is dealt out
// evenly, what one does not need goes to the others, and only those that want
// more than their part are stretched (max-min fairness).
func (s *schedule) balance(share float64) []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	load := func(t *task) float64 { return float64(t.costs.median()) / float64(t.every) }
	part := fairPart(s.tasks, share, load)
	var changes []change
	for _, t := range s.tasks {
		want := max(1, load(t)/part)
		if want == t.stretch || want <= t.stretch && want > t.stretch/settled {
			continue
		}
		if want > 1 {
			want *= slack
		}
		t.stretch = want
		changes = append(changes, change{t.name, time.Duration(float64(t.every) * want), t.costs.median()})
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
	for r.clock.sleep(ctx, balanceEvery) {
		if r.clock.replayed() || r.opts.Budget <= 0 {
			continue
		}
		for _, n := range r.known() {
			for _, c := range n.schedule.balance(r.opts.Budget) {
				r.mark(archive.Mark{
					Kind: "budget", Node: n.name, From: r.clock.Now(),
					Note: fmt.Sprintf("%s now every %v: it costs the node %v a time", c.task, c.every.Round(time.Millisecond), c.cost.Round(time.Microsecond)),
					More: map[string]any{"task": c.task, "every_s": c.every.Seconds(), "cost_ms": float64(c.cost) / 1e6},
				})
			}
		}
	}
}
