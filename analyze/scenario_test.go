package analyze_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
)

// A scenario is a made-up cluster with one fault, and what the report must say.
type scenario struct {
	name  string
	make  func(*sim.Cluster)
	kind  finding.Kind  // of the first finding that nothing caused; "" for none above info
	who   string        // its subject's name or behavior
	onset time.Duration // after the first sample
	end   bool          // the fault is over
	loose time.Duration // how far off the onset may be; 0: 4 s
}

const minute = time.Minute

func scenarios() []scenario {
	return []scenario{
		{name: "healthy", make: func(*sim.Cluster) {}},
		{name: "busy but keeping up", make: func(c *sim.Cluster) {
			a := c.Nodes[1].Find("clerk_03")
			a.Rate, a.Service = 70, 10*time.Millisecond
		}},
		{name: "a burst that drains at once", make: func(c *sim.Cluster) {
			c.Nodes[0].Find("clerk_02").Change = []sim.Change{{At: minute, Rate: 2000, Service: time.Millisecond}, {At: minute + time.Second, Rate: 5, Service: time.Millisecond}}
		}},
		{name: "blocked", kind: "blocked_callback", who: "clerk_04", onset: minute, make: func(c *sim.Cluster) {
			c.Nodes[2].Find("clerk_04").Blocks = []sim.Block{{From: minute}}
		}},
		{name: "slow senders to a blocked one", kind: "blocked_callback", who: "clerk_04", onset: minute, loose: 6 * time.Second, make: func(c *sim.Cluster) {
			a := c.Nodes[2].Find("clerk_04")
			a.Rate, a.Blocks = 0.5, []sim.Block{{From: minute}}
		}},
		{name: "blocked and free again", kind: "blocked_callback", who: "clerk_05", onset: minute, end: true, make: func(c *sim.Cluster) {
			c.Nodes[0].Find("clerk_05").Blocks = []sim.Block{{From: minute, To: 100 * time.Second}}
		}},
		{name: "blocked when busy", kind: "blocked_callback", who: "clerk_01", onset: minute, make: func(c *sim.Cluster) {
			a := c.Nodes[2].Find("clerk_01")
			a.Rate, a.Service, a.Blocks = 150, 5*time.Millisecond, []sim.Block{{From: minute}}
		}},
		{name: "overloaded by arrivals", kind: "overloaded_process", who: "clerk_06", onset: 70 * time.Second, make: func(c *sim.Cluster) {
			c.Nodes[1].Find("clerk_06").Change = []sim.Change{{At: 70 * time.Second, Rate: 400, Service: 4 * time.Millisecond}}
		}},
		{name: "overloaded by a slow callback", kind: "overloaded_process", who: "clerk_06", onset: 70 * time.Second, make: func(c *sim.Cluster) {
			c.Nodes[1].Find("clerk_06").Change = []sim.Change{{At: 70 * time.Second, Rate: 19, Service: 120 * time.Millisecond}}
		}},
		{name: "overloaded and recovered", kind: "overloaded_process", who: "clerk_06", onset: minute, end: true, make: func(c *sim.Cluster) {
			c.Nodes[1].Find("clerk_06").Change = []sim.Change{{At: minute, Rate: 300, Service: 4 * time.Millisecond}, {At: 85 * time.Second, Rate: 5, Service: 4 * time.Millisecond}}
		}},
		{name: "one message a second and a half to handle", kind: "overloaded_process", who: "clerk_02", onset: minute, make: func(c *sim.Cluster) {
			c.Nodes[1].Find("clerk_02").Change = []sim.Change{{At: minute, Rate: 3, Service: 1500 * time.Millisecond}}
		}},
		{name: "a mailbox that grows slowly", kind: "mailbox_growth", who: "clerk_03", onset: minute, loose: 20 * time.Second, make: func(c *sim.Cluster) {
			a := c.Nodes[1].Find("clerk_03")
			a.Regular = true
			a.Change = []sim.Change{{At: minute, Rate: 1005, Service: time.Millisecond}}
		}},
		{name: "waits for a reply", kind: "stuck_call", who: "clerk_03", onset: minute, make: func(c *sim.Cluster) {
			c.Nodes[1].Find("clerk_03").Blocks = []sim.Block{{From: minute, Waiting: true}}
		}},
		{name: "calls that time out", kind: "stuck_call", who: "clerk_03", onset: minute, loose: 25 * time.Second, make: func(c *sim.Cluster) {
			a := c.Nodes[1].Find("clerk_03")
			a.Rate, a.Calls = 0.5, true
			a.Change = []sim.Change{{At: minute, Rate: 0.15, Service: 5 * time.Second}}
		}},
		{name: "two wait for one that is blocked", kind: "blocked_callback", who: "clerk_06", onset: minute, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			n.Find("clerk_06").Blocks = []sim.Block{{From: minute}}
			n.Find("clerk_03").Blocks = []sim.Block{{From: minute + 700*time.Millisecond, Waiting: true}}
			n.Find("clerk_05").Blocks = []sim.Block{{From: minute + 1200*time.Millisecond, Waiting: true}}
		}},
		{name: "each waits for the other", kind: "call_cycle", who: "clerk_03", onset: minute, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			n.Find("clerk_03").Blocks = []sim.Block{{From: minute, Waiting: true}}
			n.Find("clerk_05").Blocks = []sim.Block{{From: minute + time.Second, Waiting: true}}
		}},
		{name: "zombees", kind: "zombie_processes", who: "shop.Courier", onset: 50 * time.Second, make: func(c *sim.Cluster) {
			n := c.Nodes[0]
			for i := range 6 {
				at := 50*time.Second + time.Duration(i)*10*time.Second
				n.Add(&sim.Actor{
					Behavior: "shop.Courier", Parent: n.Find("shop_sup"), Born: at - 3*time.Second, Rate: 5, Service: time.Millisecond,
					Blocks: []sim.Block{{From: at - time.Second}}, Killed: at,
				})
			}
		}},
		{name: "a restart loop", kind: "restart_loop", who: "clerk_02", onset: minute, make: func(c *sim.Cluster) {
			restarts(c.Nodes[2], "clerk_02", minute, 3*time.Second, 40, true)
		}},
		{name: "a silent restart loop", kind: "restart_loop", who: "clerk_02", onset: minute, make: func(c *sim.Cluster) {
			restarts(c.Nodes[2], "clerk_02", minute, 3*time.Second, 40, false)
		}},
		{name: "one restart", make: func(c *sim.Cluster) { restarts(c.Nodes[2], "clerk_02", minute, time.Second, 1, true) }},
		{name: "short-lived processes come and go", make: func(c *sim.Cluster) { visitors(c.Nodes[0], 0, 0) }},
		{name: "visitors that never leave", kind: "process_leak", who: "shop.Visitor", onset: minute, make: func(c *sim.Cluster) {
			visitors(c.Nodes[0], minute, 3*minute)
		}},
		{name: "a slow leak of processes", kind: "process_leak", who: "shop.Guest", onset: 30 * time.Second, loose: 45 * time.Second, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			for d := 30 * time.Second; d < 3*minute; d += 4 * time.Second {
				n.Add(&sim.Actor{Behavior: "shop.Guest", Parent: n.Find("clerk_01"), Born: d, Rate: 0.1, Service: time.Millisecond})
			}
		}},
		{name: "processes start and stay", make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			for i := range 30 {
				n.Add(&sim.Actor{Behavior: "shop.Guest", Parent: n.Find("clerk_01"), Born: minute + time.Duration(i)*200*time.Millisecond, Rate: 0.1, Service: time.Millisecond})
			}
		}},
		{name: "a supervisor gives up", kind: "supervisor_limit", who: "till_sup", onset: minute, make: func(c *sim.Cluster) { giveUp(c.Nodes[0]) }},
		{name: "a killed one for every job", kind: "zombie_processes", who: "shop.Courier", onset: 50 * time.Second, make: func(c *sim.Cluster) {
			n := c.Nodes[0]
			for i := range 60 {
				at := 50*time.Second + time.Duration(i)*2*time.Second
				n.Add(&sim.Actor{
					Behavior: "shop.Courier", Parent: n.Find("clerk_01"), Born: at - time.Second, Rate: 5, Service: time.Millisecond,
					Blocks: []sim.Block{{From: at - 500*time.Millisecond}}, Killed: at,
				})
			}
		}},
		{name: "an application stops", kind: "application_down", who: "shop", onset: 80 * time.Second, make: func(c *sim.Cluster) {
			c.Nodes[1].AppDown = 80 * time.Second
		}},
		{name: "workers that block one by one", kind: "blocked_callback", who: "shop.TillWorker", onset: minute, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			pool := n.Add(&sim.Actor{Name: "till_pool", Behavior: "shop.TillPool", Kind: "pool", Rate: 20, Service: 100 * time.Microsecond})
			for i := range 4 {
				n.Add(&sim.Actor{Behavior: "shop.TillWorker", Parent: pool, Rate: 5, Service: time.Millisecond, Blocks: []sim.Block{{From: minute + time.Duration(i)*5*time.Second}}})
			}
		}},
		{name: "a pool of slow workers", kind: "overloaded_process", who: "till_pool", onset: minute, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			pool := n.Add(&sim.Actor{Name: "till_pool", Behavior: "shop.TillPool", Kind: "pool", Rate: 20, Service: 100 * time.Microsecond})
			for range 4 {
				n.Add(&sim.Actor{Behavior: "shop.TillWorker", Parent: pool, Rate: 5, Service: time.Millisecond, Change: []sim.Change{{At: minute, Rate: 5, Service: 300 * time.Millisecond}}})
			}
		}},
		{name: "a caller of a slow one", kind: "overloaded_process", who: "clerk_06", onset: minute, make: func(c *sim.Cluster) {
			n := c.Nodes[1]
			n.Find("clerk_06").Change = []sim.Change{{At: minute, Rate: 19, Service: 400 * time.Millisecond}}
			a := n.Find("clerk_03")
			a.Calls = true
			a.Change = []sim.Change{{At: minute + 2*time.Second, Rate: 10, Service: 3 * time.Second}}
		}},
		{name: "a pool overflows", kind: "pool_overflow", who: "till_pool", onset: minute, make: func(c *sim.Cluster) { overflow(c.Nodes[1]) }},
	}
}

