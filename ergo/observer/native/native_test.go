package native

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/inspect"
	"ergorecorder/ergo/observer/gate"
)

// A vector is a request to an Observer and its answer.
type vector struct {
	Name    string
	Request struct{ Body string }
	Status  int

	Response struct{ Body string }
}

// A called vector is a tool that was called, and what it said.
type called struct {
	name, tool, text string
	args             ergo.Args
}

// calls are the vectors that are calls of a tool which answered.
func calls(t *testing.T) []called {
	t.Helper()
	f, err := os.Open("../testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []called
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		var q struct {
			Method string
			Params struct {
				Name      string
				Arguments ergo.Args
			}
		}
		var a struct {
			Result struct {
				Content []struct{ Text string }
				IsError bool
			}
		}
		if json.Unmarshal([]byte(v.Request.Body), &q) == nil && q.Method == "tools/call" && v.Status == 200 &&
			json.Unmarshal([]byte(v.Response.Body), &a) == nil && !a.Result.IsError {
			list = append(list, called{v.Name, q.Params.Name, a.Result.Content[0].Text, q.Params.Arguments})
		}
	}
	return list
}

// asked is the call of the 48 tools that a tool of an Observer answers.
func asked(tool string) string {
	return map[string]string{
		"processes": "process_list", "process_state": "process_inspect", "node": "node_info", "network": "network_info",
		"connections": "network_nodes", "connection": "network_node_info", "applications": "app_list", "events": "event_list",
		"goroutines": "pprof_goroutines", "heap_profile": "pprof_heap", "subtree": "process_children",
	}[tool]
}

// TestWayBack: what an Observer says, put in the form of the 48 tools, comes
// back as it was said, but for what that form does not hold.
func TestWayBack(t *testing.T) {
	tried := 0
	for _, c := range calls(t) {
		tool := asked(c.tool)
		if tool == "" || c.name == "process_state_items_help" {
			continue
		}
		tried++
		t.Run(c.name, func(t *testing.T) {
			node := c.args.Text("node")
			caller := ergo.CallerFunc(func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
				switch call.Tool {
				case tool, "runtime_stats", "network_acceptors":
					text, err := inspect.Canonical(call.Tool, call.Args, []byte(c.text), 0)
					return ergo.Answer{Text: text, At: time.Unix(1, 0)}, err
				}
				return ergo.Answer{}, errors.New("not recorded")
			})
			v := &View{
				At: time.Unix(2, 0), Nodes: []string{node, "alpha@demo.example"}, Of: func(string) ergo.Caller { return caller },
				Life: func(n string) int64 {
					if n == node {
						return 1788512345
					}
					return 1788500000
				},
				Absent: func(context.Context, string) bool { return false },
			}
			own, _ := gate.Named(c.tool)
			text, at, err := v.Tool(t.Context(), own, c.args)
			if err != nil {
				t.Fatal(err)
			}
			if at.Unix() != 1 {
				t.Errorf("observed at %v", at)
			}
			same(t, c.tool, decoded(t, text), decoded(t, []byte(c.text)))
		})
	}
	if tried < 14 {
		t.Errorf("%d vectors tried", tried)
	}
}

func decoded(t *testing.T, text []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return m
}

// same compares what was said with what came back: a member of the one that is
// not in the other is named with the reason why.
func same(t *testing.T, tool string, have, want map[string]any) {
	t.Helper()
	lost := map[string][]string{
		"heap_profile": {"Records", "TotalAlloc", "TotalObjects", "Truncated", "TotalInuse"}, // of a stack the innermost function, sizes in one decimal
		"goroutines":   {"Total", "Filtered"},                                                // of what passes the filter
		"processes":    {"Truncated"}, "subtree": {"Truncated"},                              // the caller holds one page
	}[tool]
	for _, key := range append(lost, "services.ergo/legend", "Error") {
		delete(have, key)
		delete(want, key)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		compareTo(t, key, have[key], want[key])
	}
}

// compareTo compares members of an answer, deep down.
func compareTo(t *testing.T, path string, have, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		h, _ := have.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(w)) {
			if key != "services.ergo/legend" && key != "Version" { // of an application's version the release
				compareTo(t, path+"."+key, h[key], w[key])
			}
		}
	case []any:
		h, _ := have.([]any)
		if len(h) != len(w) {
			t.Errorf("%s: %d, not %d", path, len(h), len(w))
			return
		}
		for i := range w {
			compareTo(t, path+"[]", h[i], w[i])
		}
	case nil:
		if l, ok := have.([]any); have != nil && (!ok || len(l) > 0) {
			t.Errorf("%s: %v, where there was nothing", path, have)
		}
	default:
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %v, not %v", path, have, want)
		}
	}
}

// TestDumps: what the text of a dump says is what the groups say.
func TestDumps(t *testing.T) {
	dump := "goroutine profile: total 3, matched 3, showing 3\n\n" +
		"goroutine 7 [chan receive, 3 minutes]:\nmain.wait(0x1)\n\t/src/m.go:3 +0x1\ncreated by main.go in goroutine 1\n\t/src/m.go:9 +0x2\n\n" +
		"goroutine 8 [chan receive, 5 minutes]:\nmain.wait(0x2)\n\t/src/m.go:3 +0x1\ncreated by main.go in goroutine 1\n\t/src/m.go:9 +0x2\n\n" +
		"goroutine 9 [running]:\nmain.main()\n\t/src/m.go:1 +0x1\n"
	groups := grouped(dump)
	if len(groups) != 2 || groups[0].Count != 2 || groups[0].WaitSec != 300 || !reflect.DeepEqual(groups[0].IDs, []int64{7, 8}) ||
		groups[0].Current != "main.wait" || groups[0].Origin != "main.go" || groups[1].State != "running" {
		t.Errorf("%+v", groups)
	}
	if n := totalOf(dump); n != 3 {
		t.Errorf("total %d", n)
	}
	counts := counted("goroutine profile: total 3, showing 1\n\ngoroutine profile: total 3\n3 @ 0x1 0x2\n# labels: {\"pid\":\"<A.0.1>\"}\n#\t0x1\tmain.wait+0x1\t/src/m.go:3\n#\t0x2\tmain.go+0x1\t/src/m.go:9\n")
	if len(counts) != 1 || counts[0].Count != 3 || counts[0].Current != "main.wait" || !strings.Contains(counts[0].Stack, "labels:{\"pid\"") || counts[0].State != "" {
		t.Errorf("%+v", counts)
	}
	for text, want := range map[string]int64{"512B": 512, "1.5KB": 1536, "2.0MB": 2 << 20, "1.0GB": 1 << 30} {
		if n, ok := bytesOf(text); n != want || !ok {
			t.Errorf("%s is %d", text, n)
		}
	}
	if _, ok := bytesOf("many"); ok {
		t.Error("many is no size")
	}
}
