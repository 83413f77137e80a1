package native

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/ergo"
)

// A group is goroutines of one state and one stack.
type group struct {
	Count           int
	State           string
	WaitSec         int64
	Origin, Current string
	Stack           string
	IDs             []int64
}

// goroutines are the goroutines of the node by state and stack: out of the dump
// of all of them, or where there is none out of the counts by stack, which tell
// neither states nor waits.
func (n *node) goroutines(args ergo.Args) ([]byte, error) {
	text, err := n.ask("pprof_goroutines", ergo.Args{"debug": 2})
	groups := grouped(string(text))
	if err != nil {
		if text, err = n.ask("pprof_goroutines", ergo.Args{"debug": 1}); err != nil {
			return nil, err
		}
		groups = counted(string(text))
	}
	total := totalOf(string(text))
	stack, state := strings.ToLower(args.Text("stack")), strings.ToLower(args.Text("state"))
	wait, _ := args.Int("minWait")
	groups = slices.DeleteFunc(groups, func(g group) bool {
		return !strings.Contains(strings.ToLower(g.Stack), stack) || state != "" && strings.ToLower(g.State) != state || g.WaitSec < wait
	})
	slices.SortStableFunc(groups, func(a, b group) int { return b.Count - a.Count })
	filtered := 0
	for _, g := range groups {
		filtered += g.Count
	}
	return encode(map[string]any{"Node": n.name, "Groups": groups, "Total": total, "Filtered": filtered}), nil
}

// totalOf is how many goroutines a dump says there are.
func totalOf(dump string) int {
	_, rest, _ := strings.Cut(dump, "goroutine profile: total ")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	total, _ := strconv.Atoi(rest[:max(end, 0)]) // where it says nothing it is 0
	return total
}

// grouped are the groups of a dump of all goroutines.
func grouped(dump string) []group {
	var groups []group
	at := map[string]int{}
	for block := range strings.SplitSeq(dump, "\n\n") {
		block = strings.Trim(block, "\n")
		head, stack, _ := strings.Cut(block, "\n")
		id, rest, ok := strings.Cut(strings.TrimPrefix(head, "goroutine "), " [")
		number, err := strconv.ParseInt(id, 10, 64)
		if !ok || err != nil || !strings.HasPrefix(head, "goroutine ") {
			continue
		}
		state, wait := stateOf(rest)
		functions := functionsOf(stack)
		key := state + "\n" + strings.Join(functions, "\n")
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			g := group{State: state, Stack: block}
			g.ends(functions)
			groups = append(groups, g)
		}
		groups[i].Count++
		groups[i].WaitSec = max(groups[i].WaitSec, wait)
		groups[i].IDs = append(groups[i].IDs, number)
	}
	return groups
}

// ends are where a group is and where it began.
func (g *group) ends(functions []string) {
	if len(functions) > 0 {
		g.Current, g.Origin = functions[0], functions[len(functions)-1]
	}
}

// stateOf reads what stands in the brackets of a goroutine's first line: its
// state, for how many minutes, labels.
func stateOf(rest string) (state string, wait int64) {
	rest, _, _ = strings.Cut(rest, "]")
	parts := strings.Split(rest, ", ")
	for _, p := range parts[1:] {
		if minutes, ok := strings.CutSuffix(p, " minutes"); ok {
			m, _ := strconv.ParseInt(minutes, 10, 64) // what is no number is no wait
			wait = 60 * m
		}
	}
	return parts[0], wait
}

// functionsOf are the functions of a stack, the innermost first.
func functionsOf(stack string) []string {
	var names []string
	for line := range strings.SplitSeq(stack, "\n") {
		if line == "" || strings.HasPrefix(line, "\t") {
			continue
		}
		if by, ok := strings.CutPrefix(line, "created by "); ok {
			line, _, _ = strings.Cut(by, " in goroutine")
		} else if i := strings.LastIndexByte(line, '('); i > 0 {
			line = line[:i]
		}
		names = append(names, line)
	}
	return names
}

