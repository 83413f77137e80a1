package scene

import (
	"testing"
	"time"

	"ergorecorder/archive"
)

// A process whose row says the same as before is there, also while others are
// looked for that a cut listing left out.
func TestSweepSparesTheUnchanged(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	node := &Node{}
	fam := &Family{node: node, alive: 2}
	idle := &Actor{Node: node, Pid: "<1.0.1>", Family: fam, First: at(0), Last: at(0)}
	left := &Actor{Node: node, Pid: "<1.0.2>", Family: fam, First: at(0), Last: at(5), unlisted: true}
	p := &Population{node: node, byPID: map[string]*Actor{idle.Pid: idle, left.Pid: left}, Listings: []time.Time{at(0), at(5), at(10)}, unlisted: 1}
	p.sweep(&archive.Frame{At: at(15)}, 1)
	if idle.Gone || !left.Gone {
		t.Errorf("the idle one is gone: %v; the one that a whole listing does not show is gone: %v", idle.Gone, left.Gone)
	}
}