// restarts lets a child of shop_sup die and be born again n times.
func restarts(n *sim.Node, name string, from, every time.Duration, times int, say bool) {
	a := n.Find(name)
	var at []time.Duration
	for i := range times {
		at = append(at, from+time.Duration(i)*every)
	}
	n.Restart(a, at...)
	if !say {
		return
	}
	for _, x := range n.Actors {
		if x.Name == name && x.Dies != 0 {
			n.Say(x.Dies, "error", "process terminated abnormally - panic", x)
		}
	}
}

// visitors are short-lived processes, five a second for two seconds each; from
// leak on they stay.
func visitors(n *sim.Node, leak, to time.Duration) {
	host := n.Find("clerk_00")
	for d := time.Second; d < 3*minute; d += 200 * time.Millisecond {
		dies := d + 2*time.Second
		if leak > 0 && d >= leak && d < to {
			dies = 0
		}
		n.Add(&sim.Actor{Behavior: "shop.Visitor", Parent: host, Born: d, Dies: dies, Rate: 1, Service: time.Millisecond})
	}
}

// giveUp lets a child die six times within a second, and its supervisor and
// sibling with it.
func giveUp(n *sim.Node) {
	limit := map[string]string{"strategy": "Permanent", "type": "One For One", "intensity": "5", "period": "5", "restarts_count": "0"}
	sup := n.Add(&sim.Actor{Name: "till_sup", Behavior: "shop.TillSup", Kind: "supervisor", Inspect: func(time.Duration) map[string]string { return limit }})
	till := n.Add(&sim.Actor{Name: "till", Behavior: "shop.Till", Parent: sup, Rate: 2, Service: time.Millisecond})
	n.Add(&sim.Actor{Name: "drawer", Behavior: "shop.Drawer", Parent: sup, Rate: 2, Service: time.Millisecond, Dies: minute + time.Second})
	till.Dies = minute
	for i := range 6 {
		n.Say(minute+time.Duration(i)*150*time.Millisecond, "error", "process terminated abnormally - panic", till)
	}
	n.Say(minute+time.Second, "error", "process terminated abnormally - restart intensity is exceeded", sup)
	sup.Dies = minute + time.Second
}

