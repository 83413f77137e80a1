// Package scene is what was seen: a window of a recording, and of every node in
// it the measured numbers over time and its [Population], the bounded summary
// that one pass over its process listings leaves: actors with their episodes and
// stalls, families, lineages, supervisors that fell.
//
// What only some playbooks need is read when they ask for it: links and their
// losses, absences of nodes, events, applications, log lines, stacks, heap and
// CPU profiles, and every row of a suspect's stretch ([Scene.Zoom]).
//
// It judges nothing. Whether a stall is a fault is for the playbooks to say.
package scene

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ergorecorder/analyze/series"
	"ergorecorder/analyze/setting"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/inorder"
	"ergorecorder/internal/panics"
	"ergorecorder/replay"
)

// A Scene is what the playbooks look at: a window of a recording, and of every
// node in it the measurements that all of them need. It is read in one pass
// and holds bounded summaries of processes, never the recording itself; a
// playbook that needs more walks the recording over a suspect's stretch.
type Scene struct {
	Rec      *replay.Recording
	From, To time.Time
	Nodes    []*Node        // by name
	Set      setting.Values // on which judgements of it depend
	damage   damage
	own      []string // nodes as which recorders joined
	leftOut  []string // see LeaveOut

	mu      sync.Mutex // of what playbooks find out beside each other
	reading sync.Mutex // held while the links are read, which one of them does for all

	net  *Network             // see [Scene.Network]
	gone map[string][]Absence // by node; see [Scene.Absences]
	once map[any]*worked      // see [Scene.Once]
}

// Options select what is read. The zero value reads everything.
type Options struct {
	From, To time.Time      // zero: the recording's own
	Node     string         // glob over node names
	Settings setting.Values // those that are not the defaults
	Progress func(done, total int, step string)
}

