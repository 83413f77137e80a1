package world

import (
	"fmt"
	"slices"
	"time"
)

// A Spec says what a process is and does. What changes it while the world runs
// holds from the next message on, and for the lives after a restart.
type Spec struct {
	Name, Behavior, Kind, App string
	Parent                    *Spec // its supervisor, its pool, or whoever started it
	Count                     int   // its place among its siblings

	Rate    float64       // messages a second from outside
	Timers  float64       // messages a second that it sends to itself by timers
	Urgent  float64       // of these messages from outside, those that go before others, a second
	Steady  bool          // they come evenly spaced and take equally long
	Service time.Duration // of one message
	Outside string        // the function that waits for something outside; "" where the service is CPU
	Calls   []Call
	Sends   []Send
	Limit   int // of the mailbox; 0: none

	Alloc   float64 // bytes that a message allocates
	Keep    float64 // bytes of it that are kept
	KeepMax float64 // what is kept at most, as of a cache; 0: without end
	Spawn   *Spawn
	Publish *Event
	WarmUp  time.Duration // how long after its start messages are dearer

	// A supervisor restarts its children, at most Intensity times in Period.
	Intensity int
	Period    time.Duration
	Mute      bool          // it answers no call
	Later     time.Duration // it answers each call so much later, and takes others meanwhile
	Fragile   bool          // it dies of a call that is not answered in time
	Together  bool          // a supervisor's children end and are restarted together
	Transient bool          // children that end normally are not restarted
	Fresh     bool          // a restarted one has another name
	OnDemand  bool          // its children are made when they are asked for
	Chances   int           // after so many restarts of its own its supervisor goes on without it; 0: never
	Crew      []*Spec       // the workers of a pool

	Panics   func() bool // asked at each message; nil: never
	Doom     time.Duration
	Reason   string // of its abnormal ends; "" is a panic
	Grumbles string // what it logs as an error when a call fails
	Log      string // what it logs at info now and then

	node *Node
	live *Process // the latest one
	born int
}

// A Call is made for each message, until it is answered or for so long.
type Call struct {
	To      []*Spec
	Timeout time.Duration
	Share   float64 // of the messages that call
}

// A Send goes to one of the targets, so many for each message. Without targets
// it goes to a process that does not exist.
type Send struct {
	To    []*Spec
	Count float64
}

// Spawn is what a message starts.
type Spawn struct {
	Child Spec
	Share float64 // of the messages
	Life  time.Duration
	Stay  int // one in so many never ends; 0: none, 1: all
}

// A message may stand for several that come together.
type message struct {
	weight  int
	arrived time.Duration
	from    *Process
	call    uint64
	ball    bool // goes back to whom it came from, without end
	urgent  bool // goes before those that are not
}

// A call is one that waits for its answer.
type call struct {
	by   *Process
	life int
	to   *Process
}

// A Process is one life of a spec.
type Process struct {
	spec   *Spec
	node   *Node
	pid    int
	name   string
	parent *Process
	born   time.Duration
	old    time.Duration // how long it had lived when the world began
	life   int
	dead   bool
	zombee bool

	mailbox []message
	depth   int // of the mailbox, in messages
	current message
	working bool // in a callback
	onCPU   bool
	waiting uint64 // the call that it waits for
	asking  *Spec
	todo    []Call
	began   time.Duration // of the callback
	woke    time.Duration
	since   time.Duration // of the state
	block   *block
	held    bool // a callback does not return because of the block

	in, out, wakeups    int64
	running, unreported time.Duration
	cpu                 time.Duration
	kept, allocated     float64
	dropped, forwarded  int64
	restarts            []time.Duration
	workerRestarts      int
	history             []noted
	disabled            int
	discarded           int64 // of a router
	next                int   // worker or target
	children            []*Process
}

// A block is a stretch in which the callback that is under way, or the next
// one, does not return.
type block struct {
	on string // see [blockedOn]
	fn string
}

