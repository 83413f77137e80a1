package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/web/chart"
)

// rateWindow is the time over which rates at a moment are taken.
const rateWindow = 10 * time.Second

// processesView is the process table.
type processesView struct {
	Table   table
	Nodes   []choice
	Apps    []choice
	States  []choice
	Cut     []string // nodes whose listing lacks processes
	Grouped bool     // by behavior
	Other   string   // the address of the other view
}

func (s *Server) processes(ctx context.Context, p *page) (any, error) {
	rows := s.rated.get(ctx, p, p.chosen()...)
	v := processesView{
		Nodes:  choices(p.Nodes(), p.query.Get("node")),
		Apps:   choices(distinct(rows, func(p *process) string { return p.Application }), p.query.Get("app")),
		States: choices(distinct(rows, func(p *process) string { return p.State }), p.query.Get("state")),
	}
	v.Cut = cutListings(p.now.nodes(ctx, p.chosen()), rows)
	app, state := p.query.Get("app"), p.query.Get("state")
	rows = slices.DeleteFunc(rows, func(r process) bool {
		return app != "" && r.Application != app || state != "" && r.State != state
	})
	switch by := p.query.Get("by"); by {
	case "":
		v.Table = newTable(p, processColumns(p), rows, processText, "-mailbox")
		v.Other = p.Same("by", "behavior", "sort", "", "skip", "", "col", "")
	case "behavior":
		v.Grouped = true
		v.Table = newTable(p, familyColumns(p), families(rows), func(f *family) string { return f.Behavior + "\n" + f.Node }, "-mailbox")
		v.Other = p.Same("by", "", "sort", "", "skip", "", "col", "")
	default:
		p.refuse("by=%s: there is behavior", by)
	}
	return v, nil
}

// cutListings names the nodes that say they have more processes than are
// listed, and how many more: what is not in the table is not known to be well.
// Those that came and went between the two answers do not count.
func cutListings(nodes []node, rows []process) []string {
	listed := map[string]int64{}
	for i := range rows {
		listed[rows[i].Node]++
	}
	var out []string
	for _, n := range nodes {
		if total, seen := n.Info.ProcessesTotal, listed[n.Name]; n.Known && seen < total*9/10 {
			out = append(out, fmt.Sprintf("%s: %s of %s processes are listed", n.Name, chart.Whole(float64(seen)), chart.Whole(float64(total))))
		}
	}
	return out
}

// choices are the options of a select, of which one may be on.
func choices(values []string, on string) []choice {
	var out []choice
	for _, v := range values {
		out = append(out, choice{v, v, v == on})
	}
	return out
}

