package recorder

import (
	"fmt"
	"time"

	"ergorecorder/archive"
)

// A loss is what was lost of one kind on a node and is not marked yet: a storm
// is one gap with a number, not one for every reading.
type loss struct {
	what, why string
	from, to  time.Time
	lost      int64
	began     time.Time // steady
	last      time.Time // steady
}

// How long nothing more has to be lost before a loss is marked, and after how
// long it is marked though there is no end of it.
const (
	lossQuiet   = 3 * time.Second
	lossLongest = time.Minute
)

// lost notes a loss. It is marked soon; see markLosses.
func (n *node) lost(what, why string, from, to time.Time, lost int64) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stat.LinesLost += lost
	for i := range n.losses {
		if l := &n.losses[i]; l.what == what && l.why == why {
			l.lost += lost
			l.last = now
			if from.Before(l.from) {
				l.from = from
			}
			if to.After(l.to) {
				l.to = to
			}
			return
		}
	}
	n.losses = append(n.losses, loss{what, why, from, to, lost, now, now})
}

// markLosses marks the losses that are over, or all of them.
func (n *node) markLosses(all bool) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	var over []loss
	kept := n.losses[:0]
	for _, l := range n.losses {
		if all || now.Sub(l.last) >= lossQuiet || now.Sub(l.began) >= lossLongest {
			over = append(over, l)
		} else {
			kept = append(kept, l)
		}
	}
	n.losses = kept
	n.mu.Unlock()
	for _, l := range over {
		note := fmt.Sprintf("%s: %s", l.what, l.why)
		if l.lost > 0 {
			note = fmt.Sprintf("%d %s %s", l.lost, l.what, l.why)
		}
		n.r.mark(archive.Mark{
			Kind: archive.MarkGap, Node: n.name, From: l.from, To: l.to, Note: note,
			More: map[string]any{"what": l.what, "lost": l.lost},
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
