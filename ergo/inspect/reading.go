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
)

// legend is the member of an answer that explains its fields.
const legend = "services.ergo/legend"

// without is an object without some of its fields.
func without(r row, names ...string) row {
	var o builder
	r.fields(func(key string, value []byte) bool {
		if !slices.Contains(names, key) {
			o.put(key, value)
		}
		return true
	})
	return o.object()
}

// Member is a member of an answer, nil where it has none, or null.
func Member(answer []byte, name string) []byte {
	v := row(answer).field(name)
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
	if creation == 0 || !isObject || row(info).field("Creation") != nil {
		return info, nil
	}
	if inner = bytes.TrimSpace(bytes.TrimSuffix(inner, []byte("}"))); len(inner) > 0 {
		inner = append([]byte(","), inner...)
	}
	return fmt.Appendf(nil, `{"Creation":%d%s}`, creation, inner), nil
}

// runtime is runtime_stats, as far as the node tells it.
func runtime(answer []byte) ([]byte, error) {
	info := row(Member(answer, "Info"))
	if info.field("Goroutines") == nil {
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
		o.put(f[0], info.field(f[1]))
	}
	if info.field("HeapAllocObjects") != nil && info.field("HeapFreeObjects") != nil {
		o.put("heap_objects", strconv.AppendFloat(nil, info.number("HeapAllocObjects")-info.number("HeapFreeObjects"), 'f', 0, 64))
	}
	if total := info.number("CPUTimeTotal"); total > 0 {
		o.put("gc_cpu_percent", strconv.AppendFloat(nil, 100*info.number("CPUTimeGC")/total, 'g', -1, 64))
	}
	return o.object(), nil
}

func loggers(answer []byte) ([]byte, error) {
	list, err := rows(Member(Member(answer, "Info"), "Loggers"))
	for i, r := range list {
		var o builder
		o.put("name", r.field("Name"))
		o.put("levels", r.field("Levels"))
		o.put("behavior", r.field("Behavior"))
		list[i] = o.object()
	}
	return table(list), err
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
func state33(state row) row {
	ours := map[string]bool{}
	state.fields(func(key string, _ []byte) bool {
		if name, ok := ergo.InspectKey(key); ok {
			ours[name] = true
		}
		return true
	})
	if len(ours) == 0 {
		return state
	}
	var o builder
	state.fields(func(key string, value []byte) bool {
		name, ok := ergo.InspectKey(key)
		if !ok && ours[key] {
			name = "user:" + key
		}
		o.put(name, value)
		return true
	})
	return o.object()
}

// children are the rows below a process: all of them, or the next ones only.
func children(answer []byte, args ergo.Args) ([]byte, error) {
	list, err := rows(Idents(Member(answer, "Processes")))
	if err != nil {
		return nil, fmt.Errorf("process_children: %w", err)
	}
	if deep, _ := args.Bool("recursive"); !deep {
		top := ergo.PID(canonicalIdent(unquote(row(answer).field("PID")), 1)).Key()
		list = slices.DeleteFunc(list, func(r row) bool { return ergo.PID(r.text("Parent")).Key() != top })
	}
	return table(list), nil
}

// applications is app_list of the map of applications.
func applications(answer []byte, args ergo.Args) ([]byte, error) {
	var list []row
	row(Idents(Member(answer, "Applications"))).fields(func(name string, app []byte) bool {
		list = append(list, applicationRow(name, row(app)))
		return true
	})
	slices.SortFunc(list, func(a, b row) int { return strings.Compare(a.text("name"), b.text("name")) })
	return Select("app_list", table(list), args)
}

func applicationRow(name string, app row) row {
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
		if v := app.field(f[1]); string(v) != "null" {
			o.put(f[0], v)
		}
	}
	if v := row(app.field("Version")).text("Release"); v != "" {
		o.put("version", encode(v))
	}
	if group := app.field("Group"); group != nil {
		var pids []string
		_ = json.Unmarshal(group, &pids) // null is none
		o.put("processes", strconv.AppendInt(nil, int64(len(pids)), 10))
	}
	if v := app.field("Depends"); v != nil {
		o.put("depends", v)
	}
	app.fields(func(key string, value []byte) bool { // what is newer than this table
		known := key == "Name" || key == "Version" || key == "Depends" || key == "Env"
		for _, f := range own {
			known = known || f[1] == key
		}
		if !known {
			o.put(key, value)
		}
		return true
	})
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
		if name := r.text("Name"); strings.Contains(name, args.Text("filter")) {
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
