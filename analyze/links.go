package analyze

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/replay"
)

// A network is how the nodes of a scene were connected: every link from both
// of its ends, and every call that failed.
type network struct {
	links map[[2]string]*link         // by the node that showed it, and its peer
	pings map[[2]string]series.Series // round trips in ms
	mute  map[[2]string][]failedCall  // pings that were not answered
	fails map[string][]failedCall     // by the node that was asked, in order
	logs  map[string][]connectionLine // by the node that wrote, in order
}

// A link is a connection as one of its ends showed it.
type link struct {
	node, peer string
	points     []linkPoint // one per answer that arrived
}

// A linkPoint is what one answer said of a link.
type linkPoint struct {
	at            time.Time
	up            bool
	since         time.Time // when this connection was made, within a second
	in, out       float64   // messages since then
	reconnections float64   // of its TCP connections
}

// A failedCall is one of the recorder's own calls that did not succeed.
type failedCall struct {
	at   time.Time
	tool string
	peer string // whom a ping was for
	link bool   // the node itself was not reached
	mark bool   // told by the recorder's mark that it lost the node, not by an answer
	why  string
}

// A connectionLine is a node's own log line that it lost a peer, or met one.
type connectionLine struct {
	at   time.Time
	peer string
	lost bool
}

// connectionText matches the framework's "connection with 'b@h' (…) terminated"
// and "new connection with 'b@h' (…)".
var connectionText = regexp.MustCompile(`^(new )?connection with '([^']+)'.*?( terminated)?$`)

// network reads the links once.
func (s *scene) network(ctx context.Context) (*network, error) {
	if s.net != nil {
		return s.net, nil
	}
	w := &network{
		links: map[[2]string]*link{},
		pings: map[[2]string]series.Series{},
		mute:  map[[2]string][]failedCall{},
		fails: map[string][]failedCall{},
		logs:  map[string][]connectionLine{},
	}
	for _, n := range s.nodes {
		for _, read := range []func(context.Context, *scene, *node) error{w.readLinks, w.readPings, w.readFailures, w.readLines} {
			if err := read(ctx, s, n); err != nil {
				return nil, err
			}
		}
	}
	s.net = w
	return w, nil
}

func (w *network) readLinks(ctx context.Context, s *scene, n *node) error {
	known := map[string]*link{}
	columns := []string{"Node", "ConnectionUptime", "MessagesIn", "MessagesOut", "Reconnections"}
	for f, err := range s.rec.Table(ctx, n.Name, "network_nodes", s.from, s.to, columns) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return err
		}
		if f.Failure != nil {
			continue
		}
		seen := map[string]bool{}
		for _, slot := range f.Live {
			peer := f.Columns[0].Text(slot)
			l := known[peer]
			if l == nil {
				l = &link{node: n.Name, peer: peer}
				known[peer], w.links[[2]string{n.Name, peer}] = l, l
			}
			seen[peer] = true
			l.points = append(l.points, linkPoint{
				at: f.At, up: true, since: madeAt(f, slot), in: f.Columns[2].Float(slot), out: f.Columns[3].Float(slot),
				reconnections: f.Columns[4].Float(slot),
			})
		}
		for peer, l := range known {
			if !seen[peer] {
				l.points = append(l.points, linkPoint{at: f.At})
			}
		}
	}
	return nil
}

// madeAt is when a connection was made by its age; always the same where a
// node does not tell it.
func madeAt(f *archive.Frame, slot int32) time.Time {
	age, ok := f.Columns[1].Int(slot)
	if !ok {
		return time.Time{}
	}
	return f.At.Add(-time.Duration(age) * time.Second)
}

func (w *network) readPings(ctx context.Context, s *scene, n *node) error {
	for p, err := range s.rec.Samples(ctx, n.Name, "network_ping", s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
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
			if call := failedPing(p); !call.link {
				w.mute[key] = append(w.mute[key], call)
			}
			continue
		}
		all := w.pings[key]
		all.Add(p.At, float64(d)/1e6)
		w.pings[key] = all
	}
	return nil
}

