package web

import (
	"cmp"
	"context"
	"fmt"

	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
	"ergorecorder/web/chart"
	"ergorecorder/web/graph"
)

// waitsView is who waits for whom at the moment.
type waitsView struct {
	*views.WaitView
	Graph *graph.Drawn
	Links []string // what is to be said of links between the nodes that are drawn
	Nodes []choice
}

// waitsDrawn bounds how many waiting processes are drawn.
const waitsDrawn = 40

func (s *Server) waits(ctx context.Context, p *page) (any, error) {
	report := p.Report
	if report == nil {
		report = &analyze.Report{}
	}
	w, err := views.Waits(ctx, p.rec, report, p.query.Get("node"), p.At, waitsDrawn)
	if err != nil {
		return nil, err
	}
	v := waitsView{WaitView: w, Nodes: choices(p.Nodes(), p.query.Get("node"))}
	g := waitGraph{page: p, report: report, known: map[string]int{}}
	for i := range w.Waits {
		g.waiter(&w.Waits[i])
	}
	g.surroundings(ctx)
	v.Links = g.links(ctx)
	if len(g.nodes) > 0 {
		d := graph.Draw(g.nodes, g.edges)
		v.Graph = &d
	}
	return v, nil
}

// A waitGraph is what is drawn of a moment: processes that wait and those they
// wait for, their supervisors, their events.
type waitGraph struct {
	page   *page
	report *analyze.Report
	nodes  []graph.Node
	edges  []graph.Edge
	known  map[string]int // key of a process → place in nodes
	pids   []processKey
}

type processKey struct{ node, pid string }

func (k processKey) id() string { return k.node + "\n" + k.pid }

func (g *waitGraph) add(k processKey, n graph.Node) {
	if _, there := g.known[k.id()]; there {
		return
	}
	n.ID = k.id()
	g.known[n.ID] = len(g.nodes)
	g.nodes = append(g.nodes, n)
	g.pids = append(g.pids, k)
}

// waiter adds a process that does not get on, and the findings' chain from it to
// the root.
func (g *waitGraph) waiter(w *views.Wait) {
	n := graph.Node{
		Title: chart.Clip(cmp.Or(w.Name, w.Behavior, w.PID)+" on "+past.Short(w.Node), 34), Text: chart.Clip(waitText(w), 40),
		URL: g.page.Link("/process", "node", w.Node, "pid", w.PID), Class: "info", Help: w.PID + " " + w.Behavior + ": " + w.State + w.Stack(),
	}
	if w.Finding != "" && w.Finding == w.Root {
		n.Class = "critical"
	}
	g.add(processKey{w.Node, w.PID}, n)
	for f := byID(g.report, w.Finding); f != nil && f.CausedBy != nil; {
		cause := byID(g.report, *f.CausedBy)
		if cause == nil || len(g.edges) > 4*waitsDrawn {
			break
		}
		g.accused(cause)
		g.edges = append(g.edges, graph.Edge{From: subjectKey(cause).id(), To: subjectKey(f).id(), Help: f.Because})
		f = cause
	}
}

func waitText(w *views.Wait) string {
	s := w.State
	if w.StateS > 0 {
		s += " for " + chart.Seconds.Format(w.StateS)
	}
	if w.Mailbox > 0 {
		s += ", " + chart.Whole(float64(w.Mailbox)) + " wait"
	}
	return s
}

// accused adds the subject of a finding in a chain.
func (g *waitGraph) accused(f *finding.Finding) {
	k := subjectKey(f)
	n := graph.Node{Title: chart.Clip(whom(f.Subject), 34), Text: f.Display + " " + kindWords(f.Kind), URL: g.page.findingURL(f), Class: "warning", Help: f.Title}
	if f.CausedBy == nil {
		n.Class = "critical"
	}
	if i, there := g.known[k.id()]; there && f.CausedBy == nil {
		g.nodes[i].Class = "critical"
		return
	}
	g.add(k, n)
}

func subjectKey(f *finding.Finding) processKey {
	if f.Subject.PID == "" {
		return processKey{f.Subject.Node, f.ID}
	}
	return processKey{f.Subject.Node, f.Subject.PID}
}

