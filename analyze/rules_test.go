package analyze_test

import (
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/internal/fixture"
)

// TestRulesInReport: the findings of rules stand in the report, are explained by
// the fault of the same process, and keep the severity that their user gave.
func TestRulesInReport(t *testing.T) {
	rec := fixture.Open(t, fixture.Bare(t, fixture.Bundled(t, "stuck")))
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
