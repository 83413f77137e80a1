package recorder

import (
	"context"
	"sync"
	"time"

	"ergorecorder/recorder/clock"
	"ergorecorder/recorder/cost"
)

// A task is something that a node is asked regularly.
type task struct {
	name   string
	every  time.Duration // the shortest interval
	probe  bool          // goes on while the node is lost, to find out when it is back
	vital  bool          // every verdict needs it: the budget stretches it only so far
	steady bool          // goes on while a worker of the node is held for long
	later  bool          // first due when its interval has passed
	// do makes the calls of the task and notes in the run what came of them.
	do func(ctx context.Context, r *run)

	// Under the schedule's lock:
	due     time.Time
	running bool
	stretch float64    // by which the budget lengthens the interval; 1 or more
	rests   int        // how often in a row it timed out
	costs   cost.Costs // of the last runs
	passed  cost.Costs // what they cost who forwarded them
}

// A run is one turn of a task.
type run struct {
	calls     int           // made
	spent     time.Duration // what they cost the node, by the budget's rules
	passed    time.Duration // what they cost who forwarded them
	timedOut  bool          // one of its calls did
	guessed   time.Duration // of spent, what is not known yet from enough calls of the form
	postponed bool          // it could not be done now, and is to be soon
	soon      time.Duration // when it has to be done again though its interval is longer; 0: it has not
	rest      time.Duration // how long it is not to be done again though its interval is shorter
}

// add takes in what a call of the run, noted by itself, cost.
func (r *run) add(one run) {
	r.calls += one.calls
	r.spent += one.spent
	r.passed += one.passed
	r.guessed += one.guessed
}

// A schedule holds the tasks of one node and runs those that are due, no more
// than a few at once. A task that is running is not due: nothing piles up
// behind a slow call.
type schedule struct {
	clock  *clock.Clock
	jitter func() float64
	share  float64 // of the node's time that may go into our calls; 0 is without bound
	slots  chan struct{}
	knock  func(timeouts int) time.Duration // when to ask a lost node again
	wake   chan struct{}

	mu      sync.Mutex
	tasks   []*task
	lost    bool          // only probes run
	shy     time.Time     // until then as well: a forwarded call timed out
	faster  float64       // by which intervals are shorter, at an incident; 1 or more
	hurried int           // incidents that want intervals shorter
	held    int           // who wants no call to begin
	spared  int           // who wants only steady tasks to begin
	lag     time.Duration // how late the last task began
}

func newSchedule(c *clock.Clock, o *Options) *schedule {
	return &schedule{
		clock: c, jitter: o.Jitter, share: o.Budget, faster: 1,
		slots: make(chan struct{}, o.Parallel),
		wake:  make(chan struct{}, 1),
	}
}

// add enters a task. It is first due within a second or its interval,
// whichever is shorter, at a moment left to chance; one that comes later is
// first due when its interval has passed.
func (s *schedule) add(t *task) {
	t.stretch = 1
	wait := time.Duration(s.jitter() * float64(min(t.every, time.Second)))
	if t.later && !s.clock.Replayed() {
		wait += t.every
	}
	s.mu.Lock()
	t.due = s.clock.Steady().Add(wait)
	s.tasks = append(s.tasks, t)
	s.mu.Unlock()
	s.rouse()
}

// rouse makes the loop look again at what is due.
func (s *schedule) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// loop runs tasks as they become due until halt is closed, and returns when
// none is running any more. ctx is that of the calls.
func (s *schedule) loop(ctx context.Context, halt <-chan struct{}) {
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
			var r run
			t.do(ctx, &r)
			s.done(t, r)
		})
	}
}

// sweep runs every task once, at once.
func (s *schedule) sweep(ctx context.Context) {
	s.mu.Lock()
	tasks := s.tasks
	s.mu.Unlock()
	for _, t := range tasks {
		if ctx.Err() == nil {
			t.do(ctx, &run{})
		}
	}
}

