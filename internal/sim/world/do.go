package world

import (
	"math/rand/v2"
	"slices"
	"time"
)

// What happens to processes while a world runs. A spec that has no process
// alive at the time is left alone, apart from what holds for its later lives.

// Node is where the spec's processes live.
func (s *Spec) Node() *Node { return s.node }

// Block lets the callback under way, or the next one, hang: see
// [Process.Block].
func (s *Spec) Block(on, fn string) (unblock func()) {
	p := s.alive()
	if p == nil {
		return func() {}
	}
	p.Block(on, fn)
	life := p.life
	return func() {
		if p.life == life {
			p.Unblock()
		}
	}
}

// SetRate changes what comes from outside.
func (s *Spec) SetRate(perSecond float64) {
	s.Rate = perSecond
	if p := s.alive(); p != nil {
		p.retick()
	}
}

// SetTimers changes what its timers send.
func (s *Spec) SetTimers(perSecond float64) {
	s.Timers = perSecond
	if p := s.alive(); p != nil {
		p.retick()
	}
}

// Kill ends the process: see [Process.Kill]. Its supervisor starts another.
func (s *Spec) Kill() {
	p := s.alive()
	if p == nil {
		return
	}
	up := p.parent
	p.Kill()
	if p.zombee && up != nil && up.spec.Kind == "supervisor" {
		up.childEnded(p, "killed")
	}
}

// End lets the process end once: "panic", "normal", or an error's text.
func (s *Spec) End(reason string) {
	if p := s.alive(); p != nil {
		p.end(reason)
	}
}

// SetDoom lets every life from now on end after a while.
func (s *Spec) SetDoom(after time.Duration) {
	s.Doom = after
	if p := s.alive(); p != nil && after > 0 {
		p.end(s.reason())
	}
}

// balls is how many messages stand for one when two processes keep each other
// busy: they handle tens of thousands a second.
const balls = 64

// Talk lets two processes answer each other without end.
func (s *Spec) Talk(to *Spec) {
	p, q := s.alive(), to.alive()
	if p == nil || q == nil {
		return
	}
	p.out += balls
	p.deliver(q, message{weight: balls, from: p, ball: true})
}

// Join starts a process of the spec now, and with every later boot.
func (n *Node) Join(s *Spec) {
	n.Add(s)
	if n.Alive {
		n.startFamily(s)
	}
}

// Register changes how many aliases and names the node has.
func (n *Node) Register(aliases, names int64) {
	if n.Alive {
		n.aliases += aliases
		n.names += names
	}
}

// FailHandshakes counts handshakes that fail.
func (n *Node) FailHandshakes(count int64) {
	if n.Alive {
		n.handshakes += count
	}
}

// FailSpawns counts processes that did not start.
func (n *Node) FailSpawns(count int64) {
	if n.Alive {
		n.spawnFailed += count
	}
}

// Stay adds goroutines of a function that never end.
func (n *Node) Stay(function string, count int) {
	if n.Alive {
		n.stuckIn[function] += count
	}
}

// Tear counts large messages to a node of which a piece is lost.
func (l *Link) Tear(to *Node, count int) {
	if l.Up {
		l.unwhole[l.side(to)] += int64(count)
	}
}

// Discard counts messages that a router has no route for.
func (s *Spec) Discard(count int) {
	if p := s.alive(); p != nil {
		p.in += int64(count)
		p.discarded += int64(count)
	}
}

// SetUrgent changes what comes from outside and goes before others.
func (s *Spec) SetUrgent(perSecond float64) {
	s.Urgent = perSecond
	if p := s.alive(); p != nil {
		p.retick()
	}
}

// Every does something a number of times a second from an instant on, until it
// is told to stop.
func (w *World) Every(from time.Duration, perSecond float64, do func(n int)) (stop func()) {
	on := true
	step := time.Duration(1e9 / perSecond)
	n := 1
	if step < 100*time.Millisecond {
		n = int(100 * time.Millisecond / step)
		step *= time.Duration(n)
	}
	var next func()
	next = func() {
		if on {
			do(n)
			w.in(step, next)
		}
	}
	if w.now < from {
		w.in(from-w.now, next)
	} else {
		next()
	}
	return func() { on = false }
}

// Subscribe adds subscribers to an event.
func (e *Event) Subscribe(s ...*Spec) { e.Subscribers = append(e.Subscribers, s...) }

// Unsubscribe takes them off.
func (e *Event) Unsubscribe(s ...*Spec) {
	e.Subscribers = slices.DeleteFunc(e.Subscribers, func(x *Spec) bool { return slices.Contains(s, x) })
}

// Restore gives a spec its earlier settings back; its lives go on.
func (s *Spec) Restore(before Spec) {
	rate := s.Rate
	before.node, before.live, before.born = s.node, s.live, s.born
	*s = before
	if s.Rate != rate {
		s.SetRate(s.Rate)
	}
}

// Renew makes a copy of a spec one that has not lived.
func (s *Spec) Renew() { s.live, s.born = nil, 0 }

// Place says where a spec will live, for one that no node starts by itself.
func (s *Spec) Place(n *Node) { s.node = n }

// Roll is a number from 0 up to 1, at chance.
func (n *Node) Roll() float64 { return n.world.rng.Float64() }

// LoseFrom lets a share of what a node sends be lost.
func (l *Link) LoseFrom(n *Node, share float64) { l.Loss[l.side(n)] = share }

// Reseed gives the world other chances.
func (w *World) Reseed(seed uint64) {
	w.Seed = seed
	w.rng = rand.New(rand.NewPCG(seed, 0x5eed))
}

// After lets something happen a while from now.
func (w *World) After(d time.Duration, do func()) { w.in(d, do) }
