package host

import (
	"errors"
	"time"

	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
)

// ErrNobody is a message that no connection had asked for.
var ErrNobody = errors.New("nobody follows the event")

// Publish sends one message of an event: a string, or for a name that begins
// with # a value of a type that nobody knows.
func (n *Node) Publish(event string, at time.Time, text string) error {
	payload, err := edf.Append(nil, text)
	if len(text) > 0 && text[0] == '#' {
		payload, err = edf.Append(nil, edf.Named{Type: text, Value: edf.Raw{1, 2, 3}})
	}
	if err != nil {
		return err
	}
	return n.publish(event, frame.Message{Type: frame.PublishEvent, From: answerer, At: at.UnixNano(), Payload: payload})
}

// End ends an event.
func (n *Node) End(event, why string) error {
	payload, err := edf.Append(nil, edf.Error(why))
	if err != nil {
		return err
	}
	return n.publish(event, frame.Message{Type: frame.EventTerminated, Payload: payload})
}

// PushLine pushes a line of the log to all that follow it.
func (n *Node) PushLine(line wire.LogLine) error {
	err := ErrNobody
	for _, s := range n.sessions() {
		if s.follows(LogEvent) {
			s.push(logAsked{limit: defaultLimit}, Lines{List: []wire.LogLine{line}})
			err = nil
		}
	}
	return err
}

// publish sends a message of an event, or its end, to all that follow it.
func (n *Node) publish(event string, m frame.Message) error {
	m.Name = edf.Atom(event)
	err := ErrNobody
	for _, s := range n.sessions() {
		if s.follows(event) {
			s.send(m)
			err = nil
		}
	}
	return err
}
