package analyze_test

import (
	"context"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
)

// TestFindingsAreTheReports: who asks for what was found alone is told what a report says: the same, in its order,
// as bad as there, and of the same causes.
func TestFindingsAreTheReports(t *testing.T) {
	c := sim.New(1, 7)
	overflow(c.Nodes[0])
	c.Nodes[2].Find("clerk_04").Blocks = []sim.Block{{From: minute}}
	rec := fixture.Recorded(t, c.Records())
	ctx := context.Background()
	report, err := analyze.Run(ctx, rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := analyze.Findings(ctx, rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(report.Findings) || len(found) < 2 {
		t.Fatalf("%d findings, the report has %d", len(found), len(report.Findings))
	}
	cause := func(id *string) string {
		if id == nil {
			return ""
		}
		return *id
	}
	for i, want := range report.Findings {
		f := found[i]
		if f.ID != want.ID || f.Score != want.Score || f.Severity != want.Severity || !f.Onset.Equal(want.Onset) || cause(f.CausedBy) != cause(want.CausedBy) {
			t.Errorf("finding %d: %s %d, want %s %d", i, f.ID, f.Score, want.ID, want.Score)
		}
	}
}
