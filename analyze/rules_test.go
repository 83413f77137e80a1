package analyze_test

import (
	"os"
	"path/filepath"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/archive"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// TestRulesInReport: the findings of rules stand in the report, are explained by
// the fault of the same process, and keep the severity that their user gave.
func TestRulesInReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("../testdata/stuck.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var sum ingest.Imported
	if err := ingest.Capture(t.Context(), f, w, ingest.Options{}, &sum); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	set, err := rules.Parse(rules.Examples)
	if err != nil {
		t.Fatal(err)
	}
	with, err := analyze.Run(t.Context(), rec, analyze.Options{Rules: set.Detectors()})
	if err != nil {
		t.Fatal(err)
	}
	without, err := analyze.Run(t.Context(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := with.Findings[0], without.Findings[0]; a.ID != b.ID || a.Score != b.Score {
		t.Errorf("with rules the first finding is %s, without %s", a.Title, b.Title)
	}
	root := with.Findings[0]
	for _, f := range with.Findings {
		if f.Rule != "old_messages" {
			continue
		}
		if f.Subject.Name != root.Subject.Name || f.CausedBy == nil || *f.CausedBy != root.ID || f.Severity != finding.Critical || f.Playbook != "rules" {
			t.Errorf("%+v", f)
		}
		return
	}
	t.Error("old_messages did not fire")
}
