package wiretest

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"

	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/registrar"
)

// A Network is a network in memory: peers listen at addresses, and Dial finds
// them. It works within a bubble of synthetic time.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	dialled   []string
	nodes     map[string]Route
	running   sync.WaitGroup
}

// A Route is what the network's registrar, the same on every host, says of a
// node.
type Route struct {
	Host string
	Port uint16
	TLS  bool
}

// Register makes the registrar know a node.
func (n *Network) Register(node string, r Route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes == nil {
		n.nodes = map[string]Route{}
	}
	n.nodes[node] = r
}

// A Server takes the connections of a listener until ctx ends.
type Server interface {
	Serve(ctx context.Context, listener net.Listener)
}

// Serve lets a peer listen at an address, host:port, until ctx ends; Wait
// waits until it has ended.
func (n *Network) Serve(ctx context.Context, address string, p Server) {
	l := n.Listen(address)
	n.running.Go(func() { p.Serve(ctx, l) })
}

// Listen begins to listen at an address, in the place of who did so before.
func (n *Network) Listen(address string) net.Listener {
	l := &listener{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[address] = l
	return l
}

// Wait waits until all peers have ended.
func (n *Network) Wait() { n.running.Wait() }

// Dialled are the addresses that were dialled, in order.
func (n *Network) Dialled() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.dialled...)
}

// errNobodyListens is what a dialer gets where no peer is.
var errNobodyListens = errors.New("connection refused")

// Dial connects to a peer, or over UDP to the registrar.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.dialled = append(n.dialled, network+" "+address)
	n.mu.Unlock()
	a, b := net.Pipe()
	if strings.HasPrefix(network, "udp") {
		n.running.Go(func() { defer b.Close(); n.resolve(b) })
		return a, nil
	}
	if l == nil {
		return nil, errNobodyListens
	}
	select {
	case l.conns <- b:
		return a, nil
	case <-l.closed:
		return nil, errNobodyListens
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// resolve answers one datagram.
func (n *Network) resolve(conn net.Conn) {
	b := make([]byte, registrar.MaxReply)
	size, err := conn.Read(b)
	if err != nil {
		return
	}
	n.mu.Lock()
	reply := registrar.ResolveReply{Error: errors.New("unknown")}
	for node, r := range n.nodes {
		if ask, err := registrar.Request(node); err == nil && string(ask) == string(b[:size]) {
			reply = registrar.ResolveReply{Routes: []registrar.Route{{
				Host: r.Host, Port: r.Port, TLS: r.TLS,
				HandshakeVersion: handshake.Version{Name: "EHS", Release: "R1"},
				ProtoVersion:     handshake.Version{Name: "ENP", Release: "R1"},
			}}}
		}
	}
	n.mu.Unlock()
	if answer, err := registrar.Reply(reply); err == nil {
		_, _ = conn.Write(answer)
	}
}

type listener struct {
	address string
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return memoryAddr(l.address) }

type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }
