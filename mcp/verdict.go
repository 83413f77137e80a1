package mcp

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/escape"

	"ergorecorder/analyze"
	"ergorecorder/ergo"
	"ergorecorder/internal/nearest"
	"ergorecorder/mcp/explain"
	"ergorecorder/mcp/fold"
	"ergorecorder/replay"
)

// windowParams are those of every tool that looks at a window.
func windowParams() []Param {
	return []Param{
		{Name: "from", Type: "string", Help: "begin of the window, a moment; default the start (live: an hour ago)"},
		{Name: "to", Type: "string", Help: "end of the window; default the end"},
	}
}

func verdictTools() []Tool {
	return []Tool{{
		Name: "diagnose", Title: "What went wrong",
		Help: "Runs the playbooks over a window and says what went wrong, since when, and which process, link or node is to blame; the first finding is the one to act on.",
		Params: append(windowParams(),
			Param{Name: "node", Type: "string", Help: "glob over node names"},
			Param{Name: "playbooks", Type: "array", Help: "which of " + strings.Join(playbookNames(), ", ") + "; default all"},
			Param{Name: "severity", Type: "string", Enum: []string{"critical", "warning", "info"}, Help: "the least severity that is listed; default info"},
			Param{Name: "limit", Type: "integer", Help: "how many findings at most; default 10"},
			Param{Name: "offset", Type: "integer", Help: "how many findings to pass over; default 0"},
		),
		run: diagnose,
	}, {
		Name: "explain_finding", Title: "A finding with its evidence",
		Help: "One finding of diagnose: the evidence with its numbers, stacks and log lines, what it causes and is caused by, what to do, and what the data could not show.",
		Params: append([]Param{
			{Name: "id", Type: "string", Required: true, Help: "its ID, or its label: F1"},
		}, windowParams()...),
		run: explainFinding,
	}}
}

func playbookNames() []string {
	return []string{"health", "bottleneck", "cpu", "memory", "process-leak", "restart-loop", "zombies", "network", "goroutines", "events"}
}

// A diagnosis is a report, cut to the size of an answer.
type diagnosis struct {
	analyze.Report
	Total int `json:"total"` // findings of the asked severity, listed or not
}

func diagnose(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	from, to, err := s.span(ctx, rec, args)
	if err != nil {
		return nil, err
	}
	rep, err := s.report(ctx, rec, analyze.Options{From: from, To: to, Node: args.Text("node"), Playbooks: stringsArg(args, "playbooks")})
	if err != nil {
		return nil, err
	}
	d := diagnosis{Report: *rep}
	d.Coverage = nil // the headline says what matters of it
	d.Findings = slices.DeleteFunc(slices.Clone(rep.Findings), func(f *finding.Finding) bool {
		return severityRank(f.Severity) > severityRank(finding.Severity(args.Text("severity")))
	})
	d.Total = len(d.Findings)
	offset := intArg(args, "offset", 0, 0, d.Total)
	limit := intArg(args, "limit", 10, 1, 1000)
	d.Findings = d.Findings[offset:min(d.Total, offset+limit)]
	text := d.text()
	for i, f := range d.Findings {
		brief := *f
		brief.Evidence = nil // explain_finding shows it
		d.Findings[i] = &brief
	}
	a := &answer{text: text, structured: listed(d)}
	a.continues("diagnose", args, offset, len(d.Findings), d.Total)
	if len(d.Findings) > 0 && offset == 0 {
		a.next("explain_finding", inWindow(args, ergo.Args{"id": d.Findings[0].ID}))
	}
	return a, nil
}

// inWindow gives a call the window of another.
func inWindow(of, to ergo.Args) ergo.Args {
	for _, name := range []string{"from", "to"} {
		if v, ok := of[name]; ok {
			to = to.With(name, v)
		}
	}
	return to
}

// severityRank orders severities; what is no severity includes all.
func severityRank(v finding.Severity) int {
	switch v {
	case finding.Critical:
		return 0
	case finding.Warning:
		return 1
	}
	return 2
}

