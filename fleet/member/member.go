// Package member makes a recorder one of a fleet: it shares the nodes with the others
// by leases, ships what is stored, and tells the fleet how it fares. The recorder
// knows it as [share.Fleet], and never waits for it.
package member

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/fleet/lease"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/ship"
	"ergorecorder/recorder"
	"ergorecorder/recorder/share"
)

// Options of a Member.
type Options struct {
	Engine    link.Options // with the fleet's name
	Cluster   string
	Name      string        // of the recorder in its fleet
	Witnesses int           // how many recorders are to record each node
	Takeover  time.Duration // within which a dead recorder's nodes are taken over: see [Takeover]
	Within    time.Duration // runs that go on for longer are ended, to be shipped
	State     string        // the file that says how far was shipped
	Version   string
	Now       func() time.Time
	Notice    func(string)
}

// Takeover is the time within which a dead recorder's nodes are taken over where
// processes are listed so often: three intervals, and at least 15 s.
func Takeover(interval time.Duration) time.Duration { return lease.Takeover(interval) }

// A Member is a recorder's place in its fleet. A nil one is that of a recorder that stands alone.
type Member struct {
	o      Options
	w      *archive.Writer
	link   *link.Link
	keeper *lease.Keeper
	ship   *ship.Shipper

	recorder *recorder.Recorder // set by Start, before anything runs
	cancel   [2]context.CancelFunc
	running  [2]sync.WaitGroup // the keeper, and the others

	mu    sync.Mutex
	there int
	gaps  map[string]lease.Event // nodes that were taken, until they answer
	open  []shape.Incident       // of the last hour …
	upTo  int                    // … as of so many
}

// New joins a fleet: from then on the recorder's nodes are those that it is given.
// The engine need not be there.
func New(o Options, w *archive.Writer) (*Member, error) {
	for what, name := range map[string]string{"cluster": o.Cluster, "recorder": o.Name} {
		if err := shape.CheckName(what, name); err != nil {
			return nil, err
		}
	}
	if o.Witnesses < 1 || o.Witnesses > shape.MostWitnesses {
		return nil, fmt.Errorf("witnesses: %d, give 1 to %d", o.Witnesses, shape.MostWitnesses)
	}
	o.Engine.Name, o.Engine.Notice = "record "+o.Name, o.Notice
	l, err := link.Dial(o.Engine)
	if err != nil {
		return nil, err
	}
	m := &Member{o: o, w: w, link: l, gaps: map[string]lease.Event{}, upTo: -1}
	m.ship, err = ship.New(ship.Options{
		Fleet: o.Engine.Fleet, Cluster: o.Cluster, Recorder: o.Name, View: w.View(), State: o.State, Within: o.Within,
		Durable: func() uint64 { return w.Stats().Durable }, EndRuns: w.EndRuns, Now: o.Now, Notice: o.Notice,
		Offset: func() (time.Duration, bool) { return m.keeper.Offset() },
	}, l)
	if err != nil {
		l.Close()
		return nil, err
	}
	began := time.Now()
	m.keeper = lease.New(lease.Options{
		Cluster: o.Cluster, Name: o.Name, Archive: w.View().Info().ID, Takeover: o.Takeover, Witnesses: o.Witnesses, Before: m.ship.Nodes(),
		Recorders: l.Bucket(shape.Recorders(o.Engine.Fleet)), Leases: l.Bucket(shape.Leases(o.Engine.Fleet, o.Cluster)),
		Session: rand.Text, Now: o.Now, Elapsed: func() time.Duration { return time.Since(began) },
		Self: m.self, Hear: m.hear,
	})
	return m, nil
}

// There implements [share.Fleet].
func (m *Member) There(nodes []string) {
	m.mu.Lock()
	m.there = len(nodes)
	m.mu.Unlock()
	m.keeper.There(nodes)
}

// Ours implements [share.Fleet].
func (m *Member) Ours(node string) bool { return m.keeper.Ours(node) }

// Alone reports whether we are sure to have a node: see [lease.Keeper.Alone].
func (m *Member) Alone(node string) bool { return m.keeper.Alone(node) }

// Changes implements [share.Fleet].
func (m *Member) Changes() <-chan struct{} { return m.keeper.Changes() }

// Standing implements [share.Fleet].
func (m *Member) Standing() share.Standing {
	b, s := m.ship.Backlog(), m.ship.Shipped()
	m.mu.Lock()
	there := m.there
	m.mu.Unlock()
	return share.Standing{
		Fleet: m.o.Engine.Fleet, Cluster: m.o.Cluster, Recorder: m.o.Name, Nodes: len(m.keeper.Nodes()), Of: there, Away: m.keeper.Away(),
		Backlog: b.Bytes, Blocks: b.Blocks, Age: b.Age, Why: b.Why, Shipped: s.Bytes, Lost: s.Lost,
	}
}

// Start begins to share and to ship for the recorder, until Close.
func (m *Member) Start(ctx context.Context, r *recorder.Recorder) {
	if m == nil {
		return
	}
	m.recorder = r
	ctx = context.WithoutCancel(ctx) // the recorder stops first
	for i, loops := range [2][]func(context.Context){{m.keeper.Run}, {m.ship.Run, m.watchGaps}} {
		var one context.Context
		one, m.cancel[i] = context.WithCancel(ctx)
		for _, loop := range loops {
			m.running[i].Go(func() { loop(one) })
		}
	}
}

// Times of the end.
const (
	restTime = 5 * time.Second // to ship what is left
	longYear = 10 * 366 * 24 * time.Hour
)

