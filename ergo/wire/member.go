package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// A member is one node: the link to it, or the attempts to make one.
type member struct {
	c      *Cluster
	target Target
	again  chan error // an event ended and may be followed anew; of the log, why

	mu       sync.Mutex
	link     *link.Link // nil while there is none
	peer     handshake.Peer
	at       address
	since    time.Time
	err      error // why there is no link
	told     error // the last reason that was told
	creation int64 // of the last link; 0 before the first
	feeds    map[string]feed
	system   *inspection // asks the node's system application over the link
	own      int64       // log lines about us

	clock atomic.Pointer[heardClock] // of the replay that the node is; nil: it is none, or has not said
}

func newMember(c *Cluster, t Target) *member {
	return &member{c: c, target: t, again: make(chan error, 1), feeds: map[string]feed{}}
}

func (m *member) status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Status{Node: m.target.Node, Address: m.at.hostPort, TLS: m.at.tls, Err: m.err, Own: m.own}
	if m.creation != 0 {
		s.Creation = time.Unix(m.creation, 0).UTC()
	}
	if m.link != nil {
		s.Joined, s.Since, s.MCP = true, m.since, hasType(m.peer, message.ToolCallRequestType)
		s.System, s.Release = m.system.plan.String(), m.peer.Version.Release
		if m.system.plan == system.None {
			s.System = ""
		}
		s.Unread = m.link.Counts().Unread
		s.Layouts = m.system.saidOfItself()
		for _, f := range m.feeds {
			s.Pushing = s.Pushing || f.log && f.live
		}
	}
	return s
}

// pushing reports whether an event is followed, or with "" the log.
func (m *member) pushing(event string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, f := range m.feeds {
		if f.live && (f.log && event == "" || !f.log && name == event) {
			return true
		}
	}
	return false
}

// hasType reports whether a peer knows a registered type. One that announces
// no types at all may know any.
func hasType(p handshake.Peer, name string) bool {
	if len(p.Caches.Types) == 0 {
		return true
	}
	for _, n := range p.Caches.Types {
		if n == name {
			return true
		}
	}
	return false
}

// announces reports whether a peer has said that it knows a registered type.
func announces(p handshake.Peer, name string) bool {
	return len(p.Caches.Types) > 0 && hasType(p, name)
}

// planOf is what a peer's system application can be asked.
func planOf(p handshake.Peer) system.Plan {
	return system.PlanOf(func(typ string) bool { return announces(p, typ) })
}

// run joins the node, again and again, until the cluster is closed.
func (m *member) run() {
	ctx := m.c.ctx
	rest := firstRest
	for ctx.Err() == nil {
		l, err := m.join(ctx)
		if err == nil {
			began := m.c.opts.Now()
			err = m.serve(ctx, l)
			if m.c.opts.Now().Sub(began) > lastRest {
				rest = firstRest
			}
		}
		if ctx.Err() != nil {
			return
		}
		m.down(err)
		wait := rest
		if refuses(err) {
			rest = min(2*rest, lastRest)
		} else {
			wait, rest = firstRest, firstRest // to knock at a closed door costs nobody anything
		}
		spread := 0.75 + m.c.opts.Jitter()/2
		select {
		case <-time.After(m.wall(time.Duration(float64(wait) * spread))):
		case <-ctx.Done():
			return
		}
	}
}

// A heardClock is what a replay announced of its clock, and when.
type heardClock struct {
	ergo.Clock
	at time.Time // of the world
}

// hear takes in the clock that a replay announces.
func (m *member) hear(clock ergo.Clock) { m.clock.Store(&heardClock{clock, m.c.opts.Now()}) }

// replayed is the clock of the replay that the node is, as it goes on; nil where
// it is none, or has not said.
func (m *member) replayed() *ergo.Clock {
	c := m.clock.Load()
	if c == nil {
		return nil
	}
	gone := time.Duration(float64(m.c.opts.Now().Sub(c.at)) * c.Speed)
	now := c.Now.Add(gone)
	if now.After(c.End) {
		now = c.End
	}
	return &ergo.Clock{Now: now, Speed: c.Speed, End: c.End}
}

// wall is how long a stretch of the node's time takes in the world: less, if it
// is a replay that runs faster.
func (m *member) wall(d time.Duration) time.Duration {
	if c := m.clock.Load(); c != nil {
		return time.Duration(float64(d) / c.Speed)
	}
	return d
}

