package member_test

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// A proxy is the network between a recorder and the engine.
type proxy struct {
	t     *testing.T
	l     net.Listener
	to    string
	mu    sync.Mutex
	isCut bool
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, l: l, to: to, conns: map[net.Conn]bool{}}
	p.all.Go(p.serve)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.l.Addr().String() }

func (p *proxy) serve() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		d, err := net.Dial("tcp", p.to)
		if err != nil || !p.add(c, d) {
			c.Close()
			continue
		}
		p.all.Go(func() { io.Copy(c, d); c.Close(); d.Close() })
		p.all.Go(func() { io.Copy(d, c); c.Close(); d.Close() })
	}
}

// add keeps connections; those of a cut network are none.
func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.isCut {
			c.Close()
		}
		p.conns[c] = true
	}
	return !p.isCut
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = false
}

// forgetful removes what says how far an archive was shipped.
func forgetful(t *testing.T, path string) string {
	t.Helper()
	if err := os.Remove(strings.TrimRight(path, "/") + ".fleet"); err != nil {
		t.Fatal(err)
	}
	return path
}
