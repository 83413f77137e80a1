package work

import (
	"testing"
	"time"
)

var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// after is a row so many seconds after the first.
func after(s int, p Point) Point {
	p.At = begun.Add(time.Duration(s) * time.Second)
	return p
}

func TestStall(t *testing.T) {
	var c Course
	c.Observe(after(0, Point{State: Sleeping}))
	for s := 2; s <= 10; s += 2 { // one message taken, the callback never ends
		c.Observe(after(s, Point{In: int64(s), Mailbox: int64(s) - 1, State: Running}))
	}
	c.Finish(false)
	st := c.Longest(Running)
	if st == nil || !st.Open || st.Lasted() != 8*time.Second || st.Progress.At != begun {
		t.Fatalf("the stall is %+v, not one of 8 s from the second row that lasts", st)
	}
	if e := c.Episodes; len(e) != 1 || e[0].Worst.Mailbox != 9 || e[0].Rows != 5 {
		t.Errorf("episodes are %+v, not one of 5 rows with 9 waiting", e)
	}
}

func TestStallEndsWithWork(t *testing.T) {
	var c Course
	for s := range 20 { // a message each second: never the same callback
		c.Observe(after(s, Point{In: int64(s) + 3, Mailbox: 3, State: Running}))
	}
	c.Finish(false)
	if st := c.Longest(Running); st != nil {
		t.Errorf("a process that works is said to stand still: %+v", st)
	}
}

func TestShortStallsAreNotKept(t *testing.T) {
	var c Course
	for s := range 60 {
		p := Point{In: int64(s / 2), State: Running}
		if s%2 == 1 {
			p.State = Sleeping
		}
		c.Observe(after(s, p))
	}
	c.Finish(false)
	if c.Notable() {
		t.Errorf("kept for a closer look: %+v %+v", c.Episodes, c.stalls)
	}
}

func TestRecurring(t *testing.T) {
	var c Course
	const every, lasts = 60, 10
	for s := range 5 * every {
		p := Point{In: int64(s / every), State: Sleeping}
		if s%every < lasts+1 {
			p.State = Running
		}
		c.Observe(after(s, p))
	}
	c.Finish(false)
	got := c.Recurs(c.Longest(Running))
	if got.Times != 5 || got.Every != every*time.Second || got.Lasts != lasts*time.Second || got.Longer {
		t.Errorf("the pattern is %+v, not 5 times every minute for 10 s", got)
	}
}

func TestSlowdown(t *testing.T) {
	var c Course
	var in, run int64
	for s := range 60 { // 1 ms a message, then 100 ms
		n, cost := int64(50), int64(time.Millisecond)
		if s >= 40 {
			n, cost = 9, int64(100*time.Millisecond)
		}
		in, run = in+n, run+n*cost
		c.Observe(after(s, Point{In: in, Run: run, Wakeups: int64(s), State: Sleeping}))
	}
	c.Finish(false)
	if c.Slowdown == nil || !c.Slowdown.Open || c.Slowdown.Before.At != begun.Add(39*time.Second) {
		t.Fatalf("the slowdown is %+v, not one from second 39 that lasts", c.Slowdown)
	}
	if got := Takes(c.Slowdown.Before, c.Slowdown.To); got < 0.099 || got > 0.101 {
		t.Errorf("a message is said to take %v s", got)
	}
}

func TestSurge(t *testing.T) {
	var c Course
	var n int64
	for s := range 60 {
		rate := int64(10)
		if s > 30 {
			rate = 5000
		}
		n += rate
		c.Observe(after(s, Point{In: n, Out: n, State: Sleeping}))
	}
	c.Finish(false)
	if c.Surge == nil || c.Surge.Usual() != 10 || c.Surge.Rate() != 5000 {
		t.Fatalf("the surge is %+v", c.Surge)
	}
	if at, _ := c.Surge.Began(); at.Sub(begun) < 29*time.Second || at.Sub(begun) > 31*time.Second {
		t.Errorf("it began at %v", at.Sub(begun))
	}
}

// One listing in ten seconds tells a standstill by the age of the oldest message, of a process
// that was at rest before and has handled as little as it would by then; one that works
// through what came at once has handled it.
func TestGlimpses(t *testing.T) {
	for _, c := range []struct {
		what    string
		handled int64
		stood   bool
	}{{"stands still", 50, true}, {"works through a batch", 900, false}} {
		var k Course
		for s := 0; s <= 60; s += 10 {
			k.Observe(after(s, Point{In: int64(10 * s), State: Sleeping}))
		}
		k.Observe(after(70, Point{In: 650 + c.handled, Mailbox: 50, Latency: 5e9 + 1, State: Running}))
		k.Observe(after(80, Point{In: 750 + c.handled, State: Sleeping}))
		k.Finish(false)
		st := k.Glimpses.Worst
		if st == nil || k.Glimpses.Late != 1 || k.StoodStill(st, 5*time.Second) != c.stood {
			t.Errorf("%s: glimpses are %+v, want that it stood still to be %v", c.what, k.Glimpses, c.stood)
		}
	}
}
