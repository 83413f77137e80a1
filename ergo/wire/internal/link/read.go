package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/internal/limit"
)

// read takes in frames until the link ends.
func (l *Link) read(r io.Reader) error {
	frames := frame.NewReader(r, l.opts.Limit)
	frames.Begun = l.begun
	parts := frame.NewAssembler(l.opts.Limit)
	for {
		f, err := l.nextFrame(frames)
		if err != nil {
			return err
		}
		l.frames.Add(1)
		if f.Type == frame.Fragment {
			whole, done, err := parts.Add(f, l.opts.Now())
			if err != nil {
				l.drop(err)
			}
			if !done {
				continue
			}
			f = whole
		}
		l.take(f)
	}
}

// nextFrame is the next frame. The peer may say nothing for a while, and for some of
// its periods where it announced to say that it is there; a frame that it began it
// must bring to its end.
func (l *Link) nextFrame(frames *frame.Reader) (frame.Frame, error) {
	l.within = false
	patience, until := silentPeriods*l.opts.KeepAlive, time.Time{}
	if patience > 0 {
		until = l.opts.Now().Add(patience)
	}
	_ = l.conn.SetReadDeadline(until) // of a closed connection the read tells
	f, err := frames.Next()
	var timeout net.Error
	switch {
	case !errors.As(err, &timeout) || !timeout.Timeout():
	case l.within:
		err = ErrCut
	case patience > 0:
		err = fmt.Errorf("%w for %v", ErrSilent, patience)
	}
	return f, err
}

// leastRate is how many bytes of a frame come in a second at the least.
const leastRate = 64 << 10

// begun gives the rest of a frame so much time as it takes at the least rate, and
// the peer's patience.
func (l *Link) begun(rest int) {
	l.within = true
	_ = l.conn.SetReadDeadline(l.opts.Now().Add(l.opts.Patience + time.Duration(rest)*time.Second/leastRate))
}

// silentPeriods is after how many of the peer's periods without a frame the
// link is given up.
const silentPeriods = 3

// take takes in one whole frame.
func (l *Link) take(f frame.Frame) {
	if f.Type == frame.KeepAlive || f.Type == frame.Extend {
		return // the peer is there; and we open no further links
	}
	f, err := frame.Unpack(f, l.opts.Limit)
	if err != nil {
		l.drop(err)
		return
	}
	m, err := frame.Parse(f, l.opts.Peer.Caches.Atoms)
	if err != nil {
		l.unread.Add(1)
		return
	}
	l.receive(m)
}

// drop counts what could not be put together, and keeps which limit it met.
func (l *Link) drop(err error) {
	l.unread.Add(1)
	var over *limit.Over
	if errors.As(err, &over) {
		l.over.Store(over)
	}
}

// decode reads a value. One that has a layout from [Options] must be
// understood to its last byte: what is left over means that the layout is
// another.
func (l *Link) decode(payload []byte) (any, error) {
	v, rest, err := l.dec.Decode(payload)
	if n, ok := v.(edf.Named); ok && err == nil && len(rest) > 0 && l.opts.Types[n.Type] != nil {
		return nil, fmt.Errorf("%w: %d bytes are left over behind %s", ErrLayout, len(rest), n.Type)
	}
	var unknown *edf.UnknownTypeError
	if err != nil && !errors.As(err, &unknown) {
		return v, fmt.Errorf("%w: %w", ErrLayout, err)
	}
	return v, err
}

// receive does what one message asks for.
func (l *Link) receive(m frame.Message) {
	switch m.Type {
	case frame.Response, frame.ResponseError:
		if m.Important {
			l.answer(frame.Message{Type: frame.ResponseError, To: m.From, Ref: m.Ref, Code: frame.CodeNone})
		}
		l.deliver(m.Ref, l.replyOf(m))
	case frame.RequestPID, frame.RequestName, frame.RequestCached, frame.RequestAlias:
		l.answer(frame.Message{Type: frame.ResponseError, To: m.From, Ref: m.Ref, Code: frame.CodeUnknownProcess})
	case frame.SendPID, frame.SendName, frame.SendCached, frame.SendAlias:
		if m.Important {
			l.answer(frame.Message{Type: frame.ResponseError, To: m.From, Ref: [3]uint64{m.ID}, Code: frame.CodeUnknownProcess})
		}
		l.clocked(m)
	case frame.PublishEvent, frame.PublishCached:
		l.published(m)
	case frame.EventTerminated, frame.CachedEventEnded:
		l.eventEnded(m)
	case frame.Structured:
		l.structured(m.Payload)
	default: // ends of what we never monitored
		l.unread.Add(1)
	}
}

