package web

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
	"ergorecorder/internal/words"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
	"ergorecorder/web/graph"
	"ergorecorder/web/past"
)

// overviewView is the first page: the verdict, the nodes, the busiest
// processes and what was logged at the moment.
type overviewView struct {
	Findings []*finding.Finding
	More     int
	Nodes    []past.Node
	Own      string // what call errors are without
	Deep     table
	Logs     []logLine
	Seen     int // processes
}

func (s *Server) overview(ctx context.Context, p *page) (any, error) {
	v := overviewView{Nodes: p.now.Nodes(ctx, p.Nodes())}
	v.Own = withoutOwn(v.Nodes)
	rows, seen := p.now.Deepest(ctx, 8, rateWindow, p.Nodes()...)
	v.Seen = seen
	v.Deep = newTable(&page{query: nil, path: p.path}, only(processColumns(p), "name", "node", "behavior", "state", "mailbox", "latency", "in", "busy"), rows, processText, "none")
	v.Deep.Heads = unsortable(v.Deep.Heads)
	if p.Report != nil {
		v.Findings = p.Report.Findings[:min(len(p.Report.Findings), 5)]
		v.More = len(p.Report.Findings) - len(v.Findings)
	}
	lines, err := p.rec.LastLogs(ctx, p.At.Add(-time.Minute), p.At, 8)
	for _, l := range lines {
		v.Logs = append(v.Logs, newLogLine(l))
	}
	return v, err
}

// withoutOwn says once what the call errors of nodes are without.
func withoutOwn(nodes []past.Node) string {
	own := int64(0)
	for _, n := range nodes {
		own += n.Own
	}
	return views.WithoutOwn("Call errors", own)
}

// only are the columns with the given ids.
func only[T any](cols []column[T], ids ...string) []column[T] {
	return slices.DeleteFunc(cols, func(c column[T]) bool { return !slices.Contains(ids, c.ID) })
}

func unsortable(heads []head) []head {
	for i := range heads {
		heads[i].URL = ""
	}
	return heads
}

// findingsView is the whole verdict.
type findingsView struct {
	Causes *graph.Drawn
}

func (s *Server) findings(_ context.Context, p *page) (any, error) {
	if p.Report == nil {
		return findingsView{}, nil
	}
	return findingsView{newCauses(p.Report, p.findingURL)}, nil
}

// findingURL is the page of a finding, at the moment of its onset.
func (p *page) findingURL(f *finding.Finding) string {
	return p.Link("/finding", "id", f.ID, "at", chart.InURL(f.Onset))
}

// FindingURL is findingURL for templates.
func (p *page) FindingURL(f *finding.Finding) string { return p.findingURL(f) }

func (s *Server) finding(ctx context.Context, p *page) (any, error) {
	id := p.query.Get("id")
	if p.Report == nil {
		return nil, p.notJudged()
	}
	for _, f := range p.Report.Findings {
		if f.ID == id || f.Display == id {
			p.Title = f.Title
			v, err := newFindingView(ctx, p.Report, f, p.rec, p.findingURL)
			if err == nil {
				v.Profiles, err = nearestProfiles(ctx, p, f)
			}
			return v, err
		}
	}
	return nil, notFound("no finding has the id " + id)
}

// A logLine is a line of a log with what pages need to mark it.
type logLine struct {
	replay.LogLine
	Bad bool
}

func newLogLine(l replay.LogLine) logLine {
	return logLine{l, l.Level == "error" || l.Level == "panic"}
}

// logsBetween are the lines of a node ("" for all) in a window, by time.
func logsBetween(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) ([]logLine, error) {
	var out []logLine
	for l, err := range replay.Readable(rec.Logs(ctx, node, from, to), nil) {
		if err != nil {
			return out, fmt.Errorf("read logs: %w", err)
		}
		out = append(out, newLogLine(l))
	}
	slices.SortStableFunc(out, func(a, b logLine) int { return a.At.Compare(b.At) })
	return out, nil
}

// logsShown bounds how many lines a page draws.
const logsShown = 500

// logsView is the log around the moment.
type logsView struct {
	Lines   []logLine
	Dropped int // beyond logsShown
	Nodes   []choice
	Levels  []choice
	Spans   []choice
	Query   string
	Keeps   []param
	From    time.Time
	To      time.Time
}

