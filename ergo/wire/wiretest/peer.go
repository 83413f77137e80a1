// Package wiretest plays nodes that can be joined: each answers tool calls
// from an [ergo.Caller], such as a recording, over Ergo's own protocol. It is
// to package wire what net/http/httptest is to net/http, and only tests
// import it.
//
// A [Peer] behaves as the real nodes do that the protocol was learned from: it
// checks the cookie, closes without a word where they do, answers important
// messages to nobody with "unknown process", and an answer of more than 65535
// bytes is lost. Its fields make it one of the bad ones.
package wiretest

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"

	"ergorecorder/ergo"
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
	TLS      *tls.Config // its first certificate is the node's
	LogPush  bool        // offers its log
	Events   []string    // that can be monitored

	Mute      bool // takes connections and never says a word
	NameTaken bool // closes when the handshake is done
	NoAnswers bool // keeps the link and never answers anything

	mu    sync.Mutex
	links map[*session]bool
}

// Serve takes connections until ctx ends, and returns when all have ended.
func (p *Peer) Serve(ctx context.Context, listener net.Listener) {
	var all sync.WaitGroup
	defer all.Wait()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() { p.take(ctx, conn) })
	}
}

// Restart closes every connection and begins a new life of the node.
func (p *Peer) Restart() {
	p.mu.Lock()
	p.Creation++
	p.mu.Unlock()
	p.Drop()
}

// Drop closes every connection, as a node does that dies.
func (p *Peer) Drop() {
	for _, s := range p.sessions() {
		s.conn.Close()
	}
}

func (p *Peer) sessions() (list []*session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.links {
		list = append(list, s)
	}
	return list
}

// types are the registered names that the peer announces.
func (p *Peer) types() []string {
	names := []string{message.MonitorEventType, message.ResultType}
	if p.Caller != nil {
		names = append(names, message.ToolCallRequestType, message.ToolCallResponseType)
	}
	if p.LogPush {
		names = append(names, message.RequestInspectLogType, message.ResponseInspectLogType, message.LogNodeType, message.LogProcessType)
	}
	return names
}

// take shakes hands and serves one connection.
func (p *Peer) take(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if p.Mute {
		<-ctx.Done()
		return
	}
	var cert []byte
	if p.TLS != nil {
		conn, cert = tls.Server(conn, p.TLS), p.TLS.Certificates[0].Certificate[0]
	}
	r := bufio.NewReader(conn)
	p.mu.Lock()
	creation := p.Creation
	p.mu.Unlock()
	local := handshake.Local{
		Node: p.Name, Cookie: p.Cookie, Creation: creation,
		Salt: rand.Reader, Step: time.Minute, Now: time.Now,
	}
	peer, err := handshake.Accept(conn, r, local, p.types(), cert)
	if err != nil || p.NameTaken {
		return
	}
	if conn.SetDeadline(time.Time{}) != nil {
		return
	}
	s := &session{p: p, conn: conn, peer: peer, ctx: ctx, monitored: map[string]bool{}}
	p.mu.Lock()
	if p.links == nil {
		p.links = map[*session]bool{}
	}
	p.links[s] = true
	p.mu.Unlock()
	s.serve(r)
	p.mu.Lock()
	delete(p.links, s)
	p.mu.Unlock()
}

// A session is one connection of a peer.
type session struct {
	p    *Peer
	conn net.Conn
	peer handshake.Peer
	ctx  context.Context

	mu        sync.Mutex // of writing, and of what follows
	monitored map[string]bool
	calls     sync.WaitGroup
}

func (s *session) serve(r *bufio.Reader) {
	defer s.calls.Wait()
	frames := frame.NewReader(r, frame.DefaultLimit)
	dec := edf.Decoder{Types: message.Types(), Caches: s.peer.Caches}
	for {
		f, err := frames.Next()
		if err != nil {
			return
		}
		m, err := frame.Parse(f, s.peer.Caches.Atoms)
		if err != nil {
			continue
		}
		v, _, err := dec.Decode(m.Payload)
		if err != nil || s.p.NoAnswers {
			continue
		}
		named, _ := v.(edf.Named)
		switch m.Type {
		case frame.RequestName:
			s.request(m, named)
		case frame.Structured:
			s.relate(named)
		}
	}
}

