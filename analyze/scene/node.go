package scene

import (
	"context"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// LivesIn are the stretches of the window between the node's starts.
func (n *Node) LivesIn(s *Scene) []finding.Window {
	from := s.From
	var all []finding.Window
	for _, start := range n.Starts {
		all = append(all, finding.Window{From: from, To: start})
		from = start
	}
	return append(all, finding.Window{From: from, To: s.To.Add(1)})
}

// ThisLife is when the node's newest life in the window began.
func (n *Node) ThisLife(s *Scene) time.Time {
	all := n.LivesIn(s)
	return all[len(all)-1].From
}

// Usual is the time between two answers of a node.
func (s *Scene) Usual(n *Node) time.Duration { return max(n.Heard.Interval(), time.Second) }

func (s *Scene) Incarnation(name string, at time.Time) string {
	if n := s.Node(name); n != nil {
		return n.Incarnation(at)
	}
	return ""
}

// A Node is one node in the window.
type Node struct {
	replay.Node
	Starts    []time.Time   // of the incarnations after the first in the window
	Interval  time.Duration // between its process listings
	Heard     series.Series // when node_info answered; the value is the call's duration in s
	Clock     Clock         // its own clock against the recorder's
	metrics   map[metric]series.Series
	Procs     *Population
	Inspected map[string]*Inspection // by PID
}

// A metric is a number that an object tool reports.
type metric struct {
	reading ergo.Reading
	field   string
}

// nodeMetrics are the numbers that are read of every node. Array fields have a
// series per element: LogMessages.error.
func nodeMetrics() map[ergo.Reading][]string {
	return map[ergo.Reading][]string{
		ergo.Node: {
			"Uptime", "ProcessesTotal", "ProcessesRunning", "ProcessesWaitResponse", "ProcessesZombee",
			"ProcessesSpawned", "ProcessesSpawnFailed", "ProcessesTerminated",
			"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote",
			"RegisteredAliases", "RegisteredNames", "RegisteredEvents",
			"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent",
			"MemoryUsed", "MemoryAlloc", "UserTime", "SystemTime", "LogMessages",
		},
		ergo.Runtime: {
			"goroutines", "cpus", "heap_alloc", "heap_inuse", "heap_objects", "heap_sys", "stack_inuse",
			"total_alloc", "sys", "num_gc", "last_gc_pause_ns", "gc_cpu_percent",
		},
		ergo.Network: {"ConnectionsEstablished", "ConnectionsLost"},
	}
}

// logLevels are the elements of LogMessages.
var logLevels = ergo.Levels()

// Series returns a measured number of the node over the window, empty where it
// was not recorded.
func (n *Node) Series(reading ergo.Reading, field string) series.Series {
	if r := tools48.Reading(string(reading)); r != "" {
		reading = r // a tool's name stands for its reading
	}
	return n.metrics[metric{reading, field}]
}

// Rates is the rate per second of a cumulative number; restarts are no steps.
func (n *Node) Rates(reading ergo.Reading, field string) series.Series {
	return series.Rates(n.Series(reading, field), n.Starts...)
}

// Incarnation is the life of the node at t, as findings spell it; "" if it is
// not known.
func (n *Node) Incarnation(t time.Time) string {
	s := ""
	for _, l := range n.Lives {
		if s == "" || !n.Clock.Ours(l.Started).After(t) {
			s = l.Incarnation.String()
		}
	}
	return s
}

// Node returns the node of that name, nil if there is none.
func (s *Scene) Node(name string) *Node {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Column sums one numeric field of a table over its rows, per answer.
func (s *Scene) Column(ctx context.Context, n *Node, reading ergo.Reading, field string) (series.Series, error) {
	var sum series.Series
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: reading, From: s.From, To: s.To, Fields: []string{field}}) {
		if err != nil {
			return sum, err
		}
		if len(f.Live) == 0 {
			continue
		}
		total := 0.0
		for _, slot := range f.Live {
			total += f.Columns[0].Float(slot)
		}
		sum.Add(f.At, total)
	}
	return sum, nil
}
