package recorder

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCalmSupervisorsAreAskedSeldom: a supervisor with the same children says the same again: it is asked once a minute.
// One that restarted a child is asked as soon as a listing shows that.
func TestCalmSupervisorsAreAskedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h")
		n := c.nodes["a@h"]
		for i := range n.procs {
			n.procs[i].Kind, n.procs[i].Parent = "actor", n.procs[0].PID
		}
		n.procs[0].Kind, n.procs[0].Parent = "supervisor", ""
		opts := quick()
		opts.Samplers = append(opts.Samplers, Sampler{Tool: "process_inspect", Every: 10 * time.Second, Targets: []string{TargetSupervisors, TargetPools}})
		tr := record(t, c, opts)
		time.Sleep(200 * time.Second)
		restarted := time.Now()
		c.node("a@h", func(n *fakeNode) { n.procs[5].PID = "<A.0.2000>" })
		time.Sleep(time.Minute / 3)
		asked, after := 0, 0
		for _, rec := range of(tr.stop(), "a@h", "process_inspect") {
			if rec.At.Before(restarted) {
				asked++
			} else if rec.At.Sub(restarted) < 13*time.Second {
				after++
			}
		}
		if asked < 3 || asked > 5 {
			t.Errorf("asked %d times in 200 s, want once a minute", asked)
		}
		if after != 1 {
			t.Errorf("asked %d times within 13 s of a restart, want once", after)
		}
	})
}
