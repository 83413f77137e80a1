package ring

import "time"

// A Loss is what was lost of one kind on a node and is not told yet: a storm
// is one gap with a number, not one for every reading.
type Loss struct {
	What, Why string
	From, To  time.Time
	Lost      int64
	began     time.Time // steady
	last      time.Time // steady
	// Nobody said how many: the node's own count of its lines tells, as soon as it is
	// known and all lines that came are read.
	unknown bool
	perhaps bool // it is none at all unless that count says so
}

// How long nothing more has to be lost before a loss is told, after how
// long it is told though there is no end of it, and how long after a loss the node's own count
// is asked how much it was.
const (
	lossQuiet   = 3 * time.Second
	lossLongest = time.Minute
	lossCounted = 10 * time.Second
)

// Lines are what a listener of the log follows, in words.
const Lines = "log lines"

// Losses are those of a node that are not told yet.
type Losses struct{ all []Loss }

// Add notes a loss at a steady time. It is told soon; see Over.
func (ls *Losses) Add(what, why string, from, to time.Time, lost int64, now time.Time) {
	for i := range ls.all {
		if l := &ls.all[i]; l.What == what && l.Why == why {
			l.Lost += lost
			l.last = now
			if from.Before(l.From) {
				l.From = from
			}
			if to.After(l.To) {
				l.To = to
			}
			return
		}
	}
	ls.all = append(ls.all, Loss{What: what, Why: why, From: from, To: to, Lost: lost, began: now, last: now, unknown: lost == 0 && what == Lines})
}

// May notes that log lines may be lost: the node's own count tells.
func (ls *Losses) May(why string, from, to, now time.Time) {
	ls.all = append(ls.all, Loss{What: Lines, Why: why, From: from, To: to, began: now, last: now, unknown: true, perhaps: true})
}

// Over takes out the losses that are over, or all of them, and says how many lines
// nobody had counted before.
func (ls *Losses) Over(ledger *Ledger, now time.Time, all bool) (over []Loss, counted int64) {
	kept := ls.all[:0]
	for _, l := range ls.all {
		before := l.Lost
		settled := l.settle(ledger, now, all)
		counted += l.Lost - before
		switch {
		case !settled:
			kept = append(kept, l)
		case l.perhaps && l.Lost == 0: // none is missing
		case all || now.Sub(l.last) >= lossQuiet || now.Sub(l.began) >= lossLongest:
			over = append(over, l)
		default:
			kept = append(kept, l)
		}
	}
	ls.all = kept
	return over, counted
}

// settle finds out how much an unknown loss was, and reports whether that is known or will
// never be.
func (l *Loss) settle(ledger *Ledger, now time.Time, all bool) bool {
	if !l.unknown || l.Lost > 0 {
		return true
	}
	waited := now.Sub(l.last)
	if !all && waited < lossCounted {
		return false
	}
	lines, ok := ledger.Missing(l.From, l.To)
	if !ok {
		return all || waited >= lossLongest
	}
	l.Lost, l.perhaps = lines, true
	if lines > 0 {
		l.Why += ", by its own count"
	}
	return true
}