// withoutCurves is a finding without the curves of its evidence, which are for
// charts.
func withoutCurves(f *finding.Finding) *finding.Finding {
	c := *f
	c.Evidence = slices.Clone(f.Evidence)
	for i := range c.Evidence {
		c.Evidence[i].Series = nil
	}
	return &c
}

// listed gives a report's lists the form that its schema promises.
func listed(d diagnosis) diagnosis {
	for _, f := range d.Findings {
		f.Effects, f.Evidence = orEmpty(f.Effects), orEmpty(f.Evidence)
		f.Confirm, f.Caveats = orEmpty(f.Confirm), orEmpty(f.Caveats)
	}
	d.Findings, d.Healthy, d.NotEvaluated = orEmpty(d.Findings), orEmpty(d.Healthy), orEmpty(d.NotEvaluated)
	d.Archive.Nodes, d.Archive.Gaps = orEmpty(d.Archive.Nodes), orEmpty(d.Archive.Gaps)
	return d
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// report judges a window, or returns the report of it that is already there.
func (s *Server) report(ctx context.Context, rec *replay.Recording, opt analyze.Options) (*analyze.Report, error) {
	if _, err := rec.NodesLike(opt.Node); err != nil {
		return nil, err
	}
	opt.Path, opt.Progress = s.src.Name, progress(ctx)
	k := s.reports.slot(reportKey{opt.From, opt.To, opt.Node, strings.Join(opt.Playbooks, " ")})
	k.making.Lock()
	defer k.making.Unlock()
	if k.report == nil {
		rep, err := s.opt.Analyze(ctx, rec, opt)
		if err != nil {
			return nil, err
		}
		k.report = rep
	}
	return k.report, nil
}

// finding finds a finding by ID or label: in the reports that were made, the
// newest first, then in that of the default window. A label means the one in
// the default window, or live, where that moves on, in the latest report.
func (s *Server) finding(ctx context.Context, rec *replay.Recording, id string) (*finding.Finding, error) {
	id = strings.TrimPrefix(id, "@")
	for _, rep := range s.reports.made() {
		if f := find(rep, id); f != nil && (f.ID == id || s.src.Live != nil) {
			return f, nil
		}
	}
	from, to := s.window(rec)
	rep, err := s.report(ctx, rec, analyze.Options{From: from, To: to})
	if err != nil {
		return nil, err
	}
	if f := find(rep, id); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("no finding %q among %s%s; diagnose lists them", id, ids(rep), nearestID(rep, id))
}

func find(rep *analyze.Report, id string) *finding.Finding {
	for _, f := range rep.Findings {
		if f.ID == id || strings.EqualFold(f.Display, id) {
			return f
		}
	}
	return nil
}

// nearestID is the finding that an ID means most likely.
func nearestID(rep *analyze.Report, id string) string {
	var all []string
	for _, f := range rep.Findings {
		all = append(all, f.Display, f.ID)
	}
	if near := nearest.Of(id, all); near != nil {
		return ", nearest " + near[0]
	}
	return ""
}

func ids(rep *analyze.Report) string {
	if len(rep.Findings) == 0 {
		return "none"
	}
	var out []string
	for _, f := range rep.Findings {
		out = append(out, f.Display+" "+f.ID)
	}
	return strings.Join(out, ", ")
}

func explainFinding(ctx context.Context, s *Server, args ergo.Args) (*answer, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	var f *finding.Finding
	id := args.Text("id")
	if args.Text("from") == "" && args.Text("to") == "" {
		f, err = s.finding(ctx, rec, id)
	} else {
		var from, to time.Time
		if from, to, err = s.span(ctx, rec, args); err != nil {
			return nil, err
		}
		var rep *analyze.Report
		if rep, err = s.report(ctx, rec, analyze.Options{From: from, To: to}); err != nil {
			return nil, err
		}
		if f = find(rep, strings.TrimPrefix(id, "@")); f == nil {
			return nil, fmt.Errorf("no finding %q in that window; there are %s%s", id, ids(rep), nearestID(rep, id))
		}
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	writeFinding(&b, f)
	steps := explain.Steps(f)
	explain.Write(&b, f, steps)
	d := listed(diagnosis{Report: analyze.Report{Findings: []*finding.Finding{withoutCurves(f)}}})
	a := &answer{text: b.Bytes(), structured: explained{d.Findings[0], steps, explain.Page(f)}}
	if f.CausedBy != nil {
		a.next("explain_finding", inWindow(args, ergo.Args{"id": *f.CausedBy}))
	}
	return a, nil
}

// An explained finding has its chain of reasoning, and where the page shows it.
type explained struct {
	*finding.Finding
	Steps []explain.Step `json:"steps"`
	Page  string         `json:"page"`
}

func (d *diagnosis) text() []byte {
	var b bytes.Buffer
	escape.Fprintf(&b, "%s\n", d.Headline.Text)
	for _, why := range d.Headline.Beside[:min(len(d.Headline.Beside), 12)] {
		escape.Fprintf(&b, "not seen: %s\n", why)
	}
	for _, s := range d.Headline.Settle[:min(len(d.Headline.Settle), 3)] {
		escape.Fprintf(&b, "to settle it: %s\n", s)
	}
	escape.Fprintf(&b, "%s, %s to %s: ", d.Archive.Path, stamp(d.Window.From), stamp(d.Window.To))
	switch d.Total {
	case 0:
		b.WriteString("no findings\n")
	default:
		escape.Fprintf(&b, "%d findings%s\n", d.Total, shown(len(d.Findings), d.Total))
	}
	for _, f := range d.Findings {
		b.WriteString("\n")
		writeFinding(&b, f)
	}
	if len(d.NotEvaluated) > 0 {
		b.WriteString("\nnot evaluated (this is no clean bill):\n")
		var said []string
		for _, n := range d.NotEvaluated {
			said = append(said, n.Why+" ("+n.Playbook+")")
		}
		fold.Nodes(&b, said, d.Archive.Nodes)
	}
	if len(d.Healthy) > 0 {
		b.WriteString("\nin order:\n")
		fold.Nodes(&b, d.Healthy, d.Archive.Nodes)
	}
	return b.Bytes()
}

func writeFinding(b *bytes.Buffer, f *finding.Finding) {
	escape.Fprintf(b, "%s (%s) %s, score %d, %s confidence: %s\n", f.Display, f.ID, f.Severity, f.Score, f.Confidence, f.Title)
	escape.Fprintf(b, "  kind: %s; subject: %s\n", f.Kind, subjectText(f.Subject))
	escape.Fprintf(b, "  onset: %s (within %.3g s)", stamp(f.Onset), f.OnsetErrorS)
	if f.End != nil {
		escape.Fprintf(b, ", ended %s", stamp(*f.End))
	}
	b.WriteString("\n")
	if f.CausedBy != nil {
		escape.Fprintf(b, "  caused by: %s\n", *f.CausedBy)
	}
	if len(f.Effects) > 0 {
		escape.Fprintf(b, "  causes: %s\n", strings.Join(f.Effects, ", "))
	}
	escape.Fprintf(b, "  %s\n  do: %s\n", f.Summary, f.Recommendation)
}

func subjectText(s finding.Subject) string {
	var out []string
	for _, p := range []struct{ name, value string }{
		{"node", s.Node},
		{"pid", s.PID},
		{"name", s.Name},
		{"behavior", s.Behavior},
		{"application", s.Application},
		{"peer", s.Peer},
		{"event", s.Event},
		{"function", s.Function},
		{"incarnation", s.Incarnation},
	} {
		if p.value != "" {
			out = append(out, p.name+" "+escape.Name(p.value))
		}
	}
	return strings.Join(out, ", ")
}
