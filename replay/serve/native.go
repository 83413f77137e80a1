package serve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/replay"
)

// A native is one node of a recording at a moment, in the form in which nodes
// of 3.3 speak of themselves: Go's field names, identifiers with the name of
// their node, keys of the framework with ergo: in front.
type native struct {
	ctx      context.Context
	moment   *replay.Moment
	name     string
	creation int64
	at       time.Time // when the last answer was observed
}

func (c *Cluster) native(ctx context.Context, node string, now time.Time) *native {
	return &native{ctx: ctx, moment: c.rec.Faithful(now).Via(node), name: node, creation: c.rec.Life(node, now).Unix()}
}

// ask asks a tool of the 48.
func (n *native) ask(tool string, args ergo.Args) ([]byte, error) {
	r, err := n.moment.Ask(n.ctx, ergo.Call{Node: n.name, Tool: tool, Args: args})
	if err == nil {
		n.at = r.At
	}
	return r.Text, err
}

// fields is the object that a tool answers.
func (n *native) fields(tool string, args ergo.Args) (map[string]json.RawMessage, error) {
	text, err := n.ask(tool, args)
	if err != nil {
		return nil, err
	}
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", tool, err)
	}
	return m, nil
}

// rows are the objects that a tool lists.
func (n *native) rows(tool string, args ergo.Args) ([]map[string]json.RawMessage, error) {
	text, err := n.ask(tool, args)
	if err != nil {
		return nil, err
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", tool, err)
	}
	return list, nil
}

// ident is an identifier of the 48 tools as a node of 3.3 writes it.
func (n *native) ident(text string) string {
	if id, err := ergo.PID(text).ID(); err == nil {
		return ergo.Global{Node: n.name, IDs: []uint64{id}, Creation: n.creation}.String()
	}
	if inner, ok := strings.CutPrefix(text, "Alias#<"); ok {
		if _, numbers, ok := strings.Cut(strings.TrimSuffix(inner, ">"), "."); ok {
			return fmt.Sprintf("%s:%s.%d", n.name, numbers, n.creation)
		}
	}
	if strings.HasPrefix(text, "Event#<") {
		return n.name + ":" + ergo.EventName(text)
	}
	return text
}

// idents translates fields of an object, and lists of them.
func (n *native) idents(m map[string]json.RawMessage, names ...string) {
	for _, name := range names {
		var one string
		var many []string
		if json.Unmarshal(m[name], &one) == nil && one != "" {
			m[name] = encode(n.ident(one))
		} else if json.Unmarshal(m[name], &many) == nil && len(many) > 0 {
			for i := range many {
				many[i] = n.ident(many[i])
			}
			m[name] = encode(many)
		}
	}
}

// node is the node's Info, with what it tells of its runtime.
func (n *native) node() (map[string]json.RawMessage, error) {
	info, err := n.fields("node_info", nil)
	if err != nil {
		return nil, err
	}
	at := n.at
	runtime, err := n.fields("runtime_stats", nil)
	if err == nil {
		for own, field := range map[string]string{
			"Goroutines": "goroutines", "MemoryAlloc": "heap_alloc", "MemoryUsed": "sys", "GCCycles": "num_gc",
			"HeapLive": "heap_live", "HeapGoal": "heap_goal", "HeapAllocObjects": "total_alloc_objects",
			"CPUTimeGC": "gc_cpu_seconds", "CPUTimeTotal": "total_cpu_seconds", "MemoryLimit": "memory_limit",
		} {
			if v := runtime[field]; v != nil {
				info[own] = v
			}
		}
		objects := number(runtime["heap_objects"])
		if info["HeapAllocObjects"] == nil && objects > 0 { // only their difference is known
			info["HeapAllocObjects"], info["HeapFreeObjects"] = encode(objects), encode(0)
		} else if objects > 0 {
			info["HeapFreeObjects"] = encode(number(info["HeapAllocObjects"]) - objects)
		}
		if total := 1000.0; info["CPUTimeGC"] == nil { // only their quotient is known
			info["CPUTimeTotal"], info["CPUTimeGC"] = encode(total), encode(total*number(runtime["gc_cpu_percent"])/100)
		}
	}
	n.at = at
	return info, nil
}

func number(v json.RawMessage) float64 {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return 0
	}
	return f
}

// answer wraps what a tool says with the node's name.
func (n *native) answer(member string, value any) json.RawMessage {
	return encode(map[string]any{"Node": n.name, member: value})
}