// Close leaves the fleet, after the recorder stopped: its nodes are free for the others
// at once, and what is stored is shipped, as far as the engine takes it within some seconds. The
// rest is shipped when the archive is recorded to again.
func (m *Member) Close() error {
	if m == nil {
		return nil
	}
	for i, cancel := range m.cancel {
		if cancel != nil {
			cancel()
			m.running[i].Wait()
		}
	}
	defer m.link.Close()
	if m.recorder == nil {
		return nil
	}
	rest, cancel := context.WithTimeoutCause(context.Background(), restTime, errors.New("there is no more time"))
	defer cancel()
	if err := m.w.EndRuns(m.o.Now().Add(longYear)); err != nil {
		m.o.Notice(fmt.Sprintf("fleet: runs could not be ended: %v", err))
	}
	err := m.ship.Rest(rest)
	if b := m.ship.Backlog(); b.Blocks > 0 {
		m.o.Notice(fmt.Sprintf("fleet: %d blocks (%d bytes) are not shipped: they are in the archive, and are shipped when it is recorded to again", b.Blocks, b.Bytes))
		err = nil // it was told
	}
	return err
}

// self tells the fleet how we fare.
func (m *Member) self(r *shape.Recorder) {
	s := m.recorder.Status()
	r.Version, r.Backlog, r.Incidents, r.HeardAgo = m.o.Version, m.ship.Backlog(), s.Incidents, map[string]float64{}
	var nodes []string
	for i := range s.Nodes {
		n := &s.Nodes[i]
		nodes = append(nodes, n.Node)
		if !n.HeardAt.IsZero() {
			r.HeardAgo[n.Node] = max(s.Now.Sub(n.HeardAt), 0).Seconds()
		}
		if n.Lost {
			r.Lost = append(r.Lost, n.Node)
		}
	}
	m.ship.SetNodes(nodes)
	r.Open = m.incidents(s.Incidents)
}

// openFor is for how long the fleet is told of an incident.
const openFor = time.Hour

// incidents are those of the last hour; the archive is asked only when there are more.
func (m *Member) incidents(count int) []shape.Incident {
	now := m.o.Now()
	m.mu.Lock()
	known := m.upTo == count
	m.mu.Unlock()
	if !known {
		var open []shape.Incident
		for mark, err := range m.w.View().Marks(context.Background(), now.Add(-openFor), time.Time{}) {
			if err == nil && mark.Kind == archive.MarkIncident {
				open = append(open, shape.Incident{Kind: kindOf(mark), Node: mark.Node, Note: mark.Note, From: mark.From, To: mark.To})
			}
		}
		m.mu.Lock()
		m.open, m.upTo = open, count
		m.mu.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = slices.DeleteFunc(m.open, func(i shape.Incident) bool { return now.Sub(i.To) > openFor })
	return slices.Clone(m.open)
}

// kindOf is what an incident is one of.
func kindOf(m archive.Mark) string {
	if kind, ok := m.More["kind"].(string); ok {
		return kind
	}
	return m.Kind
}

// hear marks what became of nodes and of the engine.
func (m *Member) hear(e lease.Event) {
	now := m.o.Now()
	switch e.What {
	case lease.Taken:
		if e.From != "" {
			m.recorder.Mark(archive.Mark{Kind: "node_taken", Node: e.Node, From: now, Note: "from the recorder " + e.From, More: map[string]any{"recorder": e.From}})
		}
		if !e.Since.IsZero() {
			m.mu.Lock()
			m.gaps[e.Node] = e
			m.mu.Unlock()
		}
	case lease.Left:
		m.mu.Lock()
		delete(m.gaps, e.Node)
		m.mu.Unlock()
	case lease.Unsure:
		m.recorder.Mark(archive.Mark{Kind: "engine_away", From: e.Since, To: now, Note: "the fleet's engine does not answer: our nodes are recorded as before, and others may record them as well"})
	case lease.Sure:
		m.recorder.Mark(archive.Mark{
			Kind: "engine_back", From: e.Since, To: e.To, Note: "the fleet's engine answers again; meanwhile others may have recorded our nodes as well",
			More: map[string]any{"away_s": e.To.Sub(e.Since).Seconds()},
		})
	case lease.Refused:
		m.o.Notice("fleet: a recorder of our name lives: " + e.From + "; give this one another by --recorder-name. Until then it gets no nodes")
	}
}

// gapsEvery is how often is looked whether nodes that were taken answer.
const gapsEvery = 250 * time.Millisecond

// watchGaps marks, when a node that was taken of a dead recorder answers, how long nobody recorded it.
func (m *Member) watchGaps(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(gapsEvery):
		}
		m.mu.Lock()
		waiting := len(m.gaps)
		m.mu.Unlock()
		if waiting == 0 {
			continue
		}
		s := m.recorder.Status()
		for i := range s.Nodes {
			m.markGap(s.Nodes[i].Node, s.Nodes[i].Since)
		}
	}
}

// markGap marks the gap of a node that answered.
func (m *Member) markGap(node string, heard time.Time) {
	m.mu.Lock()
	e, ok := m.gaps[node]
	if ok = ok && !heard.IsZero(); ok {
		delete(m.gaps, node)
	}
	m.mu.Unlock()
	if !ok {
		return
	}
	from := e.Since
	if from.After(heard) {
		from = heard
	}
	m.recorder.Mark(archive.Mark{
		Kind: archive.MarkGap, Node: node, From: from, To: heard,
		Note: strings.Join([]string{"between the last answer that the recorder", e.From, "told the fleet of and our first; what it recorded after that is in its own archive"}, " "),
		More: map[string]any{"recorder": e.From, "s": heard.Sub(from).Seconds()},
	})
}