// counted are the groups of a dump by stack: "N @ addresses", labels, and a
// line for each function.
func counted(dump string) []group {
	var groups []group
	for block := range strings.SplitSeq(dump, "\n\n") {
		head, rest, _ := strings.Cut(strings.Trim(block, "\n"), "\n")
		if strings.HasPrefix(head, "goroutine profile:") { // of the whole dump
			head, rest, _ = strings.Cut(rest, "\n")
		}
		count, _, ok := strings.Cut(head, " @ ")
		number, err := strconv.Atoi(count)
		if !ok || err != nil {
			continue
		}
		g := group{Count: number}
		heading, stack := "", ""
		var functions []string
		for line := range strings.SplitSeq(rest, "\n") {
			if labels, ok := strings.CutPrefix(line, "# labels: "); ok {
				heading = " labels:" + labels
				continue
			}
			f := strings.Fields(strings.TrimPrefix(line, "#"))
			if len(f) < 2 {
				continue
			}
			name, _, _ := strings.Cut(f[1], "+0x")
			functions = append(functions, name)
			stack += "\n" + name + "(...)"
			if len(f) > 2 {
				stack += "\n\t" + f[2]
			}
		}
		g.Stack = "goroutine ? [" + strings.TrimSpace(heading) + "]:" + stack
		g.ends(functions)
		groups = append(groups, g)
	}
	return groups
}

// heap is what is in use, by the function that allocated it: of a stack the 48
// tools tell the innermost one.
func (n *node) heap(args ergo.Args) ([]byte, error) {
	text, short, err := n.heapTable()
	if err != nil {
		return nil, err
	}
	type record struct {
		InuseBytes, AllocBytes int64
		Stack                  []string
	}
	least, _ := args.Int("minBytes")
	var list []record
	head, table, _ := strings.Cut(string(text), "\n")
	for line := range strings.SplitSeq(table, "\n") {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		inuse, is := bytesOf(f[0])
		alloc, all := bytesOf(f[1])
		if is && all && inuse >= least {
			list = append(list, record{inuse, alloc, []string{strings.Join(f[2:], " ")}})
		}
	}
	_, rest, _ := strings.Cut(head, "total inuse ")
	rest, _, _ = strings.Cut(rest, ",")
	total, _ := bytesOf(rest) // a head that says nothing says 0
	limit := 25
	if l, ok := args.Int("limit"); ok && l > 0 {
		limit = int(l)
	}
	cut := max(0, len(list)-limit)
	out := map[string]any{"Node": n.name, "Records": list[:len(list)-cut], "TotalInuse": total, "Truncated": cut}
	if short { // how many more there were is not known
		delete(out, "Truncated")
	}
	return encode(out), nil
}

// heapTable is the heap by function with all rows that there are; short reports
// that the node may have had more.
func (n *node) heapTable() (text []byte, short bool, err error) {
	call := ergo.Call{Node: n.name, Tool: "pprof_heap", Args: ergo.Args{"limit": 1_000_000}}
	past, ok := n.caller.(interface {
		NewestTable(context.Context, ergo.Call) (ergo.Answer, bool, error)
	})
	if !ok {
		text, err = n.ask(call.Tool, call.Args)
		return text, false, err
	}
	a, short, err := past.NewestTable(n.ctx, call)
	if err == nil {
		n.at = a.At
	}
	return a.Text, short, err
}

// bytesOf reads a size as the 48 tools write it.
func bytesOf(text string) (int64, bool) {
	for _, unit := range []struct {
		name string
		size float64
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}} {
		if digits, ok := strings.CutSuffix(text, unit.name); ok {
			f, err := strconv.ParseFloat(digits, 64)
			return int64(f * unit.size), err == nil
		}
	}
	return 0, false
}

// types are the names of the registered types; their layouts are not known.
func (n *node) types(args ergo.Args) ([]byte, error) {
	text, err := n.ask("message_types", nil)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("message_types: %w", err)
	}
	limit := 50
	if l, ok := args.Int("limit"); ok && l > 0 {
		limit = int(l)
	}
	type row struct{ Name string }
	var list []row
	for _, name := range names {
		if strings.Contains(strings.ToLower(name), strings.ToLower(args.Text("name"))) {
			list = append(list, row{name})
		}
	}
	cut := max(0, len(list)-limit)
	return encode(map[string]any{"Node": n.name, "Types": list[:len(list)-cut], "Truncated": cut}), nil
}
