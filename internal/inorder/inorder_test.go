package inorder_test

import (
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"ergorecorder/internal/inorder"
)

// count gives the numbers below n and says how many were given, and whether it ended.
func count(n int, given *atomic.Int64, over *atomic.Bool) iter.Seq[int] {
	return func(yield func(int) bool) {
		defer over.Store(true)
		for i := range n {
			given.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

// slow makes of small numbers more work than of large ones, so that what comes
// later is ready first.
func slow(n int, _ int) int {
	for range (50 - n%50) * 20 {
		runtime.Gosched()
	}
	return n * n
}

func TestMapKeepsTheOrder(t *testing.T) {
	var given atomic.Int64
	var over atomic.Bool
	var want []int
	for i := range 500 {
		want = append(want, i*i)
	}
	if got := slices.Collect(inorder.Map(count(500, &given, &over), slow)); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestMapHoldsFewAndEndsWithTheWalk(t *testing.T) {
	var given atomic.Int64
	var over atomic.Bool
	got := 0
	for range inorder.Map(count(1_000_000, &given, &over), slow) {
		got++
		if ahead := given.Load() - int64(got); ahead > 6 {
			t.Fatalf("%d items are under way", ahead)
		}
		if got == 100 {
			break
		}
	}
	if !over.Load() || given.Load() > 110 {
		t.Errorf("after the walk: over %v, %d given", over.Load(), given.Load())
	}
}

func TestMapHandsRoomBack(t *testing.T) {
	var given atomic.Int64
	var over atomic.Bool
	var made atomic.Int64
	for b := range inorder.Map(count(200, &given, &over), func(n int, room []byte) []byte {
		if cap(room) == 0 {
			made.Add(1)
		}
		return append(room[:0], byte(n))
	}) {
		_ = b
	}
	if n := made.Load(); n > 5 {
		t.Errorf("memory was made %d times", n)
	}
}
