package recorder

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A node is a queue with a few workers, which are fed round robin: the time
// that a call takes is the time that it costs and the time that it waits, behind
// calls of ours and of others. Waiting only adds, so the quicker answers of a
// tool tell what it costs. How many of the last answers are looked at, how many
// there must be for any verdict, and how many of the newest correct the others.
const (
	window  = 20
	enough  = 5
	newest  = 5
	quarter = 4
)

// costs are those of the last calls.
type costs struct {
	last []time.Duration // the newest at the end
	sure bool            // the newest was put together from what is known
}

func (c *costs) add(d time.Duration) {
	if len(c.last) == window {
		c.last = append(c.last[:0], c.last[1:]...)
	}
	c.last = append(c.last, d)
}

// known reports whether there are answers enough for a verdict.
func (c *costs) known() bool { return c.sure || len(c.last) >= enough }

// service is what a call costs without the waiting: what a quarter of the last
// answers did not exceed, or two of the newest, so that what was dear and is
// not any more is found out soon. From fewer answers than are enough it is the
// quickest; from none it is zero.
func (c *costs) service() time.Duration {
	if len(c.last) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(c.last))
	if len(s) < enough {
		return s[0]
	}
	late := slices.Sorted(slices.Values(c.last[len(c.last)-newest:]))
	return min(s[len(s)/quarter], late[1])
}

// spending is what a node's time went into.
type spending struct {
	tools map[string]*costs
	total time.Duration
	cpu   cpuCheck
}

// charge notes a call and returns what it cost the node: what its tool costs
// without waiting, nothing for a time-out, and nothing for the time that a CPU
// profile sleeps. It says whether the tool has answered often enough to tell.
func (s *spending) charge(tool string, args ergo.Args, took time.Duration, timedOut bool) (cost time.Duration, sure bool) {
	if timedOut {
		return 0, true
	}
	if tool == "pprof_cpu" {
		took = max(0, took-profileTime(args))
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
	took = min(took, c.service())
	s.total += took
	return took, c.known()
}

// profileTime is how long a call of pprof_cpu sleeps.
func profileTime(args ergo.Args) time.Duration {
	seconds, ok := args.Int("duration")
	if !ok {
		seconds = 5
	}
	return time.Duration(seconds) * time.Second
}

// share is the part of the time ran that went into our calls, as far as the
// node's own CPU counters bear it out.
func (s *spending) share(ran time.Duration) float64 {
	if ran <= 0 {
		return 0
	}
	return float64(s.total) * s.cpu.believed() / float64(ran)
}

// A cpuCheck compares what our calls seem to cost with the CPU time that the
// node says it used for everything.
type cpuCheck struct {
	used  time.Duration // as node_info told when the comparison began
	total time.Duration // what our calls seemed to have cost by then
	ratio float64       // of the last comparison; 0 before the first
}

// checkFrom is how much our calls must seem to have cost for a comparison:
// below it the rounding of the counters decides.
const checkFrom = 500 * time.Millisecond

// hear takes in what node_info says of the CPU time used. The counters of some
// versions count whole seconds twice, which makes the bound looser, not wrong.
func (c *cpuCheck) hear(info []byte, total time.Duration) {
	var said struct{ UserTime, SystemTime time.Duration }
	if json.Unmarshal(info, &said) != nil || said.UserTime <= 0 {
		return
	}
	used := said.UserTime + said.SystemTime
	switch {
	case c.used == 0 || used < c.used: // the first, or another life
		c.used, c.total = used, total
	case total-c.total >= checkFrom:
		c.ratio = min(1, float64(used-c.used)/float64(total-c.total))
		c.used, c.total = used, total
	}
}

// believed is the part of what our calls seem to cost that the node's CPU
// counters leave room for.
func (c *cpuCheck) believed() float64 {
	if c.ratio == 0 {
		return 1
	}
	return c.ratio
}

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
	cost := func(t *task) time.Duration { return time.Duration(float64(t.costs.service()) * believed) }
	load := func(t *task) float64 { return float64(cost(t)) / float64(t.every) }
	part := fairPart(s.tasks, share, load)
	var changes []change
	for _, t := range s.tasks {
		want := max(1, load(t)/part)
		if want == t.stretch || !t.costs.known() && want > t.stretch || want <= t.stretch && want > t.stretch/settled {
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
	for r.clock.sleep(ctx, balanceEvery) {
		if r.clock.replayed() || r.opts.Budget <= 0 {
			continue
		}
		for _, n := range r.known() {
			n.mu.Lock()
			believed := n.spending.cpu.believed()
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