// send writes one message; a peer that is gone is found by reading.
func (s *session) send(m frame.Message) {
	b, err := m.Append(nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.conn.Write(b)
}

// answer sends a value as the answer to a request. One that has no encoding
// is lost, as real nodes lose it.
func (s *session) answer(m frame.Message, v any) {
	payload, err := edf.Append(nil, v)
	if err != nil {
		return
	}
	s.send(frame.Message{Type: frame.Response, From: 1012, To: m.From, Ref: m.Ref, Payload: payload})
}

// logEvent is the event that carries the log.
const logEvent = "inspect_log_test"

func (s *session) request(m frame.Message, v edf.Named) {
	switch r := v.Value.(type) {
	case message.ToolCallRequest:
		if s.p.Caller != nil && m.Name == message.MCPProcess {
			s.calls.Go(func() { s.tool(m, r) })
			return
		}
	case message.RequestInspectLog:
		if s.p.LogPush && m.Name == message.InspectProcess {
			s.answer(m, edf.Named{Type: message.ResponseInspectLogType, Value: message.ResponseInspectLog{
				Event: edf.Event{Node: edf.Atom(s.p.Name), Name: logEvent},
			}})
			return
		}
	}
	if m.Important {
		s.send(frame.Message{Type: frame.ResponseError, To: m.From, Ref: m.Ref, Code: frame.CodeUnknownProcess})
	}
}

// tool answers a call from the peer's Caller.
func (s *session) tool(m frame.Message, r message.ToolCallRequest) {
	var out message.ToolCallResponse
	args, err := ergo.ParseArgs([]byte(r.Params))
	var answer ergo.Answer
	if err == nil {
		answer, err = s.p.Caller.Call(s.ctx, ergo.Call{Node: s.p.Name, Tool: r.Tool, Args: args})
	}
	if err != nil {
		out.Error = err.Error()
	} else {
		out.Result = resultText(answer)
	}
	s.answer(m, edf.Named{Type: message.ToolCallResponseType, Value: out})
}

// resultText is the JSON of a tool's result object.
func resultText(a ergo.Answer) string {
	type item struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	result := struct {
		Content []item `json:"content"`
		IsError bool   `json:"isError,omitempty"`
	}{Content: []item{}, IsError: a.IsError}
	if a.Text != nil {
		result.Content = append(result.Content, item{"text", string(a.Text)})
	}
	b, err := json.Marshal(result)
	if err != nil {
		return ""
	}
	return string(b)
}

// relate answers a monitor.
func (s *session) relate(v edf.Named) {
	r, ok := v.Value.(message.Relation[edf.Event])
	if !ok {
		return
	}
	result := message.Result{Error: edf.Error("unknown event"), Ref: r.Ref}
	name := string(r.Target.Name)
	known := s.p.LogPush && name == logEvent
	for _, e := range s.p.Events {
		known = known || e == name
	}
	if known {
		result.Error = nil
		s.mu.Lock()
		s.monitored[name] = true
		s.mu.Unlock()
	}
	payload, err := edf.Append(nil, edf.Named{Type: message.ResultType, Value: result})
	if err == nil {
		s.send(frame.Message{Type: frame.Structured, Payload: payload})
	}
}

// ErrNobody is a message that no connection had asked for.
var ErrNobody = errors.New("nobody follows the event")

// publish sends a message of an event, or its end, to all that follow it.
func (p *Peer) publish(event string, m frame.Message) error {
	err := ErrNobody
	for _, s := range p.sessions() {
		s.mu.Lock()
		follows := s.monitored[event]
		s.mu.Unlock()
		if follows {
			m.Name = edf.Atom(event)
			s.send(m)
			err = nil
		}
	}
	return err
}

// Publish sends one message of an event: a string, or for a name that begins
// with # a value of a type that nobody knows.
func (p *Peer) Publish(event string, at time.Time, text string) error {
	payload, err := edf.Append(nil, text)
	if len(text) > 0 && text[0] == '#' {
		payload, err = edf.Append(nil, edf.Named{Type: text, Value: edf.Raw{1, 2, 3}})
	}
	if err != nil {
		return err
	}
	return p.publish(event, frame.Message{Type: frame.PublishEvent, From: 1012, At: at.UnixNano(), Payload: payload})
}

// End ends an event.
func (p *Peer) End(event, why string) error {
	payload, err := edf.Append(nil, edf.Error(why))
	if err != nil {
		return err
	}
	return p.publish(event, frame.Message{Type: frame.EventTerminated, Payload: payload})
}

// EndLog ends the push of log lines.
func (p *Peer) EndLog() error { return p.End(logEvent, "normal") }

// Log pushes a line of the node itself, or of the process with the name.
func (p *Peer) Log(at time.Time, process, text string) error {
	line := message.LogLine{Timestamp: at.UnixNano(), Level: 1, Message: text}
	v := edf.Named{Type: message.LogNodeType, Value: message.LogNode{Node: edf.Atom(p.Name), Creation: p.Creation, LogLine: line}}
	if process != "" {
		v = edf.Named{Type: message.LogProcessType, Value: message.LogProcess{
			Node: edf.Atom(p.Name), Name: edf.Atom(process), PID: edf.PID{Node: edf.Atom(p.Name), ID: 1031, Creation: p.Creation}, LogLine: line,
		}}
	}
	payload, err := edf.Append(nil, v)
	if err != nil {
		return err
	}
	return p.publish(logEvent, frame.Message{Type: frame.PublishEvent, From: 1012, At: at.UnixNano(), Payload: payload})
}
