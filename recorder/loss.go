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
	// Nobody said how many: the node's own count of its lines tells, as soon as it is
	// known and all lines that came are read.
	unknown bool
	perhaps bool // it is none at all unless that count says so
}

// How long nothing more has to be lost before a loss is marked, after how
// long it is marked though there is no end of it, and how long after a loss the node's own count
// is asked how much it was.
const (
	lossQuiet   = 3 * time.Second
	lossLongest = time.Minute
	lossCounted = 10 * time.Second
)

// logLines are what a listener of the log follows, in words.
const logLines = "log lines"

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
	n.losses = append(n.losses, loss{what: what, why: why, from: from, to: to, lost: lost, began: now, last: now, unknown: lost == 0 && what == logLines})
}

// mayLack notes that log lines may be lost: the node's own count tells.
func (n *node) mayLack(why string, from, to time.Time) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.losses = append(n.losses, loss{what: logLines, why: why, from: from, to: to, began: now, last: now, unknown: true, perhaps: true})
}

// settle finds out how much an unknown loss was, and reports whether that is known or will
// never be. n.mu is held.
func (n *node) settle(l *loss, now time.Time, all bool) bool {
	if !l.unknown || l.lost > 0 {
		return true
	}
	waited := now.Sub(l.last)
	if !all && waited < lossCounted {
		return false
	}
	lines, ok := n.ledger.Missing(l.from, l.to)
	if !ok {
		return all || waited >= lossLongest
	}
	l.lost, l.perhaps = lines, true
	n.stat.LinesLost += lines
	if lines > 0 {
		l.why += ", by its own count"
	}
	return true
}

// markLosses marks the losses that are over, or all of them.
func (n *node) markLosses(all bool) {
	now := n.r.clock.Steady()
	n.mu.Lock()
	var over []loss
	kept := n.losses[:0]
	for _, l := range n.losses {
		switch settled := n.settle(&l, now, all); {
		case !settled:
			kept = append(kept, l)
			continue
		case l.perhaps && l.lost == 0:
			continue // none is missing
		}
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
