package ring

import (
	"slices"
	"time"
)

// A Ledger holds what a node says of how many lines it has written against the
// lines that came, so that what was lost is known where no sequence numbers tell. Lines and
// counts are put in order by the node's own clock.
type Ledger struct {
	entries []balance // oldest first
}

// A balance is what the node had written at a moment, and what came of the lines that
// it wrote after that, until the next.
type balance struct {
	at    time.Time // by the node's clock
	heard time.Time // by ours
	said  int64
	came  int64
}

// longest is how many balances are kept: at one every two seconds, for about half an hour.
const longest = 1000

// Said notes how many lines the node has written, at a moment by its clock and by ours. A count
// that goes back is another life: what was before is forgotten.
func (l *Ledger) Said(lines int64, at, heard time.Time) {
	if n := len(l.entries); n > 0 {
		switch last := l.entries[n-1]; {
		case lines < last.said:
			l.entries = nil
		case !at.After(last.at):
			return
		}
	}
	if len(l.entries) == longest {
		l.entries = slices.Delete(l.entries, 0, longest/4)
	}
	l.entries = append(l.entries, balance{at: at, heard: heard, said: lines})
}

// Came notes lines that came, or are known to be lost, which the node wrote at a moment
// by its clock.
func (l *Ledger) Came(lines int64, at time.Time) {
	i, _ := slices.BinarySearchFunc(l.entries, at, func(b balance, t time.Time) int { return b.at.Compare(t) })
	if i--; i >= 0 {
		l.entries[i].came += lines
	}
}

// Missing is how many of the lines that were written between two moments by our clock, or shortly
// before or after, did not come; ok is false where the node has not said it.
func (l *Ledger) Missing(from, to time.Time) (lines int64, ok bool) {
	last := slices.IndexFunc(l.entries, func(b balance) bool { return !b.heard.Before(to) })
	if last < 0 {
		return 0, false
	}
	first := -1
	for i, b := range l.entries[:last] {
		if !b.heard.After(from) {
			first = i
		}
	}
	if first < 0 {
		return 0, false
	}
	lines = l.entries[last].said - l.entries[first].said
	for _, b := range l.entries[first:last] {
		lines -= b.came
	}
	return max(lines, 0), true
}

// Levels sums what node_info says of the lines of each level, in the order of the levels, over
// those that are followed.
func Levels(byLevel []int64, followed []string) (lines int64) {
	for i, name := range []string{"trace", "debug", "info", "warning", "error", "panic"} {
		if i < len(byLevel) && slices.Contains(followed, name) {
			lines += byLevel[i]
		}
	}
	return lines
}
