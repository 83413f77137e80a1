package wire

import (
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// A Message is something that a node pushed: a log line, or one message of an
// event. One of the two is set, unless only Dropped is.
type Message struct {
	Node     string
	Received time.Time // by our clock
	Log      *LogLine
	Event    *EventMessage
	// Dropped is how many messages of the node were dropped, because the
	// subscription was full, or by the node itself, and not told of before
	// this one.
	Dropped int
}

// A LogLine is one line of a node's log. As JSON it has the form of the
// entries of the tool sample_read.
type LogLine struct {
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Source  string    `json:"source"` // as the framework prints it, without behavior: <PID> ('name')
	Time    time.Time `json:"time"`   // by the node's clock
	Type    string    `json:"type"`   // node, process, network, meta, application
	// Fields are those that the program gave the line; nodes tell them from 3.3 on.
	Fields map[string]any `json:"fields,omitempty"`
}

// about reports whether the line tells of a connection with a node, as nodes
// and their networks write of one: with 'its name' in quotes.
func (l LogLine) about(node string) bool {
	return (l.Type == "node" || l.Type == "network") && strings.Contains(l.Message, "'"+node+"'")
}

// JSON is the line as it is recorded.
func (l LogLine) JSON() []byte {
	b, err := json.Marshal(l)
	if err != nil {
		return nil // no text or time of a log line gets here
	}
	return b
}

// An EventMessage is one message of an event.
type EventMessage struct {
	Event string
	Time  time.Time // by the node's clock
	// Type is the registered name of the message's type, "" for plain ones.
	Type string
	// Text is the message in words where its type is known, Payload its
	// encoded value where it is not.
	Text    string
	Payload []byte
	// Ended says why there will be no more; nothing else is set then.
	Ended error
}

// A Subscription receives what nodes push.
type Subscription struct {
	c     *Cluster
	queue chan Message

	mu      sync.Mutex
	dropped map[string]int // by node, since its last message that fitted
}

// Subscribe begins to collect messages, up to the given number; Close ends it.
func (c *Cluster) Subscribe(buffer int) *Subscription {
	s := &Subscription{c: c, queue: make(chan Message, max(buffer, 1)), dropped: map[string]int{}}
	c.mu.Lock()
	c.subs[s] = true
	c.mu.Unlock()
	return s
}

// C delivers the messages, each node's in order. It is never closed.
func (s *Subscription) C() <-chan Message { return s.queue }

// Losses are how many messages were dropped, by node, and not told of with a
// message yet; they are told once.
func (s *Subscription) Losses() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.dropped
	s.dropped = map[string]int{}
	return lost
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.c.mu.Lock()
	delete(s.c.subs, s)
	s.c.mu.Unlock()
}

// offer puts a message into the queue. Where there is no room the oldest is
// dropped for it: the last words of a node are what people need.
func (s *Subscription) offer(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		whole := m
		whole.Dropped += s.dropped[m.Node]
		select {
		case s.queue <- whole:
			delete(s.dropped, m.Node)
			return
		default:
		}
		select {
		case old := <-s.queue:
			s.dropped[old.Node] += 1 + old.Dropped
		default: // somebody took one meanwhile
		}
	}
}

// push hands a message to every subscription. It never waits.
func (c *Cluster) push(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.subs {
		s.offer(m)
	}
}
