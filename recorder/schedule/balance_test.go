package schedule

import (
	"context"
	"math"
	"slices"
	"testing"
	"testing/synctest"
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

// TestAnew: who says that a node is back while it is being asked whether it is, is not heard too early: it is asked once more.
func TestAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := New(clock.New(time.Now, func() time.Duration { return time.Since(began) }), Pace{Parallel: 1, Jitter: func() float64 { return 0 }})
		probe := func(t *Task) bool { return t.Probe }
		var asked []time.Duration
		s.Add(&Task{Name: "probe", Every: 10 * time.Second, Probe: true, Do: func(context.Context, *Run) {
			asked = append(asked, time.Since(began))
			if len(asked) == 1 {
				s.Anew(probe)
			}
			time.Sleep(time.Second)
		}})
		halt := make(chan struct{})
		go func() { time.Sleep(5 * time.Second); close(halt) }()
		s.Loop(t.Context(), halt)
		if want := []time.Duration{0, time.Second}; !slices.Equal(asked, want) {
			t.Errorf("asked at %v, want %v", asked, want)
		}
	})
}

// TestRunsThatDifferAllCount: a listing in pieces costs little in one run and much in the next; the budget counts
// what they cost together, not what the quickest did.
func TestRunsThatDifferAllCount(t *testing.T) {
	s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 1, Jitter: func() float64 { return 0 }, Share: 0.02})
	list := &Task{Name: "list", Every: 10 * time.Second}
	s.Add(list)
	for i := range cost.Window {
		spent := 100 * time.Millisecond
		if i%2 == 0 {
			spent = 700 * time.Millisecond
		}
		s.done(list, Run{Calls: 10, Spent: spent})
	}
	s.Balance(Means{Node: 0.02, NodeRatio: 1})
	if every := time.Duration(float64(list.Every) * list.stretch); every < 20*time.Second || every > 23*time.Second {
		t.Errorf("every %v for runs of 0.4 s on average, want 20 s and a tenth", every)
	}
}

// TestDearRunIsRestedFrom: what is known of the first run's cost keeps the next away for as long as the budget asks, and
// what may be waiting does not.
func TestDearRunIsRestedFrom(t *testing.T) {
	for _, c := range []struct{ guessed, rest time.Duration }{{0, 200 * time.Second}, {time.Second, 80 * time.Second}} {
		s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 1, Jitter: func() float64 { return 0.5 }, Share: 0.005})
		list := &Task{Name: "list", Every: 40 * time.Second}
		s.Add(list)
		before := list.due
		s.done(list, Run{Calls: 20, Spent: time.Second, Guessed: c.guessed})
		if rest := list.due.Sub(before); rest != c.rest {
			t.Errorf("a first run of 1 s, %v of it guessed: the next after %v, want %v", c.guessed, rest, c.rest)
		}
	}
}

// TestBudgetIsKeptWhateverIsOver: what wants a little more than its part is lengthened as well, once, and gets its interval
// back only when it needs clearly less.
func TestBudgetIsKeptWhateverIsOver(t *testing.T) {
	s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 1, Jitter: func() float64 { return 0 }, Share: 0.02})
	list := &Task{Name: "list", Every: 5 * time.Second}
	s.Add(list)
	for _, step := range []struct {
		cost time.Duration
		want float64
	}{
		{98 * time.Millisecond, 1},             // what 2 % of 5 s has room for
		{109 * time.Millisecond, 1.09 * slack}, // a real listing of 10,000 processes
		{113 * time.Millisecond, 1.09 * slack}, // noise
		{97 * time.Millisecond, 1.09 * slack},
		{90 * time.Millisecond, 1},
	} {
		for range cost.Window {
			list.costs.Add(step.cost)
		}
		s.Balance(Means{Node: 0.02, NodeRatio: 1})
		if math.Abs(list.stretch-step.want) > 1e-9 {
			t.Errorf("runs of %v: stretched by %v, want %v", step.cost, list.stretch, step.want)
		}
	}
}

// TestFirstRunsRestForTheirPart: before a cost is known a listing waits as long as the part of the budget asks that others
// leave it, not as if it had all of it.
func TestFirstRunsRestForTheirPart(t *testing.T) {
	s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 1, Jitter: func() float64 { return 0.5 }, Share: 0.005})
	list, other := &Task{Name: "list", Every: 20 * time.Second}, &Task{Name: "other", Every: time.Second}
	s.Add(list)
	s.Add(other)
	s.done(list, Run{Calls: 1, Spent: 90 * time.Millisecond, Guessed: 90 * time.Millisecond})
	for range cost.Enough {
		s.done(other, Run{Calls: 1, Spent: 2 * time.Millisecond})
	}
	s.Balance(Means{Node: 0.005, NodeRatio: 1})
	before := list.due
	s.done(list, Run{Calls: 1, Spent: 90 * time.Millisecond, Guessed: 90 * time.Millisecond})
	if rest := list.due.Sub(before).Round(time.Millisecond); rest != 30*time.Second {
		t.Errorf("rests %v, want 30 s: 90 ms with the 0.3 %% that are left", rest)
	}
}

// TestOneRunIsNoVerdict: the calls of one run, however many, all wait where everything begins at once.
func TestOneRunIsNoVerdict(t *testing.T) {
	s := New(clock.New(time.Now, func() time.Duration { return 0 }), Pace{Parallel: 1, Jitter: func() float64 { return 0 }, Share: 0.02})
	inspect := &Task{Name: "inspect", Every: time.Second}
	s.Add(inspect)
	s.done(inspect, Run{Calls: 16, Spent: 62 * time.Millisecond})
	if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 0 {
		t.Errorf("after one run: %+v", got)
	}
	s.done(inspect, Run{Calls: 16, Spent: 62 * time.Millisecond})
	if got := s.Balance(Means{Node: 0.02, NodeRatio: 1}); len(got) != 1 {
		t.Errorf("after two that are known: %+v", got)
	}
}
