package recorder

import (
	"fmt"
	"time"

	"ergorecorder/archive"
)

// lost notes a loss. It is marked soon; see markLosses.
func (n *node) lost(what, why string, from, to time.Time, lost int64) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stat.LinesLost += lost
	n.losses.Add(what, why, from, to, lost, now)
}

// mayLack notes that log lines may be lost: the node's own count tells.
func (n *node) mayLack(why string, from, to time.Time) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.losses.May(why, from, to, now)
}

// markLosses marks the losses that are over, or all of them.
func (n *node) markLosses(all bool) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	over, counted := n.losses.Over(&n.ledger, now, all)
	n.stat.LinesLost += counted
	n.mu.Unlock()
	for _, l := range over {
		note := fmt.Sprintf("%s: %s", l.What, l.Why)
		if l.Lost > 0 {
			note = fmt.Sprintf("%d %s %s", l.Lost, l.What, l.Why)
		}
		n.r.mark(archive.Mark{
			Kind: archive.MarkGap, Node: n.name, From: l.From, To: l.To, Note: note,
			More: map[string]any{"what": l.What, "lost": l.Lost},
		})
	}
}

// markLosses marks what was lost on all nodes, and what pushed messages were
// dropped of nodes that have not pushed anything since.
func (r *Recorder) markLosses(all bool) {
	if l, ok := r.opts.Pushes.(interface{ Losses() map[string]int }); ok {
		now := r.clock.Now()
		for name, lost := range l.Losses() {
			r.mu.Lock()
			n := r.nodes[name]
			r.mu.Unlock()
			if n != nil && lost > 0 {
				n.losePushed(now, lost)
			}
		}
	}
	for _, n := range r.known() {
		n.markLosses(all)
	}
}
