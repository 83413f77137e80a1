package analyze

import (
	"slices"
	"time"
)

// A lineage is one process through its restarts: the same name and behavior
// under several PIDs. Processes without a name have none.
type lineage struct {
	node     *node
	name     string
	behavior string
	lives    int     // PIDs seen
	current  *actor  // the newest
	broken   bool    // its node died since: the next birth is no restart
	births   []birth // the restarts that were seen: the first and the newest, at most maxBirths
}

// A birth is a restart that was seen between two listings.
type birth struct {
	after, by time.Time // the listing before and the listing that shows it
	pid       string
	parent    string
	previous  time.Duration // how long the life before was seen, 0 if not known
	omitted   int           // restarts right before this one that are only counted
}

const maxBirths = 512

// reborn takes a new PID under the name.
func (l *lineage) reborn(a *actor) {
	l.lives++
	old, broken := l.current, l.broken
	l.current, l.broken = a, false
	if old == nil || broken || a.bornAfter.IsZero() {
		return
	}
	if len(l.births) == maxBirths {
		const middle = maxBirths / 2
		l.births[middle+1].omitted += l.births[middle].omitted + 1
		l.births = slices.Delete(l.births, middle, middle+1)
	}
	l.births = append(l.births, birth{after: a.bornAfter, by: a.first, pid: a.pid, parent: a.parent, previous: old.last.Sub(old.first)})
}

// gap is the usual time between the restarts from one that is kept to the next.
func (b birth) gap(last birth) time.Duration { return b.by.Sub(last.by) / time.Duration(b.omitted+1) }

// onlyName is the name under which processes of a behavior were seen, "" where
// there is none or more than one.
func (p *population) onlyName(behavior string) string {
	name := ""
	for k := range p.lineages {
		switch {
		case k.behavior != behavior:
		case name != "":
			return ""
		default:
			name = k.name
		}
	}
	return name
}
