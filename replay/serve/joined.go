package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer/native"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/host"
)

// A Member is a recorded node that can be joined, as long as it was up.
type Member struct {
	*Cluster
	name string
	node *host.Node
}

// Member makes a recorded node one that can be joined, as the recording's clock
// goes: with the 48 tools ([ergo.RoadLink]), or with the system application of
// Ergo 3.3 alone ([ergo.RoadSystem]).
func (c *Cluster) Member(node string, road ergo.Road, cookie wire.Cookie) (*Member, error) {
	e, err := c.endpoint(node)
	if err != nil {
		return nil, err
	}
	m := &Member{Cluster: c, name: e.node}
	m.node = &host.Node{Name: e.node, Cookie: cookie, Creation: m.creation, Log: m.log, Clock: c.clock.said, Handshakes: mostHandshakes}
	switch road {
	case ergo.RoadLink:
		m.node.Tools = e
	case ergo.RoadSystem:
		m.node.System = ergo.CallerFunc(m.request)
	default:
		return nil, fmt.Errorf("no node is joined over the road %q", road)
	}
	return m, nil
}

// mostHandshakes is how many a node makes at once: a cluster's nodes and their
// recorders come one by one, and a crowd is told to come again.
const mostHandshakes = 16

// creation is the start of the life in which the node is.
func (m *Member) creation() int64 { return m.rec.Life(m.name, m.clock.Now()).Unix() }

// lookEvery is how often it is looked whether the node is up, in the
// recording's time.
const lookEvery = 500 * time.Millisecond

// Serve answers as the node until ctx ends: at first at a listener, and with each
// of its lives at one that again makes. While the node was down nobody listens.
func (m *Member) Serve(ctx context.Context, first net.Listener, again func() (net.Listener, error)) error {
	l := first
	for ctx.Err() == nil {
		if m.downAt(ctx, m.name, m.clock.peek()) {
			if l != nil {
				l.Close()
				l = nil
			}
			_ = m.wait(ctx, m.clock.World(lookEvery)) // its error is that of ctx
			continue
		}
		if l == nil {
			var err error
			if l, err = again(); err != nil {
				return fmt.Errorf("as %s: %w", m.name, err)
			}
		}
		m.live(ctx, l)
		l = nil
	}
	if l != nil {
		l.Close()
	}
	return nil
}

// live serves one life of the node.
func (m *Member) live(ctx context.Context, l net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { m.node.Serve(ctx, l); close(ended) }()
	defer func() { cancel(); <-ended }()
	began := m.rec.Life(m.name, m.clock.peek())
	for m.wait(ctx, m.clock.World(lookEvery)) == nil {
		now := m.clock.peek()
		if m.downAt(ctx, m.name, now) || !m.rec.Life(m.name, now).Equal(began) {
			return
		}
	}
}

// log hands on what the node logs while the clock passes it.
func (m *Member) log(ctx context.Context, levels []string, hear func(host.Lines)) {
	last := m.clock.Now()
	for m.wait(ctx, m.clock.World(time.Second)) == nil {
		now := m.clock.Now()
		lines := host.Lines{Clock: m.clock.said()}
		for heard, err := range m.rec.Heard(ctx, m.name, last.Add(1), now) {
			var line wire.LogLine
			if err != nil || json.Unmarshal(heard.Data, &line) != nil || line.Level == "" || !slices.Contains(levels, line.Level) {
				continue // no line of the log, or none that was asked for
			}
			lines.List = append(lines.List, line)
		}
		hear(lines)
		last = now
	}
}

// request answers a request of the system application, when it is the turn of its
// worker.
func (m *Member) request(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	type said struct {
		text []byte
		at   time.Time
		err  error
	}
	workers := m.pools.get("system_inspect", m.name, m.rec.Life(m.name, m.clock.Now()), systemWorkers)
	a, err := queued(ctx, workers, func(ctx context.Context) said {
		text, at, err := m.view(m.clock.Now(), m.name).Request(ctx, m.name, call.Tool, call.Args)
		return said{text, at, err}
	})
	if errors.Is(a.err, native.ErrNoRequest) {
		a.err = host.ErrNotSupported
	}
	return ergo.Answer{Text: a.text, Clock: m.clock.said(), At: a.at, Observed: !a.at.IsZero()}, errors.Join(a.err, err)
}
