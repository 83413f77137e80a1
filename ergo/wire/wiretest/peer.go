// Package wiretest plays nodes that can be joined: each answers tool calls
// from an [ergo.Caller], such as a recording, over Ergo's own protocol. It is
// to package wire what net/http/httptest is to net/http, and only tests
// import it.
//
// A [Peer] is a node of package host, which behaves as the real nodes do that the
// protocol was learned from. Its fields make it one of the bad ones.
package wiretest

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/host"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
)

// A Peer is a node. Set its fields before Serve.
type Peer struct {
	Name     string
	Cookie   string
	Creation int64
	Caller   ergo.Caller // answers calls with Node set to Name; nil: no MCP application
	System   ergo.Caller // answers the requests of the system application of 3.3, see host.Node
	TLS      *tls.Config // its first certificate is the node's
	LogPush  bool        // offers its log
	Events   []string    // that can be monitored

	Mute      bool   // takes connections and never says a word
	NameTaken bool   // closes when the handshake is done
	NoAnswers bool   // keeps the link and never answers anything
	Busy      bool   // shakes no hands for the moment, and says so
	Payload   []byte // answers every request with this, as it is

	mu   sync.Mutex
	node host.Node
}

// Serve takes connections until ctx ends, and returns when all have ended.
func (p *Peer) Serve(ctx context.Context, listener net.Listener) {
	if p.Mute || p.NameTaken || p.NoAnswers || p.Busy || p.Payload != nil {
		p.misbehave(ctx, listener)
		return
	}
	cookie, err := wire.NewCookie(p.Cookie)
	if err != nil {
		listener.Close()
		return
	}
	p.node.Name, p.node.Cookie, p.node.Creation = p.Name, cookie, p.creation
	p.node.TLS, p.node.Tools, p.node.Events = p.TLS, p.Caller, p.Events
	p.node.System = p.System
	if p.LogPush { // see Log
		p.node.Log = func(context.Context, []string, func(host.Lines)) {}
	}
	p.node.Serve(ctx, listener)
}

func (p *Peer) creation() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Creation
}

// Restart closes every connection and begins a new life of the node.
func (p *Peer) Restart() {
	p.mu.Lock()
	p.Creation++
	p.mu.Unlock()
	p.Drop()
}

// Drop closes every connection, as a node does that dies.
func (p *Peer) Drop() { p.node.Drop() }

// misbehave takes connections as a node does that is not well.
func (p *Peer) misbehave(ctx context.Context, listener net.Listener) {
	var all sync.WaitGroup
	defer all.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if p.Mute {
				<-ctx.Done()
				return
			}
			r := bufio.NewReader(conn)
			to, err := handshake.Accept(conn, r, handshake.Local{
				Node: p.Name, Cookie: p.Cookie, Creation: p.creation(), Salt: rand.Reader, Step: time.Minute, Now: time.Now,
			}, handshake.Announced{Types: p.repeats(), Busy: p.Busy})
			switch {
			case err != nil || conn.SetDeadline(time.Time{}) != nil:
			case p.NoAnswers:
				_, _ = io.Copy(io.Discard, r)
			case p.Payload != nil:
				p.repeat(conn, r, to)
			}
		})
	}
}

// repeats are the types of a node that answers tool calls, if it has an answer.
func (p *Peer) repeats() []string {
	if p.Payload == nil {
		return nil
	}
	return []string{message.MonitorEventType, message.ResultType, message.ToolCallRequestType, message.ToolCallResponseType}
}

// repeat answers each request with the payload, and knows no event.
func (p *Peer) repeat(conn io.Writer, r io.Reader, to handshake.Peer) {
	dec := edf.Decoder{Types: message.Types(), Caches: to.Caches}
	for frames := frame.NewReader(r, frame.DefaultLimit); ; {
		f, err := frames.Next()
		if err != nil {
			return
		}
		m, err := frame.Parse(f, to.Caches.Atoms)
		if err != nil {
			continue
		}
		answer := frame.Message{Type: frame.Response, From: 1002, To: m.From, Ref: m.Ref, Payload: p.Payload}
		v, _, _ := dec.Decode(m.Payload)
		if named, _ := v.(edf.Named); m.Type == frame.Structured {
			asked, _ := named.Value.(message.Relation[edf.Event])
			none := message.Result{Error: edf.Error("unknown event"), Ref: asked.Ref}
			answer = frame.Message{Type: frame.Structured}
			answer.Payload, err = edf.Append(nil, edf.Named{Type: message.ResultType, Value: none})
		}
		b, e := answer.Append(nil)
		if err != nil || e != nil {
			return
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
}

// ErrNobody is a message that no connection had asked for.
var ErrNobody = host.ErrNobody

// Publish sends one message of an event: a string, or for a name that begins
// with # a value of a type that nobody knows.
func (p *Peer) Publish(event string, at time.Time, text string) error {
	return p.node.Publish(event, at, text)
}

// End ends an event.
func (p *Peer) End(event, why string) error { return p.node.End(event, why) }

// EndLog ends the push of log lines.
func (p *Peer) EndLog() error { return p.End(host.LogEvent, "normal") }

// Log pushes a line of the node itself, or of the process with the name.
func (p *Peer) Log(at time.Time, process, text string) error {
	line := wire.LogLine{Level: "info", Message: text, Source: p.Name, Time: at, Type: "node"}
	if process != "" {
		line.Type, line.Source = "process", string(ergo.PIDOf(p.Name, 1031))+" ('"+process+"')"
	}
	return p.node.PushLine(line)
}
