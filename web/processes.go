package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/replay"

	"ergorecorder/web/past"

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
		Apps:   choices(distinct(rows, func(p *past.Process) string { return p.Application }), p.query.Get("app")),
		States: choices(distinct(rows, func(p *past.Process) string { return p.State }), p.query.Get("state")),
	}
	v.Cut = cutListings(p.now.Nodes(ctx, p.chosen()), rows)
	app, state := p.query.Get("app"), p.query.Get("state")
	rows = slices.DeleteFunc(rows, func(r past.Process) bool {
		return app != "" && r.Application != app || state != "" && r.State != state
	})
	switch by := p.query.Get("by"); by {
	case "":
		v.Table = newTable(p, processColumns(p), rows, processText, "-mailbox")
		v.Other = p.Same("by", "behavior", "sort", "", "skip", "", "col", "")
	case "behavior":
		v.Grouped = true
		v.Table = newTable(p, familyColumns(p), past.Families(rows), func(f *past.Family) string { return f.Behavior + "\n" + f.Node }, "-mailbox")
		v.Other = p.Same("by", "", "sort", "", "skip", "", "col", "")
	default:
		p.refuse("by=%s: there is behavior", by)
	}
	return v, nil
}

// cutListings names the nodes that say they have more processes than are
// listed, and how many more: what is not in the table is not known to be well.
// Those that came and went between the two answers do not count.
func cutListings(nodes []past.Node, rows []past.Process) []string {
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
func distinct(rows []past.Process, field func(*past.Process) string) []string {
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
func processText(p *past.Process) string {
	return strings.Join([]string{p.Name, string(p.PID), p.Behavior, p.Application, p.State, p.Node, p.Kind}, "\n")
}

// processURL is the page of a process's life.
func processURL(p *page, node, pid string) string {
	return p.Link("/process", "node", node, "pid", pid)
}

func processColumns(p *page) []column[past.Process] {
	life := func(r *past.Process) string { return processURL(p, r.Node, string(r.PID)) }
	return []column[past.Process]{
		{ID: "name", Label: "Process", Text: (*past.Process).Label, URL: life, Class: constantClass[past.Process]("name"), Order: byText(func(r *past.Process) string { return r.Label() })},
		textColumn("node", "Node", func(r *past.Process) string { return past.Short(r.Node) }),
		textColumn("behavior", "Behavior", func(r *past.Process) string { return r.Behavior }),
		textColumn("app", "Application", func(r *past.Process) string { return r.Application }),
		{ID: "state", Label: "State", Text: func(r *past.Process) string { return r.State }, Order: byText(func(r *past.Process) string { return r.State }), Class: stateClass},
		numColumn("since", "For", "how long it has been in that state", chart.Nanoseconds, func(r *past.Process) float64 { return float64(r.StateTime) }),
		alarming("mailbox", "Mailbox", "messages waiting", chart.Count, 10, 1000, func(r *past.Process) float64 { return float64(r.MessagesMailbox) }),
		alarming("latency", "Latency", "age of the oldest waiting message", chart.Nanoseconds, 1e8, 5e9, func(r *past.Process) float64 { return float64(max(r.MailboxLatency, 0)) }),
		rateColumn("in", "In /s", "messages received a second, over the last 10 s", chart.Count, func(r *past.Process) float64 { return r.InRate }),
		rateColumn("busy", "Busy %", "time in callbacks over the last 10 s, added when the mailbox drains; waiting in a call counts", chart.Count, func(r *past.Process) float64 { return r.Busy }),
		numColumn("drain", "Drain", "messages per wakeup: about 1 is idle, far above it a queue", chart.Count, (*past.Process).Drain),
		numColumn("uptime", "Uptime", "", chart.Seconds, func(r *past.Process) float64 { return float64(r.Uptime) }),
		{ID: "pid", Label: "PID", Text: func(r *past.Process) string { return string(r.PID) }, URL: life, Class: constantClass[past.Process]("mono"), Order: func(a, b *past.Process) int { return past.ComparePIDs(a.PID, b.PID) }},
		off(textColumn("kind", "Kind", func(r *past.Process) string { return r.Kind })),
		off(rateColumn("out", "Out /s", "messages sent a second, over the last 10 s", chart.Count, func(r *past.Process) float64 { return r.OutRate })),
		off(numColumn("received", "Received", "", chart.Count, func(r *past.Process) float64 { return float64(r.MessagesIn) })),
		off(numColumn("sent", "Sent", "", chart.Count, func(r *past.Process) float64 { return float64(r.MessagesOut) })),
		off(numColumn("running", "Running time", "in callbacks, over its whole life", chart.Nanoseconds, func(r *past.Process) float64 { return float64(r.RunningTime) })),
		off(numColumn("wakeups", "Wakeups", "", chart.Count, func(r *past.Process) float64 { return float64(r.Wakeups) })),
		off(numColumn("init", "Init", "time its start took", chart.Nanoseconds, func(r *past.Process) float64 { return float64(r.InitTime) })),
		off(textColumn("parent", "Parent", func(r *past.Process) string { return string(r.Parent) })),
		off(textColumn("loglevel", "Log level", func(r *past.Process) string { return r.LogLevel })),
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
func rateColumn(id, label, help string, u chart.Unit, f func(*past.Process) float64) column[past.Process] {
	c := numColumn(id, label, help, u, f)
	text := c.Text
	c.Text = func(r *past.Process) string {
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
func stateClass(r *past.Process) string {
	switch {
	case r.State == "zombee" || r.State == "wait response" && r.StateTime > int64(5*time.Second):
		return "bad"
	case r.State == "running":
		return "warm"
	}
	return ""
}

// A ratedCache keeps the processes of the last few moments that were asked
// for: sorting and filtering ask for the same ones again and again.
type ratedCache struct {
	mu   sync.Mutex
	kept []ratedProcesses // the newest last
}

type ratedProcesses struct {
	key     string
	rows    []past.Process
	missing []string
}

// ratedKept is how many moments are kept.
const ratedKept = 4

// get are the page's processes on the nodes; the caller may change the slice.
func (c *ratedCache) get(ctx context.Context, p *page, nodes ...string) []past.Process {
	key := strings.Join(append([]string{asOf(p.rec), chart.InURL(p.At)}, nodes...), "\n")
	c.mu.Lock()
	i := slices.IndexFunc(c.kept, func(k ratedProcesses) bool { return k.key == key })
	if i >= 0 {
		found := c.kept[i]
		c.mu.Unlock()
		p.now.Missing = append(p.now.Missing, found.missing...)
		return slices.Clone(found.rows)
	}
	c.mu.Unlock()
	fresh := past.MomentOf(p.rec, p.At)
	rows := fresh.Rated(ctx, rateWindow, nodes...)
	p.now.Missing = append(p.now.Missing, fresh.Missing...)
	if ctx.Err() != nil {
		return rows // cut short: not to be kept
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept[max(len(c.kept)-ratedKept+1, 0):], ratedProcesses{key, rows, fresh.Missing})
	return slices.Clone(rows)
}

// asOf tells a recording as it is from what it was before something came to it, late or
// not, or went: what is kept of it is kept under that.
func asOf(rec *replay.Recording) string { return strconv.FormatUint(rec.Changes(), 10) }

func familyColumns(p *page) []column[past.Family] {
	number := func(id, label, help string, u chart.Unit, f func(*past.Family) float64) column[past.Family] {
		return numColumn(id, label, help, u, f)
	}
	rate := func(id, label, help string, f func(*past.Family) float64) column[past.Family] {
		c := number(id, label, help, chart.Count, f)
		text := c.Text
		c.Text = func(r *past.Family) string {
			if !r.Rated {
				return "–"
			}
			return text(r)
		}
		return c
	}
	return []column[past.Family]{
		{ID: "behavior", Label: "Behavior", Text: func(f *past.Family) string { return f.Behavior }, Order: byText(func(f *past.Family) string { return f.Behavior }), Class: constantClass[past.Family]("name"), URL: func(f *past.Family) string {
			return p.Link("/processes", "node", f.Node, "q", f.Behavior)
		}},
		textColumn("node", "Node", func(f *past.Family) string { return past.Short(f.Node) }),
		number("count", "Processes", "", chart.Count, func(f *past.Family) float64 { return float64(f.Count) }),
		number("running", "Running", "", chart.Count, func(f *past.Family) float64 { return float64(f.Running) }),
		number("waiting", "Wait response", "", chart.Count, func(f *past.Family) float64 { return float64(f.Waiting) }),
		alarming("mailbox", "Mailboxes", "messages waiting, all together", chart.Count, 10, 1000, func(f *past.Family) float64 { return float64(f.Mailbox) }),
		alarming("deepest", "Deepest", "", chart.Count, 10, 1000, func(f *past.Family) float64 { return float64(f.Deepest) }),
		{ID: "oldest", Label: "Oldest", Help: "age of the oldest waiting message", Num: true, Order: func(a, b *past.Family) int { return cmp.Compare(a.Oldest, b.Oldest) }, Text: func(f *past.Family) string {
			if f.Oldest < 0 {
				return "not measured"
			}
			return chart.Nanoseconds.Format(float64(f.Oldest))
		}},
		rate("in", "In /s", "messages received a second, over the last 10 s", func(f *past.Family) float64 { return f.In }),
		rate("busy", "Busy %", "time in callbacks, all together, over the last 10 s", func(f *past.Family) float64 { return f.Busy }),
	}
}
