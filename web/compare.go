package web

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"time"

	"ergorecorder/analyze/views"
	"ergorecorder/compare"
	"ergorecorder/escape"
	"ergorecorder/internal/words"
	"ergorecorder/web/chart"
	"ergorecorder/web/past"
)

// compareView is two moments side by side.
type compareView struct {
	With  time.Time
	Valid bool
	Nodes []nodeDiff
	Table table
	Keeps []param
	Quick []quickLink
	All   bool   // processes that did not change, too
	Other string // the address with the others
}

type quickLink struct{ Label, URL string }

// A nodeDiff is what changed on one node.
type nodeDiff struct {
	Node  string
	Rows  []diffRow
	Notes []string
}

// A diffRow is one figure at both moments.
type diffRow struct {
	Name, Before, After, Change string
	Class                       string
}

// A processDiff is a process at both moments; a missing one has no PID.
type processDiff struct {
	Before, After past.Process
	Change        string // new, gone or changed
}

func (d *processDiff) any() *past.Process {
	if d.After.PID != "" {
		return &d.After
	}
	return &d.Before
}

// changed reports whether more than a counter that always moves is different.
func (d *processDiff) changed() bool {
	return d.Change != "" || d.Before.State != d.After.State || d.Before.MessagesMailbox != d.After.MessagesMailbox
}

// alikeShown is how many processes of a behavior that came, or went, are listed
// one by one; the others are one row.
const alikeShown = 3

// foldAlike puts processes of a node and behavior that have no name and all came
// or all went into one row.
func foldAlike(diffs []processDiff) []processDiff {
	type key struct{ node, behavior, change string }
	seen := map[key]int{}
	rest := map[key]int{} // place in out
	var out []processDiff
	for _, d := range diffs {
		k := key{d.any().Node, d.any().Behavior, d.Change}
		if d.any().Name != "" || d.Change == "" {
			out = append(out, d)
			continue
		}
		seen[k]++
		i, folded := rest[k]
		switch {
		case seen[k] <= alikeShown:
			out = append(out, d)
		case !folded:
			rest[k] = len(out)
			d.any().Name = "1 more of " + d.any().Behavior
			out = append(out, d)
		default:
			o := out[i].any()
			o.Name = fmt.Sprintf("%d more of %s", seen[k]-alikeShown, o.Behavior)
			o.MessagesMailbox += d.any().MessagesMailbox
			o.MessagesIn += d.any().MessagesIn
			o.MessagesOut += d.any().MessagesOut
			o.RunningTime += d.any().RunningTime
		}
	}
	return out
}

func (s *Server) compare(ctx context.Context, p *page) (any, error) {
	v := compareView{With: p.time("with", time.Time{}), Keeps: p.Kept("with")}
	for _, d := range []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour} {
		if t := p.At.Add(-d); !t.Before(p.Start) {
			v.Quick = append(v.Quick, quickLink{words.Length(d) + " before", p.Same("with", chart.InURL(t))})
		}
	}
	v.Quick = append(v.Quick, quickLink{"the start", p.Same("with", chart.InURL(p.Start.Add(5*time.Second)))})
	if p.Report != nil {
		for _, f := range p.Report.Findings[:min(3, len(p.Report.Findings))] {
			v.Quick = append(v.Quick, quickLink{"before " + f.Display, p.Same("with", chart.InURL(f.Onset.Add(-5*time.Second)))})
		}
	}
	if v.With.IsZero() {
		return v, nil
	}
	v.Valid = true
	then := past.MomentOf(p.rec, v.With)
	names := p.Nodes()
	a, b := then.Nodes(ctx, names), p.now.Nodes(ctx, names)
	for i := range names {
		v.Nodes = append(v.Nodes, newNodeDiff(a[i], b[i]))
	}
	diffs := diffProcesses(then.Processes(ctx, names...), p.now.Processes(ctx, names...))
	v.All = p.query.Get("all") == "1"
	v.Other = p.Same("all", map[bool]string{false: "1"}[v.All], "skip", "")
	if !v.All {
		diffs = foldAlike(slices.DeleteFunc(diffs, func(d processDiff) bool { return !d.changed() }))
	}
	v.Table = newTable(p, diffColumns(p), diffs, func(d *processDiff) string { return processText(d.any()) + d.Change }, "-dmailbox")
	return v, nil
}

// serveComparison holds what was recorded before the moment against what came
// after it, or some nodes (nodes) against others (with_nodes) over all of it.
func (s *Server) serveComparison(w http.ResponseWriter, r *http.Request) {
	p := s.newPage(r)
	before := compare.Side{Recording: p.rec, Name: p.Name, From: p.Start, To: p.At, Nodes: p.query.Get("nodes")}
	after := compare.Side{Recording: p.rec, Name: p.Name, From: p.At, To: p.End, Nodes: before.Nodes}
	if other := p.query.Get("with_nodes"); other != "" {
		after.Nodes = other
		before.To, after.From = p.End, p.Start
	}
	c, err := compare.Run(r.Context(), before, after)
	if err != nil {
		s.fail(w, err)
		return
	}
	var b bytes.Buffer
	if err := compare.HTML(&b, c); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, escape.Block(b.String())) // a reader that went away
}

