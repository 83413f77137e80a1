package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
)

// legend is the member of an answer that explains its fields.
const legend = "services.ergo/legend"

// without is an object without some of its fields.
func without(r listing.Row, names ...string) listing.Row {
	var o builder
	for name, value := range r.Fields() {
		if key := listing.Name(name); !slices.Contains(names, key) {
			o.put(key, value)
		}
	}
	return o.object()
}

// Member is a member of an answer, nil where it has none, or null.
func Member(answer []byte, name string) []byte {
	v := listing.Row(answer).Field(name)
	if string(v) == "null" {
		return nil
	}
	return v
}

// Canonical is an answer of the inspection in the form of a tool of the 48.
// What is asked for is told by that tool's arguments; answer is the answer of
// the request that comes nearest. Creation, if it is known, is the node's start.
func Canonical(tool string, args ergo.Args, answer []byte, creation int64) ([]byte, error) {
	if !json.Valid(answer) {
		return nil, fmt.Errorf("%s: the answer is no JSON", tool)
	}
	switch tool {
	case "node_info":
		return node(answer, creation)
	case "runtime_stats":
		return runtime(answer)
	case "node_env":
		env := Member(Member(answer, "Info"), "Env")
		if env == nil || string(env) == "{}" {
			return nil, refusal("the node does not expose its environment")
		}
		return env, nil
	case "loggers_list":
		return loggers(answer)
	case "cron_info":
		return cron(answer)
	case "process_list", "app_processes":
		return Select(tool, Idents(Member(answer, "Processes")), args)
	case "process_children":
		return children(answer, args)
	case "process_info", "event_info", "network_node_info":
		return Idents(without(Member(answer, "Info"), legend)), nil
	case "process_inspect", "meta_inspect":
		if state := Member(answer, "State"); state != nil {
			return state33(state), nil
		}
		return []byte("null"), nil
	case "network_nodes":
		return Select(tool, Member(answer, "Connections"), args)
	case "network_info":
		return without(Member(answer, "Info"), legend), nil
	case "network_acceptors":
		return Select(tool, Member(Member(answer, "Info"), "Acceptors"), args)
	case "registrar_info":
		if r := Member(Member(answer, "Info"), "Registrar"); r != nil {
			return r, nil
		}
		return nil, refusal("the node tells no registrar")
	case "event_list":
		return Select(tool, Idents(Member(answer, "Events")), args)
	case "app_list":
		return applications(answer, args)
	case "app_info":
		return application(answer, args)
	case "pprof_goroutines":
		return goroutines(answer, args)
	case "pprof_heap":
		return heap(answer, args)
	case "message_types":
		return types(answer, args)
	}
	return nil, fmt.Errorf("%s: the inspection of a node has nothing like it", tool)
}

func refusal(format string, args ...any) error {
	return &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: fmt.Sprintf(format, args...)}
}

// node is node_info, with the creation where it is known.
func node(answer []byte, creation int64) ([]byte, error) {
	info := Member(answer, "Info")
	if info == nil {
		return nil, fmt.Errorf("node_info: the answer has no Info")
	}
	info = without(info, legend)
	inner, isObject := bytes.CutPrefix(bytes.TrimSpace(info), []byte("{"))
	if creation == 0 || !isObject || listing.Row(info).Field("Creation") != nil {
		return info, nil
	}
	if inner = bytes.TrimSpace(bytes.TrimSuffix(inner, []byte("}"))); len(inner) > 0 {
		inner = append([]byte(","), inner...)
	}
	return fmt.Appendf(nil, `{"Creation":%d%s}`, creation, inner), nil
}

// runtime is runtime_stats, as far as the node tells it.
func runtime(answer []byte) ([]byte, error) {
	info := listing.Row(Member(answer, "Info"))
	if info.Field("Goroutines") == nil {
		return nil, refusal("runtime_stats: nodes tell of their runtime from 3.3 on")
	}
	var o builder
	for _, f := range [][2]string{
		{"goroutines", "Goroutines"},
		{"heap_alloc", "MemoryAlloc"},
		{"sys", "MemoryUsed"},
		{"num_gc", "GCCycles"},
		{"heap_live", "HeapLive"},
		{"heap_goal", "HeapGoal"},
		{"memory_limit", "MemoryLimit"},
		{"total_alloc_objects", "HeapAllocObjects"},
		{"gc_cpu_seconds", "CPUTimeGC"},
		{"total_cpu_seconds", "CPUTimeTotal"},
	} {
		o.put(f[0], info.Field(f[1]))
	}
	if info.Field("HeapAllocObjects") != nil && info.Field("HeapFreeObjects") != nil {
		o.put("heap_objects", strconv.AppendFloat(nil, info.Number("HeapAllocObjects")-info.Number("HeapFreeObjects"), 'f', 0, 64))
	}
	if total := info.Number("CPUTimeTotal"); total > 0 {
		o.put("gc_cpu_percent", strconv.AppendFloat(nil, 100*info.Number("CPUTimeGC")/total, 'g', -1, 64))
	}
	return o.object(), nil
}