func (s *Server) logs(ctx context.Context, p *page) (any, error) {
	around, err := time.ParseDuration(cmp.Or(p.query.Get("around"), "30s"))
	if err != nil || around <= 0 {
		p.refuse("around=%s: write 30s, 10m or 1h", p.query.Get("around"))
		return nil, nil
	}
	level := p.query.Get("level")
	if level != "" && severity(level) < severity("info") {
		p.refuse("level=%s: there are info, warning, error and panic", level)
	}
	v := logsView{
		Nodes: choices(p.Nodes(), p.query.Get("node")), Levels: choices([]string{"info", "warning", "error", "panic"}, level),
		Query: p.query.Get("q"), Keeps: p.Kept("q", "node", "level", "around"), From: p.At.Add(-around), To: p.At.Add(around),
	}
	for _, d := range []string{"10s", "30s", "2m", "10m", "1h", "24h"} {
		x, _ := time.ParseDuration(d) // all of them parse
		v.Spans = append(v.Spans, choice{d, "± " + words.Length(x), x == around})
	}
	lines, err := logsBetween(ctx, p.rec, p.query.Get("node"), v.From, v.To)
	if err != nil {
		return nil, err
	}
	needle := strings.ToLower(v.Query)
	lines = slices.DeleteFunc(lines, func(l logLine) bool {
		return severity(l.Level) < severity(level) || !strings.Contains(strings.ToLower(l.Message+"\n"+l.Source), needle)
	})
	if v.Dropped = max(len(lines)-logsShown, 0); v.Dropped > 0 {
		i, _ := slices.BinarySearchFunc(lines, p.At, func(l logLine, t time.Time) int { return l.At.Compare(t) })
		from := min(max(i-logsShown/2, 0), len(lines)-logsShown)
		lines = lines[from : from+logsShown]
	}
	v.Lines = lines
	return v, nil
}

// severity ranks log levels; an unknown one is lowest.
func severity(level string) int {
	return slices.Index([]string{"trace", "debug", "info", "warning", "error", "panic"}, level)
}

// eventsView is the events of all nodes.
type eventsView struct {
	Table table
	Nodes []choice
}

func (s *Server) events(ctx context.Context, p *page) (any, error) {
	var rows []past.EventRow
	for _, n := range p.chosen() {
		var es []past.EventRow
		p.now.Ask(ctx, n, "event_list", past.Everything(), &es)
		for i := range es {
			es[i].Owner = n
		}
		rows = append(rows, es...)
	}
	return eventsView{newTable(p, eventColumns(p), rows, func(e *past.EventRow) string { return e.Event + "\n" + e.Owner + "\n" + e.Use() }, "-published"), choices(p.Nodes(), p.query.Get("node"))}, nil
}

func eventColumns(p *page) []column[past.EventRow] {
	return []column[past.EventRow]{
		{ID: "event", Label: "Event", Text: func(e *past.EventRow) string { return ergo.EventName(e.Event) }, Order: byText(func(e *past.EventRow) string { return e.Event }), Class: constantClass[past.EventRow]("name")},
		textColumn("node", "Node", func(e *past.EventRow) string { return past.Short(e.Owner) }),
		textColumn("use", "Use", func(e *past.EventRow) string { return e.Use() }),
		{ID: "producer", Label: "Producer", Text: func(e *past.EventRow) string { return string(e.Producer) }, URL: func(e *past.EventRow) string { return processURL(p, e.Owner, string(e.Producer)) }, Class: constantClass[past.EventRow]("mono"), Order: byText(func(e *past.EventRow) string { return string(e.Producer) })},
		numColumn("subscribers", "Subscribers", "", chart.Count, func(e *past.EventRow) float64 { return float64(e.Subscribers) }),
		numColumn("published", "Published", "", chart.Count, func(e *past.EventRow) float64 { return float64(e.MessagesPublished) }),
		numColumn("local", "Local", "deliveries on this node", chart.Count, func(e *past.EventRow) float64 { return float64(e.MessagesLocalSent) }),
		numColumn("remote", "Remote", "deliveries to other nodes", chart.Count, func(e *past.EventRow) float64 { return float64(e.MessagesRemoteSent) }),
		numColumn("fanout", "Fan-out", "deliveries per message", chart.Count, func(e *past.EventRow) float64 { return e.Fanout() }),
		numColumn("quiet", "Quiet for", "time since the last publish", chart.Nanoseconds, func(e *past.EventRow) float64 {
			if e.LastPublishedAt == 0 {
				return 0
			}
			return float64(p.At.UnixNano() - e.LastPublishedAt)
		}),
	}
}

// A linkEnds is a connection between two nodes, with what both ends say.
type linkEnds struct {
	A, B         string
	AtoB, BtoA   flow
	UpA, UpB     int64 // connection uptime, s
	Reconnect    int64
	Pool, PoolOf int64
	PingA, PingB string
	SaidA, SaidB string // why an end has no connection uptime, "" where it has
	Flapped      bool
}

// A flow is one direction of a link over a window, by both ends' counters.
type flow struct {
	Sent, Received           int64
	BytesSent, BytesReceived int64
	Known                    bool
}

// Missing is how many messages one end sent and the other has not received.
func (f flow) Missing() int64 { return f.Sent - f.Received }

