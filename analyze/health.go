package analyze

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"ergorecorder/replay"
)

// health puts the nodes side by side and looks at what should run on each: its
// applications, and the processes that keep it from stopping.
func health(ctx context.Context, s *scene, v *verdict) error {
	for _, look := range []func(context.Context, *scene, *verdict) error{nodeLives, errorRates, runsWhatItShould} {
		if err := look(ctx, s, v); err != nil {
			return err
		}
	}
	return nil
}

// runsWhatItShould looks at the applications of each node, and whether it can
// stop.
func runsWhatItShould(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		said, err := s.nodeLog(ctx, n)
		if err != nil {
			return err
		}
		down, err := s.applications(ctx, n, said)
		if err != nil {
			return err
		}
		for _, f := range down {
			v.find(f)
		}
		if f := s.shutdownStuck(n, said); f != nil {
			v.find(f)
		}
		if n.heard.Len() == 0 {
			v.skip("%s: node_info never answered", n.Name)
			continue
		}
		if len(down) == 0 {
			v.fine("%s", n.condition())
		}
	}
	return nil
}

// condition is a node in a line, to be put beside others.
func (n *node) condition() string {
	last := func(tool, field string) float64 {
		m := n.series(tool, field)
		if m.Len() == 0 {
			return 0
		}
		return m.V[m.Len()-1]
	}
	return fmt.Sprintf("%s: up for %s, %s processes, %s zombees, heap %s, its applications run",
		n.Name, short(time.Duration(last("node_info", "Uptime"))*time.Second), number(last("node_info", "ProcessesTotal")),
		number(last("node_info", "ProcessesZombee")), size(last("runtime_stats", "heap_alloc")))
}

// nodeLog is what a node logged about itself: not its processes.
func (s *scene) nodeLog(ctx context.Context, n *node) ([]replay.LogLine, error) {
	var own []replay.LogLine
	for l, err := range s.rec.Logs(ctx, n.Name, s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		if l.Type == "node" && len(own) < maxComplaints {
			own = append(own, l)
		}
	}
	return own, nil
}

// An application's life in the window.
type application struct {
	name, mode string
	ran        bool
	up         time.Time // it was last seen running
	down       time.Time // it was first seen not to run, after it did; zero while it runs
	state      string
	back       time.Time
}

const appRunning = "running"

// applications finds the applications that ran and stopped.
func (s *scene) applications(ctx context.Context, n *node, said []replay.LogLine) ([]*Finding, error) {
	apps := map[string]*application{}
	var names []string
	for f, err := range s.rec.Table(ctx, n.Name, "app_list", s.from, s.to, []string{"name", "state", "mode"}) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return nil, err
		}
		if f.Failure != nil {
			continue
		}
		listed := map[string]bool{}
		for _, slot := range f.Live {
			name := f.Columns[0].Text(slot)
			a := apps[name]
			if a == nil {
				a = &application{name: name}
				apps[name] = a
				names = append(names, name)
			}
			listed[name] = true
			a.mode = f.Columns[2].Text(slot)
			a.seen(f.At, f.Columns[1].Text(slot))
		}
		for name, a := range apps {
			if !listed[name] {
				a.seen(f.At, "unloaded")
			}
		}
	}
	var out []*Finding
	for _, name := range names {
		if a := apps[name]; !a.down.IsZero() {
			out = append(out, s.applicationDown(n, a, said))
		}
	}
	return out, nil
}

func (a *application) seen(at time.Time, state string) {
	switch {
	case state == appRunning:
		a.ran = true
		if a.down.IsZero() {
			a.up = at
		} else if a.back.IsZero() {
			a.back = at
		}
	case a.ran && a.down.IsZero():
		a.down, a.state = at, state
	}
}

