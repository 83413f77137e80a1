package cost

import (
	"testing"
	"time"
)

// TestLargeAnswersAreNotTakenForSmallOnes: a listing in pieces has many empty
// ones, which cost little; the full ones are charged what full ones cost.
func TestLargeAnswersAreNotTakenForSmallOnes(t *testing.T) {
	const ms = time.Millisecond
	var s Spending
	var charged, spent time.Duration
	for range 50 {
		for i := range 4 {
			took, size := 3*ms, 4
			if i == 0 {
				took, size = 20*ms, 50_000
			}
			cost, _ := s.Charge("process_list", nil, took, size, false)
			charged, spent = charged+cost, spent+took
		}
	}
	if charged < spent*9/10 || charged > spent {
		t.Errorf("charged %v of %v", charged, spent)
	}
}

// TestWaitingIsNotCharged: one answer in five waits behind a worker that is held.
func TestWaitingIsNotCharged(t *testing.T) {
	const ms = time.Millisecond
	var s Spending
	var charged time.Duration
	for i := range 100 {
		took := 2 * ms
		if i%5 == 0 && i > 0 {
			took = 5 * time.Second
		}
		cost, _ := s.Charge("node_info", nil, took, 1500, false)
		charged += cost
	}
	if charged > 250*ms {
		t.Errorf("100 answers of 2 ms are charged %v", charged)
	}
}
