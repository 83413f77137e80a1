package scene

import (
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// SaidBy is what processes of a node logged since a moment, by their PIDs.
func (s *Scene) SaidBy(ctx context.Context, n *Node, since time.Time, pids []string) (map[string][]string, error) {
	said := map[string][]string{}
	for l, err := range replay.Readable(s.Logs(ctx, n, since, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		pid := logs.ParseSource(l.Source).PID
		if slices.Contains(pids, pid) && len(said[pid]) < logged.Most {
			said[pid] = append(said[pid], l.Message)
		}
	}
	return said, nil
}

// OfCalls returns what tells whether most deaths, of those that lines of a node show, were of calls to which no reply
// came. An error text alone does not: "select: timed out" may be of anything. It is so where the line names whom it
// called, a process that is known and another one; or is the framework's error with nothing before it, and the
// node counted as many calls that failed meanwhile, without the recorder's own.
func (s *Scene) OfCalls(ctx context.Context, n *Node) (func(said []logged.Complaint) bool, error) {
	net, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	log, err := s.Log(ctx, n)
	if err != nil {
		return nil, err
	}
	return func(said []logged.Complaint) bool {
		deaths := logged.Deaths(said)
		var named, bare []logged.Complaint
		for _, c := range deaths {
			switch whom, ok := c.Unanswered(); {
			case ok && len(whom) == 0:
				bare = append(bare, c)
			case ok && slices.ContainsFunc(whom, func(who string) bool { return who != c.PID && !log.Wrote(c.PID, who) && s.knows(who) }):
				named = append(named, c)
			}
		}
		if len(bare) > 0 && n.callsFailed(bare[0].At, bare[len(bare)-1].At, net.OwnErrors(n)) < float64(len(bare)) {
			bare = nil
		}
		return 2*(len(named)+len(bare)) > len(deaths)
	}, nil
}

// knows reports whether any node has, or had, a process of that name or PID.
func (s *Scene) knows(who string) bool {
	return slices.ContainsFunc(s.Nodes, func(n *Node) bool {
		return n.Procs.Known[who] != nil || slices.ContainsFunc(n.Procs.Actors, func(a *Actor) bool { return a.Name == who || a.Pid == who })
	})
}

// callsFailed is how many calls failed on a node, as its answers around two moments count them, without those at the
// moments given.
func (n *Node) callsFailed(from, to time.Time, own []time.Time) (failed float64) {
	from, to = from.Add(-2*n.Interval), to.Add(2*n.Interval)
	for _, field := range []string{"CallErrorsLocal", "CallErrorsRemote"} {
		counted := n.Series(ergo.Node, field)
		if _, ours := ergo.Observes(ergo.TraceCounter, field); ours {
			counted = series.Without(counted, own)
		}
		grown, _ := series.Increase(counted.Between(from, to))
		failed += grown
	}
	return failed
}

// A nodeLog is what a node's log tells, read once for all who ask.
type nodeLog struct {
	logged.Log
	written     []time.Time // when there were lines, at most one a second
	connections []connectionLine
}

// logOf is what is worked out of a node's log.
type logOf struct{ node *Node }

// Log is what the log of a node tells.
func (s *Scene) Log(ctx context.Context, n *Node) (*logged.Log, error) {
	w, err := s.nodeLog(ctx, n)
	if err != nil {
		return nil, err
	}
	return &w.Log, nil
}

func (s *Scene) nodeLog(ctx context.Context, n *Node) (*nodeLog, error) {
	v, err := s.Once(logOf{n}, func() (any, error) { return s.readLog(ctx, n) })
	if err != nil {
		return nil, err
	}
	return v.(*nodeLog), nil
}

func (s *Scene) readLog(ctx context.Context, n *Node) (*nodeLog, error) {
	w := &nodeLog{}
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		if at := w.written; len(at) == 0 || l.At.Sub(at[len(at)-1]) >= time.Second {
			w.written = append(at, l.At)
		}
		w.Add(l)
		w.connect(s, l)
	}
	slices.SortStableFunc(w.connections, func(a, b connectionLine) int { return a.At.Compare(b.At) })
	return w, nil
}

// connect notes a line of the node that it lost a peer, or met one.
func (w *nodeLog) connect(s *Scene, l replay.LogLine) {
	if !strings.Contains(l.Message, "connection with ") {
		return
	}
	peer, up := ergo.Tells(ergo.LineConnected, l.Type, l.Source, l.Message)
	if !up {
		var lost bool
		if peer, lost = ergo.Tells(ergo.LineConnectLost, l.Type, l.Source, l.Message); !lost {
			return
		}
	}
	if !s.observer(peer) {
		w.connections = append(w.connections, connectionLine{At: l.At, Peer: peer, Lost: !up})
	}
}
