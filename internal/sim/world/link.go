package world

import (
	"fmt"
	"time"
)

// A Link joins two nodes. Each end counts what it sent and what it got, from 0
// on with each connection.
type Link struct {
	Up    bool
	Delay time.Duration // of a message
	Loss  [2]float64    // of what the first node sends, and the second
	Stuck bool          // it takes messages and brings none

	nodes   [2]*Node
	made    time.Duration
	cut     bool // kept apart by a fault
	out, in [2]float64
	times   int      // how often it was made
	unwhole [2]int64 // large messages of which an end missed a piece
}

// Link is the link between two nodes.
func (w *World) Link(a, b *Node) *Link {
	if a.Name > b.Name {
		a, b = b, a
	}
	l := w.links[[2]*Node{a, b}]
	if l == nil {
		l = &Link{Delay: 150 * time.Microsecond, nodes: [2]*Node{a, b}}
		w.links[[2]*Node{a, b}] = l
	}
	return l
}

func (l *Link) side(n *Node) int {
	if l.nodes[0] == n {
		return 0
	}
	return 1
}

// connect makes the connection, if nothing keeps the nodes apart.
func (l *Link) connect() {
	a, b := l.nodes[0], l.nodes[1]
	if l.Up || l.cut || !a.Alive || !b.Alive {
		return
	}
	l.Up, l.made = true, a.world.now
	l.out, l.in, l.unwhole = [2]float64{}, [2]float64{}, [2]int64{}
	if l.times++; l.times == 1 {
		return
	}
	a.logNode("info", fmt.Sprintf("new connection with '%s' (%08X)", b.Name, b.crc()))
	b.logNode("info", fmt.Sprintf("new connection with '%s' (%08X)", a.Name, a.crc()))
}

// lose ends it. Who calls over it learns that at once.
func (l *Link) lose() {
	if !l.Up {
		return
	}
	l.Up = false
	a, b := l.nodes[0], l.nodes[1]
	if a.Alive {
		a.logNode("info", fmt.Sprintf("connection with '%s' (%08X) terminated", b.Name, b.crc())+a.world.why())
	}
	if b.Alive {
		b.logNode("info", fmt.Sprintf("connection with '%s' (%08X) terminated", a.Name, a.crc())+b.world.why())
	}
	for id, c := range a.world.calls {
		if c.by.node == a && c.to.node == b || c.by.node == b && c.to.node == a {
			p := c.by
			a.world.in(0, p.whileAlive(func() { p.lost(id) }))
		}
	}
}

func (p *Process) lost(id uint64) {
	if p.waiting != id {
		return
	}
	delete(p.node.world.calls, id)
	p.waiting, p.since = 0, p.node.world.now
	p.node.callFailed(p.asking)
	p.failed("no connection")
	p.release()
}

// Cut keeps the nodes apart; Mend lets them connect again.
func (l *Link) Cut() {
	l.cut = true
	l.lose()
}

// Mend lets the nodes connect again.
func (l *Link) Mend() {
	l.cut = false
	l.connect()
}

// carry takes messages from a node; a negative delay says that they are lost
// on the way.
func (l *Link) carry(from *Node, n int) (time.Duration, bool) {
	if !l.Up {
		return 0, false
	}
	i := l.side(from)
	l.out[i] += float64(n)
	if l.Stuck || l.Loss[i] > 0 && from.world.rng.Float64() < l.Loss[i] {
		return -1, true
	}
	return from.world.spread(l.Delay), true
}

// arrive counts on the other end what comes after a while.
func (l *Link) arrive(from, to *Node, n int, after time.Duration) {
	made := l.made
	to.world.in(after, func() {
		to.awake(func() {
			if l.made == made && l.Up {
				l.in[l.side(to)] += float64(n)
			}
		})
	})
}

// age adds what was sent before the world began, once, for the younger node.
func (l *Link) age(n *Node, older time.Duration, f float64) {
	other := l.nodes[1-l.side(n)]
	if l.nodes[0] != n && l.nodes[1] != n || n.up() > other.up() || n.up() == other.up() && l.side(n) == 1 {
		return
	}
	l.made -= older
	for i := range 2 {
		l.out[i], l.in[i] = float64(int(l.out[i]*f)), float64(int(l.in[i]*f))
	}
}

// why is the reason that nodes of 3.3 give for the end of a connection.
func (w *World) why() string {
	if w.Modern {
		return " with reason: EOF"
	}
	return ""
}
