package native

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
)

// A node is one node of a view, in the form in which nodes of 3.3 speak of
// themselves.
type node struct {
	ctx      context.Context
	caller   ergo.Caller
	name     string
	creation int64
	sum      string    // of its name
	at       time.Time // when the last answer was observed
	view     *View
}

// ask asks a tool of the 48.
func (n *node) ask(tool string, args ergo.Args) ([]byte, error) {
	a, err := n.caller.Call(n.ctx, ergo.Call{Node: n.name, Tool: tool, Args: args})
	if err == nil {
		n.at = a.At
	}
	return a.Text, err
}

// fields is the object that a tool answers.
func (n *node) fields(tool string, args ergo.Args) (map[string]json.RawMessage, error) {
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
func (n *node) rows(tool string, args ergo.Args) ([]map[string]json.RawMessage, error) {
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
func (n *node) ident(text string) string {
	sum, rest, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "Alias#"), "Event#"), ">"), ".")
	if strings.HasPrefix(text, "Event#<") {
		sum, rest, ok = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "Event#"), ">"), ":")
	}
	owner, creation := n.owner(strings.TrimPrefix(sum, "<"))
	if !ok || owner == "" {
		return text
	}
	if id, err := ergo.PID(text).ID(); err == nil {
		return ergo.Global{Node: owner, IDs: []uint64{id}, Creation: creation}.String()
	}
	if strings.HasPrefix(text, "Alias#<") {
		return fmt.Sprintf("%s:%s.%d", owner, rest, creation)
	}
	return owner + ":" + rest
}

// owner is the node whose name has that sum, and its creation: the node itself,
// or another of the view; "" where it is none of them.
func (n *node) owner(sum string) (name string, creation int64) {
	if n.sum == "" {
		n.sum = sumOf(n.name)
	}
	if n.sum == sum {
		return n.name, n.creation
	}
	for _, other := range n.view.Nodes {
		if sumOf(other) == sum {
			return other, n.view.Life(other)
		}
	}
	return "", 0
}

// sumOf is the sum of a node's name as identifiers hold it.
func sumOf(node string) string { return fmt.Sprintf("%08X", ergo.NameSum(node)) }

// own is the identifier of a process that is known to be the node's own.
func (n *node) own(text string) string {
	id, err := ergo.PID(text).ID()
	if err != nil {
		return text
	}
	return ergo.Global{Node: n.name, IDs: []uint64{id}, Creation: n.creation}.String()
}

// idents translates fields of an object, and lists of them.
func (n *node) idents(m map[string]json.RawMessage, names ...string) {
	for _, name := range names {
		var one string
		var many []string
		if json.Unmarshal(m[name], &one) == nil && one != "" {
			if name == "PID" {
				m[name] = encode(n.own(one))
			} else {
				m[name] = encode(n.ident(one))
			}
		} else if json.Unmarshal(m[name], &many) == nil && len(many) > 0 {
			for i := range many {
				many[i] = n.ident(many[i])
			}
			m[name] = encode(many)
		}
	}
}

// node is the node's Info, with what it tells of its runtime.
func (n *node) node() (map[string]json.RawMessage, error) {
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
func (n *node) answer(member string, value any) json.RawMessage {
	return encode(map[string]any{"Node": n.name, member: value})
}

// tool is what a tool of an Observer says.
func (n *node) tool(name string, args ergo.Args) ([]byte, error) {
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
		return n.events(args)
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
	case "types":
		return n.types(args)
	case "goroutines":
		return n.goroutines(args)
	case "heap_profile":
		return n.heap(args)
	case "capabilities":
		return n.capabilities(), nil
	}
	return nil, fmt.Errorf("node %s: not supported", n.name)
}

// capabilities are what the node says of itself and its build: what it said
// where it was asked, else what the recording shows.
func (n *node) capabilities() []byte {
	said, err := n.fields("capabilities", nil)
	if err != nil {
		said = map[string]json.RawMessage{"Capabilities": encode(nil), "Build": encode(n.view.Build(n.name))}
	}
	said["Node"], said["Creation"], said["Manage"] = encode(n.name), encode(n.creation), encode(false)
	return encode(said)
}

