package views

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/ergo"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

// A LogQuery selects log lines. Zero fields select all.
type LogQuery struct {
	Node     string
	Level    string // the least severe level
	Text     string // part of the message, in any case; <*> stands for anything, as in templates
	Process  string // PID, name or behavior of who wrote it
	From, To time.Time
	Lines    int // how many lines at most, the latest
	Kinds    int // how many templates at most, the worst and most frequent
}

// A LogView is the lines that were selected: counted by template, the latest in
// full.
type LogView struct {
	Total      int           `json:"total"`
	PerMin     float64       `json:"per_min"` // how many of them a minute of the window; 0 without a window
	Writers    int           `json:"writers"` // processes that wrote them
	Templates  []LogTemplate `json:"templates"`
	KindsTotal int           `json:"templates_total"`
	Lines      []LogLine     `json:"lines"` // in order of time
}

// A LogTemplate is lines that differ only in their parameters.
type LogTemplate struct {
	Level    string    `json:"level"`
	Template string    `json:"template"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Sources  []string  `json:"sources"` // node and source, the first few
}

// A LogLine is one line as its node wrote it.
type LogLine struct {
	At      time.Time `json:"at"` // by the node's clock
	Node    string    `json:"node"`
	Level   string    `json:"level"`
	Source  string    `json:"source"`
	Message string    `json:"message"`
	Tells   ergo.Line `json:"tells,omitempty"` // what the framework tells with it, whichever release wrote it; "" is a program's own

	sourceType string // process, node, network, …
}

// sourcesShown is how many sources of a template are listed.
const sourcesShown = 5

// Logs searches the recorded log lines. That none match is an answer; that
// none were recorded is an error.
func Logs(ctx context.Context, rec *replay.Recording, q LogQuery) (*LogView, error) {
	if err := rec.HasNode(q.Node); err != nil {
		return nil, err
	}
	if q.Level != "" && !slices.Contains(levels(), q.Level) {
		return nil, fmt.Errorf("level %q: there is none of that name%s", q.Level, nearest.Hint(q.Level, levels()))
	}
	v := &LogView{Templates: []LogTemplate{}, Lines: []LogLine{}}
	var miner logs.Miner
	any, who, wrote := false, false, map[string]bool{}
	writers := map[string]bool{}
	for l, err := range replay.Readable(rec.Logs(ctx, q.Node, q.From, q.To), nil) {
		if err != nil {
			return nil, fmt.Errorf("search logs: %w", err)
		}
		any = true
		if q.Process != "" && !q.by(l) {
			s := logs.ParseSource(l.Source)
			wrote[s.Name], wrote[s.Behavior], wrote[s.PID] = true, true, true
			continue
		}
		who = true
		if !q.matches(l) {
			continue
		}
		v.Total++
		writers[l.Node+" "+logs.ParseSource(l.Source).PID] = true
		miner.Add(l)
		v.Lines = append(v.Lines, LogLine{At: l.At, Node: l.Node, Level: l.Level, Source: l.Source, Message: l.Message, sourceType: l.Type})
		if len(v.Lines) > 4*max(q.Lines, 0)+1000 {
			v.latest(q.Lines)
		}
	}
	if !any && !rec.Logged(q.Node) {
		return nil, fmt.Errorf("search logs: no log lines were recorded%s; node_info counts them by level (LogMessages); record run listens to logs unless told otherwise", onNode(q.Node))
	}
	if any && !who {
		delete(wrote, "")
		return nil, fmt.Errorf("search logs: nothing was written by process %q in the window%s", q.Process, nearest.Hint(q.Process, slices.Collect(maps.Keys(wrote))))
	}
	v.latest(q.Lines)
	for i, l := range v.Lines {
		v.Lines[i].Tells, _ = ergo.TellsWhat(l.sourceType, l.Source, l.Message)
	}
	v.Writers = len(writers)
	if d := q.To.Sub(q.From); !q.From.IsZero() && d > 0 {
		v.PerMin = float64(v.Total) / d.Minutes()
	}
	templates := miner.Templates()
	v.KindsTotal = len(templates)
	for _, t := range first(templates, q.Kinds) {
		v.Templates = append(v.Templates, newLogTemplate(t))
	}
	return v, nil
}

// levels are the levels of log lines, the least severe first.
func levels() []string { return []string{"trace", "debug", "info", "warning", "error", "panic"} }

func (v *LogView) latest(n int) {
	slices.SortStableFunc(v.Lines, func(a, b LogLine) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	v.Lines = slices.Clone(v.Lines[max(0, len(v.Lines)-max(n, 0)):])
}

func newLogTemplate(t *logs.Template) LogTemplate {
	out := LogTemplate{Level: t.Level, Template: t.Text(), Count: t.Count, First: t.First, Last: t.Last, Sources: []string{}}
	for _, w := range first(t.Sources, sourcesShown) {
		out.Sources = append(out.Sources, w.Node+" "+w.Source.Text)
	}
	return out
}

func (q *LogQuery) matches(l replay.LogLine) bool {
	if q.Level != "" && logs.Rank(l.Level) < logs.Rank(q.Level) {
		return false
	}
	return contains(strings.ToLower(l.Message), strings.ToLower(q.Text))
}

// by reports whether the process that is meant wrote a line.
func (q *LogQuery) by(l replay.LogLine) bool {
	s := logs.ParseSource(l.Source)
	return s.Name == q.Process || s.Behavior == q.Process ||
		strings.HasPrefix(q.Process, "<") && ergo.PID(s.PID).Key() == ergo.PID(q.Process).Key()
}

// contains reports whether the parts of a pattern that <*> sets apart occur in
// that order.
func contains(message, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "<*>") {
		i := strings.Index(message, part)
		if i < 0 {
			return false
		}
		message = message[i+len(part):]
	}
	return true
}

func onNode(node string) string {
	if node == "" {
		return ""
	}
	return " of " + node
}
