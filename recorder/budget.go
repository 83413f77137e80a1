package recorder

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder/schedule"
)

// balanceEvery is how often intervals are fitted to the budget.
const balanceEvery = 10 * time.Second

// balanceLoop keeps all nodes inside the budget.
func (r *Recorder) balanceLoop(ctx context.Context) {
	for r.clock.Sleep(ctx, balanceEvery) {
		if r.clock.Replayed() || r.opts.Budget <= 0 {
			continue
		}
		for n, m := range r.means() {
			for _, c := range n.schedule.Balance(m) {
				r.mark(archive.Mark{
					Kind: "budget", Node: n.name, From: r.clock.Now(),
					Note: fmt.Sprintf("%s now every %v: it costs the node %v a time", c.Task, c.Every.Round(time.Millisecond), c.Cost.Round(time.Microsecond)),
					More: map[string]any{"task": c.Task, "every_s": c.Every.Seconds(), "cost_ms": float64(c.Cost) / 1e6},
				})
			}
		}
	}
}

// means says what our calls to each node may cost. Half of the budget of a node that
// forwards is for what it forwards, in equal parts for all that are behind it; what of
// that is not used is its own.
func (r *Recorder) means() map[*node]schedule.Means {
	out := map[*node]schedule.Means{}
	entries := map[string]bool{}
	for _, name := range r.entries() {
		entries[name] = true
	}
	var passing float64 // of the time of all entry points together
	ratio, behind := 1.0, 0
	for _, n := range r.known() {
		n.mu.Lock()
		m := schedule.Means{Node: r.opts.Budget, NodeRatio: n.spending.Believed()}
		n.mu.Unlock()
		out[n] = m
		if entries[n.name] {
			ratio = max(ratio, m.NodeRatio)
		}
		if n.forwarded() {
			behind++
			passing += n.schedule.Passing()
		}
	}
	for n, m := range out {
		switch {
		case len(entries) == 0:
		case entries[n.name]:
			m.Node -= min(r.opts.Budget/2, passing*m.NodeRatio/float64(len(entries)))
		case n.forwarded():
			m.Entry = r.opts.Budget / 2 * float64(len(entries)) / float64(behind)
			m.EntryRatio = ratio
		}
		out[n] = m
	}
	return out
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