// surroundings adds supervisors of what is at the root, and events of what is
// drawn.
func (g *waitGraph) surroundings(ctx context.Context) {
	byNode := map[string]map[ergo.PID]past.Process{}
	for _, k := range g.pids {
		if byNode[k.node] == nil {
			rows := map[ergo.PID]past.Process{}
			for _, r := range g.page.now.Processes(ctx, k.node) {
				rows[r.PID] = r
			}
			byNode[k.node] = rows
		}
	}
	for i, k := range g.pids {
		own, there := byNode[k.node][ergo.PID(k.pid)]
		parent, known := byNode[k.node][own.Parent]
		if !there || !known || g.nodes[i].Class != "critical" {
			continue
		}
		pk := processKey{k.node, string(parent.PID)}
		g.add(pk, graph.Node{Title: chart.Clip(parent.Label()+" on "+past.Short(k.node), 34), Text: "supervises", URL: g.page.Link("/process", "node", k.node, "pid", pk.pid), Help: parent.Behavior})
		g.edges = append(g.edges, graph.Edge{From: pk.id(), To: k.id(), Class: "tree", Help: "supervises"})
	}
	for node := range byNode {
		g.events(ctx, node)
	}
}

// events adds the events that the drawn processes of a node produce.
func (g *waitGraph) events(ctx context.Context, node string) {
	var rows []past.EventRow
	g.page.now.Ask(ctx, node, "event_list", past.Everything(), &rows)
	for _, e := range rows {
		producer := processKey{node, string(e.Producer)}
		if _, drawn := g.known[producer.id()]; !drawn || e.Subscribers == 0 {
			continue
		}
		k := processKey{node, "event " + e.Event}
		g.add(k, graph.Node{Title: chart.Clip("event "+ergo.EventName(e.Event), 34), Text: fmt.Sprintf("%d subscribers", e.Subscribers), URL: g.page.Link("/events", "node", node)})
		g.edges = append(g.edges, graph.Edge{From: producer.id(), To: k.id(), Class: "event", Help: "publishes"})
	}
}

// lost draws a link that is not there any more, and that those on its nodes wait
// meanwhile: whether because of it, findings say.
func (g *waitGraph) lost(a, b string) {
	k := processKey{"", "link " + a + " " + b}
	ends := len(g.pids)
	g.add(k, graph.Node{Title: chart.Clip("link "+past.Short(a)+" – "+past.Short(b), 34), Text: "not connected, a minute before it was", URL: g.page.Link("/links"), Class: "warning"})
	for i, end := range g.pids[:ends] {
		if (end.node == a || end.node == b) && g.nodes[i].Class != "" && g.nodes[i].Class != "critical" {
			g.edges = append(g.edges, graph.Edge{From: k.id(), To: end.id(), Class: "end", Help: "is on a node of this link"})
		}
	}
}

// links says how the nodes that are drawn are connected at the moment. A link that
// was lost within the minute before is drawn, left of those on its nodes that wait.
func (g *waitGraph) links(ctx context.Context) []string {
	var names []string
	seen := map[string]bool{}
	for _, k := range g.pids {
		if !seen[k.node] && k.node != "" {
			seen[k.node] = true
			names = append(names, k.node)
		}
	}
	if len(names) < 2 {
		return nil
	}
	rows, before := readLinks(ctx, g.page.now, names), readLinks(ctx, past.MomentOf(g.page.rec, g.page.At.Add(-linkWindow)), names)
	var out []string
	for i, a := range names {
		for _, b := range names[i+1:] {
			ab, okA := rows[a][b]
			ba, okB := rows[b][a]
			state := "not connected"
			switch {
			case okA && okB:
				state = "connected for " + chart.Seconds.Format(float64(min(ab.ConnectionUptime, ba.ConnectionUptime)))
			case okA || okB:
				state = "connected as one end says; the other " + unsaid(rows[map[bool]string{true: b, false: a}[okA]], false)
			case rows[a] == nil || rows[b] == nil:
				state = "not recorded"
			}
			out = append(out, past.Short(a)+" and "+past.Short(b)+": "+state)
			_, hadA := before[a][b]
			_, hadB := before[b][a]
			if state == "not connected" && (hadA || hadB) {
				g.lost(a, b)
			}
		}
	}
	return out
}
