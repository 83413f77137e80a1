package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

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
	Now      process
	Charts   []chart.Chart
	States   []stateSpan
	From, To time.Time
	Parent   *process
	Children []process
	More     int // children that are not listed
	Wait     *views.Wait
	Stack    string
	StackAt  time.Time
	Facts    []fact
	Inspect  []fact
	Logs     []logLine
	Findings []*finding.Finding
}

// A stateSpan is a stretch in which samples showed the same state.
type stateSpan struct {
	chart.Box
	State string
	Class string
}

// A fact is one field of an answer.
type fact struct{ Key, Value string }

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
	l, err := lifeOf(ctx, p.rec, v.Node, v.PID, v.From, v.To)
	if err != nil {
		return nil, fmt.Errorf("life of %s: %w", v.PID, err)
	}
	v.Charts, v.States = l.charts(v.From, v.To, p.At), l.states(v.From, v.To)
	if p.Report != nil {
		for _, f := range p.Report.Findings {
			if f.Subject.Node == v.Node && f.Subject.PID != "" && ergo.PID(f.Subject.PID).Key() == key {
				v.Findings = append(v.Findings, f)
			}
		}
		v.mark(p)
	}
	v.Facts = facts(p.now.text(ctx, v.Node, "process_info", ergo.Args{"pid": v.PID}))
	v.Inspect = facts(p.now.text(ctx, v.Node, "process_inspect", ergo.Args{"pid": v.PID}))
	v.Stack, v.StackAt, err = stackOf(ctx, p.rec, v.Node, v.PID, p.At)
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

// A life is what process_list said of one process over time.
type life struct {
	mailbox, latency, in, out, running chart.Curve
	at                                 []time.Time
	state                              []string
}

// lifeOf walks a node's process table and keeps the rows of one process.
func lifeOf(ctx context.Context, rec *replay.Recording, node, pid string, from, to time.Time) (*life, error) {
	columns := []string{"PID", "MessagesMailbox", "MailboxLatency", "MessagesIn", "MessagesOut", "RunningTime", "State"}
	l := &life{}
	slot, has := int32(0), false
	q := replay.Query{Node: node, Reading: ergo.Processes, From: from, To: to, Fields: columns}
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return l, err
		}
		if f.Reset || slices.Contains(f.Gone, slot) {
			has = false
		}
		for _, c := range f.Changed {
			if f.Columns[0].Text(c) == pid {
				slot, has = c, true
			}
		}
		if !has {
			continue
		}
		for i, c := range []*chart.Curve{&l.mailbox, &l.latency, &l.in, &l.out, &l.running} {
			c.Add(f.At, f.Columns[1+i].Float(slot))
		}
		l.at = append(l.at, f.At)
		l.state = append(l.state, f.Columns[6].Text(slot))
	}
	return l, nil
}

// charts are the life's metrics.
func (l *life) charts(from, to, cursor time.Time) []chart.Chart {
	of := func(title, field, note string, u chart.Unit, c chart.Curve) chart.Chart {
		return chart.Chart{Title: title, Field: field, Note: note, Unit: u, Curves: []chart.Curve{c}, From: from, To: to, Cursor: cursor}
	}
	cs := []chart.Chart{
		of("Mailbox", "MessagesMailbox", "", chart.Count, l.mailbox),
		of("Messages in", "", "", chart.PerSecond, l.in.Rate()),
		of("Messages out", "", "", chart.PerSecond, l.out.Rate()),
		of("Handled", "", "received less what still waits", chart.PerSecond, l.handled()),
		of("Busy", "", "time in callbacks, added when the mailbox drains", chart.Percent, l.running.Rate().Times(1e-7)),
	}
	if slices.ContainsFunc(l.latency.Value, func(v float64) bool { return v > 0 }) {
		cs = slices.Insert(cs, 1, of("Latency", "MailboxLatency", "age of the oldest waiting message", chart.Nanoseconds, l.latency))
	}
	return cs
}

// handled is the rate of the work done: messages received less those that wait.
func (l *life) handled() chart.Curve {
	done := chart.Curve{At: l.in.At}
	for i := range l.in.At {
		done.Value = append(done.Value, l.in.Value[i]-l.mailbox.Value[i])
	}
	r := done.Rate()
	for i, v := range r.Value {
		if math.IsNaN(v) {
			r.Value[i] = 0 // a message counted late, not a counter that began anew
		}
	}
	return r
}

// states are the stretches of equal state.
func (l *life) states(from, to time.Time) []stateSpan {
	s := chart.Scale{From: from, To: to}
	var out []stateSpan
	for i := 0; i < len(l.at); {
		j := i
		for j+1 < len(l.at) && l.state[j+1] == l.state[i] {
			j++
		}
		end := l.at[min(j+1, len(l.at)-1)]
		x, w := s.Stretch(l.at[i], end)
		class := map[string]string{"sleep": "sleep", "running": "running", "wait response": "waiting", "zombee": "zombie"}[l.state[i]]
		out = append(out, stateSpan{chart.Box{X: x, W: w, Title: fmt.Sprintf("%s from %s to %s", l.state[i], chart.Clock(l.at[i]), chart.Clock(end))}, l.state[i], class})
		i = j + 1
	}
	return out
}

// facts are the fields of a JSON object in their order, values as they stand.
func facts(text string) []fact {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []fact
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return out
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return out
		}
		var b bytes.Buffer
		if json.Compact(&b, v) != nil {
			return out
		}
		value := b.String()
		var str string
		if json.Unmarshal(v, &str) == nil {
			value = str
		}
		if value == "" || value == "[]" || value == "{}" || value == "null" {
			continue
		}
		out = append(out, fact{fmt.Sprint(k), unescapeAngles(value)})
	}
	return out
}

// unescapeAngles undoes the escapes of < and > in JSON that is shown as text.
func unescapeAngles(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
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

// frames are the functions and places of a goroutine as pprof prints it with
// debug=1, without addresses; a goroutine in another form stays as it is.
func frames(goroutine string) string {
	var b strings.Builder
	for line := range strings.Lines(goroutine) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] != "#" || len(f) < 4 {
			continue
		}
		name, _, _ := strings.Cut(f[2], "+0x")
		fmt.Fprintf(&b, "%s\n    %s\n", name, strings.TrimSpace(f[len(f)-1]))
	}
	if b.Len() == 0 {
		return strings.TrimSpace(goroutine)
	}
	return strings.TrimSpace(b.String())
}

// stackOf is the newest recorded goroutine that carries the process's label
// within two minutes before the moment; "" where none was recorded, which is
// how it is for a process that sleeps.
func stackOf(ctx context.Context, rec *replay.Recording, node, pid string, at time.Time) (stack string, seen time.Time, err error) {
	label := regexp.MustCompile(`"pid": ?"` + regexp.QuoteMeta(pid) + `"`)
	for smp, err := range replay.Readable(rec.Texts(ctx, node, ergo.Goroutines, at.Add(-2*time.Minute), at), nil) {
		if err != nil {
			return stack, seen, fmt.Errorf("read goroutines: %w", err)
		}
		for g := range strings.SplitSeq(string(smp.Text), "\n\n") {
			if label.MatchString(g) {
				stack, seen = frames(g), smp.At
			}
		}
	}
	return stack, seen, nil
}
