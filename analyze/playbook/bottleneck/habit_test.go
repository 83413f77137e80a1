package bottleneck

import (
	"testing"
	"time"

	"ergorecorder/analyze/finding"
)

// TestNovel: pauses that come all along are no news, however late the first; five that
// come one after the other, and none for longer before, are.
func TestNovel(t *testing.T) {
	watched := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	times := func(first, apart time.Duration, n int) (at []time.Time) {
		for i := range n {
			at = append(at, watched.Add(first+time.Duration(i)*apart))
		}
		return at
	}
	for _, c := range []struct {
		name  string
		at    []time.Time
		among int
		want  bool
	}{
		{"every 20 s of an hour, the first after 3 minutes", times(3*time.Minute, 20*time.Second, 170), 1, false},
		{"five of eight minutes, the first after four", times(4*time.Minute, 35*time.Second, 5), 1, true},
		{"the same, of one of a hundred behaviors that pause", times(4*time.Minute, 35*time.Second, 5), 100, false},
		{"four in the second half", times(4*time.Minute, 80*time.Second, 4), 1, false},
		{"the first at once", times(0, time.Minute, 5), 1, false},
	} {
		r := row{watched: watched, first: c.at[0], last: c.at[0], many: 1, among: c.among}
		for _, t := range c.at[1:] {
			r.add(t)
		}
		if got := r.novel(); got != c.want {
			t.Errorf("%s: novel is %v, want %v", c.name, got, c.want)
		}
	}
}

// Pauses that come one after the other follow from the first of them; one that comes hours
// later does not.
func TestInTurn(t *testing.T) {
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var all []*finding.Finding
	for _, from := range []time.Duration{0, 35 * time.Second, 100 * time.Second, time.Hour, time.Hour + 50*time.Second} {
		end := start.Add(from + 40*time.Second)
		all = append(all, &finding.Finding{Kind: finding.TrafficStopped, Subject: finding.Subject{Behavior: "shop.Worker"}, Onset: start.Add(from), End: &end})
	}
	inTurn(all)
	for i, want := range []*finding.Finding{nil, all[0], all[0], nil, all[3]} {
		if all[i].Cause != want {
			t.Errorf("the pause that begins at %v follows from another than it should", all[i].Onset)
		}
	}
}
