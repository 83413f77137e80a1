// Package schedule holds what a node is asked and when: tasks that are due, no more
// than a few at once, stretched by what they cost. It makes no calls of its own and
// knows no node.
package schedule

import (
	"cmp"
	"context"
	"sync"
	"time"

	"ergorecorder/recorder/clock"
	"ergorecorder/recorder/cost"
)

// A Task is something that a node is asked regularly.
type Task struct {
	Name   string
	Every  time.Duration // the shortest interval
	Probe  bool          // goes on while the node is lost, to find out when it is back
	Vital  bool          // every verdict needs it: the budget stretches it only so far
	Steady bool          // goes on while a worker of the node is held for long
	Later  bool          // first due when its interval has passed
	// Do makes the calls of the task and notes in the run what came of them.
	Do func(ctx context.Context, r *Run)

	// Under the schedule's lock:
	due     time.Time
	running bool
	again   bool       // it is to be done once more at once
	stretch float64    // by which the budget lengthens the interval; 1 or more
	rests   int        // how often in a row it timed out
	costs   cost.Costs // of the last runs
	passed  cost.Costs // what they cost who forwarded them
	sure    sureCosts  // the same of those of which it is known
}

// sureCosts are those of runs that were put together from calls of which it is known what they
// cost. Waiting is taken off of each call; runs may differ, as listings in pieces do, and all count.
type sureCosts struct{ costs, passed cost.Costs }

// service is what a run costs the node, and who forwards it.
func (t *Task) service() (node, entry time.Duration) {
	if t.sure.costs.Len() >= cost.Enough {
		return t.sure.costs.Mean(), t.sure.passed.Mean()
	}
	return t.costs.Service(), t.passed.Service()
}

// A Run is one turn of a task.
type Run struct {
	Calls     int           // made
	Spent     time.Duration // what they cost the node, by the budget's rules
	Passed    time.Duration // what they cost who forwarded them
	TimedOut  bool          // one of its calls did
	Guessed   time.Duration // of Spent, what is not known yet from enough calls of the form
	Postponed bool          // it could not be done now, and is to be soon
	Soon      time.Duration // when it has to be done again though its interval is longer; 0: it has not
	Rest      time.Duration // how long it is not to be done again though its interval is shorter
}

// Add takes in what a call of the run, noted by itself, cost.
func (r *Run) Add(one Run) {
	r.Calls += one.Calls
	r.Spent += one.Spent
	r.Passed += one.Passed
	r.Guessed += one.Guessed
}

// A Schedule holds the tasks of one node and runs those that are due, no more
// than a few at once. A task that is running is not due: nothing piles up
// behind a slow call.
type Schedule struct {
	clock *clock.Clock
	pace  Pace
	slots chan struct{}
	wake  chan struct{}

	mu      sync.Mutex
	tasks   []*Task
	lost    bool          // only probes run
	shy     time.Time     // until then as well: a forwarded call timed out
	faster  float64       // by which intervals are shorter, at an incident; 1 or more
	hurried int           // incidents that want intervals shorter
	held    int           // who wants no call to begin
	spared  int           // who wants only steady tasks to begin
	part    float64       // of the node's time that a task may have by the last balance; 0 before
	lag     time.Duration // how late the last task began
}

// A Pace is how a schedule goes.
type Pace struct {
	Jitter   func() float64                   // numbers in [0, 1) that spread tasks
	Share    float64                          // of the node's time that may go into our calls; 0 is without bound
	Parallel int                              // calls under way at once
	Knock    func(timeouts int) time.Duration // when to ask a lost node again
}

// New makes a schedule that follows a clock.
func New(c *clock.Clock, p Pace) *Schedule {
	return &Schedule{
		clock: c, pace: p, faster: 1,
		slots: make(chan struct{}, p.Parallel),
		wake:  make(chan struct{}, 1),
	}
}

