package ring

import (
	"testing"
	"time"
)

// TestLedger: what is missing is what the node wrote and did not come, whichever order things are
// heard in, and nothing is said of a time that its counts do not enclose, or of another life.
func TestLedger(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	ahead := func(s int) time.Time { return at(s).Add(time.Hour) } // its clock is off
	var l Ledger
	l.Said(10, ahead(0), at(0))
	l.Said(20, ahead(2), at(2))
	l.Came(10, ahead(1))
	if lost, ok := l.Missing(at(1), at(2)); !ok || lost != 0 {
		t.Errorf("%d lost (%v), though all came", lost, ok)
	}
	if _, ok := l.Missing(at(1), at(3)); ok {
		t.Error("told of a time that no count encloses")
	}
	l.Said(50, ahead(10), at(10))
	l.Said(52, ahead(12), at(12))
	l.Came(3, ahead(3))
	l.Came(2, ahead(11))
	l.Came(10, ahead(4)) // known to be lost
	for _, window := range [][2]int{{3, 9}, {2, 12}} {
		if lost, ok := l.Missing(at(window[0]), at(window[1])); !ok || lost != 17 {
			t.Errorf("%v: %d lost (%v), want 17", window, lost, ok)
		}
	}
	l.Said(5, ahead(20), at(20))
	if _, ok := l.Missing(at(3), at(9)); ok {
		t.Error("told across two lives")
	}
}

func TestLevels(t *testing.T) {
	if got := Levels([]int64{1, 2, 4, 8, 16, 32}, []string{"info", "panic"}); got != 36 {
		t.Errorf("%d lines of two levels, want 36", got)
	}
	if got := Levels(nil, []string{"info"}); got != 0 {
		t.Errorf("%d lines of a node that does not say", got)
	}
}
