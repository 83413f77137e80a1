package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/ergo"
)

// A ring is a passive sampler: the last entries of the log.
type ring struct {
	size    int
	ends    time.Time
	next    int64
	entries []entry
}

type entry struct {
	Sequence  int64  `json:"sequence"`
	Timestamp string `json:"timestamp"`
	Data      line   `json:"data"`
}

func (r *ring) add(l line) {
	r.entries = append(r.entries, entry{r.next, l.Time, l})
	r.next++
	if len(r.entries) > r.size {
		r.entries = r.entries[1:]
	}
}

// tool is what the node says itself. The lock is held.
func (n *LiveNode) tool(call ergo.Call) (string, error) {
	switch call.Tool {
	case "cluster_nodes":
		return jsonText(n.cluster()), nil
	case "node_info":
		return jsonText(n.info()), nil
	case "process_list":
		return jsonText(n.rows(call.Args)), nil
	case "sample_listen", "sample_read", "sample_stop":
		return n.sampler(call)
	case "event_list":
		return jsonText(n.events()), nil
	}
	return jsonText(map[string]any{"said": call.Tool}), nil
}

func (n *LiveNode) cluster() []map[string]any {
	var rows []map[string]any
	for _, name := range slices.Sorted(maps.Keys(n.c.nodes)) {
		switch other := n.c.nodes[name]; {
		case name == n.Name:
			rows = append(rows, map[string]any{"name": name, "status": "self"})
		case !other.dead && !n.Cut[name]:
			rows = append(rows, map[string]any{"name": name, "status": "connected"})
		}
	}
	return rows
}

func (n *LiveNode) info() map[string]any {
	spent := n.cpu
	return map[string]any{
		"Name": n.Name, "Uptime": int64(time.Since(n.began) / time.Second), "ServerTime": time.Now().Format(time.RFC3339Nano),
		"ProcessesTotal": n.Processes, "LogMessages": n.logged, "CallErrorsRemote": n.errors,
		"UserTime": int64(spent + spent.Truncate(time.Second)), "SystemTime": 0, // whole seconds are counted twice
	}
}

// rows are the node's processes; the first are those of the application that answers.
func (n *LiveNode) rows(args ergo.Args) []map[string]any {
	limit, ok := args.Int("limit")
	if !ok || limit <= 0 {
		limit = 100
	}
	rows := []map[string]any{}
	for i := range min(n.Processes, int(limit)) {
		row := map[string]any{
			"PID": fmt.Sprintf("<A.0.%d>", 1000+i), "Name": fmt.Sprintf("clerk_%d", i), "Application": "shop", "Behavior": "shop.Clerk",
			"Kind": "actor", "MessagesIn": 100 + i, "MessagesMailbox": 0, "MailboxLatency": 0, "State": "sleep", "Parent": "<A.0.1>",
			"Uptime": int64(time.Since(n.began) / time.Second), "Wakeups": 100 + i, "RunningTime": 1000 * i,
		}
		if i < len(n.workers) {
			row["Name"], row["Application"], row["Behavior"] = "", "mcp_app", "mcp.MCPWorker"
			if len(n.workers[i]) > 0 {
				row["State"] = "running"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (n *LiveNode) events() []map[string]any {
	return []map[string]any{{"Event": "Event#<A:prices>", "Producer": "<A.0.1010>", "Subscribers": 3, "MessagesPublished": 1000}}
}

// sampler answers for the node's passive samplers.
func (n *LiveNode) sampler(call ergo.Call) (string, error) {
	if call.Tool == "sample_listen" {
		n.started++
		id := fmt.Sprintf("sampler_%s_%d", n.Name, n.started)
		size, _ := call.Args.Int("buffer_size")
		life, _ := call.Args.Int("duration_sec")
		n.rings[id] = &ring{size: int(size), ends: time.Now().Add(time.Duration(life) * time.Second), next: 1}
		return jsonText(map[string]any{"sampler_id": id}), nil
	}
	id := call.Args.Text("sampler_id")
	r := n.rings[id]
	if r == nil || time.Now().After(r.ends) {
		return "", &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "sampler " + id + " not found or not responding: unknown process"}
	}
	if call.Tool == "sample_stop" {
		delete(n.rings, id)
		return "sampler " + id + " stopping", nil
	}
	since, _ := call.Args.Int("since")
	i, _ := slices.BinarySearchFunc(r.entries, since+1, func(e entry, s int64) int { return int(e.Sequence - s) })
	return jsonText(map[string]any{"sampler_id": id, "mode": "passive", "sequence": r.next, "samples": r.entries[i:]}), nil
}
