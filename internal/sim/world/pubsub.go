package world

import "time"

// An Event is published by a process to those who subscribe.
type Event struct {
	Name        string
	Producer    *Spec
	Subscribers []*Spec

	node                     *Node
	created, last            time.Duration
	published, local, remote int64
}

// AddEvent lets the producer register an event whenever it starts with its node.
func (w *World) AddEvent(e *Event) *Event {
	n := e.Producer.node
	e.node = n
	n.declared = append(n.declared, e)
	return e
}

func (w *World) eventsOf(s *Spec) []*Event {
	var out []*Event
	if s.node == nil {
		return nil
	}
	for _, e := range s.node.declared {
		if e.Producer == s {
			out = append(out, e)
		}
	}
	return out
}

func (e *Event) register(n *Node) {
	e.created, e.last, e.published, e.local, e.remote = n.world.now, 0, 0, 0, 0
	for _, have := range n.events {
		if have == e {
			return
		}
	}
	n.events = append(n.events, e)
}

// Register adds an event now.
func (e *Event) Register() {
	e.node = e.Producer.node
	e.register(e.node)
}

// publish sends to the subscribers; on another node once for all of them.
func (e *Event) publish(p *Process, n int) {
	w := p.node.world
	e.published += int64(n)
	e.last = w.now
	seen := map[*Node]time.Duration{}
	for _, s := range e.Subscribers {
		q := s.alive()
		if q == nil {
			continue
		}
		p.use(time.Duration(n) * 1500 * time.Nanosecond)
		if q.node == p.node {
			e.local += int64(n)
			q.receive(message{weight: n, from: p})
			continue
		}
		delay, met := seen[q.node]
		if !met {
			l := w.Link(p.node, q.node)
			var ok bool
			if delay, ok = l.carry(p.node, n); !ok {
				delay = -1
			} else {
				e.remote += int64(n)
				if delay >= 0 {
					l.arrive(p.node, q.node, n, delay)
				}
			}
			seen[q.node] = delay
		}
		if delay >= 0 {
			w.queue.push(event{at: w.now + delay, kind: arrives, p: q, life: q.life, msg: message{weight: n, from: p}})
		}
	}
}

func (e *Event) age(f float64) {
	e.published, e.local, e.remote = int64(float64(e.published)*f), int64(float64(e.local)*f), int64(float64(e.remote)*f)
}