func (s *Spec) alive() *Process {
	if s.live == nil || s.live.dead {
		return nil
	}
	return s.live
}

// start makes a process of a spec.
func (n *Node) start(s *Spec) *Process {
	n.lastPID++
	s.node = n
	p := &Process{spec: s, node: n, pid: n.lastPID, born: n.world.now, since: n.world.now, name: s.Name}
	if s.Fresh {
		p.name = fmt.Sprintf("%s_%d", s.Name, 7001+s.born)
	}
	s.born++
	s.live = p
	if s.Parent != nil {
		if up := s.Parent.alive(); up != nil {
			p.parent = up
			up.children = append(up.children, p)
		}
	}
	n.procs = append(n.procs, p)
	n.spawned++
	p.wakeups = 1
	p.spec.node.alloc(p, 2000)
	p.nextTick()
	if s.Doom > 0 {
		n.world.queue.push(event{at: n.world.now + n.world.spread(s.Doom), do: p.whileAlive(func() { p.end(s.reason()) })})
	}
	return p
}

func (p *Process) whileAlive(do func()) func() {
	life := p.life
	return func() {
		if !p.dead && p.life == life {
			do()
		}
	}
}

// maxTicks is how many arrivals a second are told apart; of more, some come
// together.
const maxTicks = 100

func (p *Process) nextTick() {
	s := p.spec
	rate := p.rate()
	if rate <= 0 {
		return
	}
	weight := 1
	if rate > maxTicks && len(s.Calls) == 0 && s.Limit == 0 {
		weight = int(rate / maxTicks)
	}
	step := float64(weight) / rate
	if !s.Steady {
		step *= p.node.world.rng.ExpFloat64()
	}
	p.node.world.queue.push(event{at: p.node.world.now + time.Duration(step*1e9), kind: ticks, p: p, life: p.life, msg: message{weight: weight}})
}

func (p *Process) tick() {
	weight := 1
	rate := p.rate()
	if rate > maxTicks && len(p.spec.Calls) == 0 && p.spec.Limit == 0 {
		weight = int(rate / maxTicks)
	}
	if p.spec.Timers > 0 && p.node.world.rng.Float64() < p.spec.Timers/rate {
		p.out += int64(weight)
	}
	urgent := p.spec.Urgent > 0 && p.node.world.rng.Float64() < p.spec.Urgent/rate
	p.receive(message{weight: weight, urgent: urgent})
	if !p.dead {
		p.nextTick()
	}
}

// rate is how many messages a second come from outside and from its timers.
func (p *Process) rate() float64 {
	return p.spec.Rate*p.node.loadFactor() + p.spec.Urgent + p.spec.Timers
}

// retick begins the arrivals anew, at another rate.
func (p *Process) retick() {
	for i := range p.node.world.queue.events {
		if e := &p.node.world.queue.events[i]; e.kind == ticks && e.p == p {
			e.life = -1
		}
	}
	p.nextTick()
}

// receive puts a message into the mailbox.
func (p *Process) receive(m message) bool {
	w := p.node.world
	m.arrived = w.now
	if p.spec.Kind == "pool" {
		return p.forward(m)
	}
	if p.zombee || p.spec.Limit > 0 && p.depth+m.weight > p.spec.Limit {
		p.dropped += int64(m.weight)
		return false
	}
	p.in += int64(m.weight)
	at := len(p.mailbox)
	for m.urgent && at > 0 && !p.mailbox[at-1].urgent {
		at--
	}
	p.mailbox = slices.Insert(p.mailbox, at, m)
	p.depth += m.weight
	if !p.working {
		p.woke = w.now
		p.since = w.now
		p.begin()
	}
	return true
}

// queues is how many messages wait in the urgent queue, and how old the oldest of both
// queues is.
func (p *Process) queues() (urgent int, oldestUrgent, oldestMain time.Duration) {
	for _, m := range p.mailbox {
		age := p.node.world.now - m.arrived
		if !m.urgent {
			return urgent, oldestUrgent, age
		}
		urgent += m.weight
		oldestUrgent = max(oldestUrgent, age)
	}
	return urgent, oldestUrgent, 0
}

