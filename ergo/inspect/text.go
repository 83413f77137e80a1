package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
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

// goroutines is pprof_goroutines: with debug 1 the counts by stack, else every
// goroutine. The stack of a group is that of its first member.
func goroutines(answer []byte, args ergo.Args) ([]byte, error) {
	var said struct {
		Groups          []group
		Total, Filtered int
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, fmt.Errorf("pprof_goroutines: %w", err)
	}
	filter, exclude := args.Text("filter"), args.Text("exclude")
	groups := slices.DeleteFunc(said.Groups, func(g group) bool {
		return !strings.Contains(g.Stack, filter) || exclude != "" && strings.Contains(g.Stack, exclude)
	})
	limit := 1 << 30
	if n, ok := args.Int("limit"); ok && n > 0 {
		limit = int(n)
	}
	debug, ok := args.Int("debug")
	if ok && debug == 1 {
		return counted(groups, said.Total, limit), nil
	}
	return single(groups, said.Total, limit), nil
}

// single is the dump of every goroutine.
func single(groups []group, total, limit int) []byte {
	var b strings.Builder
	matched, shown := 0, 0
	for _, g := range groups {
		matched += g.Count
		_, stack, _ := strings.Cut(g.Stack, "\n")
		head := heading(g)
		for i := range g.Count {
			if shown++; shown > limit {
				break
			}
			id := "?"
			if i < len(g.IDs) {
				id = fmt.Sprint(g.IDs[i])
			}
			fmt.Fprintf(&b, "\ngoroutine %s [%s]:\n%s\n", id, head, strings.TrimRight(stack, "\n"))
		}
	}
	return fmt.Appendf(nil, "goroutine profile: total %d, matched %d, showing %d\n%s", total, matched, min(shown, limit), b.String())
}

// heading is what stands in the brackets of a group's first line: its state,
// how long it waits, and its labels where it has any.
func heading(g group) string {
	first, _, _ := strings.Cut(g.Stack, "\n")
	if _, rest, ok := strings.Cut(first, "["); ok {
		if i := strings.LastIndexByte(rest, ']'); i >= 0 {
			return rest[:i]
		}
	}
	if g.WaitSec >= 60 {
		return fmt.Sprintf("%s, %d minutes", g.State, g.WaitSec/60)
	}
	return g.State
}

// counted is the dump by stack. The addresses, which nobody said, are zero.
func counted(groups []group, total, limit int) []byte {
	var b strings.Builder
	shown := groups[:min(limit, len(groups))]
	for _, g := range shown {
		fmt.Fprintf(&b, "\n%d @ 0x0\n", g.Count)
		_, labels, ok := strings.Cut(heading(g), "labels:")
		if ok {
			fmt.Fprintf(&b, "# labels: %s\n", labels)
		}
		for function, place := range frames(g.Stack) {
			fmt.Fprintf(&b, "#\t0x0\t%s+0x0\t%s\n", function, place)
		}
	}
	return fmt.Appendf(nil, "goroutine profile: total %d, showing %d\n\ngoroutine profile: total %d%s", total, len(shown), total, b.String())
}

// frames are the functions of a stack and where they stand.
func frames(stack string) func(yield func(function, place string) bool) {
	return func(yield func(function, place string) bool) {
		lines := strings.Split(stack, "\n")
		for i := 1; i < len(lines); i++ {
			function := strings.TrimSpace(lines[i])
			if function == "" || strings.HasPrefix(lines[i], "\t") {
				continue
			}
			place := ""
			if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t") {
				place, _, _ = strings.Cut(strings.TrimSpace(lines[i+1]), " ")
				i++
			}
			if by, ok := strings.CutPrefix(function, "created by "); ok {
				function, _, _ = strings.Cut(by, " in goroutine")
			} else if j := strings.LastIndexByte(function, '('); j > 0 {
				function = function[:j]
			}
			if !yield(function, place) {
				return
			}
		}
	}
}

// heap is pprof_heap: what is in use and was allocated, by the function that
// did it, the largest first.
func heap(answer []byte, args ergo.Args) ([]byte, error) {
	var said struct {
		Records []struct {
			InuseBytes, AllocBytes int64
			Stack                  []string
		}
		TotalInuse int64
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, fmt.Errorf("pprof_heap: %w", err)
	}
	type leaf struct {
		function     string
		inuse, alloc int64
	}
	at := map[string]int{}
	var leaves []leaf
	for _, r := range said.Records {
		if len(r.Stack) == 0 || !strings.Contains(r.Stack[0], args.Text("filter")) {
			continue
		}
		i, ok := at[r.Stack[0]]
		if !ok {
			i = len(leaves)
			at[r.Stack[0]] = i
			leaves = append(leaves, leaf{function: r.Stack[0]})
		}
		leaves[i].inuse += r.InuseBytes
		leaves[i].alloc += r.AllocBytes
	}
	slices.SortStableFunc(leaves, func(a, b leaf) int { return cmp.Compare(b.inuse, a.inuse) })
	if n, ok := args.Int("limit"); ok && n > 0 {
		leaves = leaves[:min(int(n), len(leaves))]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "heap profile: total inuse %s, showing %d\n\n%-12s %-12s %s\n", size(said.TotalInuse), len(leaves), "inuse", "alloc", "function")
	for _, l := range leaves {
		fmt.Fprintf(&b, "%-12s %-12s %s\n", size(l.inuse), size(l.alloc), l.function)
	}
	return []byte(b.String()), nil
}
