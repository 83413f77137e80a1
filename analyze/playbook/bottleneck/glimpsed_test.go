package bottleneck

import (
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/replay"
)

// One listing does not say that it is one callback, nor for how long where only the age of a
// message tells it; and however much it led to, it is one listing.
func TestGlimpse(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	a := &scene.Actor{Node: &scene.Node{Node: replay.Node{Name: "a@h"}, Interval: 10 * time.Second, Procs: &scene.Population{}}, Pid: "<1>", Name: "clerk"}
	st := &work.Stall{State: work.Running, To: work.Point{At: at, Mailbox: 900, Latency: 9e9, State: work.Running}}
	for exact, says := range map[bool]string{true: "at work without a rest for 9 s;", false: "at work;"} {
		f := glimpse(a, st, standstill{at: at, lasted: 9 * time.Second, exact: exact}, at, time.Second)
		if !strings.Contains(f.Summary, says) {
			t.Errorf("where the node says since when is %v, it is said: %s", exact, f.Summary)
		}
		if f.Bound() != finding.Unsure {
			t.Errorf("it scores %d at most, want %d", f.Bound(), finding.Unsure)
		}
	}
}