// refuses reports whether somebody was there who would not have us: every
// attempt is work for them, and a line in their log. Where nobody was, a node
// that comes back is joined within two seconds.
func refuses(err error) bool {
	for _, r := range []error{ErrCookie, ErrNameTaken, ErrOtherNode, ErrRoute, ErrPlain, handshake.ErrBusy, handshake.ErrIntroduction, handshake.ErrPeerCookie, handshake.ErrCertificate, handshake.ErrVersion} {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}

// join makes a link and waits for the first answer over it.
func (m *member) join(ctx context.Context) (*link.Link, error) {
	at, err := m.locate(ctx)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.at = at
	m.mu.Unlock()
	l, peer, err := m.dial(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := m.confirm(ctx, l); err != nil {
		l.Close()
		return nil, err
	}
	m.up(l, peer)
	return l, nil
}

// probe is an event that no node has.
const probe = "ergorecorder_probe"

// confirm waits for a sign that the node keeps the link: the handshake ends
// without one. It asks for an event that is not there, which touches none of
// the node's processes.
func (m *member) confirm(ctx context.Context, l *link.Link) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	_, err := l.Monitor(ctx, probe)
	if _, said := errorText(err); said || err == nil {
		return nil
	}
	if l.Err() != nil {
		return fmt.Errorf("join %s: %w (%w)", m.target.Node, ErrNameTaken, l.Err())
	}
	return fmt.Errorf("join %s: no answer over the new link: %w", m.target.Node, err)
}

// up notes that there is a link.
func (m *member) up(l *link.Link, peer handshake.Peer) {
	m.mu.Lock()
	before := m.creation
	m.link, m.peer, m.err, m.told = l, peer, nil, nil
	m.since, m.creation = m.c.opts.Now(), peer.Creation
	m.system = newInspection(l, m.target.Node, peer.Creation, planOf(peer), func(typ string) bool { return announces(peer, typ) }, m.c.opts.Now, m.wall)
	m.mu.Unlock()
	if said := l.Said(); said != nil {
		m.hear(said.Clock)
	}
	what := Joined
	if before != 0 && before != peer.Creation {
		what = Restarted
	}
	m.c.notify(Notice{What: what, Node: m.target.Node, Creation: time.Unix(peer.Creation, 0).UTC()})
}

// down notes that there is no link, and tells why unless that was told.
func (m *member) down(err error) {
	m.mu.Lock()
	was := m.link != nil
	m.link, m.err, m.feeds, m.system = nil, err, map[string]feed{}, nil
	tell := was || !sameReason(m.told, err)
	m.told = err
	m.mu.Unlock()
	what := Refused
	if was {
		what = Lost
	}
	if tell {
		m.c.notify(Notice{What: what, Node: m.target.Node, Err: err})
	}
}

// sameReason reports whether two errors tell the user the same.
func sameReason(a, b error) bool {
	if a == nil || b == nil {
		return false
	}
	for _, r := range []error{ErrCookie, ErrNameTaken, ErrOtherNode, ErrRoute} {
		if errors.Is(a, r) && errors.Is(b, r) {
			return true
		}
	}
	return a.Error() == b.Error()
}

// serve keeps the link until it ends, and follows over it what is to be
// followed.
func (m *member) serve(ctx context.Context, l *link.Link) error {
	defer l.Close()
	m.c.running.Go(func() { m.ask(ctx) })
	renew := time.NewTicker(m.wall(renewTime))
	defer renew.Stop()
	m.follow(ctx, l)
	for {
		select {
		case <-l.Done():
			return fmt.Errorf("link to %s: %w", m.target.Node, l.Err())
		case <-ctx.Done():
			return ctx.Err()
		case why := <-m.again:
			if why != nil {
				m.silent(why)
			}
			renew.Reset(m.wall(firstRest))
		case <-renew.C:
			renew.Reset(m.wall(renewTime))
			m.follow(ctx, l)
		}
	}
}

// ask asks the node which others there are.
func (m *member) ask(ctx context.Context) {
	// What comes of it is learned from the answer; no answer, nothing learned.
	_, _ = m.c.Call(ctx, ergo.Call{Node: m.target.Node, Tool: toolClusterNodes, Args: ergo.Args{"timeout": 10}})
}

// call calls a tool of the node: of its MCP application if it has one that
// gives it, else through the system application.
func (m *member) call(ctx context.Context, call ergo.Call) (text []byte, isError bool, road ergo.Road, err error) {
	m.mu.Lock()
	l, peer, down, sys := m.link, m.peer, m.err, m.system
	m.mu.Unlock()
	node := m.target.Node
	switch {
	case l == nil && down == nil:
		return nil, false, "", unreachable(node, "no route", errors.New("not joined yet"))
	case l == nil:
		return nil, false, "", unreachable(node, "no route", down)
	}
	hasTools := hasType(peer, message.ToolCallRequestType)
	// A table that a forwarded answer has no room for comes whole this way.
	better := call.Tool == toolProcessList && sys.plan == system.Plan33 || call.Tool == toolCapabilities || call.Tool == toolTypes
	if sys.plan != system.None && (!hasTools || better) && sys.offers(call.Tool) != ergo.Withheld {
		if call.Tool == toolClusterNodes {
			text, err = m.clusterBySystem(ctx, sys)
		} else {
			text, err = sys.call(ctx, call)
		}
		return text, false, ergo.RoadSystem, m.explain(ctx, l, call, err)
	}
	if !hasTools {
		if sys.plan != system.None {
			return nil, false, ergo.RoadSystem, notTold(call.Tool, cmp.Or(sys.withheld(call.Tool), errNotGiven))
		}
		return nil, false, "", fmt.Errorf("call %s on %s: %w", call.Tool, node, ErrNoMCP)
	}
	limited, cancel := context.WithTimeout(ctx, m.wall(m.c.opts.timeOf(call.Args)))
	defer cancel()
	text, isError, err = callTool(limited, l, call)
	return text, isError, ergo.RoadLink, m.explain(ctx, l, call, err)
}

// offers says which tools can be asked of the node over its link.
func (m *member) offers(tool string) ergo.Offer {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.link == nil:
		return ergo.Withheld
	case tool != toolCapabilities && tool != toolTypes && hasType(m.peer, message.ToolCallRequestType):
		return ergo.Offered
	case m.system.plan == system.None:
		return ergo.Withheld
	}
	return m.system.offers(tool)
}