func loggers(answer []byte) ([]byte, error) {
	list, err := rows(Member(Member(answer, "Info"), "Loggers"))
	for i, r := range list {
		var o builder
		o.put("name", r.Field("Name"))
		o.put("levels", r.Field("Levels"))
		o.put("behavior", r.Field("Behavior"))
		list[i] = o.object()
	}
	return listing.Join(list), err
}

// cron is the node's scheduler: in the node's own answer, or by itself.
func cron(answer []byte) ([]byte, error) {
	c := Member(answer, "Info")
	if c != nil {
		c = Member(c, "Cron")
	} else if Member(answer, "Next") != nil {
		c = without(answer, legend, "Error", "Node")
	}
	if c == nil {
		return nil, refusal("the node tells nothing of its scheduler")
	}
	return c, nil
}

// state33 is what a process says of itself with the framework's keys named as
// before 3.3, without ergo: in front. A key of the user's own that has such a
// name has user: in front instead.
func state33(state listing.Row) listing.Row {
	ours := map[string]bool{}
	for written := range state.Fields() {
		if name, ok := ergo.InspectKey(listing.Name(written)); ok {
			ours[name] = true
		}
	}
	if len(ours) == 0 {
		return state
	}
	var o builder
	for written, value := range state.Fields() {
		key := listing.Name(written)
		name, ok := ergo.InspectKey(key)
		if !ok && ours[key] {
			name = "user:" + key
		}
		o.put(name, value)
	}
	return o.object()
}

// children are the rows below a process: all of them, or the next ones only.
func children(answer []byte, args ergo.Args) ([]byte, error) {
	list, err := rows(Idents(Member(answer, "Processes")))
	if err != nil {
		return nil, fmt.Errorf("process_children: %w", err)
	}
	if deep, _ := args.Bool("recursive"); !deep {
		top := ergo.PID(canonicalIdent(listing.Text(listing.Row(answer).Field("PID")), 1)).Key()
		list = slices.DeleteFunc(list, func(r listing.Row) bool { return ergo.PID(r.Text("Parent")).Key() != top })
	}
	return listing.Join(list), nil
}

// applications is app_list of the map of applications.
func applications(answer []byte, args ergo.Args) ([]byte, error) {
	var list []listing.Row
	for name, app := range listing.Row(Idents(Member(answer, "Applications"))).Fields() {
		list = append(list, applicationRow(listing.Name(name), app))
	}
	slices.SortFunc(list, func(a, b listing.Row) int { return strings.Compare(a.Text("name"), b.Text("name")) })
	return Select("app_list", listing.Join(list), args)
}

func applicationRow(name string, app listing.Row) listing.Row {
	var o builder
	o.put("name", encode(name))
	own := [][2]string{
		{"state", "State"},
		{"mode", "Mode"},
		{"description", "Description"},
		{"uptime", "Uptime"},
		{"weight", "Weight"},
		{"tags", "Tags"},
		{"processes_total", "ProcessesTotal"},
		{"parent", "Parent"},
		{"map", "Map"},
		{"group", "Group"},
	}
	for _, f := range own {
		if v := app.Field(f[1]); string(v) != "null" {
			o.put(f[0], v)
		}
	}
	if v := listing.Row(app.Field("Version")).Text("Release"); v != "" {
		o.put("version", encode(v))
	}
	if group := app.Field("Group"); group != nil {
		var pids []string
		_ = json.Unmarshal(group, &pids) // null is none
		o.put("processes", strconv.AppendInt(nil, int64(len(pids)), 10))
	}
	if v := app.Field("Depends"); v != nil {
		o.put("depends", v)
	}
	for written, value := range app.Fields() { // what is newer than this table
		key := listing.Name(written)
		known := key == "Name" || key == "Version" || key == "Depends" || key == "Env"
		for _, f := range own {
			known = known || f[1] == key
		}
		if !known {
			o.put(key, value)
		}
	}
	return o.object()
}

func application(answer []byte, args ergo.Args) ([]byte, error) {
	name := args.Text("name")
	if app := Member(Idents(Member(answer, "Applications")), name); app != nil {
		return app, nil
	}
	return nil, refusal("app_info: unknown application")
}

// types is message_types: the names.
func types(answer []byte, args ergo.Args) ([]byte, error) {
	list, err := rows(Member(answer, "Types"))
	if err != nil {
		return nil, fmt.Errorf("message_types: %w", err)
	}
	var names []string
	for _, r := range list {
		if name := r.Text("Name"); strings.Contains(name, args.Text("filter")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if names == nil {
		return []byte("null"), nil
	}
	return encode(names), nil
}

// size is a number of bytes as the tool pprof_heap writes it.
func size(n int64) string {
	switch f := float64(n); {
	case math.Abs(f) >= 1<<30:
		return fmt.Sprintf("%.1fGB", f/(1<<30))
	case math.Abs(f) >= 1<<20:
		return fmt.Sprintf("%.1fMB", f/(1<<20))
	case math.Abs(f) >= 1<<10:
		return fmt.Sprintf("%.1fKB", f/(1<<10))
	}
	return fmt.Sprintf("%dB", n)
}