// forward gives a message of a pool to the next worker that has room.
func (p *Process) forward(m message) bool {
	p.in += int64(m.weight)
	p.wakeups += int64(m.weight)
	p.use(2 * time.Microsecond * time.Duration(m.weight))
	workers := p.children
	for range workers {
		p.next = (p.next + 1) % len(workers)
		if workers[p.next].receive(m) {
			p.out += int64(m.weight)
			p.forwarded += int64(m.weight)
			return true
		}
	}
	p.dropped += int64(m.weight)
	p.node.log(p, "error", "no available worker process. ignored message from "+p.node.pidText(max(1, p.pid-1)))
	return false
}

// use takes CPU off at once, for what is too short to be told apart.
func (p *Process) use(d time.Duration) {
	p.cpu += d
	p.running += d
	p.node.used += d
}

// begin takes the next message.
func (p *Process) begin() {
	w, s := p.node.world, p.spec
	p.current = p.mailbox[0]
	p.mailbox = p.mailbox[1:]
	p.depth -= p.current.weight
	p.working, p.began = true, w.now
	if s.Panics != nil && s.Panics() {
		p.end(s.reason())
		return
	}
	need := s.Service
	if !s.Steady {
		need = w.spread(need)
	}
	if s.WarmUp > 0 && w.now-p.born+p.old < s.WarmUp {
		need = time.Duration(float64(need) * (1 + 4*(1-float64(w.now-p.born+p.old)/float64(s.WarmUp))))
	}
	need *= time.Duration(p.current.weight)
	took := need
	if s.Outside == "" {
		p.cpu += need
		p.node.used += need
		p.onCPU = true
		took = p.node.share(need)
		p.node.busy++
	}
	w.queue.push(event{at: w.now + took, kind: worked, p: p, life: p.life})
}

// worked is when the callback has done its own part.
func (p *Process) worked() {
	if p.onCPU {
		p.onCPU = false
		p.node.busy--
	}
	if p.block != nil {
		p.held = true
		return
	}
	w, s := p.node.world, p.spec
	weight := float64(p.current.weight)
	p.node.alloc(p, (s.Alloc+200)*weight)
	if s.Keep > 0 {
		keep := s.Keep * weight
		if s.KeepMax > 0 {
			keep *= max(0, 1-p.kept/s.KeepMax) // what a cache has is not kept twice
		}
		p.kept += keep
	}
	if s.Spawn != nil {
		for range w.chance(s.Spawn.Share * weight) {
			p.spawn(s.Spawn)
		}
	}
	if s.Publish != nil {
		s.Publish.publish(p, p.current.weight)
	}
	for _, send := range s.Sends {
		if n := w.chance(send.Count * weight); n > 0 {
			p.send(send.To, n)
		}
	}
	if p.current.ball && p.current.from != nil && !p.current.from.dead {
		p.out += int64(p.current.weight)
		p.deliver(p.current.from, message{weight: p.current.weight, from: p, ball: true})
	}
	p.todo = append(p.todo[:0], s.Calls...)
	p.proceed()
}

// proceed makes the next call of the callback, or ends it.
func (p *Process) proceed() {
	w := p.node.world
	for len(p.todo) > 0 {
		c := p.todo[0]
		p.todo = p.todo[1:]
		if c.Share > 0 && w.rng.Float64() >= c.Share {
			continue
		}
		p.ask(c)
		return
	}
	p.finish()
}

func (p *Process) finish() {
	w := p.node.world
	if p.dead {
		return
	}
	if m := p.current; m.call != 0 {
		p.answer(m)
	}
	p.unreported += w.now - p.began
	p.working = false
	if len(p.mailbox) > 0 {
		p.begin()
		return
	}
	p.running += p.unreported
	p.unreported = 0
	p.wakeups += int64(p.current.weight)
	p.since = w.now
}

