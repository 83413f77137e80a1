package incident

import (
	"testing"
	"time"
)

func TestSpacing(t *testing.T) {
	s := Spacing{Every: 15 * time.Second, Share: 0.03}
	for _, c := range []struct{ used, rest time.Duration }{
		{100 * time.Millisecond, 15 * time.Second}, // a small cluster: as told
		{900 * time.Millisecond, 30 * time.Second}, // a larger one: 3 % of a core
		{5 * time.Second, 2 * time.Minute},         // each moment is looked at twice
		{30 * time.Second, 150 * time.Second},      // five times as long as it used
	} {
		if got := s.Rest(c.used); got.Round(time.Millisecond) != c.rest {
			t.Errorf("used %v: rests %v, want %v", c.used, got, c.rest)
		}
	}
	if got := (Spacing{Every: 15 * time.Second}).Rest(time.Second); got != 15*time.Second {
		t.Errorf("without a share: rests %v", got)
	}
}
