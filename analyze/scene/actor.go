package scene

import (
	"time"

	"ergorecorder/analyze/finding"
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

	Begin Point // its first row
	now   Point // its newest row
	busy  *Episode
	stall *Stall

	Episodes []*Episode // worth a closer look, at most maxEpisodes
	stalls   []*Stall   // likewise
	stood    []*Stall   // the first maxStood stalls, and the newest in the last place

	Stream Stream // of messages to it
	Surge  *Surge // the latest, nil if there was none

	Slowdown *Slowdown // the longest, nil if there was none
	slow     *Slowdown // that lasts
	woke     time.Time // the first row since it last woke up
	rest     Point     // the row before that

	LongWaits int    // stalls in wait response
	FirstWait *Stall // of those
}

// A Point is what one listing says about a process.
type Point struct {
	At                                      time.Time
	In, Out, Mailbox, Latency, Run, Wakeups int64
	inside                                  int64 // ns inside callbacks; see [Actor.timeInside]
	state                                   procState
}

// Handled is how many messages the process has taken out of its mailbox.
func (p Point) Handled() int64 { return p.In - p.Mailbox }

// still reports whether nothing was done from p to q: no message taken, no
// callback ended. RunningTime and Wakeups alone would not tell (they are added
// only when the mailbox has drained), nor would the state.
func (p Point) still(q Point) bool {
	return p.Handled() == q.Handled() && p.Run == q.Run && p.Wakeups == q.Wakeups && p.Out == q.Out
}

// A procState is the state of a process.
type procState uint8

const (
	OtherState procState = iota
	sleeping
	Running
	Waiting // "wait response"
	zombee
)

func stateOf(text string) procState {
	switch text {
	case "sleep":
		return sleeping
	case "running":
		return Running
	case "wait response", "wait_response":
		return Waiting
	case "zombee":
		return zombee
	}
	return OtherState
}

func (s procState) String() string {
	return [...]string{"other", "sleep", "running", "wait response", "zombee"}[s]
}

// latencyUnknown is MailboxLatency on a node without -tags=latency.
const latencyUnknown = -1

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

// An Episode is a stretch in which every listing shows the process at work or
// with messages waiting.
type Episode struct {
	Before Point   // the last listing at rest; its time is zero if there is none
	Points []Point // thinned to maxPoints
	End    time.Time
	Open   bool // it lasts to the last listing
	skip   int  // listings to pass over between two points kept
	passed int
	Worst  Point // the deepest mailbox
	Rows   int   // listings in it
	Waited int   // of which it was waiting for a response
}

// Waits reports whether the process waited for replies nearly all the time.
func (e *Episode) Waits() bool { return 5*e.Waited >= 4*e.Rows }

// Handled is how many messages a second were handled over the episode.
func (e *Episode) Handled() float64 {
	first, last := e.Points[0], e.Points[len(e.Points)-1]
	return float64(last.Handled()-first.Handled()) / max(last.At.Sub(first.At).Seconds(), 1e-3)
}

// WaitingEpisode is the longest episode in which the process waited for replies
// nearly all the time, for longer than two calls may take; nil if there is none.
func (a *Actor) WaitingEpisode() *Episode {
	var best *Episode
	for _, e := range a.Episodes {
		if e.Waits() && e.lasted() > 2*CallTimeout && (best == nil || e.lasted() > best.lasted()) {
			best = e
		}
	}
	return best
}

func (e *Episode) lasted() time.Duration { return e.End.Sub(e.Points[0].At) }

const (
	maxPoints   = 256
	maxEpisodes = 8
	maxStood    = 256
)

func (e *Episode) add(p Point) {
	e.Rows++
	if p.state == Waiting {
		e.Waited++
	}
	if p.Mailbox >= e.Worst.Mailbox {
		e.Worst = p
	}
	e.End = p.At
	if e.passed < e.skip {
		e.passed++
		return
	}
	e.passed = 0
	e.Points = append(e.Points, p)
	if len(e.Points) < maxPoints {
		return
	}
	kept := e.Points[:0]
	for i := 0; i < maxPoints; i += 2 {
		kept = append(kept, e.Points[i])
	}
	e.Points = kept
	e.skip = 2*e.skip + 1
}

// A Stream is how messages came to a process: until when they did, and the longest
// stretch before in which next to none did.
type Stream struct {
	Last    Point // the newest row that shows about as many as ever
	Longest time.Duration
	Rose    bool // it was seen to begin, or to rise many times over: it may be meant to end
	Pause   Pause
}

