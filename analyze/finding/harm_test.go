package finding_test

import (
	"testing"

	"ergorecorder/analyze/finding"
)

// A quantity is weighed by the row of the kind that is scored by it, the worst of several
// decides, and no finding passes its own row or its bound.
func TestHarm(t *testing.T) {
	for _, tt := range []struct {
		name string
		harm finding.Harm
		want int
	}{
		{"nothing", finding.Harm{}, finding.ScoreInfo},
		{"one call that waits for as long as calls wait", finding.Harm{finding.BlockedCallback: 5}, 50},
		{"twelve of them", finding.Harm{finding.BlockedCallback: 60}, 75},
		{"sixty calls a minute that fail", finding.Harm{finding.DeliveryErrors: 60}, 65},
		{"a thousand", finding.Harm{finding.BlockedCallback: 5, finding.DeliveryErrors: 1000}, 75},
		{"a hundred messages that are not handled", finding.Harm{finding.TrafficStopped: 100}, 50},
		{"ten thousand", finding.Harm{finding.TrafficStopped: 10_000, finding.DeliveryErrors: 2}, 75},
		{"what no row weighs", finding.Harm{finding.MemoryLeak: 1e9}, finding.ScoreInfo},
		{"no end of it", finding.Harm{finding.BlockedCallback: 1e12}, 88},
	} {
		if got := tt.harm.Score(finding.BlockedCallback); got != tt.want {
			t.Errorf("%s scores %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := (finding.Harm{finding.BlockedCallback: 60}).Score(finding.OverloadedProcess); got != finding.ScoreInfo {
		t.Errorf("a kind that weighs no harm scores %d by it", got)
	}
	f := &finding.Finding{Kind: finding.StuckCall, Score: 60}
	if got := f.Bound(); got != 80 {
		t.Errorf("unbounded, a stuck call scores %d at most, want 80", got)
	}
	f.AtMost(finding.Over)
	f.AtMost(finding.Unsure)
	if f.Score != 60 || f.Bound() != finding.Over {
		t.Errorf("bounded twice it scores %d, and %d at most; want 60 and %d", f.Score, f.Bound(), finding.Over)
	}
}
