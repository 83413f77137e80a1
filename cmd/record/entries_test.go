package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/live"
)

// TestStrangers: of an entry point that does not answer, and of which nobody knows whose it is, there
// is a mark, also where it was lost before anything was recorded, and one when it is known.
func TestStrangers(t *testing.T) {
	var got, shown []string
	s := &strangers{show: func(n live.Notice) { shown = append(shown, n.What) }, now: func() time.Time { return time.Unix(1e9, 0) }}
	keep := func(m archive.Mark) { got = append(got, m.Kind+" "+m.Node+" "+m.Note) }
	refused := errors.New("connection refused")
	s.hear(live.Notice{What: live.WayLost, Way: "http://a/mcp", Err: refused})
	s.hear(live.Notice{What: live.WayFound, Way: "http://b/mcp", Node: "b@lab"})
	s.record(keep)
	s.hear(live.Notice{What: live.WayLost, Way: "http://a/mcp", Err: refused})
	s.hear(live.Notice{What: live.WayLost, Way: "http://b/mcp", Node: "b@lab", Err: refused})
	s.hear(live.Notice{What: live.WayBack, Way: "http://a/mcp"})
	s.hear(live.Notice{What: live.WayFound, Way: "http://a/mcp", Node: "a@lab"})
	want := []string{"entry_lost  http://a/mcp: connection refused", "entry_back a@lab http://a/mcp"}
	if !slices.Equal(got, want) || len(shown) != 6 {
		t.Errorf("marks %q, want %q; %d notices shown", got, want, len(shown))
	}
}
