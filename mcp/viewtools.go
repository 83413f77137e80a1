package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/escape"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/measure"
	"ergorecorder/analyze/views"
	"ergorecorder/compare"
	"ergorecorder/ergo"
	"ergorecorder/mcp/explain"
	"ergorecorder/mcp/fold"
	"ergorecorder/replay"
)

func viewTools() []Tool {
	node := Param{Name: "node", Type: "string", Help: "the node; default all"}
	return []Tool{{
		Name: "timeline", Title: "What happened, in order",
		Help:   "In order of time: onsets and ends of findings, starts and losses of nodes, gaps, marks, and the first line of each kind of warning, error and panic.",
		Params: append(windowParams(), Param{Name: "limit", Type: "integer", Help: "how many moments at most; default 100"}, Param{Name: "offset", Type: "integer", Help: "how many to pass over; default 0"}),
		run:    timeline,
	}, {
		Name: "trend", Title: "One metric over time",
		Help: "One field over time, downsampled: heap_alloc, MailboxLatency, ProcessesTotal, process_list.MessagesIn, … Counters are given as rates per second. Without row, a table's sum.",
		Params: append([]Param{
			{Name: "metric", Type: "string", Required: true, Help: "the field, with its tool if that is not clear: process_list.MessagesIn"},
			node,
			{Name: "row", Type: "string", Help: "the row of a table: a PID, a registered name, a peer, an event"},
			{Name: "points", Type: "integer", Help: "how many points at most; default 60"},
		}, windowParams()...),
		run: trend,
	}, {
		Name: "compare", Title: "What changed since",
		Help: "What changed between two windows, or between some nodes and the others (canary), ranked, with what explains what: rates, time per message, waiting, CPU, heap kept, errors, new log lines. Says what cannot be compared, and what looks planned (deploy, restart of all, more load).",
		Params: []Param{
			{Name: "at", Type: "string", Help: "the moment that parts before from after: a deploy, F1; or give the windows"},
			{Name: "from", Type: "string", Help: "begin of the first window; default the start"},
			{Name: "to", Type: "string", Help: "end of the first window"},
			{Name: "with_from", Type: "string", Help: "begin of the second window; default to"},
			{Name: "with_to", Type: "string", Help: "default the end"},
			{Name: "nodes", Type: "string", Help: "glob: nodes of the first"},
			{Name: "with_nodes", Type: "string", Help: "of the second; default the same"},
			{Name: "limit", Type: "integer", Help: "how many changes at most; default 20"},
		},
		run: compareWindows,
	}, {
		Name: "diff", Title: "Two moments",
		Help: "What differs between two moments: figures of nodes and processes that changed by a tenth or more, the largest first, and which processes appeared or are gone.",
		Params: []Param{
			{Name: "before", Type: "string", Required: true, Help: "the first moment"},
			{Name: "after", Type: "string", Help: "the second moment; default the end"},
			{Name: "window_s", Type: "integer", Help: "how many seconds before it each moment stands for; default 20"},
			node,
			{Name: "limit", Type: "integer", Help: "how many of each list at most; default 20"},
		},
		run: compareMoments,
	}, {
		Name: "search_logs", Title: "Search the log lines",
		Help: "Log lines of a window: counted by template, the worst first, and the latest lines in full.",
		Params: append([]Param{
			{Name: "text", Type: "string", Help: "a part of the message; <*> stands for anything"},
			{Name: "level", Type: "string", Enum: []string{"trace", "debug", "info", "warning", "error", "panic"}, Help: "the least severe level; default all"},
			{Name: "process", Type: "string", Help: "who wrote it: PID, registered name or behavior"},
			node,
			{Name: "limit", Type: "integer", Help: "how many lines and how many templates at most; default 20"},
		}, windowParams()...),
		run: searchLogs,
	}, {
		Name: "who_waits", Title: "Who waits, and for whom",
		Help: "The processes that wait for a reply or whose messages wait, the longest first, what each is blocked on, and the process at the bottom of the chain.",
		Params: []Param{
			{Name: "at", Type: "string", Help: momentHelp},
			node,
			{Name: "limit", Type: "integer", Help: "how many processes at most; default 20"},
		},
		run: whoWaits,
	}}
}

// timelineText is how much of a log line a timeline shows.
const timelineText = 300

