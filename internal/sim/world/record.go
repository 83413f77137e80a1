package world

import (
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
)

// A Recorder asks each node every [World.Interval] how it is, network and
// events at every third time, supervisors and pools at every fifth, heap and
// goroutines at every fifteenth, the CPU at every twentieth.
type Recorder struct {
	Clock Clock   // of the machine that records
	Loss  float64 // share of the answers that are not recorded
	Gaps  []Gap   // stretches in which nothing is recorded
	Rows  int     // the most rows that a listing gives, others each time; 0: all
	Rest  int     // a listing comes each so many times, and in between those for whom messages wait; 0: each time
}

// A Gap is a stretch that is not recorded: of a node, "" for all, and of a
// tool, "" for all.
type Gap struct {
	Node, Tool string
	From, To   time.Duration
}

// patience is how long the recorder waits for an answer.
const patience = 10 * time.Second

func (r *Recorder) start(w *World) {
	for _, n := range w.Nodes {
		shift := time.Duration(w.rng.Int64N(int64(w.Interval)))
		w.in(shift, func() { r.visit(n, 0) })
	}
}

// visit asks one node everything whose turn it is.
func (r *Recorder) visit(n *Node, round int) {
	w := n.world
	next := w.Interval
	switch {
	case n.Late: // nobody knows of it yet
	case !n.Alive:
		for _, tool := range []string{"node_info", "runtime_stats", "process_list", "sample_read"} {
			r.keep(w, n.Name, tool, nil, time.Millisecond, 0, "", ergo.RemoteError(n.Name, "no route"))
		}
	case n.answers() > w.now+patience:
		for _, tool := range []string{"node_info", "runtime_stats", "process_list"} {
			r.keep(w, n.Name, tool, nil, patience, patience, "", ergo.RemoteError(n.Name, "timed out"))
		}
		next = max(next, patience)
	case n.answers() > w.now:
		late := n.answers() - w.now
		w.in(late, func() { r.ask(n, round, late) })
		next = max(next, late)
	default:
		r.ask(n, round, 0)
	}
	w.in(next, func() { r.visit(n, round+1) })
}

// answers is until when a node gives no answer to a tool: it stands still, or those who would
// answer are busy.
func (n *Node) answers() time.Duration { return max(n.frozen, n.tied) }

// ask records what the node answers now; late is how long it had been asked.
func (r *Recorder) ask(n *Node, round int, late time.Duration) {
	if !n.Alive {
		return
	}
	w := n.world
	n.background()
	took := late + w.spread(n.share(2*time.Millisecond))
	say := func(tool string, args ergo.Args, text []byte) {
		r.keep(w, n.Name, tool, args, took, 0, string(text), nil)
	}
	say("node_info", nil, n.infoText())
	say("runtime_stats", nil, n.statsText())
	if r.Rest == 0 || round%r.Rest == 0 {
		say("process_list", ergo.Args{"limit": 100000}, n.listText(n.procs, r.Rows))
	}
	if r.Rest > 0 {
		say("process_list", ergo.Args{"limit": 50, "sort_by": "mailbox"}, n.listText(n.waitedFor(), 0))
	}
	if !w.Silent {
		say("sample_read", ergo.Args{"sampler_id": "s1", "since": n.spoken}, n.linesText())
	}
	if round%3 == 0 {
		say("network_nodes", nil, n.peersText())
		say("network_acceptors", nil, n.acceptorsText())
		say("event_list", ergo.Args{"limit": 100000}, n.eventsText())
		say("app_list", nil, n.appsText())
		if len(n.Jobs) > 0 {
			say("cron_info", nil, n.cronText())
		}
		r.ping(n)
		if n == w.entry() {
			say("cluster_nodes", nil, n.clusterText())
		}
	}
	if round%5 == 0 {
		for _, p := range n.procs {
			if slices.Contains([]string{"supervisor", "pool", "router"}, p.spec.Kind) {
				say("process_inspect", ergo.Args{"pid": p.text()}, p.inspectText())
			}
		}
		for _, p := range n.suspects() {
			say("process_info", ergo.Args{"pid": p.text()}, p.infoText())
		}
	}
	if round%15 == 0 {
		say("pprof_heap", ergo.Args{"limit": 30}, n.heapText())
		say("pprof_goroutines", ergo.Args{"debug": 1, "limit": 50}, n.goroutinesText())
	}
	if round%20 == 5 {
		before, started := n.burnedBy(), w.now
		w.in(5*time.Second, func() {
			n.awake(func() {
				if n.Alive {
					r.keep(w, n.Name, "pprof_cpu", ergo.Args{"duration": 5, "limit": 30}, w.now-started, 0, string(n.cpuText(before, w.now-started)), nil)
				}
			})
		})
	}
}

func (w *World) entry() *Node {
	for _, n := range w.Nodes {
		if n.Alive {
			return n
		}
	}
	return nil
}

// ping measures the way to every node that was ever met.
func (r *Recorder) ping(n *Node) {
	w := n.world
	for _, m := range w.Nodes {
		if m == n || m.Late {
			continue
		}
		args := ergo.Args{"name": m.Name}
		l := w.Link(n, m)
		slow := time.Duration(0)
		if m.Alive {
			slow = m.share(300*time.Microsecond) + n.share(100*time.Microsecond)
		}
		rtt := 2*w.spread(l.Delay) + w.spread(slow)
		lost := l.Stuck || w.rng.Float64() < l.Loss[0] || w.rng.Float64() < l.Loss[1]
		switch {
		case !l.Up:
			r.keep(w, n.Name, "network_ping", args, time.Millisecond, 0, "", &ergo.ToolError{Code: ergo.CodeInternal, Message: "ping " + m.Name + " failed: no route"})
		case lost || m.answers() > w.now+5*time.Second:
			n.callErrorsRemote++
			r.keep(w, n.Name, "network_ping", args, 5*time.Second, 5*time.Second, "", &ergo.ToolError{Code: ergo.CodeInternal, Message: "ping " + m.Name + " failed: timed out"})
		default:
			rtt += max(0, m.answers()-w.now)
			r.keep(w, n.Name, "network_ping", args, rtt+time.Millisecond, rtt, pingText(m.Name, rtt), nil)
		}
	}
}

// keep records an answer that arrives after a while.
func (r *Recorder) keep(w *World, node, tool string, args ergo.Args, took, after time.Duration, text string, refused *ergo.ToolError) {
	at := w.now + after
	for _, g := range r.Gaps {
		if at >= g.From && at < g.To && (g.Node == "" || g.Node == node) && (g.Tool == "" || g.Tool == tool) {
			return
		}
	}
	if r.Loss > 0 && w.rng.Float64() < r.Loss || at >= w.Length {
		return
	}
	l := &capture.Line{Call: ergo.Call{Node: node, Tool: tool, Args: args}, Answer: ergo.Answer{At: w.From.Add(r.Clock.shows(at)), Took: took}, Refused: refused}
	if refused == nil {
		l.Answer.Text = []byte(text)
	}
	w.out = append(w.out, heard{l, at})
}

// suspects are the processes whose details are asked for: those with the most
// messages waiting, and those that wait.
func (n *Node) suspects() []*Process {
	var out []*Process
	for _, p := range n.procs {
		if p.depth > 0 || p.waiting != 0 {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *Process) int { return b.depth - a.depth })
	return out[:min(len(out), 3)]
}
