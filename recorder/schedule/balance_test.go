package schedule

import (
	"testing"
	"time"

	"ergorecorder/recorder/clock"
	"ergorecorder/recorder/cost"
)

func TestBalanceSparesTheCheap(t *testing.T) {
	s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 2, Jitter: func() float64 { return 0 }})
	cheap := &Task{Name: "cheap", Every: time.Second}
	dear := &Task{Name: "dear", Every: time.Second}
	s.Add(cheap)
	s.Add(dear)
	for range cost.Enough - 1 {
		cheap.costs.Add(time.Millisecond)
		dear.costs.Add(100 * time.Millisecond)
	}
	if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 0 {
		t.Fatalf("changes %v after too few answers", got)
	}
	dear.costs.Add(100 * time.Millisecond)
	for i := range 2 {
		if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 1 || got[0].Task != "dear" {
			t.Fatalf("step %d: changes %v", i, got)
		}
	}
	if cheap.stretch != 1 || dear.stretch < slack*5.2 || dear.stretch > slack*5.3 {
		t.Errorf("stretched by %v and %v, want 1 and a tenth more than 100/19", cheap.stretch, dear.stretch)
	}
	if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 0 {
		t.Errorf("changed again: %v", got)
	}
	for range cost.Window {
		dear.costs.Add(time.Millisecond)
	}
	if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 1 || dear.stretch != 1 {
		t.Errorf("changes %v, stretch %v: not given back", got, dear.stretch)
	}
}
