package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ergorecorder/web/past"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// processView is one process: what it is at the moment and its life as charts.
type processView struct {
	Found    bool
	Node     string
	PID      string
	Now      past.Process
	Charts   []chart.Chart
	States   []past.StateSpan
	From, To time.Time
	Parent   *past.Process
	Children []past.Process
	More     int // children that are not listed
	Wait     *views.Wait
	Stack    string
	StackAt  time.Time
	Facts    []past.Fact
	Inspect  []past.Fact
	Logs     []logLine
	Findings []*finding.Finding
}

// lifeWindow is how much of a long recording a process's charts show.
const lifeWindow = 2 * time.Hour

// childrenShown bounds the list of a supervisor's children.
const childrenShown = 30

func (s *Server) process(ctx context.Context, p *page) (any, error) {
	v := processView{Node: p.query.Get("node"), PID: p.query.Get("pid")}
	if v.Node == "" || v.PID == "" {
		return nil, notFound("a process is named by node and pid")
	}
	p.Title = v.PID
	key := ergo.PID(v.PID).Key()
	rows := s.rated.get(ctx, p, v.Node)
	for i := range rows {
		r := &rows[i]
		if r.PID.Key() == key {
			v.Found, v.Now, v.PID = true, *r, string(r.PID)
			p.Title = r.Label()
		}
	}
	for i := range rows {
		if v.Found && rows[i].PID == v.Now.Parent {
			v.Parent = &rows[i]
		}
		if string(rows[i].Parent) == v.PID {
			v.Children = append(v.Children, rows[i])
		}
	}
	v.More = max(len(v.Children)-childrenShown, 0)
	v.Children = v.Children[:len(v.Children)-v.More]
	v.From, v.To = lifeBounds(p, v.Node)
	l, err := past.LifeOf(ctx, p.rec, v.Node, v.PID, v.From, v.To)
	if err != nil {
		return nil, fmt.Errorf("life of %s: %w", v.PID, err)
	}
	v.Charts, v.States = l.Charts(v.From, v.To, p.At), l.States(v.From, v.To)
	if p.Report != nil {
		for _, f := range p.Report.Findings {
			if f.Subject.Node == v.Node && f.Subject.PID != "" && ergo.PID(f.Subject.PID).Key() == key {
				v.Findings = append(v.Findings, f)
			}
		}
		v.mark(p)
	}
	v.Facts = past.Facts(p.now.Text(ctx, v.Node, "process_info", ergo.Args{"pid": v.PID}))
	v.Inspect = past.Facts(p.now.Text(ctx, v.Node, "process_inspect", ergo.Args{"pid": v.PID}))
	v.Stack, v.StackAt, err = past.StackOf(ctx, p.rec, v.Node, v.PID, p.At)
	if err != nil {
		return nil, err
	}
	if v.Wait, err = waitOf(ctx, p, v.Node, key); err != nil {
		return nil, err
	}
	logs, err := logsBetween(ctx, p.rec, v.Node, v.From, v.To)
	for _, l := range logs {
		if strings.Contains(l.Source, v.PID) || v.Now.Name != "" && strings.Contains(l.Message, v.Now.Name) {
			v.Logs = append(v.Logs, l)
		}
	}
	v.Logs = v.Logs[max(len(v.Logs)-50, 0):]
	return &v, err
}

// mark draws into the charts the onset of the first finding about the process,
// and the onsets of the others.
func (v *processView) mark(p *page) {
	var own *finding.Finding
	if len(v.Findings) > 0 {
		own = v.Findings[0]
	}
	for i := range v.Charts {
		c := &v.Charts[i]
		if own != nil {
			c.Onset, c.OnsetErr = own.Onset, onsetError(own)
		}
		c.Marks = onsets(p.Report, own, p.findingURL)
	}
}

// lifeBounds is the window of a process's charts: the node's life at the
// moment, the strip's window, and of a long one only what is near the moment.
func lifeBounds(p *page, node string) (from, to time.Time) {
	from, to = p.From, p.To
	if to.Sub(from) > lifeWindow {
		from, to = p.At.Add(-lifeWindow/2), p.At.Add(lifeWindow/2)
	}
	for _, n := range p.rec.Nodes() {
		for _, l := range n.Lives {
			if n.Name == node && !p.At.Before(l.From) && !p.At.After(l.To) {
				from, to = latest(from, l.From), earliest(to, l.To)
			}
		}
	}
	return latest(from, p.Start), earliest(to, p.End)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Root is the process at the root of what this one waits for, if that is
// another.
func (v *processView) Root() *finding.Subject {
	if v.Wait == nil || v.Wait.RootOf == nil || v.Wait.RootOf.PID == v.PID && v.Wait.RootOf.Node == v.Node {
		return nil
	}
	return v.Wait.RootOf
}

// waitsAsked bounds how many waiting processes of a node are looked through.
const waitsAsked = 10_000

// waitOf is what the process with the PID's key waits for at the moment, nil
// where it gets on.
func waitOf(ctx context.Context, p *page, node, key string) (*views.Wait, error) {
	w, err := views.Waits(ctx, p.rec, p.Report, node, p.At, waitsAsked)
	if err != nil && !replay.IsDamage(err) {
		return nil, fmt.Errorf("who waits on %s: %w", node, err)
	}
	if w == nil {
		return nil, nil
	}
	for i := range w.Waits {
		if ergo.PID(w.Waits[i].PID).Key() == key {
			return &w.Waits[i], nil
		}
	}
	return nil, nil
}
