package scene

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Network is how the nodes of a scene were connected: every link from both
// of its ends, and every call that failed.
type Network struct {
	Links map[[2]string]*link         // by the node that showed it, and its peer
	Pings map[[2]string]series.Series // round trips in ms
	Mute  map[[2]string][]failedCall  // pings that were not answered
	fails map[string][]failedCall     // by the node that was asked, in order
	Logs  map[string][]connectionLine // by the node that wrote, in order

	links, pings, mute ends                   // the keys of those
	written            map[string][]time.Time // when each node wrote log lines, at most one a second
	own                map[string][]time.Time // when a call of the recorder's own added an error to each
}

// ends are pairs of nodes by each of the two: who asks about one node does not look through
// all pairs, which are as many as the square of the nodes.
type ends struct{ from, to map[string][][2]string }

func endsOf[T any](pairs map[[2]string]T) ends {
	e := ends{map[string][][2]string{}, map[string][][2]string{}}
	for k := range pairs {
		e.from[k[0]], e.to[k[1]] = append(e.from[k[0]], k), append(e.to[k[1]], k)
	}
	return e
}

// A link is a connection as one of its ends showed it.
type link struct {
	node, peer string
	Points     []LinkPoint // one per answer that arrived
}

// A LinkPoint is what one answer said of a link.
type LinkPoint struct {
	At            time.Time
	Up            bool
	Since         time.Time     // when this connection was made, within a second
	In, Out       float64       // messages since then
	Unwhole       float64       // large ones of the peer's of which a piece did not come in time; NaN where that is not told
	Reconnections float64       // of its TCP connections
	doubt         time.Duration // by how much Since may be off, for the clocks of around then differ
}

// A failedCall is one of the recorder's own calls that did not succeed, or its mark that it lost the node.
type failedCall struct {
	replay.FailedCall
	mark bool // told by the mark, not by an answer
}

// A connectionLine is a node's own log line that it lost a peer, or met one.
type connectionLine struct {
	At   time.Time
	Peer string
	Lost bool
}

// Network reads the links once.
func (s *Scene) Network(ctx context.Context) (*Network, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.net != nil {
		return s.net, nil
	}
	w := &Network{
		Links: map[[2]string]*link{},
		Pings: map[[2]string]series.Series{},
		Mute:  map[[2]string][]failedCall{},
		fails: map[string][]failedCall{},
		Logs:  map[string][]connectionLine{},

		written: map[string][]time.Time{},
	}
	for _, n := range s.Nodes {
		for _, read := range []func(context.Context, *Scene, *Node) error{w.readLinks, w.readPings, w.readFailures, w.readLines} {
			if err := read(ctx, s, n); err != nil {
				return nil, err
			}
		}
	}
	w.links, w.pings, w.mute = endsOf(w.Links), endsOf(w.Pings), endsOf(w.Mute)
	if err := w.readLosses(ctx, s); err != nil {
		return nil, err
	}
	w.own = s.ownErrors(w)
	s.net = w
	return w, nil
}

func (w *Network) readLinks(ctx context.Context, s *Scene, n *Node) error {
	known := map[string]*link{}
	var ask replay.Fields
	who, age, in, out, again := ask.Of("Node"), ask.Of("ConnectionUptime"), ask.Of("MessagesIn"), ask.Of("MessagesOut"), ask.Of("Reconnections")
	late := ask.Of("FragmentTimeouts")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Links, From: s.From, To: s.To, Fields: ask}) {
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, slot := range f.Live {
			peer := f.Columns[who].Text(slot)
			if s.observer(peer) {
				continue
			}
			l := known[peer]
			if l == nil {
				l = &link{node: n.Name, peer: peer}
				known[peer], w.Links[[2]string{n.Name, peer}] = l, l
			}
			seen[peer] = true
			l.Points = append(l.Points, LinkPoint{
				At: f.At, Up: true, Since: n.madeAt(f.At, &f.Columns[age], slot), In: f.Columns[in].Float(slot), Out: f.Columns[out].Float(slot),
				Unwhole: f.Columns[late].Float(slot), Reconnections: f.Columns[again].Float(slot), doubt: n.Clock.doubt(f.At),
			})
		}
		for peer, l := range known {
			if !seen[peer] {
				l.Points = append(l.Points, LinkPoint{At: f.At})
			}
		}
	}
	return nil
}