// whole reports whether the node's answers may be of any size.
func (m *member) whole() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.link != nil && m.system.plan != system.None &&
		(m.system.plan == system.Plan33 || !hasType(m.peer, message.ToolCallRequestType))
}

// clusterBySystem answers cluster_nodes for a node without tools: itself, and
// those that it is connected with.
func (m *member) clusterBySystem(ctx context.Context, sys *inspection) ([]byte, error) {
	var network struct{ Nodes []string }
	text, err := sys.call(ctx, ergo.Call{Node: m.target.Node, Tool: "network_info"})
	if err == nil {
		err = json.Unmarshal(text, &network)
	}
	if err != nil && ergo.AsToolError(err) == nil { // what it does not tell, it does not tell
		return nil, fmt.Errorf("cluster_nodes: %w", err)
	}
	type row struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	rows := []row{{m.target.Node, "self"}}
	for _, n := range network.Nodes {
		rows = append(rows, row{n, "connected"})
	}
	return json.Marshal(rows)
}

// explain words how a call failed.
func (m *member) explain(ctx context.Context, l *link.Link, call ergo.Call, err error) error {
	node := m.target.Node
	said, answered := errorText(err)
	switch {
	case err == nil || ergo.AsToolError(err) != nil || ctx.Err() != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable(node, "timed out", err)
	case errors.Is(err, link.ErrUnknownProcess) && hasType(m.peer, message.ToolCallRequestType):
		return fmt.Errorf("call %s on %s: %w", call.Tool, node, ErrNoMCP)
	case errors.Is(err, link.ErrMailboxFull), errors.Is(err, link.ErrTerminated):
		return ergo.RemoteError(node, err.Error())
	case answered:
		return ergo.RemoteError(node, said)
	case l.Err() != nil:
		return unreachable(node, "no connection", err)
	}
	return fmt.Errorf("call %s on %s: %w", call.Tool, node, err)
}

// A feed is an event that is followed.
type feed struct {
	log  bool // it carries the node's log
	live bool // the node has confirmed
}

// follow begins to follow what is not being followed yet.
func (m *member) follow(ctx context.Context, l *link.Link) {
	m.mu.Lock()
	logs := len(m.c.opts.Logs) > 0
	missing := slices.Clone(m.c.opts.Events)
	for name, f := range m.feeds {
		logs = logs && !f.log
		missing = slices.DeleteFunc(missing, func(e string) bool { return e == name })
	}
	m.mu.Unlock()
	if logs {
		if err := m.followLog(ctx, l); err != nil {
			m.silent(err)
		}
	}
	for _, name := range missing {
		// A node that does not have the event now may have it later.
		_ = m.followEvent(ctx, l, name, feed{})
	}
}

