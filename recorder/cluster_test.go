package recorder

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/ergo"
)

// A fakeCluster is a cluster whose nodes do as the test says. It answers as
// the first of them, forwards to the others, and has the wall that forwarded
// answers run into. It is meant to live in a bubble of testing/synctest.
type fakeCluster struct {
	mu    sync.Mutex
	nodes map[string]*fakeNode
	entry string
	down  error // nobody answers at all
	wall  int   // bytes that fit into a forwarded answer; 0 is without bound
	calls int
	apart bool // no two calls end at one instant
}

// A fakeNode is one node of a fakeCluster.
type fakeNode struct {
	name    string
	began   time.Time
	took    time.Duration // of every call
	down    bool
	fault   func(ergo.Call) (ergo.Answer, error, bool) // asked first
	procs   []fakeProc
	busy    int // calls under way
	maxBusy int
	spent   time.Duration
	byTool  map[string]int
	seq     int // names samplers
	rings   map[string]*fakeRing
}

type fakeProc struct {
	PID, Name, Application, Behavior, Kind, Parent, State string
	MessagesIn, MessagesMailbox, MailboxLatency           int64
	RunningTime, Wakeups, Uptime                          int64
}

// A fakeRing is a passive sampler.
type fakeRing struct {
	size    int
	ends    time.Time
	next    int64
	entries []map[string]any
}

func newFakeCluster(names ...string) *fakeCluster {
	c := &fakeCluster{nodes: map[string]*fakeNode{}, entry: names[0]}
	for _, name := range names {
		c.nodes[name] = &fakeNode{name: name, began: time.Now().Add(-time.Hour), took: time.Millisecond}
	}
	for _, n := range c.nodes {
		n.reset(10)
	}
	return c
}

// reset begins a new life of the node.
func (n *fakeNode) reset(procs int) {
	n.rings = map[string]*fakeRing{}
	n.byTool = map[string]int{}
	n.procs = nil
	for i := range procs {
		n.procs = append(n.procs, fakeProc{
			PID: fmt.Sprintf("<A.0.%d>", 1000+i), Name: fmt.Sprintf("p%d", i),
			Application: fmt.Sprintf("app%d", i%7), Behavior: fmt.Sprintf("app.Worker%d", i%13),
			Kind: "actor", State: "sleep", Uptime: int64(3600 - i%600), MessagesIn: int64(i % 977), Wakeups: int64(1 + i%977),
			RunningTime: int64(i) * 1000,
		})
	}
}

// node is a node to be changed under the lock.
func (c *fakeCluster) node(name string, change func(*fakeNode)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.nodes[name])
}

// log writes lines to a node's log.
func (c *fakeCluster) log(name string, lines ...string) {
	for _, l := range lines {
		time.Sleep(time.Microsecond) // no two at the same time
		c.node(name, func(n *fakeNode) {
			for _, r := range n.rings {
				r.add(map[string]any{"level": "info", "message": l, "source": name, "time": time.Now().Format(time.RFC3339Nano), "type": "node"})
			}
		})
	}
}

func (r *fakeRing) add(data map[string]any) {
	r.entries = append(r.entries, map[string]any{"sequence": r.next, "timestamp": time.Now().Format(time.RFC3339Nano), "data": data})
	r.next++
	if len(r.entries) > r.size {
		r.entries = r.entries[1:]
	}
}

// Call implements ergo.Caller.
func (c *fakeCluster) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	begin := time.Now()
	text, err := c.call(ctx, call)
	answer := ergo.Answer{At: time.Now(), Took: time.Since(begin)}
	if err == nil {
		answer.Text = []byte(text)
	}
	return answer, err
}

func (c *fakeCluster) call(ctx context.Context, call ergo.Call) (string, error) {
	c.mu.Lock()
	c.calls++
	if c.down != nil {
		defer c.mu.Unlock()
		return "", c.down
	}
	name := cmp.Or(call.Node, c.entry)
	n := c.nodes[name]
	if n == nil || n.down {
		defer c.mu.Unlock()
		return "", ergo.RemoteError(name, "no route")
	}
	n.busy++
	n.maxBusy = max(n.maxBusy, n.busy)
	n.byTool[call.Tool]++
	took, fault, wall := n.took, n.fault, c.wall
	if c.apart {
		took += time.Duration(c.calls % 9973)
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		n.busy--
		n.spent += took
	}()
	if err := pause(ctx, took); err != nil {
		return "", err
	}
	if fault != nil {
		if a, err, did := fault(call); did {
			return string(a.Text), err
		}
	}
	c.mu.Lock()
	text, err := n.tool(c, call)
	c.mu.Unlock()
	if wall > 0 && name != c.entry && len(escaped(text)) > wall {
		seconds, _ := call.Args.Int("timeout")
		if err := pause(ctx, time.Duration(seconds)*time.Second); err != nil {
			return "", err
		}
		return "", ergo.RemoteError(name, "timed out")
	}
	return text, err
}