// tool is what a tool of an Observer says.
func (n *native) tool(name string, args ergo.Args) ([]byte, error) {
	switch name {
	case "node":
		info, err := n.node()
		return n.answer("Info", info), err
	case "processes":
		return n.processes(args)
	case "process_state":
		return n.state("process_inspect", "pid", args)
	case "meta_state":
		return n.state("meta_inspect", "alias", args)
	case "network":
		info, err := n.network()
		return n.answer("Info", info), err
	case "connections":
		list, err := n.rows("network_nodes", ergo.Args{"name": args.Text("peer")})
		return n.answer("Connections", list), err
	case "connection":
		info, err := n.fields("network_node_info", ergo.Args{"name": args.Text("peer")})
		return n.answer("Info", info), err
	case "applications":
		return n.applications()
	case "events":
		list, err := n.rows("event_list", ergo.Args{"limit": 1_000_000})
		for _, e := range list {
			n.idents(e, "Event", "Producer")
		}
		return n.answer("Events", list), err
	case "event":
		info, err := n.fields("event_info", ergo.Args{"name": args.Text("name")})
		n.idents(info, "Event", "Producer")
		return n.answer("Info", info), err
	case "process_lookup":
		return n.lookup(args)
	case "app_tree", "subtree":
		return n.tree(name, args)
	case "cron":
		c, err := n.fields("cron_info", nil)
		return encode(c), err
	case "capabilities":
		return encode(map[string]any{"Node": n.name, "Creation": n.creation, "Manage": false, "Capabilities": nil, "Build": n.build()}), nil
	}
	return nil, fmt.Errorf("node %s: not supported", n.name)
}

// build are the build tags that the recording shows.
func (n *native) build() []string {
	rows, err := n.rows("process_list", ergo.Args{"limit": 1})
	if err == nil && len(rows) > 0 && rows[0]["MailboxLatency"] != nil && string(rows[0]["MailboxLatency"]) != "-1" {
		return []string{"latency"}
	}
	return []string{}
}

// pid is the identifier in an argument as the 48 tools want it.
func (n *native) pid(text string) (string, error) {
	id, _, err := gate.CheckPID(text, n.name)
	return string(ergo.PIDOf(n.name, id)), err
}

// state is what a process says of itself.
func (n *native) state(tool, subject string, args ergo.Args) ([]byte, error) {
	text := args.Text(subject)
	if subject == "pid" {
		pid, err := n.pid(text)
		if err != nil {
			return nil, err
		}
		text = pid
	} else if g, err := ergo.ParseGlobal(text, 3); err == nil {
		text = g.Canonical()
	}
	said, err := n.fields(tool, ergo.Args{subject: text})
	if err != nil {
		return nil, err
	}
	has := func(key string) bool { return said[key] != nil }
	if ergo.InspectedKind(has) != "" {
		for key, v := range said {
			if _, ours := ergo.InspectKey(key); !ours {
				delete(said, key)
				said["ergo:"+key] = v
			}
		}
	}
	return encode(map[string]any{"State": said}), nil
}

// processes are the rows by id: the living ones, or a page of them.
func (n *native) processes(args ergo.Args) ([]byte, error) {
	list, err := n.table("process_list", ergo.Args{"limit": 1_000_000})
	if err != nil {
		return nil, err
	}
	contains := func(arg, field string) {
		if v := strings.ToLower(args.Text(arg)); v != "" {
			list = slices.DeleteFunc(list, func(r map[string]json.RawMessage) bool {
				return !strings.Contains(strings.ToLower(string(r[field])), v)
			})
		}
	}
	contains("app", "Application")
	contains("name", "Name")
	contains("behavior", "Behavior")
	if v := args.Text("state"); v != "" {
		list = slices.DeleteFunc(list, func(r map[string]json.RawMessage) bool { return string(r["State"]) != strconv.Quote(v) })
	}
	if least, ok := args.Int("minMailbox"); ok {
		list = slices.DeleteFunc(list, func(r map[string]json.RawMessage) bool { return number(r["MessagesMailbox"]) < float64(least) })
	}
	if start, ok := args.Int("start"); ok && args.Text("scan") == "ordered" {
		list = slices.DeleteFunc(list, func(r map[string]json.RawMessage) bool { return n.id(r) < uint64(max(start, 0)) })
	}
	limit := 100
	if l, ok := args.Int("limit"); ok {
		limit = int(l)
		if l < 1 {
			limit = 1000
		}
	}
	cut := len(list) > limit
	return encode(map[string]any{"Node": n.name, "Processes": list[:min(limit, len(list))], "Truncated": cut}), nil
}

