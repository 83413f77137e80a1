package restart

import (
	"testing"

	"ergorecorder/analyze/scene"
)

// A child that has no name of its own may be any: nobody says that it is not there.
func TestMaybeThere(t *testing.T) {
	n := &scene.Node{Procs: &scene.Population{}}
	for _, a := range []scene.Actor{{Pid: "<1>", Parent: "<9>", Name: "clerk"}, {Pid: "<2>", Parent: "<8>"}} {
		n.Procs.Actors = append(n.Procs.Actors, &a)
	}
	for _, c := range []struct {
		supervisor, child string
		want              bool
	}{{"<9>", "clerk", true}, {"<9>", "card_io", false}, {"<8>", "card_io", true}, {"<7>", "clerk", false}} {
		if got := maybeThere(n, c.supervisor, c.child); got != c.want {
			t.Errorf("%s under %s may be there: %v, want %v", c.child, c.supervisor, got, c.want)
		}
	}
}
