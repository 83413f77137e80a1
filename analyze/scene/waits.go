package scene

import "time"

// Waited is the most that messages waited at processes that are not there
// because somebody observes.
type Waited struct {
	Mailbox int64         // messages in one mailbox
	Oldest  time.Duration // that a message had waited; 0 where no node tells
	Who     *Actor        // whose message that was
	When    time.Time
}

func (w *Waited) add(a *Actor, p Point) {
	if a.Own() {
		return
	}
	w.Mailbox = max(w.Mailbox, p.Mailbox)
	if age := time.Duration(p.Latency); age > w.Oldest {
		w.Oldest, w.Who, w.When = age, a, p.At
	}
}