// overflow gives a pool of four workers more than they can take.
func overflow(n *sim.Node) {
	var workers []*sim.Actor
	pool := n.Add(&sim.Actor{Name: "till_pool", Behavior: "shop.TillPool", Kind: "pool", Rate: 100, Service: 100 * time.Microsecond})
	pool.Inspect = func(at time.Duration) map[string]string {
		dropped := 0
		for _, w := range workers {
			dropped += w.Dropped(at)
		}
		return map[string]string{"pool_size": "4", "worker_mailbox_size": "200", "messages_unhandled": strconv.Itoa(dropped), "messages_forwarded": "1"}
	}
	for range 4 {
		workers = append(workers, n.Add(&sim.Actor{
			Behavior: "shop.TillWorker", Parent: pool, Rate: 25, Service: 10 * time.Millisecond, Limit: 200,
			Change: []sim.Change{{At: minute, Rate: 150, Service: 10 * time.Millisecond}},
		}))
	}
}

// judge records the cluster into an archive and runs all playbooks over it.
func judge(t *testing.T, c *sim.Cluster) *analyze.Report {
	t.Helper()
	return judgeRecords(t, c.Records())
}

func judgeRecords(t *testing.T, recs []*archive.Record) *analyze.Report {
	t.Helper()
	rec := fixture.Recorded(t, recs)
	defer rec.Close()
	r, err := analyze.Run(context.Background(), rec, analyze.Options{Path: "made-up"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// roots are the findings above info that nothing caused.
func roots(r *analyze.Report) []*finding.Finding {
	var out []*finding.Finding
	for _, f := range r.Findings {
		if f.Severity != finding.Info && f.CausedBy == nil {
			out = append(out, f)
		}
	}
	return out
}

func check(t *testing.T, sc scenario, c *sim.Cluster, r *analyze.Report) {
	t.Helper()
	rs := roots(r)
	if sc.kind == "" {
		for _, f := range rs {
			t.Errorf("false alarm: %s", line(f))
		}
		return
	}
	if len(rs) == 0 {
		for _, f := range r.Findings {
			t.Logf("only: %s", line(f))
		}
		t.Fatalf("nothing found, want %s of %s", sc.kind, sc.who)
	}
	for _, f := range rs[1:] {
		t.Errorf("beside it: %s", line(f))
	}
	f := rs[0]
	if f.Kind != sc.kind || sc.who != f.Subject.Name && sc.who != f.Subject.Behavior && sc.who != f.Subject.Application {
		t.Fatalf("found %s, want %s of %s", line(f), sc.kind, sc.who)
	}
	limit := max(sc.loose, 4*time.Second)
	if off := f.Onset.Sub(c.At(sc.onset)); off.Abs() > limit {
		t.Errorf("onset is %s off: %s", off, line(f))
	}
	if (f.End != nil) != sc.end {
		t.Errorf("end %v, want ended %v: %s", f.End, sc.end, line(f))
	}
}

func line(f *finding.Finding) string {
	return fmt.Sprintf("%s %d %q onset %s: %s | %s", f.Kind, f.Score, f.Title, f.Onset.Format("15:04:05.0"), f.Summary, f.Caveats)
}

// Every scenario is found, on nodes that say all and on older ones, and
// whatever the seed.
func TestScenarios(t *testing.T) {
	for n, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			for i, tell := range []struct {
				name          string
				latency, ages bool
			}{{"all tags", true, true}, {"no latency", false, true}, {"no ages", true, false}, {"neither", false, false}} {
				if testing.Short() && i != n%4 {
					continue
				}
				t.Run(tell.name, func(t *testing.T) {
					t.Parallel()
					c := sim.New(1, 7)
					c.Latency, c.Ages = tell.latency, tell.ages
					sc.make(c)
					check(t, sc, c, judge(t, c))
				})
			}
		})
	}
}