// Lost reports whether more is missing than samples taken apart explain.
func (f flow) Lost() bool { return f.Known && f.Missing() > 20 && f.Missing() > f.Sent/20 }

// linkWindow is the time over which both ends of a link are compared.
const linkWindow = time.Minute

type linksView struct {
	Links  []linkEnds
	Charts []chart.Chart
	Pairs  []quickLink // of which charts can be shown
	Over   time.Duration
	Alone  []string // what there is to say of nodes without a link
}

func (s *Server) links(ctx context.Context, p *page) (any, error) {
	names := p.Nodes()
	now, before := readLinks(ctx, p.now, names), readLinks(ctx, past.MomentOf(p.rec, p.At.Add(-linkWindow)), names)
	v := linksView{Over: linkWindow}
	linked := map[string]bool{}
	for i, a := range names {
		for _, b := range names[i+1:] {
			ab, okA := now[a][b]
			ba, okB := now[b][a]
			if !okA && !okB {
				continue
			}
			linked[a], linked[b] = true, true
			l := linkEnds{A: a, B: b, UpA: ab.ConnectionUptime, UpB: ba.ConnectionUptime, Reconnect: max(ab.Reconnections, ba.Reconnections), Pool: max(ab.PoolLen, ba.PoolLen), PoolOf: max(ab.PoolSize, ba.PoolSize), SaidA: unsaid(now[a], okA), SaidB: unsaid(now[b], okB)}
			l.AtoB = newFlow(ab, before[a][b], ba, before[b][a], okA && okB)
			l.BtoA = newFlow(ba, before[b][a], ab, before[a][b], okA && okB)
			l.Flapped = okA && ab.Uptime-ab.ConnectionUptime > 30 || okB && ba.Uptime-ba.ConnectionUptime > 30
			l.PingA, l.PingB = pinged(ctx, p.now, a, b), pinged(ctx, p.now, b, a)
			v.Links = append(v.Links, l)
		}
	}
	asked := p.query.Get("pair")
	if pairs := pairsOf(v.Links); asked != "" && !slices.Contains(pairs, asked) {
		p.refuse("pair=%s: there are %s", asked, strings.Join(pairs, ", "))
	}
	for _, l := range v.Links {
		pair := l.A + "|" + l.B
		if asked != pair && (asked != "" || len(v.Links) > pairsDrawn) {
			v.Pairs = append(v.Pairs, quickLink{past.Short(l.A) + " and " + past.Short(l.B), p.Same("pair", pair)})
			continue
		}
		charts, err := linkCharts(ctx, p, l.A, l.B)
		if err != nil {
			return nil, err
		}
		v.Charts = append(v.Charts, charts...)
	}
	for _, n := range names {
		switch {
		case now[n] == nil:
			v.Alone = append(v.Alone, n+": its links were not recorded near this moment.")
		case !linked[n]:
			v.Alone = append(v.Alone, n+" has no link at this moment.")
		}
	}
	return v, nil
}

// pairsOf are the links as an address names them.
func pairsOf(links []linkEnds) []string {
	var out []string
	for _, l := range links {
		out = append(out, l.A+"|"+l.B)
	}
	return out
}

// unsaid is why an end of a link does not say since when it is connected.
func unsaid(rows map[string]past.Link, said bool) string {
	switch {
	case said:
		return ""
	case rows == nil:
		return "not recorded"
	}
	return "not connected"
}

// readLinks are the links by node and peer; nil of a node whose links were not recorded.
func readLinks(ctx context.Context, m *past.Moment, nodes []string) map[string]map[string]past.Link {
	out := map[string]map[string]past.Link{}
	for _, n := range nodes {
		var rows []past.Link
		if _, ok := m.Ask(ctx, n, "network_nodes", nil, &rows); !ok {
			continue
		}
		out[n] = map[string]past.Link{}
		for _, l := range rows {
			out[n][l.Node] = l
		}
	}
	return out
}

// newFlow is one direction: from the sender's and the receiver's counters now
// and before. A connection that was made in between counts from its start.
func newFlow(sender, senderBefore, receiver, receiverBefore past.Link, known bool) flow {
	since := func(now, before int64) int64 {
		if now < before {
			return now
		}
		return now - before
	}
	return flow{
		Sent: since(sender.MessagesOut, senderBefore.MessagesOut), Received: since(receiver.MessagesIn, receiverBefore.MessagesIn),
		BytesSent: since(sender.BytesOut, senderBefore.BytesOut), BytesReceived: since(receiver.BytesIn, receiverBefore.BytesIn),
		Known: known,
	}
}

// pinged is the newest round trip from a node to a peer, "" if none is known.
func pinged(ctx context.Context, m *past.Moment, node, peer string) string {
	text := m.Text(ctx, node, "network_ping", ergo.Args{"name": peer})
	_, rtt, ok := strings.Cut(text, "rtt ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(rtt)
}
