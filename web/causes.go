package web

import (
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/internal/words"
	"ergorecorder/web/chart"
	"ergorecorder/web/graph"
	"ergorecorder/web/past"
)

// newCauses draws which finding led to which; nil where nothing is linked.
func newCauses(report *analyze.Report, url func(*finding.Finding) string) *graph.Drawn {
	linked := map[string]bool{}
	for _, f := range report.Findings {
		if f.CausedBy != nil && *f.CausedBy != f.ID && byID(report, *f.CausedBy) != nil {
			linked[f.ID], linked[*f.CausedBy] = true, true
		}
	}
	return findingGraph(report, url, nil, func(f *finding.Finding) bool { return linked[f.ID] })
}

// newChain draws what led to a finding and what it led to itself; nil of one that
// stands alone.
func newChain(report *analyze.Report, f *finding.Finding, url func(*finding.Finding) string) *graph.Drawn {
	in := map[string]bool{f.ID: true}
	for at := f; at.CausedBy != nil && !in[*at.CausedBy]; {
		if at = byID(report, *at.CausedBy); at == nil {
			break
		}
		in[at.ID] = true
	}
	for _, e := range report.Findings {
		if e.CausedBy != nil && *e.CausedBy == f.ID {
			in[e.ID] = true
		}
	}
	return findingGraph(report, url, f, func(f *finding.Finding) bool { return in[f.ID] })
}

func byID(report *analyze.Report, id string) *finding.Finding {
	for _, f := range report.Findings {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// findingGraph draws the findings that are asked for, and what says of each pair
// that one led to the other.
func findingGraph(report *analyze.Report, url func(*finding.Finding) string, chosen *finding.Finding, in func(*finding.Finding) bool) *graph.Drawn {
	var nodes []graph.Node
	var edges []graph.Edge
	for _, f := range report.Findings {
		if !in(f) {
			continue
		}
		n := graph.Node{
			ID: f.ID, Title: f.Display + " " + kindWords(f.Kind), Text: chart.Clip(whom(f.Subject), 26) + " · " + since(report, f),
			URL: url(f), Class: string(f.Severity), Help: f.Title,
		}
		if f == chosen {
			n.Class += " chosen"
		}
		nodes = append(nodes, n)
		if f.CausedBy != nil {
			edges = append(edges, graph.Edge{From: *f.CausedBy, To: f.ID, Help: f.Because})
		}
	}
	if len(nodes) < 2 {
		return nil
	}
	d := graph.Draw(nodes, edges)
	return &d
}

// since is when a finding began: of one that another led to, how long after that.
func since(report *analyze.Report, f *finding.Finding) string {
	var cause *finding.Finding
	if f.CausedBy != nil {
		cause = byID(report, *f.CausedBy)
	}
	if cause == nil {
		return chart.Clock(f.Onset)
	}
	if d := f.Onset.Sub(cause.Onset).Round(time.Second); d > 0 {
		return words.Length(d) + " later"
	}
	return "at once"
}

// whom is the most telling name of a subject.
func whom(s finding.Subject) string {
	name := ""
	for _, n := range []string{s.Name, s.Event, s.Function, s.Behavior, s.PID, s.Application} {
		if n != "" {
			name = n
			break
		}
	}
	switch {
	case s.Peer != "" && name == "":
		return past.Short(s.Node) + " ↔ " + past.Short(s.Peer)
	case name == "":
		return past.Short(s.Node)
	case s.Node != "":
		return name + " on " + past.Short(s.Node)
	}
	return name
}