// failedPing is a ping without a round trip. Where the node that was to ping
// was not reached itself, it says nothing of the peer.
func failedPing(p replay.Sample) failedCall {
	call := failedCall{at: p.At, tool: p.Tool, why: string(p.Text)}
	if p.Failure != nil {
		call.why = p.Failure.Text
	}
	call.link = strings.HasPrefix(call.why, remoteCall)
	return call
}

// remoteCall begins the entry point's answer when it could not reach a node.
const remoteCall = "remote call to '"

// timedOut reports whether nothing came back, as against no way to the peer.
func (c failedCall) timedOut() bool { return strings.Contains(c.why, "timed out") }

// probes are the tools whose failures are read. The recorder calls them often,
// and none of them refuses a node that is well.
func probes() []string {
	return []string{
		"node_info", "runtime_stats", "process_list", "sample_read", "network_ping", "network_nodes", "network_info",
		"network_acceptors", "event_list", "app_list", "process_inspect", "process_info", "pprof_goroutines", "pprof_heap",
		"pprof_cpu", "cron_info", "sample_list",
	}
}

func (w *network) readFailures(ctx context.Context, s *scene, n *node) error {
	failed := map[string]bool{}
	for _, st := range s.rec.Streams() {
		if st.Node == n.Name && st.Failures > 0 {
			failed[st.Name] = true
		}
	}
	for _, tool := range probes() {
		if !failed[tool] {
			continue
		}
		for f, err := range s.rec.Samples(ctx, n.Name, tool, s.from, s.to) {
			if err != nil {
				if s.damaged(err) {
					continue
				}
				return err
			}
			if f.Failure == nil {
				continue
			}
			call := failedCall{at: f.At, tool: tool, why: f.Failure.Text}
			call.link = strings.HasPrefix(call.why, remoteCall)
			var subject struct{ Name string }
			if tool == "network_ping" && json.Unmarshal([]byte(f.Subject), &subject) == nil {
				call.peer = subject.Name
			}
			w.fails[n.Name] = append(w.fails[n.Name], call)
		}
	}
	marks, err := s.rec.Marks(ctx, s.from, s.to)
	if err != nil && !s.damaged(err) {
		return err
	}
	for _, m := range marks {
		if m.Kind == "node_lost" && m.Node == n.Name {
			w.fails[n.Name] = append(w.fails[n.Name], failedCall{at: m.To, link: true, mark: true, why: m.Note})
		}
	}
	slices.SortStableFunc(w.fails[n.Name], func(a, b failedCall) int { return a.at.Compare(b.at) })
	return nil
}

func (w *network) readLines(ctx context.Context, s *scene, n *node) error {
	for l, err := range s.rec.Logs(ctx, n.Name, s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return err
		}
		if !strings.Contains(l.Message, "connection with '") {
			continue
		}
		m := connectionText.FindStringSubmatch(l.Message)
		if m == nil || (m[1] == "") == (m[3] == "") {
			continue
		}
		w.logs[n.Name] = append(w.logs[n.Name], connectionLine{at: l.At, peer: m[2], lost: m[3] != ""})
	}
	slices.SortStableFunc(w.logs[n.Name], func(a, b connectionLine) int { return a.at.Compare(b.at) })
	return nil
}

// pairs are the pairs of nodes that were ever connected, each once, in order.
func (w *network) pairs() [][2]string {
	set := map[[2]string]bool{}
	for k := range w.links {
		if k[1] < k[0] {
			k[0], k[1] = k[1], k[0]
		}
		set[k] = true
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b [2]string) int {
		return strings.Compare(a[0]+"\x00"+a[1], b[0]+"\x00"+b[1])
	})
}

// A loss is a connection between two nodes that ended.
type loss struct {
	after, before time.Time // it ended in between
	made          time.Time // when it was made again; zero if it was not
	told          bool      // a node's log says when it ended
	partial       bool      // only some of its TCP connections
}

