package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
	"ergorecorder/internal/words"
	"ergorecorder/replay"
)

// A View is what a screen shows.
type View string

// The views.
const (
	Nodes     View = "nodes"
	Processes View = "processes"
	Process   View = "process"
	Tree      View = "tree"
	Links     View = "links"
	Events    View = "events"
	Logs      View = "logs"
	Findings  View = "findings"
	Waits     View = "who waits"
	Finding   View = "finding"
)

// A Query is a view at a moment, of a node and a process where it is about one.
type Query struct {
	View View
	At   time.Time
	Node string
	PID  string // of a process; of a finding its label
}

// A Source reads tables from a recording. Its report may come later: views that
// need it say so until then.
type Source struct {
	Recording *replay.Recording
	Report    *analyze.Report
}

// Table reads what a view shows.
func (s Source) Table(ctx context.Context, q Query) (*Table, error) {
	switch q.View {
	case Nodes:
		return s.nodes(ctx, q)
	case Processes:
		return s.processes(ctx, q)
	case Process:
		return s.process(ctx, q)
	case Tree:
		return s.tree(ctx, q)
	case Links:
		return s.links(ctx, q)
	case Events:
		return s.events(ctx, q)
	case Logs:
		return s.logs(ctx, q)
	case Waits:
		return s.waits(ctx, q)
	case Findings:
		return s.findings(), nil
	case Finding:
		return s.finding(q), nil
	}
	return nil, fmt.Errorf("there is no view %q", q.View)
}

func columns(names ...string) []Column {
	var all []Column
	for _, n := range names {
		name, number := strings.CutPrefix(n, "#")
		all = append(all, Column{name, number})
	}
	return all
}

func (s Source) nodes(ctx context.Context, q Query) (*Table, error) {
	rows, err := views.Nodes(ctx, s.Recording, q.At, "")
	if err != nil {
		return nil, err
	}
	t := &Table{Title: "nodes", Columns: columns("NODE", "#UP", "#PROCESSES", "#ZOMBEES", "#WAITING", "#HEAP", "#GOROUTINES", "#ERRORS", "#LOGGED", "#APPS")}
	for _, r := range rows {
		if r.Unknown != "" {
			t.Rows = append(t.Rows, Row{Mark: "*", Node: r.Node, Cells: []Cell{text(r.Node), text("not known")}})
			t.Notes = append(t.Notes, r.Node+" is not known: "+r.Unknown)
			continue
		}
		t.Rows = append(t.Rows, Row{Node: r.Node, Cells: []Cell{
			text(r.Node), seconds(float64(r.Uptime)), count(r.Processes), count(r.Zombees), count(r.Waiting), size(r.HeapAlloc), count(r.Goroutines),
			count(r.Errors), count(r.Logged),
			{fmt.Sprintf("%d/%d", r.Running, r.Applications), float64(r.Running)},
		}})
	}
	if own := views.OwnLeftOut(rows); own != "" {
		t.Notes = append(t.Notes, own)
	}
	return t, nil
}

func (s Source) processes(ctx context.Context, q Query) (*Table, error) {
	v, err := views.Processes(ctx, s.Recording, views.ProcessQuery{At: q.At, Node: q.Node, Sort: "mailbox"})
	if err != nil {
		return nil, err
	}
	t := &Table{
		Title:   counted(v.Total, "process") + of(q.Node),
		Notes:   slices.Concat(v.Unlisted, v.Cut),
		Columns: processColumns(),
	}
	if own := v.OwnLeftOut(); own != "" {
		t.Notes = append(t.Notes, own+": the tree has them")
	}
	for _, r := range v.Rows {
		t.Rows = append(t.Rows, Row{Node: r.Node, PID: r.PID, Cells: processCells(r)})
	}
	return t, nil
}

// processColumns are the columns of processes, processCells what stands in them.
func processColumns() []Column {
	return columns("NODE", "PROCESS", "BEHAVIOR", "STATE", "#MAILBOX", "#AGE", "#IN", "#OUT", "#RUNNING", "#UP", "APPLICATION")
}

func processCells(r views.ProcessRow) []Cell {
	age := Cell{"-", -1}
	if r.MailboxLatency >= 0 {
		age = nanoseconds(r.MailboxLatency)
	}
	cells := []Cell{
		text(finding.NodeName(r.Node)), text(called(r.Name, r.PID)), text(r.Behavior), text(r.State), count(r.MessagesMailbox), age,
		count(r.MessagesIn), count(r.MessagesOut), nanoseconds(r.RunningTime), seconds(float64(r.Uptime)), text(r.Application),
	}
	for i, field := range []string{4: "MessagesMailbox", 5: "MailboxLatency", 6: "MessagesIn", 7: "MessagesOut", 8: "RunningTime", 9: "Uptime"} {
		if _, odd := r.Odd[field]; odd {
			cells[i] = Cell{"?", -1} // what was said is no such number
		}
	}
	return cells
}