type timelineView struct {
	From    time.Time      `json:"from"`
	To      time.Time      `json:"to"`
	Moments []views.Moment `json:"moments"`
	Total   int            `json:"total"`
}

func timeline(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	from, to, err := s.span(ctx, rec, args)
	if err != nil {
		return nil, err
	}
	rep, err := s.report(ctx, rec, analyze.Options{From: from, To: to})
	if err != nil {
		return nil, err
	}
	moments, err := views.Timeline(ctx, rec, &analyze.Report{Findings: rep.Findings, Window: finding.Window{From: from, To: to}})
	if err != nil {
		return nil, err
	}
	v := timelineView{From: from, To: to, Total: len(moments)}
	offset := intArg(args, "offset", 0, 0, len(moments))
	v.Moments = orEmpty(moments[offset:min(len(moments), offset+intArg(args, "limit", 100, 1, 10000))])
	var b bytes.Buffer
	for _, m := range v.Moments {
		said := ""
		if m.Message != "" {
			said = explain.Said(m.Message, timelineText)
		}
		escape.Fprintf(&b, "%s\n", words(stamp(m.At), m.Kind, escape.Name(m.Node), m.Text, said))
	}
	escape.Fprintf(&b, "%d moments%s\n", v.Total, shown(len(v.Moments), v.Total))
	return &answer{text: b.Bytes(), structured: v}, nil
}

type trendView struct {
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Curves []views.Curve `json:"curves"`
}