// replyOf reads an answer.
func (l *Link) replyOf(m frame.Message) reply {
	if m.Type == frame.ResponseError {
		switch m.Code {
		case frame.CodeNone:
			return reply{}
		case frame.CodeUnknownProcess:
			return reply{err: ErrUnknownProcess}
		case frame.CodeMailboxFull:
			return reply{err: ErrMailboxFull}
		case frame.CodeTerminated:
			return reply{err: ErrTerminated}
		}
	}
	v, err := l.decode(m.Payload)
	if err != nil {
		return reply{err: fmt.Errorf("read the answer: %w", err)}
	}
	if said, ok := v.(error); ok {
		return reply{err: said}
	}
	if m.Type == frame.ResponseError {
		return reply{err: fmt.Errorf("the peer answers with error code %d", m.Code)}
	}
	return reply{value: owned(v)}
}

// owned is v with nothing that belongs to the reader's buffer.
func owned(v any) any {
	if n, ok := v.(edf.Named); ok {
		if raw, ok := n.Value.(edf.Raw); ok {
			n.Value = edf.Raw(bytes.Clone(raw))
			return n
		}
	}
	return v
}

// deliver hands a reply to whoever waits for it.
func (l *Link) deliver(ref [3]uint64, r reply) {
	l.mu.Lock()
	answer := l.waiting[ref]
	r.said = l.clocks[ref]
	delete(l.waiting, ref)
	delete(l.clocks, ref)
	l.mu.Unlock()
	if answer == nil {
		l.late.Add(1)
		return
	}
	answer <- r
}

// published hands on one message of an event.
func (l *Link) published(m frame.Message) {
	if l.opts.Events == nil {
		l.unread.Add(1)
		return
	}
	e := Event{Name: string(m.Name), At: time.Unix(0, m.At), Said: l.saidNext()}
	v, err := l.decode(m.Payload)
	if err != nil {
		l.unread.Add(1)
	}
	if n, ok := v.(edf.Named); ok && err == nil {
		if _, unknown := n.Value.(edf.Raw); !unknown {
			e.Value = v
			l.opts.Events(e)
			return
		}
	}
	if err == nil {
		e.Value = owned(v)
	}
	e.Payload = bytes.Clone(m.Payload)
	l.opts.Events(e)
}

// eventEnded hands on that an event is over.
func (l *Link) eventEnded(m frame.Message) {
	if l.opts.Events == nil {
		l.unread.Add(1)
		return
	}
	ended := errors.New("the event ended")
	if v, _, err := l.dec.Decode(m.Payload); err == nil {
		if why, ok := v.(error); ok {
			ended = fmt.Errorf("the event ended: %w", why)
		}
	}
	l.opts.Events(Event{Name: string(m.Name), Ended: ended})
}

// A relation is any request to link or monitor.
type relation interface{ Reference() edf.Ref }

// structured takes the answer to a relation of ours, or refuses the peer's.
func (l *Link) structured(payload []byte) {
	v, _, err := l.dec.Decode(payload)
	named, _ := v.(edf.Named)
	switch m := named.Value.(type) {
	case message.Result:
		if len(payload) < refSize {
			break
		}
		// What the event kept may be of a type that we do not know, or of a layout
		// that is not ours: then all after it is out of reach, or was misread. But
		// the numbers of the reference come last.
		ref, r := lastRef(payload), reply{err: m.Error}
		if err == nil && m.Ref.ID == ref {
			r.value = m.Result
		}
		l.deliver(ref, r)
		return
	case relation:
		if err == nil {
			l.refuse(m.Reference())
			return
		}
	}
	l.unread.Add(1)
}

// refSize is how many bytes the numbers of a reference are.
const refSize = 3 * 8

func lastRef(b []byte) (ref [3]uint64) {
	b = b[len(b)-refSize:]
	for i := range ref {
		ref[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return ref
}

// refuse answers a relation to a process or event of ours: there is none.
func (l *Link) refuse(ref edf.Ref) {
	payload, err := edf.Append(nil, edf.Named{Type: message.ResultType, Value: message.Result{Error: ErrUnknownProcess, Ref: ref}})
	if err != nil {
		l.unread.Add(1)
		return
	}
	l.answer(frame.Message{Type: frame.Structured, Payload: payload})
}