// Add enters a task. It is first due within a second or its interval,
// whichever is shorter, at a moment left to chance; one that comes later is
// first due when its interval has passed.
func (s *Schedule) Add(t *Task) {
	t.stretch = 1
	wait := time.Duration(s.pace.Jitter() * float64(min(t.Every, time.Second)))
	if t.Later && !s.clock.Replayed() {
		wait += t.Every
	}
	s.mu.Lock()
	t.due = s.clock.Steady().Add(wait)
	s.tasks = append(s.tasks, t)
	s.mu.Unlock()
	s.rouse()
}

// rouse makes the loop look again at what is due.
func (s *Schedule) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Loop runs tasks as they become due until halt is closed, and returns when
// none is running any more. ctx is that of the calls.
func (s *Schedule) Loop(ctx context.Context, halt <-chan struct{}) {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case s.slots <- struct{}{}:
		case <-halt:
			return
		}
		t := s.take(halt)
		if t == nil {
			<-s.slots
			return
		}
		running.Go(func() {
			defer func() { <-s.slots }()
			var r Run
			t.Do(ctx, &r)
			s.done(t, r)
		})
	}
}

// Sweep runs every task once, at once.
func (s *Schedule) Sweep(ctx context.Context) {
	s.mu.Lock()
	tasks := s.tasks
	s.mu.Unlock()
	for _, t := range tasks {
		if ctx.Err() == nil {
			t.Do(ctx, &Run{})
		}
	}
}