func trend(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	from, to, err := s.span(ctx, rec, args)
	if err != nil {
		return nil, err
	}
	v := trendView{From: from, To: to}
	v.Curves, err = views.Trend(ctx, rec, views.TrendQuery{
		Metric: args.Text("metric"), Node: args.Text("node"), Row: args.Text("row"),
		From: from, To: to, Points: intArg(args, "points", 60, 1, 1000),
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, c := range v.Curves {
		unit := ""
		if c.Rate {
			unit = " per second"
		}
		escape.Fprintf(&b, "%s.%s%s of %s (%s), %d samples: first %.6g, last %.6g, min %.6g, median %.6g, max %.6g", c.Tool, c.Field, unit, called(c.Node, c.Row), c.Of, c.Samples, c.First, c.Last, c.Min, c.Median, c.Max)
		if c.SlopePerSecond != nil {
			escape.Fprintf(&b, ", slope %.4g/s", *c.SlopePerSecond)
		}
		b.WriteString("\n")
		for _, p := range c.Points {
			escape.Fprintf(&b, "  %s %.6g (%.6g to %.6g)\n", p.At.UTC().Format("15:04:05"), p.Mean, p.Min, p.Max)
		}
	}
	return &answer{text: b.Bytes(), structured: v}, nil
}

func compareWindows(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	before := compare.Side{Recording: rec, Name: s.src.Name, Nodes: args.Text("nodes")}
	after := before
	if n := args.Text("with_nodes"); n != "" {
		after.Nodes = n
	}
	for _, m := range []struct {
		name string
		into []*time.Time
	}{
		{"at", []*time.Time{&before.To, &after.From}},
		{"from", []*time.Time{&before.From}},
		{"to", []*time.Time{&before.To, &after.From}},
		{"with_from", []*time.Time{&after.From}},
		{"with_to", []*time.Time{&after.To}},
	} {
		text := args.Text(m.name)
		if text == "" {
			continue
		}
		t, err := s.moment(ctx, rec, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		for _, into := range m.into {
			*into = t
		}
	}
	if before.To.IsZero() && before.Nodes == after.Nodes {
		return nil, errors.New("compare: give at, the moment that parts before from after, or the end of the first window (to), or other nodes (with_nodes)")
	}
	if before.Nodes != after.Nodes && args.Text("with_from") == "" && args.Text("at") == "" {
		after.From, after.To = before.From, before.To // other nodes at the same time
	}
	c, err := compare.Run(ctx, before, after)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	compare.Text(&b, c, intArg(args, "limit", 20, 1, 1000))
	return &answer{text: b.Bytes(), structured: c}, nil
}

func compareMoments(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	width := time.Duration(intArg(args, "window_s", 20, 1, 86400)) * time.Second
	start, _ := rec.Window()
	var spans [2]views.Span
	for i, name := range []string{"before", "after"} {
		t, err := s.moment(ctx, rec, args.Text(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		spans[i] = views.Span{From: t.Add(-width), To: t}
		if spans[i].From.Before(start) {
			spans[i] = views.Span{From: start, To: start.Add(width)}
		}
	}
	limit := intArg(args, "limit", 20, 1, 1000)
	c, err := views.Compare(ctx, rec, args.Text("node"), spans[0], spans[1], math.MaxInt)
	if err != nil {
		return nil, err
	}
	text := comparisonText(c, limit)
	c.Nodes, c.Processes = upTo(c.Nodes, limit), upTo(c.Processes, limit)
	c.Appeared, c.Gone = upTo(c.Appeared, limit), upTo(c.Gone, limit)
	return &answer{text: text, structured: c}, nil
}

// upTo is the first of a list, at most so many.
func upTo[T any](list []T, most int) []T { return list[:min(most, len(list))] }

func comparisonText(c *views.Comparison, limit int) []byte {
	var b bytes.Buffer
	escape.Fprintf(&b, "before: %s to %s; after: %s to %s\n", stamp(c.Before.From), stamp(c.Before.To), stamp(c.After.From), stamp(c.After.To))
	for _, l := range []struct {
		name string
		list []views.Change
	}{{"nodes", c.Nodes}, {"processes", c.Processes}} {
		escape.Fprintf(&b, "\n%s that changed: %d changes, those of one behavior and field on a node in a line, the largest of them shown\n", l.name, len(l.list))
		all := fold.Families(len(l.list), func(i int) string { x := l.list[i]; return join(x.Node, x.Behavior, x.Field) })
		n := fold.Write(&b, all, limit, func(i int) string { return changeText(l.list[i]) })
		foldedShort(&b, n, len(l.list))
	}
	if own := c.OwnLeftOut(); own != "" {
		escape.Fprintf(&b, "%s\n", own)
	}
	for _, l := range []struct {
		name string
		list []views.Process
	}{{"appeared", c.Appeared}, {"gone", c.Gone}} {
		escape.Fprintf(&b, "\n%s: %d\n", l.name, len(l.list))
		all := fold.Families(len(l.list), func(i int) string { x := l.list[i]; return join(x.Node, x.Behavior, x.Name) })
		n := fold.Write(&b, all, limit, func(i int) string { x := l.list[i]; return called(x.Node, x.PID, x.Name, x.Behavior) })
		foldedShort(&b, n, len(l.list))
	}
	return b.Bytes()
}

func changeText(x views.Change) string {
	unit := ""
	if x.Rate {
		unit = "/s"
	}
	return fmt.Sprintf("%s: %.6g%s, was %.6g%s", words(called(x.Node, x.PID, x.Name, x.Behavior), x.Field), x.After, unit, x.Before, unit)
}

// join is names as one that nothing else has.
func join(names ...string) string { return strings.Join(names, "\x00") }

// words are the texts that there are, in a row.
func words(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), " ")
}

// called are names of the cluster in a row, those that are no words in quotes.
func called(names ...string) string {
	for i, name := range names {
		names[i] = escape.Name(name)
	}
	return words(names...)
}

// foldedShort says how many of a list are not among the families that are shown.
func foldedShort(b *bytes.Buffer, shown, total int) {
	if shown < total {
		escape.Fprintf(b, "  %d more (a larger limit shows more)\n", total-shown)
	}
}

func searchLogs(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	from, to, err := s.spanBy(ctx, rec, args, replay.WrittenAt(replay.WindowFrom), replay.WrittenAt(replay.When))
	if err != nil {
		return nil, err
	}
	limit := intArg(args, "limit", 20, 1, 1000)
	v, err := views.Logs(ctx, rec, views.LogQuery{
		Node: args.Text("node"), Level: args.Text("level"), Text: args.Text("text"), Process: args.Text("process"),
		From: from, To: to, Lines: limit, Kinds: limit,
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	escape.Fprintf(&b, "%d lines of %d kinds%s\n", v.Total, v.KindsTotal, shown(len(v.Templates), v.KindsTotal))
	for _, t := range v.Templates {
		escape.Fprintf(&b, "  %d x %s (%s to %s) %s\n", t.Count, t.Level, stamp(t.First), stamp(t.Last), explain.Said(t.Template+" (by "+joined(t.Sources)+")", math.MaxInt))
	}
	escape.Fprintf(&b, "\nthe latest lines%s:\n", shown(len(v.Lines), v.Total))
	for _, l := range v.Lines {
		escape.Fprintf(&b, "  %s %s %s %s\n", stamp(l.At), escape.Name(l.Node), l.Level, explain.Said(l.Source+" "+l.Message, math.MaxInt))
	}
	return &answer{text: b.Bytes(), structured: v}, nil
}

func whoWaits(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	at, err := s.moment(ctx, rec, args.Text("at"))
	if err != nil {
		return nil, fmt.Errorf("at: %w", err)
	}
	from, to := s.window(rec)
	rep, err := s.report(ctx, rec, analyze.Options{From: from, To: to})
	if err != nil {
		return nil, err
	}
	v, err := views.Waits(ctx, rec, rep, args.Text("node"), at, math.MaxInt)
	if err != nil {
		return nil, err
	}
	limit := intArg(args, "limit", 20, 1, 1000)
	var b bytes.Buffer
	escape.Fprintf(&b, "%s: %d processes wait or keep others waiting\n", stamp(v.At), v.Total)
	all := fold.Families(v.Total, func(i int) string {
		w := v.Waits[i]
		return join(w.Node, w.Behavior, w.State, w.Stack(), w.Finding, w.Root)
	})
	foldedShort(&b, fold.Write(&b, all, limit, func(i int) string { return waitText(&v.Waits[i]) }), v.Total)
	v.Waits = upTo(v.Waits, limit)
	for _, n := range v.Notes {
		escape.Fprintf(&b, "note: %s\n", n)
	}
	return &answer{text: b.Bytes(), structured: v}, nil
}

func waitText(w *views.Wait) string {
	text := fmt.Sprintf("%s: %s for %.3g s, %d messages wait", called(w.Node, w.PID, w.Name, w.Behavior), w.State, w.StateS, w.Mailbox)
	if w.LatencyS >= 0 && w.Mailbox > 0 {
		text += fmt.Sprintf(", the oldest for %.3g s", w.LatencyS)
	}
	text += w.Stack()
	if w.RootOf != nil {
		text += fmt.Sprintf("; finding %s, root %s: %s", w.Finding, w.Root, subjectText(*w.RootOf))
	}
	return text
}

func measureTools() []Tool {
	return []Tool{{
		Name: "measure", Title: "One number, by a formula",
		Help: "One number over a window: rate(MessagesIn), max(MailboxLatency)/1e9, change(A - B), last, first, min, median, slope, count, increase, changes of fields of a tool's answers. Without row and where, rows are added up; rows counts them.",
		Params: append([]Param{
			{Name: "of", Type: "string", Required: true, Help: "the formula"},
			{Name: "tool", Type: "string", Required: true, Help: "whose answers: process_list, node_info, …"},
			{Name: "node", Type: "string", Required: true, Help: "whose"},
			{Name: "row", Type: "string", Help: "a PID, name, peer or event"},
			{Name: "where", Type: "object", Help: "fields that a row must have: {\"Behavior\": …}"},
		}, windowParams()...),
		run: measured,
	}}
}

func measured(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	q := measure.Question{Of: args.Text("of"), Tool: args.Text("tool"), Node: args.Text("node"), Row: args.Text("row")}
	if q.From, q.To, err = s.span(ctx, rec, args); err != nil {
		return nil, err
	}
	if given, ok := args["where"].(map[string]any); ok {
		q.Where = map[string]string{}
		for name, v := range given {
			text, isText := v.(string)
			if !isText {
				return nil, fmt.Errorf("where: %s must be a text", name)
			}
			q.Where[name] = text
		}
	}
	a, err := measure.Of(ctx, rec, q)
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(a.Value)
	if err != nil {
		return nil, fmt.Errorf("measure: %w", err)
	}
	var b bytes.Buffer
	escape.Fprintf(&b, "%s\n%d answers of %s on %s, %s to %s\n", string(value), a.Answers, q.Tool, q.Node, stamp(a.First), stamp(a.Last))
	return &answer{text: b.Bytes(), structured: a}, nil
}
