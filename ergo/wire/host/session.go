package host

import (
	"bufio"
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// The processes from which the node answers, and time limits of a connection.
const (
	answerer  = 1012
	keepAlive = 15 * time.Second // how often a node of 3.3 says that it is there
	silent    = 3                // periods of the peer's without a frame
	patience  = 10 * time.Second // with a peer that takes nothing
)

// A session is one connection of a node.
type session struct {
	n    *Node
	conn net.Conn
	peer handshake.Peer
	ctx  context.Context

	writing  sync.Mutex
	sequence uint32 // of frames that are sent in parts

	mu       sync.Mutex
	followed map[string]context.CancelFunc // by event
	asked    map[string]logAsked           // by the event that carries it
	calls    sync.WaitGroup
}

// modern reports whether the connection is one with a node of 3.3.
func (s *session) modern() bool { return s.n.System != nil }

// serve answers until the connection ends.
func (s *session) serve(r *bufio.Reader, end context.CancelFunc) {
	defer s.calls.Wait()
	defer end()
	if s.modern() {
		s.calls.Go(s.sayThere)
		if s.n.Name < s.peer.Node {
			s.write(frame.AppendEmpty(nil, frame.Extend))
		}
	}
	if s.n.Clock != nil { // the peer's time limits are in its time
		s.write(s.announce([3]uint64{}, beside{clock: s.n.Clock()}))
	}
	types := message.Types()
	if s.modern() {
		maps.Copy(types, system.Plan33.Types())
	}
	dec := edf.Decoder{Types: types, Caches: s.peer.Caches}
	frames := frame.NewReader(r, frame.DefaultLimit)
	for {
		if p := s.peer.Flags.KeepAlive(); p > 0 && s.modern() {
			if s.conn.SetReadDeadline(s.n.now().Add(silent*p)) != nil {
				return
			}
		}
		f, err := frames.Next()
		if err != nil {
			return
		}
		if m, err := frame.Parse(f, s.peer.Caches.Atoms); err == nil {
			s.receive(m, dec)
		}
	}
}

// sayThere says now and then that the node is there, to a peer that wants it.
func (s *session) sayThere() {
	if s.peer.Flags.KeepAlive() == 0 {
		return
	}
	t := time.NewTicker(keepAlive)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
			s.write(frame.AppendEmpty(nil, frame.KeepAlive))
		}
	}
}

// receive does what one message asks for. What cannot be decoded is never
// answered.
func (s *session) receive(m frame.Message, dec edf.Decoder) {
	v, _, err := dec.Decode(m.Payload)
	if err != nil {
		return
	}
	named, _ := v.(edf.Named)
	switch m.Type {
	case frame.RequestName:
		s.request(m, named)
	case frame.Structured:
		s.relate(named)
	}
}

// request answers a request to a process.
func (s *session) request(m frame.Message, v edf.Named) {
	_, unknown := v.Value.(edf.Raw)
	call, isCall := v.Value.(message.ToolCallRequest)
	switch {
	case unknown: // "unable to decode received message", and no answer
	case m.Name == message.MCPProcess && s.n.Tools != nil && isCall:
		s.calls.Go(func() { s.tool(m, call) })
	case m.Name == system.Process && (s.n.System != nil || s.n.Log != nil):
		s.calls.Go(func() { s.system(m, v) })
	case m.Important:
		s.send(frame.Message{Type: frame.ResponseError, To: m.From, Ref: m.Ref, Code: frame.CodeUnknownProcess})
	}
}

// A beside is what a replay says of a message that it sends.
type beside struct {
	clock    *ergo.Clock
	observed time.Time
	missing  []string
}

// besides is what goes with an answer.
func besides(a ergo.Answer) beside {
	b := beside{clock: a.Clock}
	if a.Observed {
		b.observed = a.At
	}
	return b
}

// announce is the frame that says so before the message; nil for none.
func (s *session) announce(about [3]uint64, b beside) []byte {
	if s.n.Clock == nil || b.clock == nil {
		return nil
	}
	c := message.Clock{
		About: about, Now: b.clock.Now.UnixNano(), End: b.clock.End.UnixNano(), Speed: b.clock.Speed, Missing: b.missing,
	}
	if !b.observed.IsZero() {
		c.Observed = b.observed.UnixNano()
	}
	payload, err := edf.Append(nil, edf.Named{Type: message.ClockType, Value: c})
	if err != nil {
		return nil
	}
	f, err := frame.Message{Type: frame.SendPID, From: answerer, To: 1001, Payload: payload}.Append(nil)
	if err != nil {
		return nil
	}
	return f
}

// answer sends a value as the answer to a request. One that has no encoding is
// lost, as real nodes lose it.
func (s *session) answer(m frame.Message, v any, b beside) {
	payload, err := edf.Append(nil, v)
	if err != nil {
		return
	}
	s.sendWith(s.announce(m.Ref, b), frame.Message{Type: frame.Response, From: answerer, To: m.From, Ref: m.Ref, Payload: payload})
}

// send sends one message; a peer that is gone is found by reading.
func (s *session) send(m frame.Message) { s.sendWith(nil, m) }

// sendWith sends a frame and a message behind it.
func (s *session) sendWith(first []byte, m frame.Message) {
	b, err := m.Append(nil)
	if err != nil {
		return
	}
	if !s.modern() {
		s.write(first, b)
		return
	}
	if b, err = frame.Pack(b); err != nil {
		return
	}
	parts := [][]byte{b}
	if s.peer.Flags.Has(handshake.FlagFragments) {
		s.writing.Lock()
		s.sequence++
		sequence := s.sequence
		s.writing.Unlock()
		parts = frame.Split(b, sequence)
	}
	s.write(append([][]byte{first}, parts...)...)
}

// write sends frames, one right behind the other.
func (s *session) write(frames ...[]byte) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.conn.SetWriteDeadline(s.n.now().Add(patience)) != nil {
		return
	}
	for _, b := range slices.DeleteFunc(frames, func(b []byte) bool { return b == nil }) {
		if _, err := s.conn.Write(b); err != nil {
			s.conn.Close()
			return
		}
	}
}
