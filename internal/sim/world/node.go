package world

import (
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// A Node is one OS process with actors. It may live several lives.
type Node struct {
	Name    string
	Cores   float64
	Release string
	Up      time.Duration // how long it was up at the first sample; zero: 10 s
	Specs   []*Spec       // what it starts when it boots, in that order
	Clock   Clock
	Alive   bool
	Late    bool    // it starts when told, not with the world
	Limit   float64 // bytes that its runtime may take; 0: it does not say
	Jobs    []*Job

	world   *World
	procs   []*Process
	apps    []*App
	events  []*Event
	life    int
	born    time.Duration // of this life
	lastPID int
	frozen  time.Duration // until then it stands still
	tied    time.Duration // until then those who answer tools are busy
	quota   float64       // the share of its CPU that it gets; 0: all
	load    float64       // factor of what comes from outside; 0: 1
	busy    int           // callbacks on a CPU now

	spawned, terminated, spawnFailed  int64
	sendErrorsLocal, sendErrorsRemote int64
	callErrorsLocal, callErrorsRemote int64
	aliases, names                    int64
	used                              time.Duration            // CPU
	burned                            map[string]time.Duration // by functions of processes that are gone
	live, since, total, collections   float64                  // bytes; see memory.go
	allocated                         map[string]float64
	lastPause                         time.Duration
	gcCPU                             time.Duration
	floorAt                           time.Duration
	handshakes                        int64
	lines                             []line
	counts                            [6]int64
	stuckIn                           map[string]int // goroutines that stay, by function
	spoken                            int            // lines read
	declared                          []*Event
}

// A Job is one of a node's scheduler, which runs it once a minute.
type Job struct {
	Name, Fails string // with what its runs end; "" well
	since       time.Duration
}

// Fail lets the runs of a job end with an error from now on; "" well again.
func (n *Node) Fail(job, with string) {
	for _, j := range n.Jobs {
		if j.Name == job {
			j.Fails, j.since = with, n.world.now
		}
	}
}

// AddNode makes a node.
func (w *World) AddNode(name string) *Node {
	n := &Node{Name: name, Cores: 2, Release: "1.0.0", world: w}
	w.Nodes = append(w.Nodes, n)
	return n
}

// Add lets a node start a process when it boots.
func (n *Node) Add(s *Spec) *Spec {
	if s.Kind == "" {
		s.Kind = "actor"
	}
	s.node = n
	n.Specs = append(n.Specs, s)
	return s
}

func (n *Node) up() time.Duration {
	if n.Up == 0 {
		return 10 * time.Second
	}
	return n.Up
}

func (n *Node) crc() uint32 { return crc32.ChecksumIEEE([]byte(n.Name)) }

func (n *Node) pidText(id int) string { return fmt.Sprintf("<%08X.0.%d>", n.crc(), id) }

func (p *Process) text() string { return p.node.pidText(p.pid) }

// boot begins a life.
func (n *Node) boot() {
	if n.Late || n.Alive {
		return
	}
	w := n.world
	n.Alive, n.born, n.lastPID = true, w.now, 1000
	n.life++
	n.procs, n.apps, n.events = nil, nil, nil
	n.spawned, n.terminated, n.spawnFailed = 0, 0, 0
	n.sendErrorsLocal, n.sendErrorsRemote, n.callErrorsLocal, n.callErrorsRemote = 0, 0, 0, 0
	n.aliases, n.names = 3, 0
	n.used, n.burned, n.gcCPU = 0, map[string]time.Duration{}, 0
	n.live, n.since, n.total, n.collections = 3e6, 0, 0, 0
	n.allocated = map[string]float64{}
	n.floorAt, n.handshakes, n.counts, n.busy = w.now, 0, [6]int64{}, 0
	n.lines, n.spoken, n.stuckIn = nil, 0, map[string]int{}
	for _, name := range []string{"system_sup", "system_metrics", "system_inspect"} {
		n.start(&Spec{Name: name, Behavior: "system." + name, Kind: "actor", App: "system_app", Rate: 0.2, Service: 100 * time.Microsecond, Alloc: 20_000})
	}
	n.app("system_app").Mode = "permanent"
	for _, s := range n.Specs {
		n.startFamily(s)
	}
	for _, m := range w.Nodes {
		if m != n && m.Alive {
			w.Link(n, m).connect()
		}
	}
}

// startFamily starts a spec and, of a pool, its workers.
func (n *Node) startFamily(s *Spec) {
	n.app(s.App)
	n.start(s)
	for _, e := range n.world.eventsOf(s) {
		e.register(n)
	}
	for _, worker := range s.Crew {
		n.start(worker)
	}
}

// age adds what the node counted before the world began.
func (n *Node) age() {
	if !n.Alive {
		return
	}
	warm := -n.born
	if warm <= 0 || n.up() <= warm {
		return
	}
	older := n.up() - warm
	f := float64(n.up()) / float64(warm)
	scale := func(v *int64) { *v = int64(float64(*v) * f) }
	for _, p := range n.procs {
		if p.born > n.born+time.Second {
			continue
		}
		p.old = older
		for _, v := range []*int64{&p.in, &p.out, &p.wakeups, &p.dropped, &p.forwarded} {
			scale(v)
		}
		p.running = time.Duration(float64(p.running) * f)
	}
	n.used = time.Duration(float64(n.used) * f)
	n.total *= f
	n.collections = float64(int(n.collections * f))
	n.born -= older
	for _, a := range n.apps {
		a.since -= older
	}
	for _, e := range n.events {
		e.age(f)
	}
	for _, l := range n.world.links {
		l.age(n, older, f)
	}
}

// Crash ends a life at once.
func (n *Node) Crash() {
	if !n.Alive {
		return
	}
	n.Alive = false
	for _, p := range n.procs {
		p.dead, p.onCPU = true, false
		p.life++
		p.spec.live = nil
	}
	n.procs, n.busy, n.frozen, n.tied = nil, 0, 0, 0
	for _, m := range n.world.Nodes {
		if m != n {
			n.world.Link(n, m).lose()
		}
	}
}

// Start begins another life.
func (n *Node) Start() {
	n.Late = false
	n.boot()
}

// Stop ends a life as an operator does: applications first.
func (n *Node) Stop() {
	for _, a := range slices.Clone(n.apps) {
		n.stopApp(a.Name, "normal")
	}
	n.Crash()
}

// ShutDown lets a node announce that it stops, and stop a little later: when no
// callback hangs any more. Every five seconds it says for whom it waits.
func (n *Node) ShutDown() {
	if n.Alive {
		n.logNode("info", "node "+n.Name+" is starting a graceful shutdown...")
		n.world.in(patient, n.stopOrWait)
	}
}

const patient = 5 * time.Second

func (n *Node) stopOrWait() {
	text := ""
	for _, p := range n.procs {
		if p.held {
			text += fmt.Sprintf("\n%s, state: running, queue: %d", p.text(), p.depth)
		}
	}
	if text == "" {
		n.Stop()
		return
	}
	n.logNode("warning", "node "+n.Name+" is still waiting for processes to terminate:"+text)
	n.world.in(patient, n.stopOrWait)
}

// Freeze lets a node stand still for a while; it lives on.
func (n *Node) Freeze(d time.Duration) {
	if n.Alive {
		n.frozen = n.world.now + d
	}
}

// Tie lets all who answer tools be busy for a while: the node works.
func (n *Node) Tie(d time.Duration) { n.tied = n.world.now + d }

// awake does something when the node is not frozen.
func (n *Node) awake(do func()) {
	if n.frozen > n.world.now {
		life := n.life
		n.world.in(n.frozen-n.world.now, func() {
			if n.life == life {
				n.awake(do)
			}
		})
		return
	}
	do()
}

// Throttle gives the node a share of its CPU.
func (n *Node) Throttle(share float64) { n.quota = share }

// Load multiplies what comes from outside.
func (n *Node) Load(factor float64) {
	n.load = factor
	for _, p := range slices.Clone(n.procs) {
		if p.spec.Rate > 0 && p.spec.App != "system_app" {
			p.retick()
		}
	}
}

func (n *Node) loadFactor() float64 {
	if n.load == 0 {
		return 1
	}
	return n.load
}

// share is how long a callback takes that needs the CPU for d, among those
// that want it now.
func (n *Node) share(d time.Duration) time.Duration {
	f := max(1, float64(n.busy+1)/n.Cores)
	if n.quota > 0 {
		f /= n.quota
	}
	return time.Duration(float64(d) * f)
}

func (n *Node) callFailed(to *Spec) {
	if to.node == nil || to.node == n {
		n.callErrorsLocal++
	} else {
		n.callErrorsRemote++
	}
}

// A line is one of the log.
type line struct {
	at                     time.Duration
	level, message, source string
	kind                   string
}

// levels are the order in which node_info counts log messages.
var levels = []string{"trace", "debug", "info", "warning", "error", "panic"}

func (n *Node) log(p *Process, level, message string) {
	source := p.text() + " " + p.spec.Behavior
	if p.name != "" {
		source = fmt.Sprintf("%s ('%s') %s", p.text(), p.name, p.spec.Behavior)
	}
	n.say(level, message, source, "process")
}

func (n *Node) logNode(level, message string) { n.say(level, message, n.Name, "node") }

// maxLines is what the recorder's sampler on the node keeps between two reads.
const maxLines = 4096

func (n *Node) say(level, message, source, kind string) {
	if i := slices.Index(levels, level); i >= 0 {
		n.counts[i]++
	}
	n.lines = append(n.lines, line{n.world.now, level, message, source, kind})
	if len(n.lines) > maxLines {
		n.lines = n.lines[len(n.lines)-maxLines:]
	}
}

// Say adds a line of a process to the log.
func (s *Spec) Say(level, message string) {
	if p := s.alive(); p != nil {
		p.node.log(p, level, message)
	}
}
