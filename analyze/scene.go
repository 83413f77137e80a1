package analyze

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/replay"
)

// A scene is what the playbooks look at: a window of a recording, and of every
// node in it the measurements that all of them need. It is read in one pass
// and holds bounded summaries of processes, never the recording itself; a
// playbook that needs more walks the recording over a suspect's stretch.
type scene struct {
	rec      *replay.Recording
	from, to time.Time
	nodes    []*node // by name
	damage   damage

	net  *network             // see [scene.network]
	gone map[string][]absence // by node; see [scene.absences]
}

// A node is one node in the window.
type node struct {
	replay.Node
	starts    []time.Time   // of the incarnations after the first in the window
	interval  time.Duration // between its process listings
	heard     series.Series // when node_info answered; the value is the call's duration in s
	metrics   map[metric]series.Series
	procs     *population
	inspected map[string]*inspection // by PID
}

// A metric is a number that an object tool reports.
type metric struct{ tool, field string }

// nodeMetrics are the numbers that are read of every node. Array fields have a
// series per element: LogMessages.error.
func nodeMetrics() map[string][]string {
	return map[string][]string{
		"node_info": {
			"Uptime", "ProcessesTotal", "ProcessesRunning", "ProcessesWaitResponse", "ProcessesZombee",
			"ProcessesSpawned", "ProcessesSpawnFailed", "ProcessesTerminated",
			"SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote",
			"RegisteredAliases", "RegisteredNames", "RegisteredEvents",
			"EventsPublished", "EventsReceived", "EventsLocalSent", "EventsRemoteSent",
			"MemoryUsed", "MemoryAlloc", "UserTime", "SystemTime", "LogMessages",
		},
		"runtime_stats": {
			"goroutines", "cpus", "heap_alloc", "heap_inuse", "heap_objects", "heap_sys", "stack_inuse",
			"total_alloc", "sys", "num_gc", "last_gc_pause_ns", "gc_cpu_percent",
		},
		"network_info": {"ConnectionsEstablished", "ConnectionsLost"},
	}
}

// logLevels are the elements of LogMessages.
var logLevels = [...]string{"trace", "debug", "info", "warning", "error", "panic"}

// series returns a measured number of the node over the window, empty where it
// was not recorded.
func (n *node) series(tool, field string) series.Series {
	return n.metrics[metric{tool, field}]
}

// rates is the rate per second of a cumulative number; restarts are no steps.
func (n *node) rates(tool, field string) series.Series {
	return series.Rates(n.series(tool, field), n.starts...)
}

// incarnation is the life of the node at t, as findings spell it; "" if it is
// not known.
func (n *node) incarnation(t time.Time) string {
	s := ""
	for _, l := range n.Lives {
		if s == "" || !l.Started.After(t) {
			s = l.Incarnation.String()
		}
	}
	return s
}

// node returns the node of that name, nil if there is none.
func (s *scene) node(name string) *node {
	for _, n := range s.nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// read makes the scene of a recording.
func read(ctx context.Context, rec *replay.Recording, opt Options) (*scene, error) {
	s := &scene{rec: rec}
	s.from, s.to = rec.Window()
	if !opt.From.IsZero() {
		s.from = opt.From
	}
	if !opt.To.IsZero() {
		s.to = opt.To
	}
	for _, rn := range rec.Nodes() {
		if opt.Node != "" {
			ok, err := path.Match(opt.Node, rn.Name)
			if err != nil {
				return nil, fmt.Errorf("node glob %q: %w", opt.Node, err)
			}
			if !ok {
				continue
			}
		}
		s.nodes = append(s.nodes, &node{Node: rn, metrics: map[metric]series.Series{}})
	}
	slices.SortFunc(s.nodes, func(a, b *node) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	if err := s.readNodes(ctx, opt.Progress); err != nil {
		return nil, err
	}
	return s, nil
}

// A damage is what could not be read of the recording.
type damage struct {
	mu    sync.Mutex
	kinds map[string]error // by their text
}

// damaged reports whether err is a stretch that could not be read, behind which
// the walk goes on, and remembers it for the report.
func (s *scene) damaged(err error) bool {
	var c *archive.CorruptionError
	if !errors.As(err, &c) {
		return false
	}
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	if s.damage.kinds == nil {
		s.damage.kinds = map[string]error{}
	}
	s.damage.kinds[c.Error()] = c
	return true
}

// damageNoted is what the report says of the damage.
func (s *scene) damageNoted() []NotEvaluated {
	var out []NotEvaluated
	for _, text := range slices.Sorted(maps.Keys(s.damage.kinds)) {
		if len(out) == maxDamage {
			return append(out, NotEvaluated{"all", fmt.Sprintf("and %d more places that cannot be read", len(s.damage.kinds)-maxDamage)})
		}
		out = append(out, NotEvaluated{"all", "cannot be read: " + text})
	}
	return out
}

// maxDamage is how many damaged places a report names.
const maxDamage = 5

// readNodes reads all nodes, as many at a time as there are cores.
func (s *scene) readNodes(ctx context.Context, progress func(done, total int, step string)) error {
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, n := range s.nodes {
		g.Go(func() error {
			if err := s.readNode(ctx, n); err != nil {
				return fmt.Errorf("read %s: %w", n.Name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if progress != nil {
				progress(done, len(s.nodes), "read "+n.Name)
			}
			return nil
		})
	}
	return g.Wait()
}

func (s *scene) readNode(ctx context.Context, n *node) error {
	for tool, fields := range nodeMetrics() {
		if err := s.readMetrics(ctx, n, tool, fields); err != nil {
			return err
		}
	}
	for i, l := range n.Lives {
		if i > 0 && l.From.After(s.from) && !l.From.After(s.to) {
			n.starts = append(n.starts, l.Started)
		}
	}
	var err error
	if n.inspected, err = readInspections(ctx, s, n); err != nil {
		return err
	}
	n.procs, err = readProcesses(ctx, s, n)
	return err
}

func (s *scene) readMetrics(ctx context.Context, n *node, tool string, fields []string) error {
	cols := make([]series.Series, len(fields))
	for f, err := range s.rec.Table(ctx, n.Name, tool, s.from, s.to, fields) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return err
		}
		if f.Failure != nil {
			continue
		}
		if tool == "node_info" {
			n.heard.Add(f.At, f.Took.Seconds())
		}
		for _, slot := range f.Live {
			for i := range f.Columns {
				c := &f.Columns[i]
				if c.Name == "LogMessages" {
					n.addLevels(tool, f.At, c.Text(slot))
					continue
				}
				cols[i].Add(f.At, c.Float(slot))
			}
		}
	}
	for i, field := range fields {
		if cols[i].Len() > 0 {
			n.metrics[metric{tool, field}] = cols[i]
		}
	}
	return nil
}

// addLevels takes the counts of log messages by level.
func (n *node) addLevels(tool string, at time.Time, text string) {
	var counts []float64
	if json.Unmarshal([]byte(text), &counts) != nil {
		return
	}
	for i, c := range counts {
		if i < len(logLevels) {
			k := metric{tool, "LogMessages." + logLevels[i]}
			m := n.metrics[k]
			m.Add(at, c)
			n.metrics[k] = m
		}
	}
}
