package wire

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// A teller is the system application of a node before 3.3 that has the event of
// InspectNode followed, and what comes of that.
type teller struct {
	kept      any    // what the event has kept for who follows it anew; nil: nothing
	publishes any    // what it publishes at once; nil: nothing
	refuses   string // what it says to who wants to follow the event
}

// otherLayout is a message of another layout than ours.
var otherLayout = edf.Named{Type: system.Name("MessageInspectNode"), Value: edf.Raw("\x00\x0ddelta@local\x00\x07abc")}

// play answers a link.
func (x teller) play(t *testing.T, conn net.Conn) {
	r := frame.NewReader(bufio.NewReader(conn), 1<<20)
	dec := edf.Decoder{Types: message.Types()}
	event := edf.Event{Node: "delta@localhost", Name: "inspect_node"}
	send := func(m frame.Message, v any) {
		payload, err := edf.Append(nil, v)
		if err != nil {
			t.Error(err)
			return
		}
		m.Payload = payload
		if b, err := m.Append(nil); err == nil {
			_, _ = conn.Write(b)
		}
	}
	for {
		f, err := r.Next()
		if err != nil {
			return
		}
		m, err := frame.Parse(f, nil)
		if err != nil {
			t.Error(err)
			return
		}
		if m.Type == frame.RequestName {
			send(frame.Message{Type: frame.Response, From: 7, To: m.From, Ref: m.Ref}, edf.Named{Type: system.Name("ResponseInspectNode"), Value: system.InspectNodeAnswer{Event: event}})
			continue
		}
		v, _, err := dec.Decode(m.Payload)
		ask, ok := v.(edf.Named).Value.(message.Relation[edf.Event])
		if err != nil || !ok {
			t.Errorf("%v, %v", v, err)
			return
		}
		result := message.Result{Ref: ask.Ref}
		if x.refuses != "" {
			result.Error = edf.Error(x.refuses)
		}
		if x.kept != nil {
			result.Result = edf.Named{Type: message.MessageEventType, Value: message.MessageEvent{Event: event, Timestamp: 1, Message: x.kept}}
		}
		send(frame.Message{Type: frame.Structured}, edf.Named{Type: message.ResultType, Value: result})
		if x.publishes != nil {
			send(frame.Message{Type: frame.PublishEvent, From: 7, At: 2, Name: "inspect_node"}, x.publishes)
		}
	}
}

// TestEventThatSaysNothing: a node that answers and has an event followed lives,
// whatever it does not say with it: of another layout, kept or published; nothing at
// all; or that it is followed already.
func TestEventThatSaysNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		node teller
		says string
		want error
	}{
		{"another layout", teller{publishes: otherLayout}, "another layout", link.ErrLayout},
		{"another layout that was kept", teller{kept: otherLayout, publishes: otherLayout}, "another layout", link.ErrLayout},
		{"kept, and nothing after", teller{kept: otherLayout}, "publishes nothing", nil},
		{"nothing", teller{}, "publishes nothing", nil},
		{"followed already", teller{refuses: alreadyFollowed, publishes: otherLayout}, "another layout", link.ErrLayout},
		{"refused", teller{refuses: "unknown event"}, "unknown event", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				go func() { defer b.Close(); c.node.play(t, b) }()
				var s *inspection
				ready := make(chan struct{})
				l := link.New(a, bufio.NewReader(a), link.Options{
					Node: "recorder@localhost", Limit: 1 << 20, Patience: time.Second, Now: time.Now,
					Peer: handshake.Peer{Node: "delta@localhost"}, Types: system.Plan31.Types(),
					Events: func(e link.Event) { <-ready; s.take(e, time.Now()) },
				})
				defer l.Close()
				knows := func(string) bool { return true }
				s = newInspection(l, "delta@localhost", 1, system.Plan31, knows, time.Now, func(d time.Duration) time.Duration { return d })
				close(ready)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := s.call(ctx, ergo.Call{Node: "delta@localhost", Tool: "node_info"})
				if ergo.AsToolError(err) == nil || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("%v, want the node's refusal that says %q", err, c.says)
				}
				if why, failed := ergo.AsToolError(err).LinkFailed(); failed {
					t.Errorf("taken for a link that failed: %s", why)
				}
				if c.want != nil && !errors.Is(s.withheld("node_info"), c.want) {
					t.Errorf("asked again: %v", s.withheld("node_info"))
				}
				if withheld := s.offers("node_info") == ergo.Withheld; withheld != (c.want != nil) {
					t.Errorf("withheld %v", withheld)
				}
			})
		})
	}
}