func (s *scene) applicationDown(n *node, a *application, said []replay.LogLine) *Finding {
	onset, off := s.emptied(n, a)
	reason := ""
	for _, l := range said {
		stopped := strings.HasPrefix(l.Message, "application "+a.name+" ") && strings.Contains(l.Message, "stop")
		if stopped && l.At.After(a.up.Add(-time.Second)) && !l.At.After(a.down) {
			if reason == "" {
				onset, off = l.At, 100*time.Millisecond
			}
			reason = l.Message
		}
	}
	f := &Finding{
		Kind: "application_down", Onset: onset, OnsetErrorS: off.Seconds(), Score: 85, Confidence: High,
		Subject:        Subject{Node: n.Name, Incarnation: n.incarnation(onset), Name: a.name, Application: a.name},
		Title:          fmt.Sprintf("the application %s on %s does not run any more", a.name, n.Name),
		Summary:        fmt.Sprintf("It ran (mode %s) and is %s since.", a.mode, a.state),
		Recommendation: "See why it stopped (its log, the supervisor that gave up), mend that, and start it again.",
		Confirm:        []string{fmt.Sprintf("app_list node=%s", n.Name), fmt.Sprintf("app_info node=%s name=%s", n.Name, a.name)},
	}
	if reason != "" {
		f.Summary += " The node logged: " + reason + "."
	} else {
		f.Caveats = append(f.Caveats, "the node's own log line with the reason was not recorded")
	}
	if a.mode == "temporary" && strings.HasSuffix(reason, "normal") {
		f.Score = 40
		f.Caveats = append(f.Caveats, "a temporary application that ends normally may have done its work")
	}
	if !a.back.IsZero() {
		back := a.back
		f.End = &back
		f.Score = min(f.Score, 65)
		f.Summary += fmt.Sprintf(" It runs again since %s.", clock(back))
	}
	up, down := a.up, a.down
	f.Evidence = append(f.Evidence, Evidence{
		What: "state of the application", Node: n.Name, Tool: "app_list", Field: "state", From: &up, To: &down,
		Values:  map[string]any{"before": appRunning, "after": a.state, "mode": a.mode},
		Records: []string{recordName(n.Name, "app_list", up), recordName(n.Name, "app_list", down)},
	})
	return f
}

// emptied is when the processes of an application went, between the listings of
// applications that show it running and not.
func (s *scene) emptied(n *node, a *application) (time.Time, time.Duration) {
	from, to := a.up, a.down
	for _, fam := range n.procs.families {
		if fam.application != a.name {
			continue
		}
		c := fam.count.sampled(n.procs.listings)
		for i := 1; i < c.Len(); i++ {
			fell := c.V[i] == 0 && c.V[i-1] > 0
			if fell && c.T[i].After(a.up.Add(-n.interval)) && !c.T[i].After(to) {
				from, to = c.T[i-1], c.T[i]
			}
		}
	}
	return middle(from, to)
}

// lingering is a process in a line with which a node that stops says for whom
// it waits: its PID, its state and its queue stand in it.
var lingering = regexp.MustCompile(`(<[0-9A-F]+\.\d+\.\d+>).*\b(running|wait response|sleep|zombee|init)\b`)

// stopping are the words of a node that stops.
var stopping = regexp.MustCompile(`(?i)shut(ting)? ?down|stopp?ing|terminat|waiting`)

// shutdownStuck finds the process for which a node that stops waits longest. A
// node lists such processes every 5 s; once is patience, twice is stuck.
func (s *scene) shutdownStuck(n *node, said []replay.LogLine) *Finding {
	type waited struct {
		state string
		lines []replay.LogLine
	}
	all := map[string]*waited{}
	worst := ""
	var began, announced time.Time
	for _, l := range said {
		if strings.Contains(l.Message, "graceful shutdown") {
			began = l.At
		}
		// The list may stand in the announcement, or in lines of its own behind it.
		if stopping.MatchString(l.Message) {
			announced = l.At
		} else if announced.IsZero() || l.At.Sub(announced) > time.Second {
			continue
		}
		for _, line := range strings.Split(l.Message, "\n") {
			m := lingering.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			w := all[m[1]]
			if w == nil {
				w = &waited{}
				all[m[1]] = w
			}
			w.state = m[2]
			w.lines = append(w.lines, l)
			if worst == "" || len(w.lines) > len(all[worst].lines) {
				worst = m[1]
			}
		}
	}
	if worst == "" || len(all[worst].lines) < 2 {
		return nil
	}
	w := all[worst]
	onset := w.lines[0].At.Add(-callTimeout)
	if !began.IsZero() && began.Before(w.lines[0].At) {
		onset = began
	}
	sub := Subject{Node: n.Name, Incarnation: n.incarnation(onset), PID: worst}
	called := worst
	if a := n.procs.known[worst]; a != nil {
		sub, called = a.subject(onset), a.called()
	}
	from, to := w.lines[0].At, w.lines[len(w.lines)-1].At
	return &Finding{
		Kind: "shutdown_stuck", Subject: sub, Onset: onset, OnsetErrorS: 5, Score: 82, Confidence: High,
		Title:          fmt.Sprintf("%s does not stop: it waits for %s", n.Name, called),
		Summary:        fmt.Sprintf("For %s the node has named %d processes that do not end; %s is %s.", short(to.Sub(onset)), len(all), called, w.state),
		Recommendation: "A process that is running with an empty queue is stuck in a callback: bound what it waits for. The node has to be killed to stop.",
		Confirm:        []string{fmt.Sprintf("process_info node=%s pid=%s", n.Name, worst)},
		Evidence:       []Evidence{{What: "for whom the node waits", Node: n.Name, Tool: "sample_read", From: &from, To: &to, Lines: []string{w.lines[0].Message}}},
	}
}
