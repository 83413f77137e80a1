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

// A means is what our calls may cost: a share of the node's time, and a share of the
// time of who forwards them; by how much they cost either more than they seem to.
type means struct {
	node, entry           float64 // entry 0: nobody forwards them
	nodeRatio, entryRatio float64
}

// cost is what a run of a task costs the node, or what its forwarding counts for
// it: as much of the node's share as it takes of the other.
func (m *means) cost(t *task) time.Duration {
	c := float64(t.costs.Service()) * m.nodeRatio
	if m.entry > 0 {
		c = max(c, float64(t.passed.Service())*m.entryRatio*m.node/m.entry)
	}
	return time.Duration(c)
}

// balance stretches intervals so that all tasks together cost no more than the
// share of the node's time. Cheap tasks keep theirs: the share is dealt out
// evenly, what one does not need goes to the others, and only those that want
// more than their part are stretched (max-min fairness). Nothing is said of a
// task that has not run often enough to tell.
func (s *schedule) balance(m means) []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := m.node
	cost := m.cost
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
		for n, m := range r.means() {
			for _, c := range n.schedule.balance(m) {
				r.mark(archive.Mark{
					Kind: "budget", Node: n.name, From: r.clock.Now(),
					Note: fmt.Sprintf("%s now every %v: it costs the node %v a time", c.task, c.every.Round(time.Millisecond), c.cost.Round(time.Microsecond)),
					More: map[string]any{"task": c.task, "every_s": c.every.Seconds(), "cost_ms": float64(c.cost) / 1e6},
				})
			}
		}
	}
}

// means says what our calls to each node may cost. Half of the budget of a node that
// forwards is for what it forwards, in equal parts for all that are behind it; what of
// that is not used is its own.
func (r *Recorder) means() map[*node]means {
	out := map[*node]means{}
	entries := map[string]bool{}
	for _, name := range r.entries() {
		entries[name] = true
	}
	var passing float64 // of the time of all entry points together
	ratio, behind := 1.0, 0
	for _, n := range r.known() {
		n.mu.Lock()
		m := means{node: r.opts.Budget, nodeRatio: n.spending.Believed()}
		n.mu.Unlock()
		out[n] = m
		if entries[n.name] {
			ratio = max(ratio, m.nodeRatio)
		}
		if n.forwarded() {
			behind++
			passing += n.schedule.passing()
		}
	}
	for n, m := range out {
		switch {
		case len(entries) == 0:
		case entries[n.name]:
			m.node -= min(r.opts.Budget/2, passing*m.nodeRatio/float64(len(entries)))
		case n.forwarded():
			m.entry = r.opts.Budget / 2 * float64(len(entries)) / float64(behind)
			m.entryRatio = ratio
		}
		out[n] = m
	}
	return out
}

// passing is which share of its time forwarding for the node costs another.
func (s *schedule) passing() (share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		share += float64(t.passed.Service()) / (float64(t.every) * t.stretch)
	}
	return share
}

// entries are the nodes that forward to others.
func (r *Recorder) entries() []string {
	if r.opts.Routes == nil {
		return nil
	}
	return r.opts.Routes.Entries()
}

// chargeEntries charges the nodes that forward, in turn, for a call.
func (r *Recorder) chargeEntries(cost time.Duration) {
	entries := r.entries()
	for _, name := range entries {
		r.mu.Lock()
		n := r.nodes[name]
		r.mu.Unlock()
		if n == nil {
			continue
		}
		n.mu.Lock()
		n.spending.Forward(cost / time.Duration(len(entries)))
		n.mu.Unlock()
	}
}
