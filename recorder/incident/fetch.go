package incident

import (
	"strings"

	"ergorecorder/ergo"
)

// A Fetch is something to fetch of a node, once, when something is wrong. Which
// kind of trigger wants which is its detector's to say.
type Fetch string

// What can be fetched.
const (
	FetchStacks       Fetch = "stacks"    // all goroutines, grouped by stack
	FetchOwnStack     Fetch = "own stack" // the goroutines in the code of the process's behavior
	FetchHeap         Fetch = "heap"      // the heap by function, as text
	FetchCPU          Fetch = "cpu"       // the CPU by function, as text
	FetchRawHeap      Fetch = "raw heap"  // the profiles themselves, where the node gives them
	FetchRawCPU       Fetch = "raw cpu"
	FetchRawGoroutine Fetch = "raw goroutine"
)

// Calls are the tool calls that fetch what is wanted of a process, if one is named, and its node.
// Stacks spell a type pkg.(*Type), so goroutines are picked by its name alone;
// a process that is stuck is not inspected, for that would hang as well.
func Calls(pid, behavior string, fetch []Fetch) []ergo.Call {
	var calls []ergo.Call
	if pid != "" {
		calls = append(calls, ergo.Call{Tool: "process_info", Args: ergo.Args{"pid": pid}})
	}
	for _, f := range fetch {
		switch f {
		case FetchStacks:
			calls = append(calls, ergo.Call{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 1, "limit": 200}})
		case FetchOwnStack:
			if _, name, ok := strings.Cut(behavior, "."); ok {
				calls = append(calls, ergo.Call{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 2, "limit": 50, "filter": name}})
			}
		case FetchHeap:
			calls = append(calls, ergo.Call{Tool: "pprof_heap", Args: ergo.Args{"limit": 50}})
		case FetchCPU:
			calls = append(calls, ergo.Call{Tool: "pprof_cpu", Args: ergo.Args{"duration": 5, "limit": 50}})
		}
	}
	return calls
}

// Profiles are the kinds of raw profiles that are wanted.
func Profiles(fetch []Fetch) []string {
	var kinds []string
	for _, f := range fetch {
		if kind, raw := strings.CutPrefix(string(f), "raw "); raw {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