// Read makes the scene of a recording.
func Read(ctx context.Context, rec *replay.Recording, opt Options) (*Scene, error) {
	s := &Scene{Rec: rec, Set: opt.Settings}
	s.From, s.To = rec.Window()
	if !opt.From.IsZero() {
		s.From = opt.From
	}
	if !opt.To.IsZero() {
		s.To = opt.To
	}
	own, err := rec.OwnNodes(ctx)
	if err != nil && !s.PassOver(err) {
		return nil, fmt.Errorf("look for the recorder's own node: %w", err)
	}
	s.own = own
	bytes := map[string]int64{}
	for _, x := range rec.Streams() {
		bytes[x.Node] += x.Bytes
	}
	for _, rn := range rec.Nodes() {
		if ok, err := path.Match(opt.Node, rn.Name); err != nil {
			return nil, fmt.Errorf("node glob %q: %w", opt.Node, err)
		} else if !ok && opt.Node != "" {
			continue
		}
		s.Nodes = append(s.Nodes, &Node{Node: rn, bytes: bytes[rn.Name], metrics: map[metric]series.Series{}})
	}
	slices.SortFunc(s.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	if err := s.readNodes(ctx, opt.Progress); err != nil {
		return nil, err
	}
	return s, nil
}

// readNodes reads all nodes, as many at a time as there are cores.
func (s *Scene) readNodes(ctx context.Context, progress func(done, total int, step string)) error {
	var mu sync.Mutex
	done := 0
	return s.Each(ctx, func(ctx context.Context, _ int, n *Node) error {
		if err := s.readNode(ctx, n); err != nil {
			return fmt.Errorf("read %s: %w", n.Name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		if progress != nil {
			progress(done, len(s.Nodes), "read "+n.Name)
		}
		return nil
	})
}

// Each calls f for every node, for as many at a time as there are cores, and for the largest first, so that none is
// left alone at the end; what they find belongs at the place of the node, so that it has one order.
func (s *Scene) Each(ctx context.Context, f func(ctx context.Context, i int, n *Node) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range inorder.Largest(len(s.Nodes), func(i int) int64 { return s.Nodes[i].bytes }) {
		n := s.Nodes[i]
		g.Go(func() error { return panics.Caught(func() error { return f(ctx, i, n) }) })
	}
	return g.Wait()
}

func (s *Scene) readNode(ctx context.Context, n *Node) error {
	for reading, fields := range nodeMetrics() {
		if err := s.readMetrics(ctx, n, reading, fields); err != nil {
			return err
		}
	}
	n.usual = max(n.Heard.Interval(), time.Second)
	if err := s.readClock(ctx, n); err != nil {
		return err
	}
	for i, l := range n.Lives {
		if i > 0 && l.From.After(s.From) && !l.From.After(s.To) {
			// Its first answer is of after its start, whatever the clocks say.
			n.Starts = append(n.Starts, series.Earlier(n.Clock.Ours(l.Started), l.From))
		}
	}
	n.mixed = series.Mixed(n.Series(ergo.Runtime, "total_alloc"), n.Starts...)
	var err error
	if n.Inspected, err = readInspections(ctx, s, n); err != nil {
		return err
	}
	n.Procs, err = readProcesses(ctx, s, n)
	return err
}

func (s *Scene) readMetrics(ctx context.Context, n *Node, reading ergo.Reading, fields []string) error {
	cols := make([]series.Series, len(fields))
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: reading, From: s.From, To: s.To, Fields: fields}) {
		if err != nil {
			return err
		}
		if reading == ergo.Node {
			n.Heard.Add(f.At, f.Took.Seconds())
		}
		for _, slot := range f.Live {
			for i := range f.Columns {
				c := &f.Columns[i]
				if c.Name == "LogMessages" {
					n.addLevels(reading, f.At, c.Text(slot))
					continue
				}
				cols[i].Add(f.At, c.Float(slot))
			}
		}
	}
	for i, field := range fields {
		if cols[i].Len() > 0 {
			n.metrics[metric{reading, field}] = cols[i]
		}
	}
	return nil
}

// addLevels takes the counts of log messages by level.
func (n *Node) addLevels(reading ergo.Reading, at time.Time, text string) {
	var counts []float64
	if json.Unmarshal([]byte(text), &counts) != nil {
		return
	}
	for i, c := range counts {
		if i < len(logLevels) {
			k := metric{reading, "LogMessages." + string(logLevels[i])}
			m := n.metrics[k]
			m.Add(at, c)
			n.metrics[k] = m
		}
	}
}

// A damage is what could not be read of the recording.
type damage struct {
	mu    sync.Mutex
	kinds map[string]error // by their text
}

// Note remembers for the report a stretch that could not be read, behind which
// a walk goes on.
func (s *Scene) Note(err error) {
	var c *archive.CorruptionError
	if errors.As(err, &c) {
		err = c // without what the walk was about
	}
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	if s.damage.kinds == nil {
		s.damage.kinds = map[string]error{}
	}
	s.damage.kinds[err.Error()] = err
}

// PassOver reports whether err is a stretch that could not be read, and notes
// it if so.
func (s *Scene) PassOver(err error) bool {
	if !replay.IsDamage(err) {
		return false
	}
	s.Note(err)
	return true
}

// answers walks the answers that hold a reading; what cannot be read is noted.
func (s *Scene) answers(ctx context.Context, q replay.Query) iter.Seq2[*archive.Frame, error] {
	q.Damaged = s.Note
	return s.Rec.Answers(ctx, q)
}

// Texts walks the whole answers of a node that hold a reading; what cannot be
// read is noted.
func (s *Scene) Texts(ctx context.Context, n *Node, reading ergo.Reading, from, to time.Time) iter.Seq2[replay.Sample, error] {
	return replay.Readable(s.Rec.Texts(ctx, n.Name, reading, from, to), s.Note)
}

// Damage are the texts of what could not be read.
func (s *Scene) Damage() []string { return slices.Sorted(maps.Keys(s.damage.kinds)) }

// mostOnce is how much that was worked out once is kept.
const mostOnce = 1 << 14

// worked is what was worked out once, or is being.
type worked struct {
	once  sync.Once
	value any
	err   error
}

// Once is what the work of a key comes to. It is done once for all that ask for
// it, beside each other too; what it comes to must depend on the key and the
// recording alone, for it is forgotten when there is too much of it.
func (s *Scene) Once(key any, work func() (any, error)) (any, error) {
	s.mu.Lock()
	w := s.once[key]
	if w == nil {
		if s.once == nil || len(s.once) >= mostOnce {
			s.once = map[any]*worked{}
		}
		w = &worked{}
		s.once[key] = w
	}
	s.mu.Unlock()
	w.once.Do(func() { w.err = panics.Caught(func() (err error) { w.value, err = work(); return err }) })
	return w.value, w.err
}
