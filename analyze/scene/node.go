package scene

import (
	"context"
	"encoding/json"
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
func (s *Scene) Usual(n *Node) time.Duration { return n.usual }

func (s *Scene) Incarnation(name string, at time.Time) string {
	if n := s.Node(name); n != nil {
		return n.Incarnation(at)
	}
	return ""
}

// A Node is one node in the window.
type Node struct {
	replay.Node
	bytes     int64         // recorded of it
	Starts    []time.Time   // of the incarnations after the first in the window
	Interval  time.Duration // between its process listings
	Heard     series.Series // when node_info answered; the value is the call's duration in s
	usual     time.Duration // between its answers; asked for in loops over them
	Clock     Clock         // its own clock against the recorder's
	metrics   map[metric]series.Series
	foreseen  map[span][]Row // see [Scene.Foresee]
	mixed     [][2]time.Time // where answers of two times stand mixed
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
			"total_alloc", "sys", "num_gc", "last_gc_pause_ns", "gc_cpu_percent", "memory_limit",
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

// Rates is the rate per second of a cumulative number; restarts are no steps, and
// where the recorder's clock went back there is none.
func (n *Node) Rates(reading ergo.Reading, field string) series.Series {
	return series.Outside(series.Rates(n.Series(reading, field), n.Starts...), n.mixed)
}

// leastLife is how old a node must have been when it was first asked for its
// counters to tell how it fared before: starting up is not how it fares.
const leastLife = time.Minute

// LifeBefore is how much a cumulative number grew a second in the life of the node
// before it was first asked, and how long that was: what went before, of a fault that
// is older than the recording. It is not ok where the node had just started.
func (n *Node) LifeBefore(counter series.Series) (perSecond float64, lasted time.Duration, ok bool) {
	up := n.Series(ergo.Node, "Uptime")
	if up.Len() == 0 || counter.Len() == 0 || len(n.Starts) > 0 && !n.Starts[0].After(counter.T[0]) {
		return 0, 0, false
	}
	lasted = ergo.Lasting(up.V[0])
	if lasted < leastLife {
		return 0, 0, false
	}
	return counter.V[0] / lasted.Seconds(), lasted, true
}

// A Risen is how often what a node counts came a second in its life before and since, and
// how much it grew since, in how many seconds.
type Risen struct {
	Was, Is, Grown, Seconds float64
	Life                    time.Duration // before
}

// RisenAllAlong is how a counter of events rose, where they came far more often than in the
// node's life before from the first of at least so many answers to the last: in the first
// half and in the second. That life has its lulls and nights, so the rise must be great, and
// from so many events on their rate is known to a fifth.
func (n *Node) RisenAllAlong(counted series.Series, answers int) (r Risen, ok bool) {
	const rise, least = 10, 25
	if r.Was, r.Life, ok = n.LifeBefore(counted); !ok || counted.Len() < answers || len(n.Starts) > 0 {
		return r, false
	}
	if r.Grown, r.Seconds, ok = series.Throughout(counted); !ok || r.Grown < least {
		return r, false
	}
	r.Is = r.Grown / r.Seconds
	return r, r.Is >= rise*r.Was
}

// TellLife adds to evidence how long that life was.
func (n *Node) TellLife(e *finding.Evidence, lasted time.Duration) {
	up := n.Series(ergo.Node, "Uptime")
	e.Value("life_before_s", lasted.Seconds(), n.Says("node_info", up.T[0], up.T[0]).Of("first(Uptime)"))
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

// A Release is what a node said it is, since when.
type Release struct {
	Since time.Time
	Name  string
}

// Releases are the releases that a node said it is, one after the other.
func (s *Scene) Releases(ctx context.Context, n *Node) ([]Release, error) {
	var all []Release
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Node, From: s.From, To: s.To, Fields: []string{"Version"}}) {
		if err != nil {
			return nil, err
		}
		for _, slot := range f.Live {
			var v struct{ Name, Release, Commit string }
			if json.Unmarshal([]byte(f.Columns[0].Text(slot)), &v) != nil || v.Release == "" {
				continue
			}
			name := v.Release
			if v.Commit != "" {
				name += " (" + v.Commit + ")"
			}
			if k := len(all); k == 0 || all[k-1].Name != name {
				all = append(all, Release{f.At, name})
			}
		}
	}
	return all, nil
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

// Says is where values about the node come from: what a tool answered in a
// stretch, both ends included.
func (n *Node) Says(tool string, from, to time.Time) finding.Source {
	return finding.Source{Tool: tool, Node: n.Name, From: from, To: to}
}

// LogLines is where counts of the node's log lines come from, which are searched
// by the node's own clock.
func (n *Node) LogLines(from, to time.Time) finding.Source {
	s := n.Says("sample_read", from, to)
	if !from.IsZero() {
		s.From = n.Clock.Theirs(from)
	}
	if !to.IsZero() {
		s.To = n.Clock.Theirs(to)
	}
	return s
}

// Over is where values about a stretch of a series of the node come from: the
// window from its first sample to its last.
func (n *Node) Over(tool string, s series.Series) finding.Source {
	if s.Len() == 0 {
		return n.Says(tool, time.Time{}, time.Time{})
	}
	return n.Says(tool, s.T[0], s.T[s.Len()-1])
}

// OverRates is as Over for a stretch of the rates of a counter, each of which
// needs the sample before it.
func (n *Node) OverRates(tool string, counter, rates series.Series) finding.Source {
	src := n.Over(tool, rates)
	if before := counter.Before(src.From); before.Len() > 0 && rates.Len() > 0 {
		src.From = before.T[before.Len()-1]
	}
	return src
}

// TellGrowth adds a growth to evidence: the most before, what it is of late, and
// how much more it is each second.
func (n *Node) TellGrowth(e *finding.Evidence, g series.Growth, tool, field string) {
	e.Value("before", g.Before, n.Over(tool, g.Was).Of("max("+field+")"))
	e.Value("after", g.After, n.Over(tool, g.Late).Of("median("+field+")"))
	e.Value("per_s", g.Slope.PerSecond, n.Over(tool, g.Since).Of("slope("+field+")"))
}

// TellBurst adds to evidence how often a counter of the node counted a minute
// before a burst and in it, and how often in it in all.
func (n *Node) TellBurst(e *finding.Evidence, b series.Burst, tool, counter string) {
	was, is := n.Says(tool, b.From, b.Since), n.Says(tool, b.Since, b.End)
	e.Value("before_per_min", 60*b.Before.Rate(), was.Of("60 * rate("+counter+")"))
	e.Value("after_per_min", 60*b.After.Rate(), is.Of("60 * rate("+counter+")"))
	e.Value("before", b.Before.Events, was.Of("increase("+counter+")"))
	e.Value("after", b.After.Events, is.Of("increase("+counter+")"))
	e.Value("before_s", b.Before.Seconds, was.Of("seconds("+finding.Instant(b.From)+", "+finding.Instant(b.From.Add(time.Duration(b.Before.Seconds*float64(time.Second))))+")"))
	e.Value("after_s", b.After.Seconds, is.Of("seconds("+finding.Instant(b.Since)+", "+finding.Instant(b.Since.Add(time.Duration(b.After.Seconds*float64(time.Second))))+")"))
}
