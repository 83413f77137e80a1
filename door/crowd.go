package door

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// A crowd is all who are connected. Where it is full, the connection that has
// waited longest without asking for anything gives way to a new one; one that is
// being answered does not.
type crowd struct {
	most int

	mu      sync.Mutex
	all     int
	waiting *list.List // of *guest, the one that waits longest first
}

func newCrowd(most int) *crowd { return &crowd{most: most, waiting: list.New()} }

// within is the listener whose connections belong to the crowd.
func (c *crowd) within(l net.Listener) net.Listener { return &crowded{l, c} }

type crowded struct {
	net.Listener
	crowd *crowd
}

// Accept implements net.Listener.
func (l *crowded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := l.crowd.admit(conn); g != nil {
			return g, nil
		}
		conn.Close()
	}
}

// admit makes a guest of a connection, and room for it; nil where all others are
// being answered.
func (c *crowd) admit(conn net.Conn) *guest {
	g := &guest{Conn: conn, crowd: c}
	c.mu.Lock()
	var out *guest
	if c.all >= c.most {
		if c.waiting.Len() == 0 {
			c.mu.Unlock()
			return nil
		}
		out = c.waiting.Front().Value.(*guest)
		c.leave(out)
	}
	c.all++
	g.at = c.waiting.PushBack(g)
	c.mu.Unlock()
	if out != nil {
		out.Conn.Close()
	}
	return g
}

// leave takes a guest out, once. Locked by the caller.
func (c *crowd) leave(g *guest) {
	if g.gone {
		return
	}
	g.gone = true
	c.all--
	if g.at != nil {
		c.waiting.Remove(g.at)
		g.at = nil
	}
}

// A guest is a connection.
type guest struct {
	net.Conn
	crowd *crowd
	at    *list.Element // in waiting; nil while it is being answered
	gone  bool
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	g.crowd.leave(g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// answered says whether the guest is being answered.
func (g *guest) answered(now bool) {
	c := g.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case g.gone:
	case now && g.at != nil:
		c.waiting.Remove(g.at)
		g.at = nil
	case !now && g.at == nil:
		g.at = c.waiting.PushBack(g)
	}
}

type guestKey struct{}

// remember keeps a request's guest in its context.
func (c *crowd) remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, guestOf(conn))
}

func guestOf(conn net.Conn) *guest {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = t.NetConn()
	}
	g, _ := conn.(*guest)
	return g
}

// enter notes that a request came in whole.
func enter(r *http.Request) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok && g != nil {
		g.answered(true)
	}
}

// state notes that a guest has its whole answer, and waits from now on.
func state(conn net.Conn, s http.ConnState) {
	if g := guestOf(conn); g != nil && s == http.StateIdle {
		g.answered(false)
	}
}