// process shows all that was recorded of one process at the moment: what it said
// when it was asked, else its row of the listing.
func (s Source) process(ctx context.Context, q Query) (*Table, error) {
	t := &Table{Title: "process " + q.PID + of(q.Node), Columns: columns("FIELD", "VALUE"), Fixed: true}
	for _, asked := range []struct {
		tool    string
		reading ergo.Reading
	}{{"process_info", ergo.Process}, {"process_inspect", ergo.Inspection}} {
		a, err := s.Recording.Moment(q.At).Call(ctx, ergo.Call{Node: q.Node, Tool: asked.tool, Args: ergo.Args{"pid": q.PID}})
		if err != nil {
			t.Notes = append(t.Notes, asked.tool+": "+err.Error())
			continue
		}
		t.Rows = append(t.Rows, fields(asked.tool, ergo.Define(asked.reading), a)...)
	}
	v, err := views.Processes(ctx, s.Recording, views.ProcessQuery{At: q.At, Node: q.Node, Like: q.PID})
	if err != nil {
		t.Notes = append(t.Notes, "process_list: "+err.Error())
		return t, nil
	}
	for _, r := range v.Rows {
		t.Rows = append(t.Rows, heading("process_list", r.At))
		for i, c := range processCells(r) {
			t.Rows = append(t.Rows, Row{Cells: []Cell{text("  " + processColumns()[i].Name), c}})
		}
	}
	return t, nil
}

// fields are the lines of a JSON object, nested ones indented, with units.
func fields(tool string, d ergo.Definition, a ergo.Answer) []Row {
	rows := []Row{heading(tool, a.At)}
	object := "" // in which the line stands
	for line := range strings.Lines(string(ergo.Pretty(a.Text))) {
		name, value, named := strings.Cut(strings.TrimRight(line, ",\n"), ": ")
		if strings.Trim(line, " {}[],\n") == "" {
			continue
		}
		if !named {
			name, value = strings.Repeat(" ", len(name)-len(strings.TrimLeft(name, " "))), strings.TrimSpace(name)
		}
		name = strings.ReplaceAll(name, `"`, "")
		field := strings.TrimSpace(name)
		switch {
		case strings.TrimSpace(value) == "{":
			object = field + "."
		case !strings.HasPrefix(name, "    "):
			object = ""
		}
		if _, known := d.Field(object + field); known {
			field = object + field
		}
		rows = append(rows, Row{Cells: []Cell{text(name), text(said(d, field, value))}})
	}
	return rows
}

// said is a value of JSON as a person reads it.
func said(d ergo.Definition, name, literal string) string {
	var s string
	if json.Unmarshal([]byte(literal), &s) == nil {
		return s
	}
	f, _ := d.Field(name)
	n, whole := ergo.Whole(literal)
	switch {
	case f.None != "" && literal == f.None:
		return literal + " (" + f.Why + ")"
	case whole && f.Unit == ergo.Nanoseconds:
		return words.Short(time.Duration(n))
	case whole && f.Unit == ergo.Seconds:
		return words.Short(ergo.Lasting(n))
	case whole && f.Unit == ergo.Bytes:
		return size(n).Text
	case literal == "{" || literal == "[":
		return ""
	}
	return literal
}

func heading(what string, at time.Time) Row {
	return Row{Cells: []Cell{text(what), text("said at " + clock(at))}}
}

func (s Source) links(ctx context.Context, q Query) (*Table, error) {
	t := &Table{Title: "links" + of(q.Node), Columns: columns("NODE", "PEER", "#CONNECTED", "#SENT", "#RECEIVED", "#BYTES OUT", "#BYTES IN", "#RECONNECTED", "#POOL", "ROUND TRIP")}
	for _, n := range s.nodeNames(q) {
		var rows []struct {
			Node                                                     string
			ConnectionUptime, MessagesIn, MessagesOut, BytesIn       int64
			BytesOut, Reconnections, PoolLen, PoolSize, TransitBytes int64
		}
		if !s.ask(ctx, t, q.At, n, "network_nodes", nil, &rows) {
			continue
		}
		for _, r := range rows {
			t.Rows = append(t.Rows, Row{Node: n, Cells: []Cell{
				text(finding.NodeName(n)), text(finding.NodeName(r.Node)), seconds(float64(r.ConnectionUptime)), count(r.MessagesOut), count(r.MessagesIn),
				size(r.BytesOut), size(r.BytesIn), count(r.Reconnections),
				{fmt.Sprintf("%d/%d", r.PoolLen, r.PoolSize), float64(r.PoolLen)},
				text(s.roundTrip(ctx, q.At, n, r.Node)),
			}})
		}
	}
	return t, nil
}

// roundTrip is the newest ping from a node to a peer.
func (s Source) roundTrip(ctx context.Context, at time.Time, node, peer string) string {
	a, err := s.Recording.Moment(at).Call(ctx, ergo.Call{Node: node, Tool: "network_ping", Args: ergo.Args{"name": peer}})
	if err != nil {
		return "-"
	}
	if _, rtt, ok := strings.Cut(string(a.Text), "rtt "); ok {
		return strings.TrimSpace(rtt)
	}
	return string(a.Text)
}

