package cost

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/ergo"
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
			bill := s.Charge("process_list", nil, took, size, false)
			charged, spent = charged+bill.Node, spent+took
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
		charged += s.Charge("node_info", nil, took, 1500, false).Node
	}
	if charged > 250*ms {
		t.Errorf("100 answers of 2 ms are charged %v", charged)
	}
}

// TestFormsAreChargedByThemselves: an order that makes the node sort its whole
// table costs ten times what the first rows that it finds do, with answers of one size.
func TestFormsAreChargedByThemselves(t *testing.T) {
	const ms = time.Millisecond
	var s Spending
	var charged, spent, passed time.Duration
	for i := range 200 {
		took, args := 3*ms, ergo.Args{"limit": 80}
		if i%2 == 0 {
			took, args = 30*ms, args.With("sort_by", "mailbox")
		}
		bill := s.Charge("process_list", args, took, 46_000, false)
		charged, passed, spent = charged+bill.Node, passed+bill.Entry, spent+took
	}
	if charged < spent*9/10 || charged > spent {
		t.Errorf("charged %v of %v", charged, spent)
	}
	if passed > 200*2*ms {
		t.Errorf("who forwarded 200 answers that take 3 ms at the quickest is charged %v", passed)
	}
}

// A counted node uses some CPU by itself, and more or less for our calls than they seem to cost.
func counted(t *testing.T, ratio, noise float64, twice bool) float64 {
	t.Helper()
	var s Spending
	rng := rand.New(rand.NewPCG(1, 2))
	used, now := 3*time.Second, time.Unix(0, 0)
	for range 1500 {
		took := time.Millisecond
		if rng.IntN(10) == 0 {
			took = 100 * time.Millisecond
		}
		s.Charge("process_list", ergo.Args{"limit": 5}, took, 100+int(took), false)
		used += time.Duration(40e6 + noise*rng.Float64()*80e6 + ratio*float64(took))
		now = now.Add(2 * time.Second)
		said := used
		if twice {
			said += used.Truncate(time.Second)
		}
		s.Hear(fmt.Appendf(nil, `{"UserTime":%d,"SystemTime":1000}`, said), now)
	}
	return s.Believed()
}

// TestRatioFollowsTheCounters: what our calls cost by the node's own counters, more
// than they seem to, is found where its own work lets it be seen.
func TestRatioFollowsTheCounters(t *testing.T) {
	for _, ratio := range []float64{1, 2.5} {
		for _, twice := range []bool{false, true} {
			if got := counted(t, ratio, 0.5, twice); got < 0.85*ratio || got > 1.15*ratio {
				t.Errorf("ratio %v, seconds counted twice %v: found %.2f", ratio, twice, got)
			}
		}
	}
	if got := counted(t, 0.5, 0, false); got != 1 {
		t.Errorf("the ratio is said to be %.2f, though all that was used bears out what ours seem to cost", got)
	}
	if got := counted(t, 1, 100, false); got < 0.5 || got > 2 {
		t.Errorf("the ratio of a node whose own work varies by four seconds is said to be %.2f", got)
	}
}