// errNoPush is a node that cannot push its log.
var errNoPush = errors.New("the node's version does not push log lines")

// followLog asks for the event that carries the log, and follows it.
func (m *member) followLog(ctx context.Context, l *link.Link) error {
	m.mu.Lock()
	peer, sys := m.peer, m.system
	m.mu.Unlock()
	if sys == nil {
		return errNoPush // the link has ended meanwhile
	}
	if !hasType(peer, message.RequestInspectLogType) || announces(peer, system.Name("MessageInspectLog")) && planOf(peer) != system.Plan33 {
		return errNoPush // or one whose layout is not known
	}
	numbers, err := levelNumbers(m.c.opts.Logs)
	if err != nil {
		return err
	}
	if err := sys.logRefused(ctx); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, m.c.opts.Timeout)
	defer cancel()
	v, err := l.Request(limited, message.InspectProcess, edf.Named{
		Type:  message.RequestInspectLogType,
		Value: logRequest(peer, numbers),
	})
	if err != nil {
		return err
	}
	named, _ := v.(edf.Named)
	var event edf.Event
	switch answer := named.Value.(type) {
	case message.ResponseInspectLog:
		event = answer.Event
	case system.InspectAnswer:
		event = answer.Event
	default:
		return fmt.Errorf("the process %s answers with %s", message.InspectProcess, describe(v))
	}
	if err := m.followEvent(limited, l, string(event.Name), feed{log: true}); err != nil {
		return err
	}
	m.c.notify(Notice{What: Pushing, Node: m.target.Node})
	return nil
}

// silent tells that the node pushes no log lines.
func (m *member) silent(err error) {
	m.mu.Lock()
	tell := m.link != nil && !sameReason(m.told, err)
	m.told = err
	m.mu.Unlock()
	if tell {
		m.c.notify(Notice{What: Silent, Node: m.target.Node, Err: err})
	}
}

// followEvent follows an event. What it had kept comes first.
func (m *member) followEvent(ctx context.Context, l *link.Link, name string, f feed) error {
	limited, cancel := context.WithTimeout(ctx, m.c.opts.Timeout)
	defer cancel()
	m.mu.Lock()
	m.feeds[name] = f // before its first message can come
	m.mu.Unlock()
	past, err := l.Monitor(limited, name)
	if err != nil {
		m.mu.Lock()
		delete(m.feeds, name)
		m.mu.Unlock()
		return err
	}
	m.mu.Lock()
	if _, still := m.feeds[name]; still {
		f.live = true
		m.feeds[name] = f
	}
	m.mu.Unlock()
	for _, e := range past {
		m.event(e)
	}
	return nil
}

// event takes in what the node pushes. It runs in the link's reader.
func (m *member) event(e link.Event) {
	m.mu.Lock()
	f, followed := m.feeds[e.Name]
	if e.Ended != nil {
		delete(m.feeds, e.Name)
	}
	sys := m.system
	m.mu.Unlock()
	now := m.c.opts.Now()
	if e.Said != nil { // by a replay, when it was there
		m.hear(e.Said.Clock)
		now = e.Said.Clock.Now
	}
	if sys.take(e, now) || !followed {
		return
	}
	msg := Message{Node: m.target.Node, Received: now}
	named, _ := e.Value.(edf.Named)
	if batch, ok := named.Value.(system.LogMessage); ok && f.log {
		m.logBatch(batch, now)
		return
	}
	switch line, own, ok := logLine(named, m.c.opts.Node); {
	case own:
		m.mu.Lock()
		m.own++
		m.mu.Unlock()
		return
	case ok && f.log:
		msg.Log = &line
	case f.log && e.Ended != nil:
		m.retry(e.Ended)
		return
	default:
		msg.Event = eventMessage(e, named)
		if e.Ended != nil {
			m.retry(nil)
		}
	}
	m.c.push(msg)
}

// retry lets serve follow anew what has ended; log says why, if it is the log.
func (m *member) retry(log error) {
	select {
	case m.again <- log:
	default:
	}
}

func eventMessage(e link.Event, named edf.Named) *EventMessage {
	out := &EventMessage{Event: e.Name, Time: e.At.UTC(), Type: named.Type, Payload: e.Payload, Ended: e.Ended}
	if e.Ended != nil {
		out.Time = time.Time{}
	}
	if _, unknown := named.Value.(edf.Raw); !unknown && e.Value != nil {
		out.Text = fmt.Sprintf("%+v", e.Value)
	}
	return out
}