// take waits for a task to become due and takes it; nil when halt is closed.
func (s *Schedule) take(halt <-chan struct{}) *Task {
	for {
		t, wait := s.first()
		if t != nil && wait <= 0 {
			return t
		}
		if wait <= 0 {
			wait = time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-halt:
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// first takes the task that is due, or says how long to wait for the next.
func (s *Schedule) first() (*Task, time.Duration) {
	now := s.clock.Steady()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held > 0 {
		return nil, 0
	}
	var next *Task
	for _, t := range s.tasks {
		if !t.running && (t.Probe || !s.lost && !now.Before(s.shy)) && (s.spared == 0 || t.Steady) && (next == nil || t.due.Before(next.due)) {
			next = t
		}
	}
	if next == nil {
		return nil, 0
	}
	if wait := next.due.Sub(now); wait > 0 {
		if shy := s.shy.Sub(now); shy > 0 && !s.lost {
			wait = min(wait, shy)
		}
		return nil, max(s.clock.Wall(wait), time.Microsecond)
	}
	next.running = true
	s.lag = now.Sub(next.due)
	return next, 0
}

// postponement is when a task that could not be done is due again.
const postponement = 5 * time.Second

// done enters a task again. What was missed is not made up for.
func (s *Schedule) done(t *Task, r Run) {
	now := s.clock.Steady()
	s.mu.Lock()
	t.rests++
	if !r.TimedOut {
		t.rests = 0
	}
	if r.Postponed {
		t.due = now.Add(postponement)
	} else {
		if r.Calls > 0 { // a run that had nothing to ask says nothing of what one costs
			t.costs.Add(r.Spent)
			t.costs.Sure = 2*r.Guessed <= r.Spent
			t.passed.Add(r.Passed)
			if t.costs.Sure {
				t.sure.costs.Add(r.Spent)
				t.sure.passed.Add(r.Passed)
			}
		}
		t.due = t.due.Add(max(s.interval(t), s.recovery(t, &r), s.unhurried(r.Rest)))
	}
	if r.Soon > 0 && t.due.After(now.Add(r.Soon)) {
		t.due = now.Add(r.Soon)
	}
	if t.due.Before(now) || t.again {
		t.due = now
	}
	t.running, t.again = false, false
	s.mu.Unlock()
	s.rouse()
}

// How long a task that timed out is left alone, at least after the first time
// and at most.
const (
	firstRest = 5 * time.Second
	lastRest  = 10 * time.Minute
)

// Backoff is how long to leave alone what timed out so many times in a row.
func Backoff(times int) time.Duration {
	if times > 16 {
		return lastRest
	}
	return min(firstRest<<(times-1), lastRest)
}

// interval is the time from one run of a task to the next: jittered by a
// twentieth, stretched by the budget, shortened at an incident, doubled with
// every time-out in a row.
func (s *Schedule) interval(t *Task) time.Duration {
	d := float64(t.Every) * t.stretch / s.faster
	if !s.clock.Replayed() {
		d *= 0.95 + 0.1*s.pace.Jitter()
	}
	switch {
	case t.Probe && s.lost:
		return s.pace.Knock(t.rests)
	case t.rests > 0:
		return max(time.Duration(d), Backoff(t.rests))
	}
	return time.Duration(d)
}

// unhurried is how long a task is not to be done again: shorter at an incident,
// as its interval is.
func (s *Schedule) unhurried(rest time.Duration) time.Duration {
	return time.Duration(float64(rest) / s.faster)
}

// Now makes the tasks due that are picked.
func (s *Schedule) Now(pick func(*Task) bool) {
	now := s.clock.Steady()
	s.mu.Lock()
	for _, t := range s.tasks {
		if pick(t) && t.due.After(now) {
			t.due = now
		}
	}
	s.mu.Unlock()
	s.rouse()
}

// Anew makes the tasks due that are picked; of one that is running the answer may be from
// before, so it is done once more.
func (s *Schedule) Anew(pick func(*Task) bool) {
	s.mu.Lock()
	for _, t := range s.tasks {
		t.again = t.again || t.running && pick(t)
	}
	s.mu.Unlock()
	s.Now(pick)
}

// recovery is how long a node has to be left alone after a run by the budget,
// even if nothing else were asked of it. As long as it is not known what a run
// costs, it is what this one asks for with the part that others leave it, and no more than
// twice its interval, or than what is known of this one asks for.
func (s *Schedule) recovery(t *Task, r *Run) time.Duration {
	if s.pace.Share <= 0 || s.clock.Replayed() {
		return 0
	}
	if !t.costs.Known() {
		rest := time.Duration(float64(r.Spent) / min(s.pace.Share, cmp.Or(s.part, s.pace.Share)))
		return min(rest, max(2*t.Every, time.Duration(float64(r.Spent-r.Guessed)/s.pace.Share)))
	}
	node, _ := t.service()
	return min(time.Duration(float64(r.Spent)/s.pace.Share), t.bound(node, s.pace.Share))
}

// Hold lets no call begin until release is called, or only those of steady
// tasks: a worker of the node is held, and each call that begins may wait behind
// it.
func (s *Schedule) Hold(all bool) (release func()) {
	held := &s.spared
	if all {
		held = &s.held
	}
	s.mu.Lock()
	*held++
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		*held--
		s.mu.Unlock()
		s.rouse()
	}
}

// Rest lets only probes run for a while, the first at once; zero ends that.
func (s *Schedule) Rest(d time.Duration) {
	s.mu.Lock()
	s.shy = time.Time{}
	if d > 0 {
		s.shy = s.clock.Steady().Add(d)
	}
	s.mu.Unlock()
	if d > 0 {
		s.Now(func(t *Task) bool { return t.Probe })
	}
	s.rouse()
}

// SetLost lets only probes run, or all tasks again.
func (s *Schedule) SetLost(lost bool) {
	s.mu.Lock()
	s.lost = lost
	s.mu.Unlock()
	s.rouse()
}

// StretchOf is by how much the interval of a task is lengthened.
func (s *Schedule) StretchOf(t *Task) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.stretch
}

// Hurry shortens all intervals while incidents that want it are open; Calm
// ends what Hurry began.
func (s *Schedule) Hurry(faster float64) {
	now := s.clock.Steady()
	s.mu.Lock()
	s.hurried++
	s.faster = faster
	for _, t := range s.tasks {
		if soon := now.Add(s.interval(t)); !t.running && t.due.After(soon) {
			t.due = soon
		}
	}
	s.mu.Unlock()
	s.rouse()
}

// Calm ends what Hurry began.
func (s *Schedule) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hurried--; s.hurried == 0 {
		s.faster = 1
	}
}

// Figures are how late the last task began, and the longest stretch.
func (s *Schedule) Figures() (lag time.Duration, stretch float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stretch = 1
	for _, t := range s.tasks {
		stretch = max(stretch, t.stretch)
	}
	return s.lag, stretch
}
