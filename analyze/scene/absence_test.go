package scene

import (
	"testing"
	"time"

	"ergorecorder/analyze/series/seriestest"
	"ergorecorder/replay"
)

// The node over which all others are asked is gone, and nothing but the recorder's note says so: no
// call to it was recorded any more.
func TestTheWayToAllIsGone(t *testing.T) {
	for _, mark := range []bool{true, false} {
		entry := &Node{Node: replay.Node{Name: "a", Entry: true}, Heard: seriestest.Every(30, 2, func(float64) float64 { return 0 }), usual: 2 * time.Second}
		other := &Node{Node: replay.Node{Name: "b"}, Heard: entry.Heard, usual: 2 * time.Second}
		s := &Scene{From: seriestest.At(0), To: seriestest.At(120), Nodes: []*Node{entry, other}}
		w := &Network{fails: map[string][]failedCall{"a": {{FailedCall: replay.FailedCall{At: seriestest.At(62), Link: true, Why: "connection refused"}, mark: mark}}}}
		all := s.Absences(w, entry)
		if len(all) != 1 || !all[0].Closed || all[0].Back {
			t.Fatalf("by a note %v: %+v, want one that lasts", mark, all)
		}
		if counts := all[0].Calls; (counts == 0) != mark {
			t.Errorf("by a note %v: %d calls are counted", mark, counts)
		}
	}
}
