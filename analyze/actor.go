package analyze

import "time"

// An actor is one process as the listings showed it: one PID in one life of
// its node.
type actor struct {
	node        *node
	pid         string
	name        string
	behavior    string
	application string
	kind        string
	parent      string // PID
	family      *family

	bornAfter time.Time // the last listing without it; zero if it was there from the first
	first     time.Time // the first listing that shows it
	last      time.Time // the newest listing that shows it
	gone      bool      // a later listing does not show it

	begin point // its first row
	now   point // its newest row
	busy  *episode
	stall *stall

	episodes []*episode // worth a closer look, at most maxEpisodes
	stalls   []*stall   // likewise

	longWaits int    // stalls in wait response
	firstWait *stall // of those
}

// A point is what one listing says about a process.
type point struct {
	at                                      time.Time
	in, out, mailbox, latency, run, wakeups int64
	state                                   procState
}

// handled is how many messages the process has taken out of its mailbox.
func (p point) handled() int64 { return p.in - p.mailbox }

// still reports whether nothing was done from p to q: no message taken, no
// callback ended. RunningTime and Wakeups alone would not tell (they are added
// only when the mailbox has drained), nor would the state.
func (p point) still(q point) bool {
	return p.handled() == q.handled() && p.run == q.run && p.wakeups == q.wakeups && p.out == q.out
}

// A procState is the state of a process.
type procState uint8

const (
	otherState procState = iota
	sleeping
	running
	waiting // "wait response"
	zombee
)

func stateOf(text string) procState {
	switch text {
	case "sleep":
		return sleeping
	case "running":
		return running
	case "wait response", "wait_response":
		return waiting
	case "zombee":
		return zombee
	}
	return otherState
}

func (s procState) String() string {
	return [...]string{"other", "sleep", "running", "wait response", "zombee"}[s]
}

// latencyUnknown is MailboxLatency on a node without -tags=latency.
const latencyUnknown = -1

// own reports whether the process belongs to the application that answers the
// recorder's own calls: what it does is our doing and no sign of a fault.
func (a *actor) own() bool { return a.application == "mcp_app" }

// called is how a person names the process.
func (a *actor) called() string {
	if a.name != "" {
		return a.name
	}
	return a.behavior + " " + a.pid
}

func (a *actor) subject(at time.Time) Subject {
	return Subject{
		Node: a.node.Name, Incarnation: a.node.incarnation(at),
		PID: a.pid, Name: a.name, Behavior: a.behavior, Application: a.application,
	}
}

// An episode is a stretch in which every listing shows the process at work or
// with messages waiting.
type episode struct {
	before point   // the last listing at rest; its time is zero if there is none
	points []point // thinned to maxPoints
	end    time.Time
	open   bool // it lasts to the last listing
	skip   int  // listings to pass over between two points kept
	passed int
	worst  point // the deepest mailbox
	rows   int   // listings in it
	waited int   // of which it was waiting for a response
}

const (
	maxPoints   = 256
	maxEpisodes = 8
)

func (e *episode) add(p point) {
	e.rows++
	if p.state == waiting {
		e.waited++
	}
	if p.mailbox >= e.worst.mailbox {
		e.worst = p
	}
	e.end = p.at
	if e.passed < e.skip {
		e.passed++
		return
	}
	e.passed = 0
	e.points = append(e.points, p)
	if len(e.points) < maxPoints {
		return
	}
	kept := e.points[:0]
	for i := 0; i < maxPoints; i += 2 {
		kept = append(kept, e.points[i])
	}
	e.points = kept
	e.skip = 2*e.skip + 1
}

// A stall is a stretch in which a process that was not at rest did nothing: the
// same callback the whole time.
type stall struct {
	progress point // the last listing before it; its time is zero if there is none
	from, to point
	state    procState
	open     bool
}

func (s *stall) lasted() time.Duration { return s.to.at.Sub(s.from.at) }

// minStall is the shortest stall that is kept for a closer look. It is below
// the time-out of a synchronous call, which is what decides later.
const minStall = 3 * time.Second

// observe takes the process's next row.
func (a *actor) observe(p point) {
	prev := a.now
	a.now, a.last = p, p.at
	a.observeStall(prev, p)
	if p.state == sleeping && p.mailbox == 0 {
		a.endEpisode()
		return
	}
	if a.busy == nil {
		a.busy = &episode{before: prev}
	}
	a.busy.add(p)
}

func (a *actor) observeStall(prev, p point) {
	if a.stall != nil && (p.state != a.stall.state || !a.stall.from.still(p)) {
		a.endStall()
	}
	switch {
	case p.state == sleeping:
	case a.stall != nil:
		a.stall.to = p
	default:
		a.stall = &stall{progress: prev, from: p, to: p, state: p.state}
	}
}

func (a *actor) endStall() {
	if s := a.stall; s != nil && s.lasted() >= minStall {
		if s.state == waiting {
			if a.longWaits++; a.firstWait == nil {
				a.firstWait = s
			}
		}
		a.stalls = keepWorst(a.stalls, s, func(x, y *stall) bool { return x.lasted() < y.lasted() })
	}
	a.stall = nil
}

func (a *actor) endEpisode() {
	if e := a.busy; e != nil && e.rows >= 3 && (e.worst.mailbox > 0 || e.waited > 0) {
		a.episodes = keepWorst(a.episodes, e, func(x, y *episode) bool { return x.worst.mailbox < y.worst.mailbox })
	}
	a.busy = nil
}

// finish ends the actor's observation: it is gone, or the window is over.
func (a *actor) finish(gone bool) {
	a.gone = gone
	if a.stall != nil {
		a.stall.open = !gone
	}
	a.endStall()
	if a.busy != nil {
		a.busy.open = !gone
	}
	a.endEpisode()
}

// keepWorst adds x to list and drops the least one where there are too many.
func keepWorst[T any](list []T, x T, less func(a, b T) bool) []T {
	list = append(list, x)
	if len(list) <= maxEpisodes {
		return list
	}
	least := 0
	for i := range list {
		if less(list[i], list[least]) {
			least = i
		}
	}
	return append(list[:least], list[least+1:]...)
}
