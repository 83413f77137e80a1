package views_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/views"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// oddities is a cluster of which one process says numbers that are none: of its
// mailbox, and in counters that are about to wrap.
func oddities(t *testing.T) *replay.Recording {
	t.Helper()
	c := sim.New(3, 6)
	c.Length = time.Minute
	base := uint64(1<<64 - 300)
	c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
		rows, ok := answer.([]map[string]any)
		if !ok || tool != "process_list" || n.Name != "east@lab" {
			return answer
		}
		for _, r := range rows {
			switch r["Name"] {
			case "clerk_02":
				r["MessagesMailbox"] = json.RawMessage("18446744073709551615")
				r["Uptime"] = "long"
			case "clerk_05":
				r["MessagesIn"] = base + 16*uint64(at/time.Second) // wraps after 20 s
			}
		}
		return rows
	}
	return fixture.Recorded(t, c.Records())
}

// An odd cell costs that cell, not the rows of its node, and no sum.
func TestOddCells(t *testing.T) {
	rec := oddities(t)
	ctx := context.Background()
	_, end := rec.Window()
	v, err := views.Processes(ctx, rec, views.ProcessQuery{At: end, Node: "east@lab"})
	if err != nil || v.Total != 7 {
		t.Fatalf("%d processes, %v %v", v.Total, v.Unlisted, err)
	}
	for _, r := range v.Rows {
		if odd := r.Odd["MessagesMailbox"] == "18446744073709551615" && r.Odd["Uptime"] == `"long"`; odd != (r.Name == "clerk_02") {
			t.Errorf("%s: odd cells %v", r.Name, r.Odd)
		}
	}
	curves, err := views.Trend(ctx, rec, views.TrendQuery{Metric: "MessagesMailbox", Node: "east@lab"})
	if err != nil || len(curves) != 1 || curves[0].Max > 1000 {
		t.Errorf("mailboxes: %+v %v", curves, err)
	}
	for _, row := range []string{"", "clerk_05"} {
		curves, err = views.Trend(ctx, rec, views.TrendQuery{Metric: "MessagesIn", Node: "east@lab", Row: row})
		if err != nil || len(curves) != 1 {
			t.Fatalf("messages of %q: %+v %v", row, curves, err)
		}
		if c := curves[0]; c.Min < 14 || c.Max > 150 || row != "" && (c.Median != 16 || c.Max > 24) {
			t.Errorf("messages of %q: %v to %v, median %v, want about 16 a second of it", row, c.Min, c.Max, c.Median)
		}
	}
	first, _ := rec.Window()
	cmp, err := views.Compare(ctx, rec, "east@lab", views.Span{From: first, To: first.Add(12 * time.Second)}, views.Span{From: end.Add(-12 * time.Second), To: end}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cmp.Processes {
		if c.Name == "clerk_05" && c.Field == "MessagesIn" {
			t.Errorf("the pace of clerk_05 changed from %v to %v", c.Before, c.After)
		}
	}
	if _, err := views.Trend(ctx, rec, views.TrendQuery{Metric: "MessagesIn", Row: "clark_05"}); err == nil || !strings.Contains(err.Error(), "did you mean clerk_05") {
		t.Errorf("an unknown row: %v", err)
	}
}
