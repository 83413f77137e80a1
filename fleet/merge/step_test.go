package merge_test

import (
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
)

// TestSteppedClock: a recorder whose clock was set while it recorded is moved by one offset, that of most of
// its answers. That its clock moved is said where what was merged is told, its own mark of the step stays, of
// what another saw too the other is believed, though it saw less, and what it alone saw is kept.
func TestSteppedClock(t *testing.T) {
	first, second := newRecorder(t, 0), newRecorder(t, 0)
	first.asks(5, 595, "a@h")
	second.asks(1, 401, "a@h", "b@h")
	second.off = 90 * time.Second
	second.mark(archive.Mark{Kind: "clock_step", From: at(404 - 90), To: at(404)})
	second.asks(406, 601, "a@h", "b@h")
	rec, res := merged(t, first.done(), second.done())
	p := res.Parts[1]
	if p.Shift != 0 || !strings.Contains(p.Clock.String(), "its clock moved by 90.0 s meanwhile; it was set while it recorded") {
		t.Errorf("moved by %v: %s", p.Shift, p.Clock)
	}
	answers := func(node string, from, to float64) (n int) {
		for f, err := range rec.Table(t.Context(), node, "node_info", at(from), at(to), []string{"Uptime"}) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Failure == nil && !f.At.Before(at(from)) {
				n++
			}
		}
		return n
	}
	if n := answers("a@h", 5, 595); n != 119 {
		t.Errorf("%d answers of the node that both asked, while both did; one recorder had 119", n)
	}
	for f, err := range rec.Table(t.Context(), "a@h", "node_info", at(5), at(595), []string{"Uptime"}) {
		if slot, ok := f.Object(); err == nil && ok {
			if up, _ := f.Columns[0].Int(slot); (time.Duration(up-3600)*time.Second - f.At.Sub(at(0))).Abs() > 2*time.Second {
				t.Fatalf("at %v it was up for %d s: the time is that of the clock that was set", f.At.Sub(at(0)), up)
			}
		}
	}
	if n := answers("b@h", 0, 700); n != 81+40 {
		t.Errorf("%d answers of the node that it alone asked, of %d", n, 81+40)
	}
	marks := strings.Join(marksOf(t, rec), ", ")
	if !strings.Contains(marks, "clock_step 404-494") {
		t.Errorf("marks %s", marks)
	}
	if got := strings.Join(kinds(t, rec), ", "); !strings.Contains(got, "recorder_clock") {
		t.Errorf("found %s: nothing of the clock", got)
	}
}
