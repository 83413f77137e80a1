package host

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/internal/cookie"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// A Node is a node that can be joined. Set its fields before Serve.
type Node struct {
	Name   string
	Cookie wire.Cookie
	// Creation is the start of the life that the node is in, in unix seconds.
	Creation func() int64
	TLS      *tls.Config // its first certificate is the node's; nil: plain TCP
	// Tools answers the calls of the 48 tools, with Node set to Name; nil: the
	// node does not have them.
	Tools ergo.Caller
	// System answers the requests of the system application of 3.3: the tool of
	// a call is a request's name without "Request", as GetProcessRange, and its
	// arguments are the request's fields; an answer is JSON with the fields of
	// the response. [ErrNotSupported] is a request that it does not handle. Nil:
	// the node is one before 3.3, whose system application tells its log only.
	System ergo.Caller
	// Log hands on what the node logs from now on, of some levels, at most once
	// a second, until ctx ends; nil: it does not push its log.
	Log func(ctx context.Context, levels []string, hear func(Lines))
	// Events are the events that can be monitored, beside the log's; see Publish.
	Events []string
	// Clock is that of a replay, which announces it with each answer that has
	// one; nil: the node is none.
	Clock func() *ergo.Clock
	Now   func() time.Time // for time limits of the connections; nil: the system's
	// Handshakes is how many may be made at once; whoever comes beyond them is told
	// that the node is busy. 0 is without bound.
	Handshakes int

	mu      sync.Mutex
	links   map[*session]bool
	shaking int // handshakes under way
}

// Lines are what a node logged within a second.
type Lines struct {
	List  []wire.LogLine
	Clock *ergo.Clock // of a replay
}

// ErrNotSupported is a request that the process of the system application knows
// and does not handle.
var ErrNotSupported = errors.New("not supported")

// stepTime is how long one message of a handshake may take.
const stepTime = 5 * time.Second

// Serve takes connections until ctx ends or the listener is closed, and returns
// when all have ended.
func (n *Node) Serve(ctx context.Context, listener net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() { n.take(ctx, conn) })
	}
}

// Drop closes every connection, as a node does that dies.
func (n *Node) Drop() {
	for _, s := range n.sessions() {
		s.conn.Close()
	}
}

func (n *Node) sessions() (list []*session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.links {
		list = append(list, s)
	}
	return list
}

func (n *Node) now() time.Time {
	if n.Now == nil {
		return time.Now()
	}
	return n.Now()
}

// types are the registered names that the node announces.
func (n *Node) types() []string {
	names := []string{message.MonitorEventType, message.DemonitorEventType, message.ResultType}
	if n.Tools != nil {
		names = append(names, message.ToolCallRequestType, message.ToolCallResponseType)
	}
	switch {
	case n.System != nil:
		names = append(names, system.Plan33.Announced()...)
	case n.Log != nil:
		names = append(names, message.RequestInspectLogType, message.ResponseInspectLogType,
			message.LogNodeType, message.LogProcessType, message.LogNetworkType, message.LogMetaType)
	}
	if n.Clock != nil {
		names = append(names, message.ClockType)
	}
	return names
}

// take shakes hands and serves one connection.
func (n *Node) take(ctx context.Context, dialled net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer dialled.Close()
	defer context.AfterFunc(ctx, func() { dialled.Close() })()
	peer, r, conn, err := n.shake(dialled)
	if err != nil || conn.SetDeadline(time.Time{}) != nil {
		return // real nodes close without a word, too
	}
	s := &session{n: n, conn: conn, peer: peer, ctx: ctx, followed: map[string]context.CancelFunc{}, asked: map[string]logAsked{}}
	n.mu.Lock()
	if n.links == nil {
		n.links = map[*session]bool{}
	}
	n.links[s] = true
	n.mu.Unlock()
	s.serve(r, cancel)
	n.mu.Lock()
	delete(n.links, s)
	n.mu.Unlock()
}

// shake shakes hands over a connection that somebody has dialled.
func (n *Node) shake(conn net.Conn) (handshake.Peer, *bufio.Reader, net.Conn, error) {
	n.mu.Lock()
	n.shaking++
	busy := n.Handshakes > 0 && n.shaking > n.Handshakes
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		n.shaking--
		n.mu.Unlock()
	}()
	own := handshake.Announced{
		Types: n.types(), Modern: n.System != nil, Busy: busy,
		Version: handshake.Version{Name: "node", Release: n.release()},
	}
	if n.TLS != nil {
		conn, own.Cert = tls.Server(conn, n.TLS), n.TLS.Certificates[0].Certificate[0]
	}
	r := bufio.NewReader(conn)
	peer, err := handshake.Accept(conn, r, handshake.Local{
		Node: n.Name, Cookie: cookie.Reveal(n.Cookie), Creation: n.Creation(),
		Salt: rand.Reader, Step: stepTime, Now: n.now,
	}, own)
	return peer, r, conn, err
}

// release is what the node says of its program.
func (n *Node) release() string {
	if n.Clock != nil {
		return "replay"
	}
	return ""
}