func escaped(text string) []byte {
	b, _ := json.Marshal(text)
	return b
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tool answers as the node would.
func (n *fakeNode) tool(c *fakeCluster, call ergo.Call) (string, error) {
	refuse := func(text string) (string, error) {
		return "", &ergo.ToolError{Code: ergo.CodeInternal, Message: text}
	}
	switch call.Tool {
	case "cluster_nodes":
		var rows []map[string]any
		for _, name := range slices.Sorted(maps.Keys(c.nodes)) {
			switch {
			case name == n.name:
				rows = append(rows, map[string]any{"name": name, "status": "self"})
			case !c.nodes[name].down:
				rows = append(rows, map[string]any{"name": name, "status": "connected"})
			}
		}
		return text(rows), nil
	case "node_info":
		return text(map[string]any{
			"Name": n.name, "Uptime": int(time.Since(n.began) / time.Second), "ServerTime": time.Now().Format(time.RFC3339Nano),
			"ProcessesTotal": len(n.procs),
		}), nil
	case "process_list":
		return text(n.list(call.Args)), nil
	case "sample_listen":
		n.seq++
		id := fmt.Sprintf("sampler_%s_%d", n.name, n.seq)
		size, _ := call.Args.Int("buffer_size")
		life, _ := call.Args.Int("duration_sec")
		n.rings[id] = &fakeRing{size: int(size), ends: time.Now().Add(time.Duration(life) * time.Second), next: 1}
		return text(map[string]any{"sampler_id": id}), nil
	case "sample_read", "sample_stop":
		id := call.Args.Text("sampler_id")
		r := n.rings[id]
		if r == nil || time.Now().After(r.ends) {
			return refuse("sampler " + id + " not found or not responding: unknown process")
		}
		if call.Tool == "sample_stop" {
			delete(n.rings, id)
			return "sampler " + id + " stopping", nil
		}
		since, _ := call.Args.Int("since")
		var out []map[string]any
		for _, e := range r.entries {
			if e["sequence"].(int64) > since {
				out = append(out, e)
			}
		}
		return text(map[string]any{"sampler_id": id, "sequence": r.next, "samples": out}), nil
	case "no_such_tool":
		return refuse("unknown tool: no_such_tool")
	}
	return text(map[string]any{"said": call.Tool}), nil
}

// list filters and sorts as process_list does.
func (n *fakeNode) list(a ergo.Args) []fakeProc {
	num := func(name string) int64 { v, _ := a.Int(name); return v }
	var rows []fakeProc
	for _, p := range n.procs {
		if s := a.Text("application"); s != "" && p.Application != s {
			continue
		}
		if s := a.Text("behavior"); s != "" && !strings.Contains(p.Behavior, s) {
			continue
		}
		if s := a.Text("state"); s != "" && p.State != s {
			continue
		}
		if p.MessagesMailbox < num("min_mailbox") || p.MessagesIn < num("min_messages_in") || float64(p.RunningTime)/1e6 < float(a["min_running_time_ms"]) {
			continue
		}
		if p.Uptime < num("min_uptime") || num("max_uptime") > 0 && p.Uptime > num("max_uptime") {
			continue
		}
		rows = append(rows, p)
	}
	key := map[string]func(fakeProc) int64{
		"mailbox":         func(p fakeProc) int64 { return p.MessagesMailbox },
		"mailbox_latency": func(p fakeProc) int64 { return p.MailboxLatency },
		"running_time":    func(p fakeProc) int64 { return p.RunningTime },
		"messages_in":     func(p fakeProc) int64 { return p.MessagesIn },
		"drain":           func(p fakeProc) int64 { return p.MessagesIn * 1000 / max(p.Wakeups, 1) },
	}[a.Text("sort_by")]
	if key != nil {
		slices.SortStableFunc(rows, func(x, y fakeProc) int { return cmp.Compare(key(y), key(x)) })
	}
	limit := num("limit")
	if limit <= 0 {
		limit = 100
	}
	return rows[:min(int(limit), len(rows))]
}

func float(v any) float64 { f, _ := v.(float64); return f }

func text(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestFakeClusterListsLikeTheTool(t *testing.T) {
	c := newFakeCluster("a@h")
	n := c.nodes["a@h"]
	n.reset(300)
	if got := len(n.list(ergo.Args{"limit": 0})); got != 100 {
		t.Errorf("limit 0 gives %d rows, the tool gives 100", got)
	}
	if got := n.list(ergo.Args{"sort_by": "running_time", "limit": 1})[0].Name; got != "p299" {
		t.Errorf("the first by running time is %s", got)
	}
}