// A Pause is the longest stretch in which next to no messages came, before they
// came again.
type Pause struct {
	From, To Point         // the last row with messages, and the last without
	Next     time.Duration // the second longest
}

// Lasted is how long it was at least.
func (p Pause) Lasted() time.Duration { return p.To.At.Sub(p.From.At) }

func (p *Pause) take(from, to Point) {
	if q := (Pause{From: from, To: to}); q.Lasted() > p.Lasted() {
		q.Next = p.Lasted()
		*p = q
	} else {
		p.Next = max(p.Next, q.Lasted())
	}
}

// trickle is the share of its usual rate below which next to nothing comes.
const trickle = 0.1

func (a *Actor) flows(prev, p Point) {
	if a.Stream.Last.At.IsZero() {
		a.Stream.Last = p
		return
	}
	usual := float64(prev.In-a.Begin.In) / max(prev.At.Sub(a.Begin.At).Seconds(), 1e-3)
	now := float64(p.In-prev.In) / max(p.At.Sub(prev.At).Seconds(), 1e-3)
	if seen := prev.At.Sub(a.Begin.At); seen > MinStall && p.In-prev.In >= 20 && now*trickle > 2*usual {
		a.Stream.Rose = true
	}
	if now > 0 && now >= trickle*usual {
		a.Stream.Longest = max(a.Stream.Longest, p.At.Sub(a.Stream.Last.At))
		a.Stream.Pause.take(a.Stream.Last, prev)
		a.Stream.Last = p
	}
}

// Rests reports whether the newest row shows the process asleep with nothing to
// do.
func (a *Actor) Rests() bool { return a.now.state == sleeping && a.now.Mailbox == 0 }

// observe takes the process's next row.
func (a *Actor) observe(p Point) {
	prev := a.now
	a.flows(prev, p)
	a.timeInside(prev, &p)
	if prev.At.IsZero() {
		a.Begin = p
	}
	a.now, a.Last = p, p.At
	a.observeSlowdown(prev, p)
	a.observeStall(prev, p)
	a.observeSurge(prev, p)
	if p.state == sleeping && p.Mailbox == 0 {
		a.endEpisode()
		return
	}
	if a.busy == nil {
		a.busy = &Episode{Before: prev}
	}
	a.busy.add(p)
}

func (a *Actor) observeStall(prev, p Point) {
	if a.stall != nil && (p.state != a.stall.State || !a.stall.From.still(p)) {
		a.endStall()
	}
	switch {
	case p.state == sleeping:
	case a.stall != nil:
		a.stall.To = p
	default:
		a.stall = &Stall{Progress: prev, From: p, To: p, State: p.state}
	}
}

func (a *Actor) endStall() {
	if s := a.stall; s != nil && s.Lasted() >= MinStall {
		if s.State == Waiting {
			if a.LongWaits++; a.FirstWait == nil {
				a.FirstWait = s
			}
		}
		a.stalls = keepWorst(a.stalls, s, func(x, y *Stall) bool { return x.Lasted() < y.Lasted() })
		if len(a.stood) < maxStood {
			a.stood = append(a.stood, s)
		} else {
			a.stood[maxStood-1] = s
		}
	}
	a.stall = nil
}

func (a *Actor) endEpisode() {
	if e := a.busy; e != nil && e.Rows >= 3 && (e.Worst.Mailbox > 0 || e.Waited > 0) {
		a.Episodes = keepWorst(a.Episodes, e, func(x, y *Episode) bool { return x.Worst.Mailbox < y.Worst.Mailbox })
	}
	a.busy = nil
}

// finish ends the actor's observation: it is gone, or the window is over.
func (a *Actor) finish(gone bool) {
	a.Gone = gone
	if a.stall != nil {
		a.stall.Open = !gone
	}
	a.endStall()
	if a.busy != nil {
		a.busy.Open = !gone
	}
	a.endEpisode()
	if a.slow != nil {
		a.slow.Open = !gone
	}
	a.endSlowdown()
}

