package scene

import (
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/analyze/scene/logged"
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
