// Package world makes up clusters for tests by physics and not by painting
// columns: processes take messages from a mailbox one at a time, a callback
// costs CPU that the processes of a node share, a caller waits until it is
// answered or its time is over, supervisors restart and give up, what is
// allocated is collected and what is kept stays, links delay and lose, clocks
// run wrong. What a recorder would have heard of it is [World.Lines].
//
// Times are durations after the first sample; those before it are negative.
// Everything follows from the seed.
package world

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/capture"
	"ergorecorder/recorder/ingest"
)

// A World is a cluster and the recording of it. New makes one; its nodes and
// processes are added before Records is called.
type World struct {
	From     time.Time     // the first sample, by the true clock
	Length   time.Duration // of the recording
	Interval time.Duration // between samples
	Seed     uint64
	Latency  bool // nodes are built with -tags=latency
	Pprof    bool // nodes are built with -tags=pprof
	Ages     bool // nodes report StateTime
	Modern   bool // nodes are of 3.3: their supervisors keep a history, under keys of the framework's own
	Silent   bool // no log is recorded
	Unsteady bool // the recorder stores no monotonic time, as those of formats 1 and 2 did
	Recorder Recorder

	Nodes []*Node

	now     time.Duration
	queue   queue
	rng     *rand.Rand
	links   map[[2]*Node]*Link
	calls   map[uint64]*call
	lastID  uint64
	out     []heard
	planned []planned
}

// heard is an answer, and when it came by the true clock.
type heard struct {
	*capture.Line
	at time.Duration
}

// planned is something that was told before the world began.
type planned struct {
	at time.Duration
	do func()
}

// Warm is how long a world runs at least before its first sample; what a node counted
// in the time before that is taken to be alike.
const Warm = 20 * time.Second

// New is an empty world: three minutes, a sample every 2 s, all build tags.
func New(seed uint64) *World {
	return &World{
		From: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Length: 3 * time.Minute, Interval: 2 * time.Second,
		Seed: seed, Latency: true, Pprof: true, Ages: true, links: map[[2]*Node]*Link{}, calls: map[uint64]*call{},
		rng: rand.New(rand.NewPCG(seed, 0x5eed)),
	}
}

// At plans something. What is planned for one instant happens in the order in
// which it was planned.
func (w *World) At(at time.Duration, do func()) {
	w.planned = append(w.planned, planned{at, do})
}

// Node is the node of that name, nil if there is none.
func (w *World) Node(name string) *Node {
	for _, n := range w.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Records runs the world and returns what its recorder heard, as it appends it to an
// archive: in the order in which it came, whatever its clock says. It may be called once.
func (w *World) Records() []*archive.Record {
	w.run()
	slices.SortStableFunc(w.out, func(a, b heard) int { return cmp.Compare(a.at, b.at) })
	out := make([]*archive.Record, len(w.out))
	for i, l := range w.out {
		out[i] = ingest.Record(l.Call, l.Args, l.Answer, l.Refused, ingest.Options{})
		if !w.Unsteady {
			out[i].Mono = l.at + recording
		}
	}
	return out
}

// recording is for how long the recorder has run when it asks for the first time.
const recording = time.Second

// Lines runs the world and returns what its recorder heard, in order of the time that
// its clock said. It may be called once.
func (w *World) Lines() []*capture.Line {
	w.run()
	slices.SortStableFunc(w.out, func(a, b heard) int { return a.Answer.At.Compare(b.Answer.At) })
	out := make([]*capture.Line, len(w.out))
	for i, l := range w.out {
		out[i] = l.Line
	}
	return out
}

func (w *World) run() {
	warm := w.warm()
	w.now = -warm
	for _, n := range w.Nodes {
		if warm > Warm {
			n.frozen = -warm // its processes work from its start on, not only from the first sample
		}
		w.in(max(0, warm-n.up()), func() { n.boot() })
	}
	w.in(warm, func() {
		for _, n := range w.Nodes {
			n.age()
			n.lines = nil // who listens hears what is said from now on
		}
		w.Recorder.start(w)
	})
	for _, p := range w.planned {
		w.in(p.at+warm, p.do)
	}
	for len(w.queue.events) > 0 {
		e := w.queue.pop()
		if e.at >= w.Length {
			break
		}
		w.now = e.at
		w.happen(e)
	}
}

// warm is how long the world runs before its first sample: as long as its oldest node
// has been up, or a good part of that.
func (w *World) warm() time.Duration {
	const most = 40 * time.Minute
	warm := Warm
	for _, n := range w.Nodes {
		warm = max(warm, min(n.up(), most))
	}
	return warm
}

// in lets something happen after a while.
func (w *World) in(after time.Duration, do func()) {
	w.queue.push(event{at: w.now + max(0, after), do: do})
}

// An event is something that will happen: a function, or one of the frequent
// kinds, of a process in the life that it has now.
type event struct {
	at   time.Duration
	seq  uint64
	do   func()
	p    *Process
	life int
	kind eventKind
	msg  message
}

type eventKind uint8

const (
	callFunction eventKind = iota
	worked                 // the callback has used the CPU that it needs
	arrives                // a message from another node
	ticks                  // the next message from outside
)

func (w *World) happen(e event) {
	if e.kind == callFunction {
		e.do()
		return
	}
	if e.p.life != e.life {
		return
	}
	if until := e.p.node.frozen; until > w.now {
		e.at = until
		w.queue.push(e)
		return
	}
	switch e.kind {
	case worked:
		e.p.worked()
	case arrives:
		e.p.receive(e.msg)
	case ticks:
		e.p.tick()
	}
}

// A queue holds events in order of time, and of their making where the time is
// the same.
type queue struct {
	events []event
	made   uint64
}

func (q *queue) push(e event) {
	q.made++
	e.seq = q.made
	q.events = append(q.events, e)
	i := len(q.events) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !before(&e, &q.events[up]) {
			break
		}
		q.events[i] = q.events[up]
		i = up
	}
	q.events[i] = e
}

func (q *queue) pop() event {
	first := q.events[0]
	n := len(q.events) - 1
	last := q.events[n]
	q.events[n] = event{}
	q.events = q.events[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && before(&q.events[c+1], &q.events[c]) {
			c++
		}
		if !before(&q.events[c], &last) {
			break
		}
		q.events[i] = q.events[c]
		i = c
	}
	q.events[i] = last
	return first
}

func before(a, b *event) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

// spread is a duration around its mean: four fifths to six fifths of it.
func (w *World) spread(mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * (0.8 + 0.4*w.rng.Float64()))
}

// chance rounds a number up or down so that the mean is right.
func (w *World) chance(x float64) int {
	n := int(x)
	if w.rng.Float64() < x-float64(n) {
		n++
	}
	return n
}