// send gives messages to one of the targets.
func (p *Process) send(to []*Spec, n int) {
	p.out += int64(n)
	if len(to) == 0 {
		p.node.sendErrorsLocal += int64(n)
		for range min(n, 3) {
			p.node.log(p, "error", "unable to deliver to "+p.node.pidText(977)+": unknown process")
		}
		return
	}
	p.next++
	target := to[p.next%len(to)]
	q := target.alive()
	if q == nil {
		if target.node == p.node || target.node == nil {
			p.node.sendErrorsLocal += int64(n)
		} else {
			p.node.sendErrorsRemote += int64(n)
		}
		return
	}
	p.deliver(q, message{weight: n, from: p})
}

// deliver brings a message to a process, over a link where it must.
func (p *Process) deliver(q *Process, m message) bool {
	if q.node == p.node {
		if !q.receive(m) && q.spec.Limit > 0 && q.spec.Kind != "pool" {
			p.node.sendErrorsLocal += int64(m.weight)
		}
		return true
	}
	l := p.node.world.Link(p.node, q.node)
	delay, ok := l.carry(p.node, m.weight)
	if !ok {
		p.node.sendErrorsRemote += int64(m.weight)
		return false
	}
	if delay >= 0 {
		p.node.world.queue.push(event{at: p.node.world.now + delay, kind: arrives, p: q, life: q.life, msg: m})
		l.arrive(p.node, q.node, m.weight, delay)
	}
	return true
}

// ask calls another process and waits.
func (p *Process) ask(c Call) {
	w := p.node.world
	p.next++
	target := c.To[p.next%len(c.To)]
	q := target.alive()
	p.out++
	p.asking = target
	if q == nil || q.node != p.node && !w.Link(p.node, q.node).Up {
		reason := "unknown process"
		if q == nil && target.node != nil && target.node != p.node || q != nil {
			reason = "no route"
		}
		p.node.callFailed(target)
		p.failed(reason)
		p.proceed()
		return
	}
	w.lastID++
	id := w.lastID
	w.calls[id] = &call{by: p, life: p.life, to: q}
	p.waiting, p.since = id, w.now
	if !p.deliver(q, message{weight: 1, from: p, call: id}) {
		delete(w.calls, id)
		p.waiting = 0
		p.node.callFailed(target)
		p.failed("no connection")
		p.proceed()
		return
	}
	if w.calls[id] == nil {
		return // answered at once
	}
	w.in(c.Timeout, func() { p.node.awake(func() { p.timedOut(id, target) }) })
}

func (p *Process) timedOut(id uint64, target *Spec) {
	if p.waiting != id || p.dead {
		return
	}
	delete(p.node.world.calls, id)
	p.waiting, p.since = 0, p.node.world.now
	p.node.callFailed(target)
	p.failed("timed out")
	if p.spec.Fragile {
		why := p.spec.Reason
		if why == "" {
			why = target.Name + ": timed out"
		}
		p.end(why)
		return
	}
	p.release()
}

func (p *Process) failed(why string) {
	if p.spec.Grumbles != "" {
		p.node.log(p, "error", p.spec.Grumbles+" failed: "+why)
	}
}

// answer replies to whoever called.
func (p *Process) answer(m message) {
	if p.spec.Mute {
		return
	}
	w := p.node.world
	if p.spec.Later > 0 {
		w.in(w.spread(p.spec.Later), p.whileAlive(func() { p.reply(m) }))
		return
	}
	p.reply(m)
}

func (p *Process) reply(m message) {
	w := p.node.world
	c := w.calls[m.call]
	if c == nil {
		return // it does not wait any more
	}
	p.out++
	back := func() {
		if w.calls[m.call] != c {
			return
		}
		delete(w.calls, m.call)
		if q := c.by; !q.dead && q.life == c.life && q.waiting == m.call {
			q.waiting, q.since = 0, w.now
			q.release()
		}
	}
	if c.by.node == p.node {
		w.in(0, back)
		return
	}
	l := w.Link(p.node, c.by.node)
	if delay, ok := l.carry(p.node, 1); ok && delay >= 0 {
		l.arrive(p.node, c.by.node, 1, delay)
		w.in(delay, func() { c.by.node.awake(back) })
	}
}