// at is the best guess of when it ended, and how far off that may be.
func (l loss) at() (time.Time, time.Duration) { return middle(l.after, l.before) }

// losses are the ends of connections that one side of a link showed.
func (l *link) losses() []loss {
	var all []loss
	for i := 1; i < len(l.points); i++ {
		p, q := l.points[i-1], l.points[i]
		switch {
		case p.up && !q.up:
			all = append(all, loss{after: p.at, before: q.at})
		case !p.up && q.up && len(all) > 0:
			all[len(all)-1].made = q.since
		case p.up && q.up && q.since.Sub(p.since) > 2*time.Second:
			// ConnectionUptime counts whole seconds: the start is known to one.
			all = append(all, loss{after: p.at, before: later(p.at, q.since.Add(time.Second)), made: q.since})
		case p.up && q.up && q.reconnections > p.reconnections:
			all = append(all, loss{after: p.at, before: q.at, made: q.at, partial: true})
		}
	}
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// losses are the ends of connections between two nodes, by time: what both
// sides showed and what their logs say, each once.
func (w *network) losses(a, b string) []loss {
	var all []loss
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.links[k]; l != nil {
			all = append(all, l.losses()...)
		}
		for _, line := range w.logs[k[0]] {
			if line.peer == k[1] && line.lost {
				// The line is written when the node has noticed.
				all = append(all, loss{after: line.at.Add(-200 * time.Millisecond), before: line.at, told: true, made: w.madeAfter(k, line.at)})
			}
		}
	}
	slices.SortFunc(all, func(x, y loss) int { return x.before.Compare(y.before) })
	var merged []loss
	for _, l := range all {
		if n := len(merged); n > 0 && merged[n-1].same(l) {
			merged[n-1] = merged[n-1].with(l)
			continue
		}
		merged = append(merged, l)
	}
	return merged
}

// madeAfter is when the logs say that a lost peer was met again.
func (w *network) madeAfter(k [2]string, lost time.Time) time.Time {
	for _, line := range w.logs[k[0]] {
		if line.peer == k[1] && !line.lost && line.at.After(lost) {
			return line.at
		}
	}
	return time.Time{}
}

// carried is how many messages a second went over the connection between two
// nodes that stood before t, by the end that counted more.
func (w *network) carried(a, b string, t time.Time) float64 {
	most := 0.0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		l := w.links[k]
		if l == nil {
			continue
		}
		var first, last linkPoint
		for _, p := range l.points {
			if !p.up || !p.at.Before(t) {
				continue
			}
			if !first.up || p.since.Sub(first.since) > 2*time.Second {
				first = p
			}
			last = p
		}
		if over := last.at.Sub(first.at).Seconds(); over > 0 {
			most = max(most, (last.in+last.out-first.in-first.out)/over)
		}
	}
	return most
}

// ownCalls is how many calls a second of the recorder's own were about the
// given nodes, over the whole recording.
func (s *scene) ownCalls(names ...string) float64 {
	calls := 0
	for _, st := range s.rec.Streams() {
		if st.Kind == archive.Sample && slices.Contains(names, st.Node) {
			calls += st.Records
		}
	}
	from, to := s.rec.Window()
	return float64(calls) / max(to.Sub(from).Seconds(), 1)
}

// same reports whether two observations may be of one loss: they overlap,
// within the second to which ends are known.
func (l loss) same(o loss) bool {
	const slack = time.Second
	return !l.after.After(o.before.Add(slack)) && !o.after.After(l.before.Add(slack))
}

// with is one loss from two observations of it.
func (l loss) with(o loss) loss {
	switch {
	case o.told && !l.told:
		l.after, l.before, l.told = o.after, o.before, true
	case l.told && !o.told:
	default:
		l.after, l.before = later(l.after, o.after), earlier(l.before, o.before)
		if l.after.After(l.before) {
			l.after = l.before
		}
	}
	if l.made.IsZero() || !o.made.IsZero() && o.made.Before(l.made) {
		l.made = o.made
	}
	l.partial = l.partial && o.partial
	return l
}