// pid is the identifier in an argument as the 48 tools want it.
func (n *node) pid(text string) (string, error) {
	id, _, err := gate.CheckPID(text, n.name)
	return string(ergo.PIDOf(n.name, id)), err
}

// state is what a process says of itself.
func (n *node) state(tool, subject string, args ergo.Args) ([]byte, error) {
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
			own, users := strings.CutPrefix(key, "user:") // as inspect calls those of the user that have such a name
			if _, ours := ergo.InspectKey(key); ours || !users && !ergo.InspectedByFramework(key) {
				continue
			}
			delete(said, key)
			if users {
				said[own] = v
			} else {
				said["ergo:"+key] = v
			}
		}
	}
	return encode(map[string]any{"State": said}), nil
}

// processes are the rows by id: the living ones, or a page of them.
func (n *node) processes(args ergo.Args) ([]byte, error) {
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
func (n *node) id(r map[string]json.RawMessage) uint64 {
	var text string
	_ = json.Unmarshal(r["PID"], &text) // a row without PID is the first
	g, err := ergo.ParseGlobal(text, 1)
	if err != nil {
		return 0
	}
	return g.IDs[0]
}

// table is a listing of processes, by id.
func (n *node) table(tool string, args ergo.Args) ([]map[string]json.RawMessage, error) {
	list, err := n.rows(tool, args)
	for _, r := range list {
		n.idents(r, "PID", "Parent", "Leader")
	}
	slices.SortStableFunc(list, func(a, b map[string]json.RawMessage) int { return cmp.Compare(n.id(a), n.id(b)) })
	return list, err
}

func (n *node) tree(tool string, args ergo.Args) ([]byte, error) {
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
	limit := 1000
	if l, ok := args.Int("limit"); ok && l > 0 {
		limit = int(l)
	}
	cut := max(0, len(list)-limit)
	out["Processes"], out["Truncated"] = list[:len(list)-cut], cut
	return encode(out), err
}

func (n *node) lookup(args ergo.Args) ([]byte, error) {
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
func (n *node) network() (map[string]json.RawMessage, error) {
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

func (n *node) applications() ([]byte, error) {
	list, err := n.rows("app_list", nil)
	if err != nil {
		return nil, err
	}
	apps := map[string]map[string]any{}
	for _, a := range list {
		var name, version string
		_ = json.Unmarshal(a["name"], &name)       // it is text, or the row has none
		_ = json.Unmarshal(a["version"], &version) // likewise
		n.idents(a, "group")
		if a["group"] == nil { // only how many there are is known
			a["group"] = encode(make([]string, int(number(a["processes"]))))
		}
		apps[name] = map[string]any{"Name": name, "Version": map[string]string{"Release": version}}
		for own, field := range map[string]string{
			"State": "state", "Mode": "mode", "Description": "description", "Uptime": "uptime", "Weight": "weight",
			"Tags": "tags", "Group": "group", "ProcessesTotal": "processes_total", "Parent": "parent", "Map": "map", "Depends": "depends",
		} {
			if v := a[field]; v != nil {
				apps[name][own] = v
			}
		}
	}
	return n.answer("Applications", apps), nil
}

// lens is what a resource of the node shows.
func (n *node) lens(u gate.URI) ([]byte, error) {
	switch u.Lens {
	case "process":
		return n.process(u.Target)
	case "connection":
		return n.tool("connection", ergo.Args{"peer": u.Target})
	case "event":
		return n.tool("event", ergo.Args{"name": u.Target})
	case "processes", "node", "network", "connections", "applications", "events":
		return n.tool(u.Lens, lensArgs(u.Lens, u.Query))
	}
	return nil, fmt.Errorf("node %s: what the lens %s shows is not offered here", n.name, u.Lens)
}

// process is all about one process.
func (n *node) process(text string) ([]byte, error) {
	pid, err := n.pid(text)
	if err != nil {
		return nil, err
	}
	info, err := n.fields("process_info", ergo.Args{"pid": pid})
	n.idents(info, "PID", "Parent", "Leader", "Aliases", "Metas", "MonitorsPID", "LinksPID", "MonitorsAlias", "LinksAlias")
	return n.answer("Info", info), err
}
