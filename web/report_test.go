package web

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/replay"
)

func drawReport(t testing.TB, report *analyze.Report, rec *replay.Recording) string {
	t.Helper()
	var b bytes.Buffer
	if err := Report(context.Background(), &b, report, rec); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A report is one file: nothing in it names a place elsewhere.
func checkSelfContained(t *testing.T, page string) {
	t.Helper()
	if len(page) > 2<<20 {
		t.Errorf("the report has %d bytes", len(page))
	}
	for _, outside := range regexp.MustCompile(`(?i)<(script|link|iframe|img|object|base)\b|(src|href|action)="[^#"][^"]*"|url\([^#)]|@import|https?://`).FindAllString(page, 5) {
		t.Errorf("the report holds %q", outside)
	}
}

func TestReport(t *testing.T) {
	rec := bundled(t, "stuck")
	page := drawReport(t, stuckReport(t, rec), rec)
	checkSelfContained(t, page)
	for _, want := range []string{
		"book_eth on gamma is blocked", "How it came about", "other processes of trading.OrderBook", "class=\"onset\"", "OrderBook).applyDelta",
		"What to do", "class=\"lane\"", "alpha@localhost", "no link was lost", "zombies", "&lt;11458782.0.1078&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if again := drawReport(t, stuckReport(t, rec), rec); again != page {
		t.Error("drawn twice, the report differs")
	}
}

// However much goes wrong, the report stays a file that can be opened and sent.
func TestReportOfThousands(t *testing.T) {
	rec := bundled(t, "stuck")
	r := stuckReport(t, rec)
	first := *r.Findings[0]
	for i := range 3000 {
		f := first
		f.ID, f.Display = fmt.Sprintf("%s%d", first.ID, i), fmt.Sprintf("G%d", i)
		r.Findings = append(r.Findings, &f)
	}
	page := drawReport(t, r, rec)
	checkSelfContained(t, page)
	if !strings.Contains(page, "More findings") || !strings.Contains(page, " more of blocked_callback, critical") {
		t.Error("the findings that are not drawn are not counted")
	}
}

// TestReportOfManyNodes: so many nodes are drawn, those first that findings name, and all are counted.
func TestReportOfManyNodes(t *testing.T) {
	rec := record(t, func(w *archive.Writer) {
		for n := range 130 {
			for s := range 3 {
				answer(t, w, fmt.Sprintf("n%03d@many", n), "node_info", nil, start().Add(time.Duration(10*s)*time.Second), row{"Uptime": 100 + 10*s, "ProcessesTotal": 1})
			}
		}
	})
	from, to := rec.Window()
	report := &analyze.Report{Window: finding.Window{From: from, To: to}, Findings: []*finding.Finding{{
		ID: "aa", Display: "F1", Severity: finding.Warning, Title: "the last of them", Onset: from, Subject: finding.Subject{Node: "n129@many"},
	}}}
	page := drawReport(t, report, rec)
	checkSelfContained(t, page)
	for _, want := range []string{"130 nodes", "and 30 more nodes without a lane", `title="n129@many"`, `<th scope="row">n129@many`, `title="n098@many"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the report does not say %s", want)
		}
	}
	if n := strings.Count(page, `<span class="lane-name"`); n != mostNodes || strings.Contains(page, "n099@many") {
		t.Errorf("%d lanes", n)
	}
	if strings.Contains(page, "data-chart") {
		t.Error("it has data for a script that it does not have")
	}
}

func TestReportOfNothing(t *testing.T) {
	rec := bundled(t, "stuck")
	from, to := rec.Window()
	r := &analyze.Report{Window: finding.Window{From: from, To: to}}
	page := drawReport(t, r, rec)
	checkSelfContained(t, page)
	if strings.Contains(page, `class="good"`) || !strings.Contains(page, "It is not said whether there is a fault") {
		t.Error("a report without a headline reads as a clean bill")
	}
	r.Headline = analyze.Headline{Verdict: analyze.NothingFound, Text: "No fault found in what was seen."}
	if page := drawReport(t, r, rec); !strings.Contains(page, `<h1 class="good">No fault found in what was seen.</h1>`) {
		t.Error("it does not say that nothing was found")
	}
	r.Headline = analyze.Headline{Verdict: analyze.CannotTell, Text: "It cannot be told.", Beside: []string{"the recording is damaged"}, Settle: []string{"analyze verify x.erg"}}
	if page := drawReport(t, r, rec); strings.Contains(page, `class="good"`) || !strings.Contains(page, "the recording is damaged") || !strings.Contains(page, "analyze verify x.erg") {
		t.Error("it does not say that and why it cannot be told")
	}
}

func TestReportOfHostileFindings(t *testing.T) {
	rec := bundled(t, "stuck")
	r := stuckReport(t, rec)
	f := r.Findings[0]
	f.Title, f.Summary, f.Recommendation, f.ID, f.Display, f.Kind = evilName, evilName, evilName, evilName, evilName, evilName
	f.Severity = finding.Severity(evilName)
	f.Subject.Name, f.Subject.PID, f.Subject.Function = evilName, evilName, evilName
	f.Evidence[0].What, f.Evidence[0].Lines, f.Evidence[0].Values = evilName, []string{evilName}, map[string]any{evilName: evilName}
	f.Confirm, f.Caveats = []string{evilName}, []string{evilName}
	r.Findings[1].CausedBy = &f.ID
	page := drawReport(t, r, rec)
	checkSelfContained(t, page)
	if !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the name is not shown")
	}
}

// Causes that go round in a circle are a mistake of the report, not of ours.
func TestCausesInACircle(t *testing.T) {
	a, b, c := "a", "b", "c"
	r := &analyze.Report{Findings: []*finding.Finding{
		{ID: a, CausedBy: &b}, {ID: b, CausedBy: &a}, {ID: c, CausedBy: &c}, {ID: "d"}, {ID: "e", CausedBy: new("d")}, {ID: "f", CausedBy: new("gone")},
	}}
	d := newCauses(r, func(*finding.Finding) string { return "" })
	if d == nil || len(d.Boxes) != 4 || len(d.Arrows) != 3 {
		t.Errorf("%+v", d)
	}
}

func TestReportOfEveryCapture(t *testing.T) {
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Skip("ERGO_CAPTURES is not set: only the bundled captures are drawn")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", dir, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".jsonl.gz"), func(t *testing.T) {
			rec := imported(t, f)
			report, err := analyze.Run(context.Background(), rec, analyze.Options{Path: filepath.Base(f)})
			if err != nil {
				t.Fatal(err)
			}
			checkSelfContained(t, drawReport(t, report, rec))
			s := analysed(t, rec, report, Options{})
			for _, path := range []string{"/", "/findings", "/processes", "/tree", "/waits", "/links", "/events", "/logs", "/profiles", "/strip"} {
				if w := fetch(s, path); w.Code != 200 {
					t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
				}
			}
			for _, finding := range report.Findings {
				if w := fetch(s, "/finding?id="+finding.ID); w.Code != 200 {
					t.Errorf("finding %s: %d %.200s", finding.ID, w.Code, w.Body)
				}
			}
		})
	}
}

// TestManyGaps: a report lists so many gaps, says how many more there are, and hatches its
// curves over all of them.
func TestManyGaps(t *testing.T) {
	rec := bundled(t, "stuck")
	report := *stuckReport(t, rec)
	e := report.Findings[0].Evidence[0]
	gap := analyze.Gap{Node: e.Node, From: report.Window.From, To: report.Window.To, Why: "asked of nobody"}
	elsewhere := gap
	elsewhere.Node = "elsewhere@host"
	report.Archive.Gaps = append(slices.Repeat([]analyze.Gap{elsewhere}, 129), gap)
	page := drawReport(t, &report, rec)
	if n := strings.Count(page, "asked of nobody</li>"); n != mostLines || !strings.Contains(page, "and 30 more gaps") {
		t.Errorf("%d gaps are listed of 130", n)
	}
	if !strings.Contains(page, "not recorded: asked of nobody") {
		t.Error("no curve is hatched over the last of them")
	}
}
