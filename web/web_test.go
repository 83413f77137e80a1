package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// bundled is a recording made of the bundled capture of that name and the
// profiles beside it.
func bundled(t testing.TB, name string) *replay.Recording {
	t.Helper()
	return imported(t, "../testdata/"+name+".jsonl.gz")
}

// imported is a recording made of a capture.
func imported(t testing.TB, path string) *replay.Recording {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return record(t, func(w *archive.Writer) {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		var sum ingest.Imported
		if err := ingest.Capture(context.Background(), z, w, ingest.Options{}, &sum); err != nil {
			t.Fatal(err)
		}
		for _, err := range sum.Broken {
			t.Errorf("import %s: %v", path, err)
		}
		importProfiles(t, path, sum.Nodes, w)
	})
}

func importProfiles(t testing.TB, path string, nodes map[string]bool, w *archive.Writer) {
	name := strings.TrimSuffix(filepath.Base(path), ".jsonl.gz")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), name+".*.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		node, kind, ok := ingest.ProfileName(filepath.Base(f), name)
		raw, err := os.ReadFile(f)
		if err != nil || !ok {
			t.Fatal(f, err)
		}
		for n := range nodes {
			if strings.HasPrefix(n, node+"@") {
				if err := ingest.Profile(raw, n, kind, w, ingest.Options{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// record is a recording of what fill appends.
func record(t testing.TB, fill func(*archive.Writer)) *replay.Recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.erg")
	w := archivetest.Writer(t, path, nil)
	fill(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec
}

// The fault of the bundled capture stuck.
const (
	stuckNode = "gamma@localhost"
	stuckPID  = "<11458782.0.1078>"
)

func stuckOnset() time.Time {
	t, err := time.Parse(time.RFC3339, "2026-11-22T01:13:55.85Z")
	if err != nil {
		panic(err)
	}
	return t
}

// stuckReport is a report about the capture stuck, made by hand so that what
// is drawn does not depend on what analysis finds.
func stuckReport(t testing.TB, rec *replay.Recording) *analyze.Report {
	t.Helper()
	from, to := rec.Window()
	rows, err := past.RowCurves(context.Background(), rec, replay.Query{
		Node: stuckNode, Reading: ergo.Processes, From: from, To: to, Fields: []string{"MailboxLatency", "MessagesMailbox"},
	}, "PID", past.RowMatch{Column: "PID", Equals: func(p string) bool { return p == stuckPID }}, 1)
	if err != nil || rows[stuckPID] == nil {
		t.Fatalf("the stuck process is not in the recording: %v", err)
	}
	series := func(c chart.Curve, unit string) *finding.Series {
		s := &finding.Series{Unit: unit}
		for i, at := range c.At {
			s.At, s.Value = append(s.At, time.UnixMilli(at).UTC()), append(s.Value, c.Value[i])
		}
		return s
	}
	cause := "aa01"
	return &analyze.Report{
		Schema:  analyze.SchemaVersion,
		Archive: analyze.Archive{Path: "stuck.erg", RecordedFrom: from, RecordedTo: to, Nodes: []string{"alpha@localhost", "beta@localhost", stuckNode}},
		Window:  finding.Window{From: from, To: to},
		Findings: []*finding.Finding{{
			ID: "aa01", Display: "F1", Kind: "blocked_callback", Playbook: "bottleneck", Severity: finding.Critical, Score: 92, Confidence: finding.High,
			Title:   "book_eth on gamma is blocked in a callback: nothing it was sent since 01:13:55 was handled",
			Summary: "Its mailbox grew from 0 to 1,300 messages while it handled none and its running time stood still; the latency grows by 1.0 s a second. Its goroutine waits on a mutex in OrderBook.applyDelta.",
			Subject: finding.Subject{Node: stuckNode, Incarnation: "2026-11-22T01:12:52Z", PID: stuckPID, Name: "book_eth", Behavior: "trading.OrderBook", Application: "trading_bots", Function: "labapp/trading.(*OrderBook).applyDelta"},
			Onset:   stuckOnset(), OnsetErrorS: 2, Effects: []string{"bb02"},
			Evidence: []finding.Evidence{
				{What: "the oldest message has waited since the onset", Node: stuckNode, Tool: "process_list", Field: "MailboxLatency", Values: map[string]any{"before": 0, "after": 4.7e10}, Series: series(rows[stuckPID][0], "ns"), Records: []string{stuckNode + "/process_list@2026-11-22T01:14:30.000000001Z"}},
				{What: "the mailbox grows and never drains", Node: stuckNode, Tool: "process_list", Field: "MessagesMailbox", Series: series(rows[stuckPID][1], "count")},
				{What: "its goroutine waits on a mutex", Node: stuckNode, Tool: "pprof_goroutines", Lines: []string{"sync.(*Mutex).Lock", "labapp/trading.(*OrderBook).applyDelta", "labapp/trading.(*OrderBook).HandleMessage"}},
			},
			Recommendation: "Restart book_eth to bring it back, then look for the lock that applyDelta takes and does not get: somebody holds it and never lets go.",
			Confirm:        []string{"process_info pid=" + stuckPID, "pprof_goroutines pid=" + stuckPID + " debug=2"},
			Caveats:        []string{"The holder of the mutex is not visible in a goroutine dump."},
		}, {
			ID: "bb02", Display: "F2", Kind: "mailbox_growth", Playbook: "bottleneck", Severity: finding.Warning, Score: 55, Confidence: finding.Medium,
			Title: "Messages pile up in book_eth", Summary: "About 15 a second.", Subject: finding.Subject{Node: stuckNode, PID: stuckPID, Name: "book_eth"},
			Onset: stuckOnset().Add(4 * time.Second), CausedBy: &cause,
		}},
		Healthy:      []string{"network: no link was lost, both ends agree", "memory: the heap left after collections is level on all nodes"},
		NotEvaluated: []finding.NotEvaluated{{Playbook: "zombies", Why: "nothing was recorded that would show it"}},
	}
}

// analysed is a server of the recording that shows the report.
func analysed(t testing.TB, rec *replay.Recording, report *analyze.Report, opt Options) *Server {
	t.Helper()
	opt.Analyze = func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) { return report, nil }
	if opt.Name == "" {
		opt.Name = "stuck.erg"
	}
	s := New(rec, opt)
	if err := s.Analyse(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}