// keepWorst adds x to list and drops the least one where there are too many;
// never the first, for that is when it began.
func keepWorst[T any](list []T, x T, less func(a, b T) bool) []T {
	list = append(list, x)
	if len(list) <= maxEpisodes {
		return list
	}
	least := 1
	for i := 1; i < len(list); i++ {
		if less(list[i], list[least]) {
			least = i
		}
	}
	return append(list[:least], list[least+1:]...)
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

func (w *Waited) add(a *Actor, p Point) {
	if a.Own() {
		return
	}
	w.Mailbox = max(w.Mailbox, p.Mailbox)
	if age := time.Duration(p.Latency); age > w.Oldest {
		w.Oldest, w.Who, w.When = age, a, p.At
	}
}

// A Slowdown is a stretch in which a process was inside callbacks nearly all the
// time, and each of its messages took many times as long as before.
type Slowdown struct {
	Base, Before Point     // what came before: its first row, and the last one before the slowdown
	To           Point     // the newest row of it
	Woke         time.Time // the first row of a stretch in which it never came to rest; zero where it did
	Rows         int
	Waited       int // of which it was waiting for a response
	Deepest      int64
	Open         bool // it lasts to the last listing

	usual float64 // what a message took before, in s
}

const (
	// dearer is how many times as long as before a message must take: load, a
	// warm-up or a slower machine make it two or three times as dear.
	dearer = 4
	// fewestBefore are the messages from which what a message takes is known.
	fewestBefore = 20
)

// Lasted is for how long it was seen.
func (s *Slowdown) Lasted() time.Duration { return s.To.At.Sub(s.Before.At) }

// Waits reports whether the row shows the process waiting for a response.
func (p Point) Waits() bool { return p.state == Waiting }

// Inside is the share of the time from p to q that was spent inside callbacks.
func Inside(p, q Point) float64 {
	return float64(q.inside-p.inside) / max(float64(q.At.Sub(p.At)), 1)
}

// Takes is how long a message took from p to q, in s, by the time inside
// callbacks; 0 where too few were handled to know.
func Takes(p, q Point) float64 {
	if n := q.Handled() - p.Handled(); n >= fewestBefore {
		return float64(q.inside-p.inside) / 1e9 / float64(n)
	}
	return 0
}

// timeInside sets how long the process has been inside callbacks: its
// RunningTime, and what the callbacks since it last woke up have taken, for that
// is added when the mailbox has drained.
func (a *Actor) timeInside(prev Point, p *Point) {
	if prev.At.IsZero() || p.Wakeups != prev.Wakeups || p.Run != prev.Run || prev.state == sleeping {
		a.woke, a.rest = p.At, prev
	}
	p.inside = p.Run
	if p.state != sleeping {
		p.inside += int64(p.At.Sub(a.woke))
	}
}

func (a *Actor) observeSlowdown(prev, p Point) {
	if prev.At.IsZero() || !p.At.After(prev.At) {
		return
	}
	if s := a.slow; s != nil {
		if s.goesOn(p) {
			return
		}
		a.endSlowdown()
	}
	usual := Takes(a.Begin, prev)
	if usual > 0 && Inside(prev, p) >= 0.5 && each(prev, p) >= dearer*usual {
		a.slow = &Slowdown{Base: a.Begin, Before: prev, usual: usual}
		if a.woke.Before(p.At) && !a.rest.At.IsZero() {
			a.slow.Before, a.slow.Woke = a.rest, a.woke
		}
		a.slow.add(p)
	}
}

// each is how long a message took from p to q, in s, where few were handled.
func each(p, q Point) float64 {
	return float64(q.inside-p.inside) / 1e9 / float64(max(q.Handled()-p.Handled(), 1))
}

// goesOn takes the next row, if the slowdown goes on in it: that is judged
// whenever another message has been handled.
func (s *Slowdown) goesOn(p Point) bool {
	const idle = 2 * CallTimeout
	switch {
	case p.Handled() == s.To.Handled():
		s.Rows++
		if p.state == Waiting {
			s.Waited++
		}
		return p.state != sleeping || p.At.Sub(s.To.At) <= idle
	case Inside(s.To, p) < 0.25 || each(s.To, p) < dearer/2*s.usual:
		return false
	}
	s.add(p)
	return true
}

func (s *Slowdown) add(p Point) {
	s.To, s.Deepest = p, max(s.Deepest, p.Mailbox)
	s.Rows++
	if p.state == Waiting {
		s.Waited++
	}
}

func (a *Actor) endSlowdown() {
	if s := a.slow; s != nil && (a.Slowdown == nil || s.Lasted() > a.Slowdown.Lasted()) {
		a.Slowdown = s
	}
	a.slow = nil
}

// Now is the newest row of the process.
func (a *Actor) Now() Point { return a.now }
