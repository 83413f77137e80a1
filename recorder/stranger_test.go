package recorder

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/recorder/names"
)

// liar is a cluster one of whose entry points names two thousand nodes that are
// not there, others each time, and names that no node can have.
type liar struct {
	*fakeCluster
	lies  atomic.Bool
	times int
}

func (l *liar) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	a, err := l.fakeCluster.Call(ctx, call)
	if call.Tool != "cluster_nodes" || err != nil || !l.lies.Load() {
		return a, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var rows []map[string]any
	if err := json.Unmarshal(a.Text, &rows); err != nil {
		return a, err
	}
	for _, name := range []string{"", "../../etc/passwd\x00@x", "\x1b[2J@x", "n\n@x", string(make([]byte, 1000)) + "@x"} {
		rows = append(rows, map[string]any{"name": name, "status": "connected"})
	}
	l.times++
	for i := range 2000 {
		rows = append(rows, map[string]any{"name": fmt.Sprintf("ghost%d@h%d", i, l.times), "status": "connected"})
	}
	a.Text, err = json.Marshal(rows)
	return a, err
}

// TestGhostsCostOthersNothing: thousands of nodes that an entry point makes up
// are asked a few at a time, and those that are there are sampled as before.
func TestGhostsCostOthersNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand nodes that are not there")
	}
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster("a@h", "b@h", "zz@h")
		l := &liar{fakeCluster: c}
		tr := recordBy(t, c, l, quick())
		time.Sleep(time.Second)
		l.lies.Store(true)
		most := 0
		for range 240 {
			time.Sleep(5 * time.Second)
			most = max(most, len(tr.r.Status().Nodes))
		}
		if most > mostStrangers+3 {
			t.Errorf("%d nodes were known at a time", most)
		}
		recs := tr.stop()
		for _, node := range []string{"a@h", "b@h", "zz@h"} {
			steady(t, of(recs, node, "process_list"), 2*time.Second, 200*time.Millisecond)
		}
		if n := len(marks(recs, "nodes_waiting")); n < 1 || n > 20 {
			t.Errorf("%d marks say that nodes wait", n)
		}
		for _, rec := range recs {
			if !names.OfNode(rec.Stream.Node) && rec.Stream.Node != "" {
				t.Fatalf("%q is recorded", rec.Stream.Node)
			}
		}
		if n := len(marks(recs, "node_seen")); n < mostStrangers || n > 20*mostStrangers {
			t.Errorf("%d nodes were met in twenty minutes", n)
		}
	})
}