func newNodeDiff(a, b past.Node) nodeDiff {
	d := nodeDiff{Node: b.Name}
	switch {
	case !a.Known && !b.Known:
		d.Notes = append(d.Notes, "not recorded at either moment")
		return d
	case !a.Known || !b.Known:
		d.Notes = append(d.Notes, "recorded at one moment only")
	case b.Info.Uptime < a.Info.Uptime && b.Observed.After(a.Observed):
		d.Notes = append(d.Notes, "it was restarted in between: counters began anew")
	}
	if own := views.WithoutOwn("call errors", max(a.Own, b.Own)); own != "" {
		d.Notes = append(d.Notes, own)
	}
	row := func(name string, u chart.Unit, x, y float64) {
		r := diffRow{Name: name, Before: u.Format(x), After: u.Format(y)}
		if diff := y - x; diff != 0 {
			sign := "+"
			if diff < 0 {
				sign = "−"
			}
			r.Change = sign + u.Format(math.Abs(diff))
			if x != 0 && math.Abs(diff/x) > 0.2 || x == 0 {
				r.Class = "warm"
			}
		}
		d.Rows = append(d.Rows, r)
	}
	row("Processes", chart.Count, float64(a.Info.ProcessesTotal), float64(b.Info.ProcessesTotal))
	row("in wait response", chart.Count, float64(a.Info.ProcessesWaitResponse), float64(b.Info.ProcessesWaitResponse))
	row("zombees", chart.Count, float64(a.Info.ProcessesZombee), float64(b.Info.ProcessesZombee))
	row("Goroutines", chart.Count, float64(a.Runtime.Goroutines), float64(b.Runtime.Goroutines))
	row("Heap", chart.Bytes, float64(a.Runtime.HeapAlloc), float64(b.Runtime.HeapAlloc))
	row("Errors and panics logged", chart.Count, float64(a.Info.Logged(4)), float64(b.Info.Logged(4)))
	row("Send errors", chart.Count, float64(a.SendErrors()), float64(b.SendErrors()))
	row("Call errors", chart.Count, float64(a.CallErrors()), float64(b.CallErrors()))
	return d
}

// diffProcesses pairs processes of the same life; both lists are in order.
func diffProcesses(a, b []past.Process) []processDiff {
	var out []processDiff
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = past.OrderProcesses(&a[0], &b[0])
		}
		switch {
		case order < 0:
			out = append(out, processDiff{Before: a[0], Change: "gone"})
			a = a[1:]
		case order > 0:
			out = append(out, processDiff{After: b[0], Change: "new"})
			b = b[1:]
		default:
			change := ""
			if born := a[0].Born() - b[0].Born(); born < -3 || born > 3 {
				change = "reborn"
			}
			out = append(out, processDiff{a[0], b[0], change})
			a, b = a[1:], b[1:]
		}
	}
	return out
}

func diffColumns(p *page) []column[processDiff] {
	life := func(d *processDiff) string { return processURL(p, d.any().Node, string(d.any().PID)) }
	delta := func(id, label string, u chart.Unit, f func(*past.Process) float64) column[processDiff] {
		c := numColumn(id, label, "", u, func(d *processDiff) float64 { return f(&d.After) - f(&d.Before) })
		c.Text = func(d *processDiff) string { return signed(u, f(&d.After)-f(&d.Before)) }
		return c
	}
	return []column[processDiff]{
		{ID: "name", Label: "Process", Text: func(d *processDiff) string { return d.any().Label() }, URL: life, Class: constantClass[processDiff]("name"), Order: byText(func(d *processDiff) string { return d.any().Label() })},
		textColumn("node", "Node", func(d *processDiff) string { return past.Short(d.any().Node) }),
		textColumn("behavior", "Behavior", func(d *processDiff) string { return d.any().Behavior }),
		{ID: "change", Label: "Change", Text: func(d *processDiff) string { return d.Change }, Order: func(a, b *processDiff) int { return cmp.Compare(b.Change, a.Change) }},
		{ID: "state", Label: "State", Text: func(d *processDiff) string {
			if d.Before.State == d.After.State || d.Before.State == "" || d.After.State == "" {
				return d.any().State
			}
			return fmt.Sprintf("%s → %s", d.Before.State, d.After.State)
		}, Order: byText(func(d *processDiff) string { return d.any().State })},
		delta("dmailbox", "Δ Mailbox", chart.Count, func(p *past.Process) float64 { return float64(p.MessagesMailbox) }),
		delta("dlatency", "Δ Latency", chart.Nanoseconds, func(p *past.Process) float64 { return float64(max(p.MailboxLatency, 0)) }),
		delta("din", "Δ Received", chart.Count, func(p *past.Process) float64 { return float64(p.MessagesIn) }),
		delta("dout", "Δ Sent", chart.Count, func(p *past.Process) float64 { return float64(p.MessagesOut) }),
		delta("drunning", "Δ Running time", chart.Nanoseconds, func(p *past.Process) float64 { return float64(p.RunningTime) }),
		{ID: "pid", Label: "PID", Text: func(d *processDiff) string { return string(d.any().PID) }, URL: life, Class: constantClass[processDiff]("mono"), Order: func(a, b *processDiff) int { return past.ComparePIDs(a.any().PID, b.any().PID) }},
	}
}

func signed(u chart.Unit, v float64) string {
	switch {
	case v > 0:
		return "+" + u.Format(v)
	case v < 0:
		return "−" + u.Format(-v)
	}
	return "0"
}