// madeAt is when a connection was made by its age; always the same where a
// node does not tell it. The age is of the node's wall clock, as is the moment
// that it is counted from.
func (n *Node) madeAt(at time.Time, ages *archive.Column, slot int32) time.Time {
	age, ok := ages.Int(slot)
	if !ok {
		return time.Time{}
	}
	return n.Clock.Ours(n.Clock.Theirs(at).Add(-ergo.Lasting(age)))
}

func (w *Network) readPings(ctx context.Context, s *Scene, n *Node) error {
	for p, err := range s.Texts(ctx, n, ergo.Ping, s.From, s.To) {
		if err != nil {
			return err
		}
		var subject struct{ Name string }
		if json.Unmarshal([]byte(p.Subject), &subject) != nil || subject.Name == "" {
			continue
		}
		key := [2]string{n.Name, subject.Name}
		_, rtt, ok := strings.Cut(string(p.Text), "rtt ")
		d, err := time.ParseDuration(strings.TrimSpace(rtt))
		if !ok || err != nil {
			// Where the node that was to ping was not reached itself, it says nothing of the peer.
			if call := replay.FailedCallOf(p, ergo.Ping); !call.Link {
				w.Mute[key] = append(w.Mute[key], failedCall{FailedCall: call})
			}
			continue
		}
		all := w.Pings[key]
		all.Add(p.At, float64(d)/1e6)
		w.Pings[key] = all
	}
	return nil
}

// TimedOut reports whether nothing came back, as against no way to the peer.
func (c failedCall) TimedOut() bool { return strings.Contains(c.Why, "timed out") }

// InVain is when calls that were forwarded to a node got no answer in time.
func (w *Network) InVain(node string) []time.Time {
	var at []time.Time
	for _, c := range w.fails[node] {
		if c.Link && !c.mark && c.TimedOut() {
			at = append(at, c.At)
		}
	}
	return at
}

func (w *Network) readFailures(ctx context.Context, s *Scene, n *Node) error {
	for c, err := range replay.Readable(s.Rec.FailedCalls(ctx, n.Name, s.From, s.To), s.Note) {
		if err != nil {
			return err
		}
		w.fails[n.Name] = append(w.fails[n.Name], failedCall{FailedCall: c})
	}
	return nil
}

// readLosses adds what the recorder noted of nodes that it lost to their failed
// calls, and puts those in order.
func (w *Network) readLosses(ctx context.Context, s *Scene) error {
	marks, err := s.Rec.Marks(ctx, s.From, s.To)
	if err != nil && !s.PassOver(err) {
		return err
	}
	for _, m := range marks {
		if m.Kind == "node_lost" && s.Node(m.Node) != nil {
			w.fails[m.Node] = append(w.fails[m.Node], failedCall{FailedCall: replay.FailedCall{At: m.To, Begun: m.To, Link: true, Why: m.Note}, mark: true})
		}
	}
	for _, calls := range w.fails {
		slices.SortStableFunc(calls, func(a, b failedCall) int { return a.At.Compare(b.At) })
	}
	return nil
}

func (w *Network) readLines(ctx context.Context, s *Scene, n *Node) error {
	l, err := s.nodeLog(ctx, n)
	if err == nil && l.written != nil {
		w.written[n.Name] = l.written
	}
	if err == nil && l.connections != nil {
		w.Logs[n.Name] = l.connections
	}
	return err
}

// Pairs are the pairs of nodes that were ever connected, each once, in order.
func (w *Network) Pairs() [][2]string {
	set := map[[2]string]bool{}
	for k := range w.Links {
		if k[1] < k[0] {
			k[0], k[1] = k[1], k[0]
		}
		set[k] = true
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b [2]string) int {
		return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1])
	})
}
