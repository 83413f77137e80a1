package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"ergorecorder/web/lanes"
	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
	"ergorecorder/web/graph"
)

// A reportPage is what the report's template is filled with.
type reportPage struct {
	*analyze.Report
	Policy   string // of the page, as its meta tag says
	CSS      template.CSS
	Name     string
	Strip    *lanes.Strip
	Causes   *graph.Drawn
	Views    []findingView
	Folded   []string // findings that are not drawn, family by family
	Counts   []severityCount
	Nodes    []reportNode
	Gaps     []analyze.Gap // the first of them: curves are hatched over all
	MoreGaps int           // that are not among them
	Own      string        // what their call errors are without
	All      int           // nodes, drawn or not
	Duration time.Duration
}

const (
	// mostLines is how many lines a list of the report has.
	mostLines = 100
	// mostNodes is how many nodes the report draws.
	mostNodes = 100
)

// A severityCount is how many findings have a severity.
type severityCount struct {
	Severity finding.Severity
	Count    int
}

// A reportNode is a node at the end of the window, with its curves over it.
type reportNode struct {
	past.Node
	Sparks []spark
}

// A spark is a small curve and its newest value.
type spark struct {
	Label, Path, Value string
}

// Report writes the report as one HTML file that needs nothing else: no
// network, no script, no other file. It draws what the report says, and reads
// the charts' peers, the nodes and the timeline from the recording.
func Report(ctx context.Context, w io.Writer, report *analyze.Report, rec *replay.Recording) error {
	p, err := newReportPage(ctx, report, rec)
	if err != nil {
		return fmt.Errorf("draw report: %w", err)
	}
	var b bytes.Buffer
	still := template.FuncMap{"chart": func(c chart.Chart) chart.Drawn { return c.Still() }}
	if err := pageTemplates().Funcs(still).ExecuteTemplate(&b, "report", p); err != nil {
		return fmt.Errorf("draw report: %w", err)
	}
	if _, err := io.WriteString(w, escape.Block(b.String())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// bounded is a report with as much as one file shows: of many findings those that
// are told whole, of long lists their first lines.
func bounded(all *analyze.Report) (shown *analyze.Report, folded []string) {
	r := *all
	whole, rest := finding.Fold(all.Findings)
	if r.Findings = whole; rest != nil {
		folded = append(finding.FoldedWords(rest), "analyze report --format json tells each of them whole; --node, --from and --to make a report of fewer")
	}
	r.Healthy = finding.Some(r.Healthy, mostLines)
	r.Headline.Beside = finding.Some(r.Headline.Beside, mostLines)
	r.Headline.Settle = r.Headline.Settle[:min(len(r.Headline.Settle), mostLines)]
	if n := len(r.NotEvaluated) - mostLines; n > 0 {
		r.NotEvaluated = append(slices.Clone(r.NotEvaluated[:mostLines]), finding.NotEvaluated{Playbook: "all", Why: fmt.Sprintf("and %d more", n)})
	}
	return &r, folded
}

func newReportPage(ctx context.Context, all *analyze.Report, rec *replay.Recording) (*reportPage, error) {
	report, folded := bounded(all)
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(css)
	from, to := report.Window.From, report.Window.To
	if from.IsZero() || to.IsZero() {
		from, to = rec.Window()
	}
	p := &reportPage{
		Folded: folded, Report: report, CSS: template.CSS(css), Name: filepath.Base(report.Archive.Path), Duration: to.Sub(from),
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
	}
	p.Gaps = report.Archive.Gaps[:min(len(report.Archive.Gaps), mostLines)]
	p.MoreGaps = len(report.Archive.Gaps) - len(p.Gaps)
	anchor := func(f *finding.Finding) string { return "#" + f.ID }
	names := drawnNodes(report, rec)
	p.Strip = lanes.New(rec, from, to, past.Metrics()[0])
	p.All, p.Strip.Still = len(p.Strip.Lanes), true
	p.Strip.Leave(names)
	p.Strip.Fill(ctx, rec)
	marks, err := rec.Marks(ctx, from, to)
	if err != nil {
		return nil, err
	}
	p.Strip.Mark(report, marks, anchor)
	p.Causes = newCauses(report, anchor)
	if p.Views, err = findingViews(ctx, report, rec, anchor); err != nil {
		return nil, err
	}
	for _, sev := range []finding.Severity{finding.Critical, finding.Warning, finding.Info} {
		n := 0
		for _, f := range all.Findings {
			if f.Severity == sev {
				n++
			}
		}
		p.Counts = append(p.Counts, severityCount{sev, n})
	}
	p.Nodes, p.Own, err = reportNodes(ctx, rec, names, from, to)
	return p, err
}

// drawnNodes are as many nodes as the report draws, sorted: first those that its findings name.
func drawnNodes(report *analyze.Report, rec *replay.Recording) (names []string) {
	left := map[string]bool{}
	var all []string
	for _, n := range rec.Nodes() {
		left[n.Name] = true
		all = append(all, n.Name)
	}
	take := func(name string) {
		if left[name] && len(names) < mostNodes {
			left[name] = false
			names = append(names, name)
		}
	}
	for _, f := range report.Findings {
		take(f.Subject.Node)
		take(f.Subject.Peer)
	}
	for _, name := range all {
		take(name)
	}
	slices.Sort(names)
	return names
}

// reportNodes puts the nodes side by side, and says what their call errors are without.
func reportNodes(ctx context.Context, rec *replay.Recording, names []string, from, to time.Time) (drawn []reportNode, own string, err error) {
	nodes := past.MomentOf(rec, to).Nodes(ctx, names)
	for _, n := range nodes {
		sparks, err := nodeSparks(ctx, rec, n.Name, from, to)
		if err != nil {
			return nil, "", err
		}
		drawn = append(drawn, reportNode{n, sparks})
	}
	return drawn, withoutOwn(nodes), nil
}

// sparkFields are the curves of a node in the report, by reading.
func sparkFields() map[ergo.Reading][]string {
	return map[ergo.Reading][]string{
		ergo.Node:    {"ProcessesTotal", "ProcessesWaitResponse"},
		ergo.Runtime: {"goroutines", "heap_alloc"},
	}
}

func nodeSparks(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) ([]spark, error) {
	labels := map[string]string{"ProcessesTotal": "Processes", "ProcessesWaitResponse": "Waiting for a reply", "goroutines": "Goroutines", "heap_alloc": "Heap"}
	var out []spark
	for _, reading := range slices.Sorted(maps.Keys(sparkFields())) {
		fields := sparkFields()[reading]
		cs, err := past.ObjectCurves(ctx, rec, replay.Query{Node: node, Reading: reading, From: from, To: to, Fields: fields})
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", reading, node, err)
		}
		for i, f := range fields {
			c := chart.Chart{Curves: cs[i : i+1], From: from, To: to, Unit: chart.Count}
			if f == "heap_alloc" {
				c.Unit = chart.Bytes
			}
			d := c.Still()
			out = append(out, spark{labels[f], d.Lines[0].Path, d.Label})
		}
	}
	return out, nil
}

// kindWords is a kind of finding in words.
func kindWords(kind finding.Kind) string { return kind.Words() }