func (s Source) events(ctx context.Context, q Query) (*Table, error) {
	t := &Table{Title: "events" + of(q.Node), Columns: columns("NODE", "EVENT", "PRODUCER", "#SUBSCRIBERS", "#PUBLISHED", "#LOCAL", "#REMOTE", "#QUIET")}
	for _, n := range s.nodeNames(q) {
		var rows []struct {
			Event, Producer                                                                        string
			Subscribers, MessagesPublished, MessagesLocalSent, MessagesRemoteSent, LastPublishedAt int64
		}
		if !s.ask(ctx, t, q.At, n, "event_list", ergo.Args{"limit": json.Number("1000000")}, &rows) {
			continue
		}
		for _, r := range rows {
			quiet := Cell{"-", -1}
			if r.LastPublishedAt > 0 {
				quiet = nanoseconds(max(q.At.UnixNano()-r.LastPublishedAt, 0))
			}
			t.Rows = append(t.Rows, Row{Node: n, PID: r.Producer, Cells: []Cell{
				text(finding.NodeName(n)), text(ergo.EventName(r.Event)), text(r.Producer), count(r.Subscribers), count(r.MessagesPublished),
				count(r.MessagesLocalSent), count(r.MessagesRemoteSent), quiet,
			}})
		}
	}
	return t, nil
}

// logAround is how far before the moment the lines of the log are shown, and logLines how many of them at most.
const (
	logAround = 5 * time.Minute
	logLines  = 1000
)

func (s Source) logs(ctx context.Context, q Query) (*Table, error) {
	v, err := views.Logs(ctx, s.Recording, views.LogQuery{Node: q.Node, From: q.At.Add(-logAround), To: q.At, Lines: logLines})
	if err != nil {
		return nil, err
	}
	t := &Table{Title: fmt.Sprintf("log lines of the %s before%s", words.Short(logAround), of(q.Node)), Columns: columns("TIME", "NODE", "LEVEL", "SOURCE", "MESSAGE"), Fixed: true, Last: true}
	for _, l := range v.Lines {
		t.Rows = append(t.Rows, Row{Mark: markOf(l.Level), Node: l.Node, Cells: []Cell{text(clock(l.At)), text(finding.NodeName(l.Node)), text(l.Level), text(l.Source), text(l.Message)}})
	}
	if rest := v.Total - len(v.Lines); rest > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d earlier lines are not shown", rest))
	}
	return t, nil
}

func markOf(level string) string {
	switch level {
	case "panic", "error", string(finding.Critical):
		return "!"
	case string(finding.Warning):
		return "*"
	}
	return ""
}

// waitsShown is how many processes that wait are listed.
const waitsShown = 1000

func (s Source) waits(ctx context.Context, q Query) (*Table, error) {
	if s.Report == nil {
		return &Table{Title: "who waits", Notes: []string{"the recording is still being judged"}}, nil
	}
	v, err := views.Waits(ctx, s.Recording, s.Report, q.Node, q.At, waitsShown)
	if err != nil {
		return nil, err
	}
	t := &Table{Title: "who waits: " + counted(v.Total, "process") + of(q.Node), Notes: v.Notes, Columns: columns("NODE", "PROCESS", "BEHAVIOR", "STATE", "#FOR", "#MAILBOX", "#AGE", "WHERE", "FINDING", "ROOT")}
	for _, w := range v.Waits {
		age := Cell{"-", -1}
		if w.LatencyS >= 0 {
			age = seconds(w.LatencyS)
		}
		t.Rows = append(t.Rows, Row{Node: w.Node, PID: w.PID, Cells: []Cell{
			text(finding.NodeName(w.Node)), text(called(w.Name, w.PID)), text(w.Behavior), text(w.State), seconds(w.StateS), count(w.Mailbox), age, text(w.Function), text(s.label(w.Finding)), text(s.label(w.Root)),
		}})
	}
	return t, nil
}

// label is how the report calls a finding: F1.
func (s Source) label(id string) string {
	for _, f := range s.Report.Findings {
		if f.ID == id {
			return f.Display
		}
	}
	return id
}

// nodeNames are the nodes that a query is about.
func (s Source) nodeNames(q Query) []string {
	if q.Node != "" {
		return []string{q.Node}
	}
	var all []string
	for _, n := range s.Recording.Nodes() {
		all = append(all, n.Name)
	}
	slices.Sort(all)
	return all
}

// ask decodes what a tool said at the moment. What it could not say becomes a
// note of the table.
func (s Source) ask(ctx context.Context, t *Table, at time.Time, node, tool string, args ergo.Args, into any) bool {
	a, err := s.Recording.Moment(at).Call(ctx, ergo.Call{Node: node, Tool: tool, Args: args})
	if err == nil {
		err = ergo.Decode(a.Text, into)
	}
	if err != nil {
		t.Notes = append(t.Notes, fmt.Sprintf("%s of %s is not known: %v", tool, node, err))
	}
	return err == nil
}
