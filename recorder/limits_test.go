package recorder

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/recorder/schedule"
)

// rowsOf are the names of the rows of a listing.
func rowsOf(t *testing.T, text []byte) map[string]bool {
	t.Helper()
	var rows []struct{ Name string }
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range rows {
		names[r.Name] = true
	}
	return names
}

// TestWall: a node of 5,000 processes that can only be reached by forwarding,
// whose answers must fit into 64 KB, is recorded with all of its busy rows,
// and what share of the rest was seen is stated with every sample.
func TestWall(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes of a simulated clock")
	}
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "big@h")
		c.wall = wall
		n := c.nodes["big@h"]
		n.took = 3 * time.Millisecond
		n.reset(5000)
		// A family so alike that no filter tells its members apart: it cannot be seen whole.
		for i := 4500; i < 5000; i++ {
			n.procs[i].Application, n.procs[i].Behavior, n.procs[i].Uptime = "alike", "alike.One", 60
		}
		busy := map[string]bool{}
		for i := range 40 {
			p := &n.procs[i*101]
			p.MessagesMailbox, p.MailboxLatency = int64(100+i), int64(i)*1e9
			busy[p.Name] = true
		}
		tr := record(t, c, quick())
		time.Sleep(time.Minute) // until it has found out what a listing costs
		var before time.Duration
		c.node("big@h", func(n *fakeNode) { before = n.spent })
		time.Sleep(3 * time.Minute)
		recs := tr.stop()

		lists := of(recs, "big@h", "process_list")
		whole := 0
		for _, rec := range lists {
			if rec.Failure != nil {
				t.Fatalf("a listing failed: %v", rec.Failure)
			}
			if rec.Total != 5000 {
				t.Errorf("a listing says it is of %d rows", rec.Total)
			}
			if string(rec.Stream.Args) != fmt.Sprintf(`{"limit":%d}`, maxProcesses) {
				continue
			}
			whole++
			rows := rowsOf(t, rec.Text)
			if len(rows) != rec.Seen {
				t.Errorf("%d rows, said to be %d", len(rows), rec.Seen)
			}
			if rec.Seen < 4500 || rec.Seen >= 5000 {
				t.Errorf("%d rows of 5,000 seen, want the 4,500 that can be told apart and not all of the others", rec.Seen)
			}
			for name := range busy {
				if !rows[name] {
					t.Errorf("busy process %s is missing", name)
				}
			}
		}
		if whole < 3 {
			t.Errorf("%d whole listings in three minutes", whole)
		}
		if top := len(lists) - whole; top < 60*3 {
			t.Errorf("%d listings of the most interesting rows in between", top)
		}
		t.Logf("5,000 processes in pieces: %.2f %% of the node's time", float64(n.spent-before)/float64(3*time.Minute)*100)
		if spent := float64(n.spent-before) / float64(3*time.Minute); spent > 0.025 {
			t.Errorf("the node spent %.1f %% of its time on us", spent*100)
		}
		if s := tr.r.Status(); s.Nodes[1].Seen < 4500 || s.Nodes[1].Total != 5000 {
			t.Errorf("status tells of %d of %d rows", s.Nodes[1].Seen, s.Nodes[1].Total)
		}
	})
}

// TestTwoHundredNodes: with 200 nodes that take long to answer, each stays
// inside its budget, and is sampled as often as the budget allows.
func TestTwoHundredNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("two hundred nodes")
	}
	synctest.Test(t, func(t *testing.T) {
		names := make([]string, 200)
		for i := range names {
			names[i] = fmt.Sprintf("n%03d@h", i)
		}
		c := newFakeCluster(names...)
		for i, name := range names {
			c.nodes[name].took = time.Duration(1+i%50) * time.Millisecond
		}
		opts := Standard()
		c.apart = true // what happens follows from the order of calls, and that from the seed
		var mu sync.Mutex
		rng := rand.New(rand.NewPCG(1, 2))
		opts.Jitter = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return rng.Float64()
		}
		tr := record(t, c, opts)
		time.Sleep(2 * time.Minute) // until it has found out what calls cost
		before := map[string]time.Duration{}
		for _, name := range names {
			c.node(name, func(n *fakeNode) { before[name] = n.spent })
		}
		const over = 4 * time.Minute
		time.Sleep(over)
		most := 0.0
		for _, name := range names {
			c.node(name, func(n *fakeNode) {
				dearest := float64(schedule.AtOnce*n.took) / float64(over) // one run more or less of it falls into the time
				share := float64(n.spent-before[name]) / float64(over)
				if most = max(most, share); share > opts.Budget*1.1+dearest {
					t.Errorf("%s, with %v a call, spent %.2f %% of its time on us", name, n.took, share*100)
				}
				if n.maxBusy > opts.Parallel {
					t.Errorf("%s: %d calls under way at once", name, n.maxBusy)
				}
			})
		}
		t.Logf("%d nodes that take 1 to 50 ms a call: at most %.2f %% of a node's time", len(names), most*100)
		recs := tr.stop()
		if len(marks(recs, "budget")) == 0 {
			t.Error("no mark tells that intervals were stretched")
		}
		if n := len(of(recs, names[0], "process_list")); n < 70 {
			t.Errorf("%d listings of a node that answers in a millisecond, in six minutes", n)
		}
	})
}
