package mcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestSizeOfTheList holds what a client reads before its first question.
func TestSizeOfTheList(t *testing.T) {
	for set, most := range map[ToolSet]int{AllTools: 24_000, CoreTools: 10_000} {
		size := 0
		for _, x := range Tools() {
			if x.in(set) && !x.Action {
				size += len(mustJSON(x.definition(set)))
			}
		}
		if size > most {
			t.Errorf("tools/list of %s has %d bytes, more than %d", set, size, most)
		}
		t.Logf("%s: %d bytes", set, size)
	}
}

// TestEveryAnswerIsShort calls each tool that lists something without saying
// how much: what does not fit is cut, counted, and given by the call that the
// answer names.
func TestEveryAnswerIsShort(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	cut := 0
	for _, tt := range append(newToolCalls, []struct {
		name string
		args map[string]any
		want []string
	}{
		{"process_list", map[string]any{"node": "gamma@localhost"}, nil},
		{"event_list", nil, nil},
		{"network_nodes", nil, nil},
		{"node_info", nil, nil},
		{"app_list", nil, nil},
	}...) {
		if tt.args["limit"] != nil {
			continue
		}
		text, res := tool(t, session, tt.name, tt.args)
		if len(text) > defaultBytes+600 {
			t.Errorf("%s %v answers with %d bytes", tt.name, tt.args, len(text))
		}
		if res.Meta["truncated"] != true {
			continue
		}
		cut++
		_, next, ok := strings.Cut(text, "next: "+tt.name+" ")
		var args map[string]any
		if err := json.Unmarshal([]byte(next), &args); err != nil || !ok {
			t.Fatalf("%s was cut and names no call that gives the rest: …%s", tt.name, text[max(0, len(text)-300):])
		}
		whole, res := tool(t, session, tt.name, args)
		if res.Meta["truncated"] == true || len(whole) <= len(text) {
			t.Errorf("%s %v is still cut: %d bytes, then %d", tt.name, args, len(text), len(whole))
		}
	}
	if cut == 0 {
		t.Error("nothing was cut: the test looks at nothing")
	}
}

// An object loses the ends of its lists, then fields, and stays JSON.
func TestCutObject(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
		left string
	}{
		{`{"a": 1, "b": [1, 2, 3]}`, 100, `{"a":1,"b":[1,2,3]}`, ""},
		{`{"a": 1, "b": ["xxxxxxxxxx", "yyyyyyyyyy", "zzzzzzzzzz"]}`, 40, `{"a":1,"b":["xxxxxxxxxx"]}`, "2 of 3 b"},
		{`{"a": 1, "b": "` + strings.Repeat("x", 90) + `"}`, 40, `{"a":1}`, "b"},
	} {
		got, left, ok := cutObject([]byte(tt.text), tt.most)
		if string(got) != tt.want || left != tt.left || !ok {
			t.Errorf("%s to %d: %s, left out %q", tt.text, tt.most, got, left)
		}
	}
	if _, _, ok := cutObject([]byte("no object"), 10); ok {
		t.Error("a text was taken for an object")
	}
}

// TestFields: the columns that are asked for, and the key.
func TestFields(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	text, _ := tool(t, session, "process_list", map[string]any{"node": "gamma@localhost", "name": "book_eth", "fields": []string{"Name", "State"}})
	if want := `[{"PID":"\u003c11458782.0.1078\u003e","Name":"book_eth","State":"running"}]`; text != want {
		t.Errorf("%s, not %s", text, want)
	}
}

// TestCore reaches a tool that the small set does not list.
func TestCore(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{Set: CoreTools}), nil)
	list, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, x := range list.Tools {
		names[x.Name] = true
	}
	if names["runtime_stats"] || !names["reading"] || !names["process_list"] || !names["diagnose"] {
		t.Errorf("the small set: %v", names)
	}
	help, _ := tool(t, session, "reading_help", nil)
	one, _ := tool(t, session, "reading_help", map[string]any{"name": "pprof_goroutines"})
	got, res := tool(t, session, "reading", map[string]any{"name": "runtime_stats", "fields": []string{"goroutines"}, "at": "F1"})
	if !strings.Contains(help, "runtime_stats: ") || !strings.Contains(one, "filter (string)") || !strings.HasPrefix(got, `{"goroutines":`) || res.IsError {
		t.Errorf("help %q, one %q, reading %q", help, one, got)
	}
	for _, bad := range []string{"send_exit", "runtime_stat"} {
		if text, res := tool(t, session, "reading", map[string]any{"name": bad}); !res.IsError || !strings.Contains(text, "runtime_stats") {
			t.Errorf("reading %s: %s", bad, text)
		}
	}
	if len(fmt.Sprint(help)) > defaultBytes {
		t.Errorf("reading_help has %d bytes", len(help))
	}
}