// take waits for a task to become due and takes it; nil when halt is closed.
func (s *schedule) take(halt <-chan struct{}) *task {
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
func (s *schedule) first() (*task, time.Duration) {
	now := s.clock.Steady()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held > 0 {
		return nil, 0
	}
	var next *task
	for _, t := range s.tasks {
		if !t.running && (t.probe || !s.lost && !now.Before(s.shy)) && (s.spared == 0 || t.steady) && (next == nil || t.due.Before(next.due)) {
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
func (s *schedule) done(t *task, r run) {
	now := s.clock.Steady()
	s.mu.Lock()
	t.rests++
	if !r.timedOut {
		t.rests = 0
	}
	if r.postponed {
		t.due = now.Add(postponement)
	} else {
		if r.calls > 0 { // a run that had nothing to ask says nothing of what one costs
			t.costs.Add(r.spent)
			t.costs.Sure = 2*r.guessed <= r.spent
			t.passed.Add(r.passed)
		}
		t.due = t.due.Add(max(s.interval(t), s.recovery(t, r.spent), s.unhurried(r.rest)))
	}
	if r.soon > 0 && t.due.After(now.Add(r.soon)) {
		t.due = now.Add(r.soon)
	}
	if t.due.Before(now) {
		t.due = now
	}
	t.running = false
	s.mu.Unlock()
	s.rouse()
}

// How long a task that timed out is left alone, at least after the first time
// and at most.
const (
	firstRest = 5 * time.Second
	lastRest  = 10 * time.Minute
)

// interval is the time from one run of a task to the next: jittered by a
// twentieth, stretched by the budget, shortened at an incident, doubled with
// every time-out in a row.
func (s *schedule) interval(t *task) time.Duration {
	d := float64(t.every) * t.stretch / s.faster
	if !s.clock.Replayed() {
		d *= 0.95 + 0.1*s.jitter()
	}
	switch {
	case t.probe && s.lost:
		return s.knock(t.rests)
	case t.rests > 0:
		return max(time.Duration(d), backoff(t.rests))
	}
	return time.Duration(d)
}

// unhurried is how long a task is not to be done again: shorter at an incident,
// as its interval is.
func (s *schedule) unhurried(rest time.Duration) time.Duration {
	return time.Duration(float64(rest) / s.faster)
}

// now makes the tasks due that are picked.
func (s *schedule) now(pick func(*task) bool) {
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

// recovery is how long a node has to be left alone after a run by the budget,
// even if nothing else were asked of it; as long as it is not known what a run
// costs, no more than twice its interval.
func (s *schedule) recovery(t *task, spent time.Duration) time.Duration {
	if s.share <= 0 || s.clock.Replayed() {
		return 0
	}
	rest := time.Duration(float64(spent) / s.share)
	if !t.costs.Known() {
		return min(rest, 2*t.every)
	}
	return min(rest, t.bound(t.costs.Service(), s.share))
}

// hold lets no call begin until release is called, or only those of steady
// tasks: a worker of the node is held, and each call that begins may wait behind
// it.
func (s *schedule) hold(all bool) (release func()) {
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

// rest lets only probes run for a while, the first at once; zero ends that.
func (s *schedule) rest(d time.Duration) {
	s.mu.Lock()
	s.shy = time.Time{}
	if d > 0 {
		s.shy = s.clock.Steady().Add(d)
	}
	s.mu.Unlock()
	if d > 0 {
		s.now(func(t *task) bool { return t.probe })
	}
	s.rouse()
}

// setLost lets only probes run, or all tasks again.
func (s *schedule) setLost(lost bool) {
	s.mu.Lock()
	s.lost = lost
	s.mu.Unlock()
	s.rouse()
}

// stretchOf is by how much the interval of a task is lengthened.
func (s *schedule) stretchOf(t *task) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.stretch
}