// release goes on after a call, unless the callback is held.
func (p *Process) release() {
	if p.block != nil {
		p.held = true
		p.todo = p.todo[:0]
		return
	}
	p.proceed()
}

// Block lets the callback under way, or the next one, hang; on says on what:
// "lock", "file", "network", "channel", "sleep" or "loop".
func (p *Process) Block(on, fn string) {
	if fn == "" {
		fn = p.spec.function("HandleMessage")
	}
	p.block = &block{on: on, fn: fn}
}

// Unblock lets it go on.
func (p *Process) Unblock() {
	p.block = nil
	if p.held {
		p.held = false
		if p.zombee {
			p.gone()
			return
		}
		p.todo = p.todo[:0]
		p.proceed()
	}
}

// Kill ends a process. One that is in a callback becomes a zombee until the
// callback returns.
func (p *Process) Kill() {
	if p.working && p.block != nil {
		p.zombee, p.since = true, p.node.world.now
		p.spec.live = nil
		p.mailbox, p.depth = nil, 0
		p.leave()
		return
	}
	p.end("killed")
}

// spawn starts a child.
func (p *Process) spawn(s *Spawn) {
	child := s.Child
	child.Parent, child.App = p.spec, p.spec.App
	c := p.node.start(&child)
	p.use(5 * time.Microsecond)
	if s.Stay == 1 || s.Stay > 1 && p.node.world.rng.IntN(s.Stay) == 0 || s.Life == 0 {
		return
	}
	w := p.node.world
	w.in(w.spread(s.Life), c.whileAlive(func() { c.end("normal") }))
}

func (s *Spec) reason() string {
	if s.Reason == "" {
		return "panic"
	}
	return s.Reason
}

// end lets the process die, and its supervisor know.
func (p *Process) end(reason string) {
	if p.dead {
		return
	}
	switch reason {
	case "normal", "shutdown", "killed":
	case "panic":
		p.node.log(p, "panic", "Actor terminated. Panic reason: runtime error: index out of range [4] with length 4 at "+p.spec.function("HandleMessage"))
		fallthrough
	default:
		p.node.log(p, "error", "process terminated abnormally - "+reason)
	}
	p.gone()
	p.leave()
	up := p.parent
	switch {
	case up == nil || up.dead:
		if p.spec.Kind == "supervisor" && p.spec.Parent == nil && reason != "shutdown" && reason != "normal" {
			p.node.stopApp(p.spec.App, reason)
		}
	case up.spec.Kind == "pool" && reason != "shutdown":
		up.workerRestarts++
		p.node.start(p.spec)
	case up.spec.Kind == "supervisor":
		up.childEnded(p, reason)
	}
}

// gone takes the process off the node.
func (p *Process) gone() {
	if p.dead {
		return
	}
	p.dead = true
	p.life++
	if p.onCPU {
		p.onCPU = false
		p.node.busy--
	}
	p.node.burned[p.spec.function("HandleMessage")] += p.cpu
	p.node.allocated[p.spec.function("keep")] += p.allocated
	p.node.procs = slices.DeleteFunc(p.node.procs, func(q *Process) bool { return q == p })
	p.node.terminated++
	for _, c := range slices.Clone(p.children) {
		if c.spec.Kind != "" && p.spec.Kind == "supervisor" || p.spec.Kind == "pool" || c.parent == p {
			c.parent = nil
			c.end("shutdown")
		}
	}
	if p.parent != nil {
		p.leave()
	}
}

func (p *Process) leave() {
	if p.parent != nil {
		p.parent.children = slices.DeleteFunc(p.parent.children, func(q *Process) bool { return q == p })
	}
}
