package metamorph_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo/capture"
	"ergorecorder/internal/metamorph"
	"ergorecorder/internal/story"
)

// A job that works through its batch when the recording begins, and has nothing to do before
// and since, is no fault: each of its messages is as dear as any.
func TestBatchOlderThanTheRecording(t *testing.T) {
	const text = `recording 4m
nodes north, east
supervisor shop_sup: shop.Sup
process clerk: shop.Clerk x 4, under shop_sup, 4/s, 1ms
process batch: shop.Batch on east, under shop_sup, 0.0001/s, 4ms, allocates 400KB
at 90s for 60s: batch gets 150/s
----
healthy
`
	s, err := story.Read(text, 0, func(string) (string, error) { return "", nil })
	if err != nil {
		t.Fatal(err)
	}
	c := metamorph.FromStory("batch", s)
	from, _ := c.Span()
	c.Lines = slices.DeleteFunc(c.Lines, func(l *capture.Line) bool { return l.Answer.At.Before(from.Add(95 * time.Second)) })
	for _, f := range report(t, c).Findings {
		// That its stream ended is told: whether it was meant to, nobody knows.
		if f.Severity != "info" && f.Kind != "traffic_stopped" {
			t.Errorf("%s %s: %s: %s", f.Severity, f.Kind, f.Title, strings.TrimSpace(f.Summary))
		}
	}
}
