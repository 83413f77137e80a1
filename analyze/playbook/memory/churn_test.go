package memory

import (
	"testing"
	"time"

	"ergorecorder/analyze/scene"
)

// Allocation that grew no more than the messages of the one behavior that most of the more
// of them are of is its load's, however many cheap ones others handle.
func TestLoadGrew(t *testing.T) {
	of := func(tally, clerk float64) map[string]scene.WorkRate {
		return map[string]scene.WorkRate{"Tally": {Handled: tally}, "Clerk": {Handled: clerk}}
	}
	for _, c := range []struct {
		what    string
		was, is map[string]scene.WorkRate
		want    float64
	}{
		{"all alike", of(20, 20), of(40, 40), 2},
		{"a batch of one beside many cheap ones", of(20, 80), of(300, 80), 15},
		{"as before", of(20, 80), of(20, 80), 1},
		{"a few messages of a kind that hardly ever comes", map[string]scene.WorkRate{"Clerk": {Handled: 20}, "Odd": {Handled: .01}}, map[string]scene.WorkRate{"Clerk": {Handled: 20}, "Odd": {Handled: .05}}, 20.05 / 20.01},
		{"nothing handled before", of(0, 0), of(300, 0), 0},
	} {
		if got := loadGrew(c.was, c.is, 3*time.Minute, 3*time.Minute); got != c.want {
			t.Errorf("%s: the load grew %v times, want %v", c.what, got, c.want)
		}
	}
}