// distinct are the values of a field, sorted.
func distinct(rows []process, field func(*process) string) []string {
	seen := map[string]bool{}
	var out []string
	for i := range rows {
		if v := field(&rows[i]); v != "" && !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// processText is what the filter looks into.
func processText(p *process) string {
	return strings.Join([]string{p.Name, string(p.PID), p.Behavior, p.Application, p.State, p.Node, p.Kind}, "\n")
}

// processURL is the page of a process's life.
func processURL(p *page, node, pid string) string {
	return p.Link("/process", "node", node, "pid", pid)
}

func processColumns(p *page) []column[process] {
	life := func(r *process) string { return processURL(p, r.Node, string(r.PID)) }
	return []column[process]{
		{ID: "name", Label: "Process", Text: (*process).Label, URL: life, Class: constantClass[process]("name"), Order: byText(func(r *process) string { return r.Label() })},
		textColumn("node", "Node", func(r *process) string { return short(r.Node) }),
		textColumn("behavior", "Behavior", func(r *process) string { return r.Behavior }),
		textColumn("app", "Application", func(r *process) string { return r.Application }),
		{ID: "state", Label: "State", Text: func(r *process) string { return r.State }, Order: byText(func(r *process) string { return r.State }), Class: stateClass},
		numColumn("since", "For", "how long it has been in that state", chart.Nanoseconds, func(r *process) float64 { return float64(r.StateTime) }),
		alarming("mailbox", "Mailbox", "messages waiting", chart.Count, 10, 1000, func(r *process) float64 { return float64(r.MessagesMailbox) }),
		alarming("latency", "Latency", "age of the oldest waiting message", chart.Nanoseconds, 1e8, 5e9, func(r *process) float64 { return float64(max(r.MailboxLatency, 0)) }),
		rateColumn("in", "In /s", "messages received a second, over the last 10 s", chart.Count, func(r *process) float64 { return r.InRate }),
		rateColumn("busy", "Busy %", "time in callbacks over the last 10 s, added when the mailbox drains; waiting in a call counts", chart.Count, func(r *process) float64 { return r.Busy }),
		numColumn("drain", "Drain", "messages per wakeup: about 1 is idle, far above it a queue", chart.Count, (*process).Drain),
		numColumn("uptime", "Uptime", "", chart.Seconds, func(r *process) float64 { return float64(r.Uptime) }),
		{ID: "pid", Label: "PID", Text: func(r *process) string { return string(r.PID) }, URL: life, Class: constantClass[process]("mono"), Order: func(a, b *process) int { return comparePIDs(a.PID, b.PID) }},
		off(textColumn("kind", "Kind", func(r *process) string { return r.Kind })),
		off(rateColumn("out", "Out /s", "messages sent a second, over the last 10 s", chart.Count, func(r *process) float64 { return r.OutRate })),
		off(numColumn("received", "Received", "", chart.Count, func(r *process) float64 { return float64(r.MessagesIn) })),
		off(numColumn("sent", "Sent", "", chart.Count, func(r *process) float64 { return float64(r.MessagesOut) })),
		off(numColumn("running", "Running time", "in callbacks, over its whole life", chart.Nanoseconds, func(r *process) float64 { return float64(r.RunningTime) })),
		off(numColumn("wakeups", "Wakeups", "", chart.Count, func(r *process) float64 { return float64(r.Wakeups) })),
		off(numColumn("init", "Init", "time its start took", chart.Nanoseconds, func(r *process) float64 { return float64(r.InitTime) })),
		off(textColumn("parent", "Parent", func(r *process) string { return string(r.Parent) })),
		off(textColumn("loglevel", "Log level", func(r *process) string { return r.LogLevel })),
	}
}

func byText[T any](f func(*T) string) func(a, b *T) int {
	return func(a, b *T) int { return strings.Compare(f(a), f(b)) }
}

func textColumn[T any](id, label string, f func(*T) string) column[T] {
	return column[T]{ID: id, Label: label, Text: f, Order: byText(f)}
}

func numColumn[T any](id, label, help string, u chart.Unit, f func(*T) float64) column[T] {
	return column[T]{
		ID: id, Label: label, Help: help, Num: true,
		Text:  func(r *T) string { return u.Format(f(r)) },
		Order: func(a, b *T) int { return cmp.Compare(f(a), f(b)) },
		Class: func(r *T) string {
			if f(r) == 0 {
				return "zero"
			}
			return ""
		},
	}
}

// rateColumn shows nothing where a process has no earlier sample.
func rateColumn(id, label, help string, u chart.Unit, f func(*process) float64) column[process] {
	c := numColumn(id, label, help, u, f)
	text := c.Text
	c.Text = func(r *process) string {
		if !r.Rated {
			return "–"
		}
		return text(r)
	}
	return c
}

// alarming is a number that is coloured from warm and from bad upwards.
func alarming[T any](id, label, help string, u chart.Unit, warm, bad float64, f func(*T) float64) column[T] {
	c := numColumn(id, label, help, u, f)
	calm := c.Class
	c.Class = func(r *T) string {
		switch v := f(r); {
		case v >= bad:
			return "bad"
		case v >= warm:
			return "warm"
		}
		return calm(r)
	}
	return c
}

func off[T any](c column[T]) column[T] {
	c.Off = true
	return c
}

func constantClass[T any](class string) func(*T) string {
	return func(*T) string { return class }
}

// stateClass marks the states that a healthy process is not in for long.
func stateClass(r *process) string {
	switch {
	case r.State == "zombee" || r.State == "wait response" && r.StateTime > int64(5*time.Second):
		return "bad"
	case r.State == "running":
		return "warm"
	}
	return ""
}
