package world

import (
	"fmt"
	"time"
)

// childEnded restarts a child, or gives up: then the children end, the
// supervisor, and its own supervisor is told.
func (p *Process) childEnded(child *Process, reason string) {
	if reason == "shutdown" || reason == "normal" && child.spec.Transient {
		return
	}
	w := p.node.world
	p.history = append(p.history, noted{w.now, child.name, reason})
	if child.spec.Chances > 0 && child.spec.born > child.spec.Chances { // no line says so
		p.disabled++
		return
	}
	p.restarts = append(p.restarts, w.now)
	p.prune()
	if len(p.restarts) > p.spec.intensity() {
		p.giveUp()
		return
	}
	along := []*Spec{child.spec}
	if p.spec.Together {
		along = append(along, p.endAll(reason)...)
	}
	for _, s := range along {
		p.node.start(s)
	}
	p.use(20 * time.Microsecond)
}

// noted is a restart in a supervisor's history.
type noted struct {
	at            time.Duration
	child, reason string
}

func (p *Process) prune() {
	for len(p.restarts) > 0 && p.restarts[0] < p.node.world.now-p.spec.period() {
		p.restarts = p.restarts[1:]
	}
}

// endAll ends the children that are left, the last first, and returns what they are.
func (p *Process) endAll(why string) (ended []*Spec) {
	for len(p.children) > 0 {
		c := p.children[len(p.children)-1]
		p.node.log(p, "info", "Supervisor: terminate children "+c.text())
		p.node.log(c, "error", "process terminated abnormally - "+p.text()+": "+why)
		c.parent = nil
		p.children = p.children[:len(p.children)-1]
		c.end("shutdown")
		ended = append(ended, c.spec)
	}
	return ended
}

func (p *Process) giveUp() {
	const why = "restart intensity is exceeded"
	p.endAll(why)
	p.end(why)
	if p.spec.Parent == nil {
		return
	}
}

func (s *Spec) intensity() int {
	if s.Intensity == 0 {
		return 5
	}
	return s.Intensity
}

func (s *Spec) period() time.Duration {
	if s.Period == 0 {
		return 5 * time.Second
	}
	return s.Period
}

// An App is an application of a node: the processes that name it.
type App struct {
	Name, Mode string
	Running    bool
	since      time.Duration
}

func (n *Node) app(name string) *App {
	for _, a := range n.apps {
		if a.Name == name {
			return a
		}
	}
	a := &App{Name: name, Mode: "transient", Running: true, since: n.born}
	n.apps = append(n.apps, a)
	return a
}

// stopApp ends an application and its processes.
func (n *Node) stopApp(name, why string) {
	a := n.app(name)
	if !a.Running {
		return
	}
	a.Running = false
	for i := len(n.procs) - 1; i >= 0; i-- {
		if i < len(n.procs) && n.procs[i].spec.App == name {
			n.procs[i].parent = nil
			n.procs[i].end("shutdown")
		}
	}
	if n.world.Modern { // in the application's own name
		n.say("info", "stopped with reason "+why, name, "application")
		return
	}
	n.logNode("info", fmt.Sprintf("application %s (%s) stopped: %s", name, a.Mode, why))
}

// StopApp is what an operator does.
func (n *Node) StopApp(name string) { n.stopApp(name, "normal") }

// StartApp starts it again.
func (n *Node) StartApp(name string) {
	a := n.app(name)
	if a.Running {
		return
	}
	a.Running, a.since = true, n.world.now
	for _, s := range n.Specs {
		if s.App == name {
			n.startFamily(s)
		}
	}
	n.logNode("info", fmt.Sprintf("application %s (%s) started", name, a.Mode))
}
