package recheck_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/recheck"
	"ergorecorder/ergo"
)

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b any
		want bool
	}{
		{1.23, 1.2345, true},
		{1.24, 1.2345, false},
		{1.24, 1.235, true}, // a half, rounded
		{12, 12.0, true},
		{int64(12), 13.0, false},
		{0, 0.0, true},
		{0, 1e-9, false},
		{"sleep", "sleep", true},
		{"sleep", "running", false},
		{"12", 12.0, false},
		{1e9, 1.001e9, true},
		{1e9, 1.02e9, false},
	} {
		if got := recheck.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%v, %v) = %v", tt.a, tt.b, got)
		}
	}
}

// TestFindings holds that a number which does not come back is told, and one of
// the prose that no evidence has.
func TestFindings(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	src := finding.Source{Tool: "process_list", Node: "a@h", Row: "clerk_12", From: at, To: at.Add(time.Minute)}
	e := finding.Evidence{What: "messages", Node: "a@h", From: &src.From, To: &src.To}
	e.Value("rate.before", 2.0, src.Of("rate(MessagesIn)"))
	e.Value("rate.after", 4.0, src.Of("rate(MessagesIn) * 2"))
	f := &finding.Finding{ID: "x", Title: "clerk_12 on a gets 4 a second", Summary: "Since 10:00:00, for 60 s, 4 a second, and 7 went.", Onset: at, Subject: finding.Subject{Name: "clerk_12", Node: "a@h"}, Evidence: []finding.Evidence{e}}
	f.Evidence[0].Value("for_s", 60, src.Of("span(MessagesIn)"))
	ask := func(_ context.Context, tool string, args ergo.Args) (any, string, error) {
		switch args.Text("of") {
		case "rate(MessagesIn)":
			return map[string]any{"value": 2}, "", nil
		case "span(MessagesIn)":
			return nil, "", errors.New("not recorded")
		}
		return map[string]any{"value": 5}, "", nil
	}
	checks, err := recheck.Findings(t.Context(), []*finding.Finding{f}, ask)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]bool{}
	for _, c := range recheck.Wrong(checks) {
		wrong[c.Name] = true
	}
	if len(wrong) != 3 || !wrong["rate.after"] || !wrong["for_s"] || !wrong["7"] {
		t.Errorf("wrong are %v", wrong)
	}
	f.Evidence[0].Calls = nil
	if checks, _ = recheck.Findings(t.Context(), []*finding.Finding{f}, ask); len(recheck.Wrong(checks)) != 4 {
		t.Errorf("values without calls pass: %+v", checks)
	}
}

func TestNumbers(t *testing.T) {
	f := &finding.Finding{Subject: finding.Subject{Name: "worker_3", Node: "n-7@h", PID: "<A0.0.12>"}, Evidence: []finding.Evidence{{Lines: []string{"10:00:01 error: lost 99 orders"}}}}
	got := recheck.Numbers(f, "worker_3 on n-7@h (<A0.0.12>) lost 3 of 12.5 KiB in 2 min 3 s since 10:00:00, 45 %; it says: lost 99 orders.")
	want := []string{"3", "12.5 KiB", "2 min 3 s", "10:00:00", "45 %"}
	if len(got) != len(want) {
		t.Fatalf("numbers are %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("number %d is %q, want %q", i, got[i], want[i])
		}
	}
}
