package scene

import (
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene/work"
)

// An Actor is one process as the listings showed it: one PID in one life of
// its node.
type Actor struct {
	Node        *Node
	Pid         string
	Name        string
	Behavior    string
	Application string
	Kind        string
	Parent      string // PID
	Family      *Family

	BornAfter time.Time // the last listing without it; zero if it was there from the first
	First     time.Time // the first listing that shows it
	Last      time.Time // the newest listing that shows it
	Gone      bool      // a later listing does not show it

	unlisted bool // the newest listings are cut and left it out

	work.Course // how it worked
}

// Called is how a person names the process.
func (a *Actor) Called() string {
	if a.Name != "" {
		return a.Name
	}
	return a.Behavior + " " + a.Pid
}

func (a *Actor) Subject(at time.Time) finding.Subject {
	return finding.Subject{
		Node: a.Node.Name, Incarnation: a.Node.Incarnation(at),
		PID: a.Pid, Name: a.Name, Behavior: a.Behavior, Application: a.Application,
	}
}

// observe takes the process's next row.
func (a *Actor) observe(p work.Point) {
	a.Last = p.At
	a.Observe(p)
}

// finish ends the actor's observation: it is gone, or the window is over.
func (a *Actor) finish(gone bool) {
	a.Gone = gone
	a.Finish(gone)
}

// Rows is where values about the process come from: its row in the listings of
// a stretch, both ends included.
func (a *Actor) Rows(from, to time.Time) finding.Source {
	return finding.Source{Tool: "process_list", Node: a.Node.Name, Row: a.Pid, From: from, To: to}
}

// Waited is the most that messages waited at processes that are not there
// because somebody observes.
type Waited struct {
	Mailbox int64         // messages in one mailbox
	Oldest  time.Duration // that a message had waited; 0 where no node tells
	Who     *Actor        // whose message that was
	When    time.Time
}

func (w *Waited) add(a *Actor, p work.Point) {
	if a.Own() {
		return
	}
	w.Mailbox = max(w.Mailbox, p.Mailbox)
	if age := time.Duration(p.Latency); age > w.Oldest {
		w.Oldest, w.Who, w.When = age, a, p.At
	}
}