// id is the number of a row's process.
func (n *native) id(r map[string]json.RawMessage) uint64 {
	var text string
	_ = json.Unmarshal(r["PID"], &text) // a row without PID is the first
	g, err := ergo.ParseGlobal(text, 1)
	if err != nil {
		return 0
	}
	return g.IDs[0]
}

// table is a listing of processes, by id.
func (n *native) table(tool string, args ergo.Args) ([]map[string]json.RawMessage, error) {
	list, err := n.rows(tool, args)
	for _, r := range list {
		n.idents(r, "PID", "Parent", "Leader")
	}
	slices.SortStableFunc(list, func(a, b map[string]json.RawMessage) int { return cmp.Compare(n.id(a), n.id(b)) })
	return list, err
}

func (n *native) tree(tool string, args ergo.Args) ([]byte, error) {
	out := map[string]any{"Node": n.name, "Truncated": 0}
	ask, own := "app_processes", ergo.Args{"name": args.Text("app"), "limit": 1_000_000}
	out["Application"] = args.Text("app")
	if tool == "subtree" {
		pid, err := n.pid(args.Text("pid"))
		if err != nil {
			return nil, err
		}
		ask, own = "process_children", ergo.Args{"parent": pid, "recursive": true}
		delete(out, "Application")
		out["PID"] = n.ident(pid)
	}
	list, err := n.table(ask, own)
	out["Processes"] = list
	return encode(out), err
}

func (n *native) lookup(args ergo.Args) ([]byte, error) {
	own := ergo.Args{"limit": 1_000_000}
	list, err := n.table("process_list", own)
	if err != nil {
		return nil, err
	}
	name := args.Text("name")
	id, _, err := gate.CheckPID(args.Text("pid"), n.name)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if name != "" && string(r["Name"]) == strconv.Quote(name) || name == "" && n.id(r) == id {
			return encode(map[string]json.RawMessage{"PID": r["PID"], "Name": r["Name"], "State": r["State"]}), nil
		}
	}
	return nil, fmt.Errorf("node %s: unknown process", n.name)
}

// network is the node's network, its listeners with their errors.
func (n *native) network() (map[string]json.RawMessage, error) {
	info, err := n.fields("network_info", nil)
	if err != nil {
		return nil, err
	}
	at := n.at
	if acceptors, err := n.ask("network_acceptors", nil); err == nil {
		info["Acceptors"] = bytes.Clone(acceptors)
	}
	n.at = at
	return info, nil
}

func (n *native) applications() ([]byte, error) {
	list, err := n.rows("app_list", nil)
	if err != nil {
		return nil, err
	}
	apps := map[string]map[string]any{}
	for _, a := range list {
		var name, version string
		_ = json.Unmarshal(a["name"], &name)       // it is text, or the row has none
		_ = json.Unmarshal(a["version"], &version) // likewise
		group := make([]string, int(number(a["processes"])))
		apps[name] = map[string]any{
			"Name": name, "State": a["state"], "Mode": a["mode"], "Description": a["description"], "Uptime": a["uptime"],
			"Weight": a["weight"], "Tags": a["tags"], "Version": map[string]string{"Release": version}, "Group": group,
		}
	}
	return n.answer("Applications", apps), nil
}

// lens is what a resource of the node shows.
func (n *native) lens(u gate.URI) ([]byte, error) {
	switch u.Lens {
	case "process":
		return n.process(u.Target)
	case "connection":
		return n.tool("connection", ergo.Args{"peer": u.Target})
	case "event":
		return n.tool("event", ergo.Args{"name": u.Target})
	case "processes", "node", "network", "connections", "applications", "events":
		return n.tool(u.Lens, ergo.Args{"limit": 10_000})
	}
	return nil, fmt.Errorf("node %s stopped publishing %s", n.name, u.Lens)
}

// process is all about one process.
func (n *native) process(text string) ([]byte, error) {
	pid, err := n.pid(text)
	if err != nil {
		return nil, err
	}
	info, err := n.fields("process_info", ergo.Args{"pid": pid})
	n.idents(info, "PID", "Parent", "Leader", "Aliases", "Metas", "MonitorsPID", "LinksPID", "MonitorsAlias", "LinksAlias",
		"MonitorsEvent", "LinksEvent")
	return n.answer("Info", info), err
}
