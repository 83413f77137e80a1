package ergo

import (
	"maps"
	"slices"
	"strconv"
	"testing"
)

func TestDefinitions(t *testing.T) {
	seen := map[Reading]bool{}
	for _, r := range Readings() {
		d := Define(r)
		if d.Reading != r || seen[r] {
			t.Errorf("%s: defined twice, or under another name", r)
		}
		seen[r] = true
		if (d.Form == FormTable) != (d.Key != nil) {
			t.Errorf("%s: a table has a key, and only a table", r)
		}
		names := map[string]bool{}
		for _, f := range d.Fields {
			if f.Name == "" || names[f.Name] {
				t.Errorf("%s: field %q stands twice", r, f.Name)
			}
			names[f.Name] = true
			if (f.None == "") != (f.Why == "") {
				t.Errorf("%s.%s: what stands for no value, and why, go together", r, f.Name)
			}
			if f.Kind == AgeNS && f.Unit != Nanoseconds || f.Kind == AgeS && f.Unit != Seconds {
				t.Errorf("%s.%s: an age in %q", r, f.Name, f.Unit)
			}
		}
		for _, key := range d.Key {
			if d.Fields != nil && !names[key] {
				t.Errorf("%s: key %s is no field", r, key)
			}
		}
	}
	if d := Define("no_such_reading"); d.Form != FormText || d.Key != nil || d.Subject != nil {
		t.Errorf("an unknown reading is %+v", d)
	}
	latency, ok := Define(Processes).Field("MailboxLatency")
	if !ok || latency.Has("-1") || latency.Has("null") || latency.Has("") || !latency.Has("0") {
		t.Errorf("MailboxLatency: %+v", latency)
	}
}

func TestInspectKeys(t *testing.T) {
	if name, ours := InspectKey("ergo:child:ergo:x:restarts"); name != "child:ergo:x:restarts" || !ours {
		t.Errorf("stripped to %q, %v; want one prefix less", name, ours)
	}
	if name, ours := InspectKey("strategy"); name != "strategy" || ours {
		t.Errorf("%q, %v", name, ours)
	}
	kinds := map[string]ProcessKind{
		"strategy": KindSupervisor, "ergo:strategy": KindSupervisor, "pool_size": KindPool,
		"ergo:pool_size": KindPool, "ergo:routes_total": KindRouter, "ergo:type": "",
	}
	for key, want := range kinds {
		if got := InspectedKind(func(k string) bool { return k == key }); got != want {
			t.Errorf("with %s: %q, want %q", key, got, want)
		}
	}
}

// other is a spelling that names everything otherwise.
func other() *Spelling {
	pid := func(own [][]byte, _ Whose) []byte {
		text, err := strconv.Unquote(string(own[0]))
		if err != nil {
			return own[0]
		}
		g, err := ParseGlobal(text, 1)
		if err != nil {
			return own[0]
		}
		return strconv.AppendQuote(nil, g.Canonical())
	}
	return NewSpelling("other", []Tool{
		{Name: "kill", Kind: Action},
		{Name: "rows", Says: []Said{{
			Reading: Processes, In: "Rows",
			Args:   []SpelledArg{{Name: "application", Own: "app"}, {Name: "sort_by"}},
			Always: Args{"scan": "all"},
			Fields: []SpelledField{{Name: "PID", Own: []string{"Id"}, Convert: pid}, {Name: "Uptime", Own: []string{"Age", "Alive"}}},
			Lacks:  []string{"Wakeups"},
		}, {Reading: Node}}},
		{Name: "one", Says: []Said{{Reading: Process, Args: []SpelledArg{{
			Name: "pid", Own: "id", Convert: func(v any, of Whose) any { return of.Node + ":" + v.(string) },
		}}}}},
	})
}

func TestSpelling(t *testing.T) {
	s := other()
	if r, ok := s.ReadingOf("rows"); r != Processes || !ok {
		t.Errorf("rows says %q, %v", r, ok)
	}
	for _, tool := range []string{"kill", "no_such_tool"} {
		if r, ok := s.ReadingOf(tool); ok {
			t.Errorf("%s says %q", tool, r)
		}
	}
	call, ok := s.Call(Processes, Whose{Node: "a@h"}, Args{"application": "shop", "limit": 5, "sort_by": "uptime"})
	if want := `rows {"app":"shop","limit":5,"scan":"all"} on a@h`; !ok || call.String() != want {
		t.Errorf("%s, want %s", call, want)
	}
	if call, _ := s.Call(Process, Whose{Node: "a@h"}, Args{"pid": "7"}); call.Args.Text("id") != "a@h:7" {
		t.Errorf("%s", call)
	}
	if call, ok := s.Call(Ping, Whose{}, nil); ok {
		t.Errorf("%s, which it cannot say", call)
	}
	_, said, _ := s.Saying(Processes)
	pid := said.Own("PID")
	if got := string(pid.Convert([][]byte{[]byte(`"alpha@localhost:1089.1763774371"`)}, Whose{})); got != `"<FA37B81C.0.1089>"` {
		t.Errorf("PID %s", got)
	}
	if lacks := said.Own("Wakeups"); lacks.Own != nil {
		t.Errorf("Wakeups: %v", lacks.Own)
	}
	schema := s.Schema("rows")
	if schema.Form != FormTable || !slices.Equal(schema.Key, []string{"Id"}) {
		t.Errorf("schema %+v", schema)
	}
	want := map[string]ColumnKind{"Id": Text, "Age": AgeS, "Alive": AgeS, "State": Text}
	for name, kind := range want {
		if got, ok := schema.Columns[name]; !ok || got != kind {
			t.Errorf("column %s: %v, %v", name, got, ok)
		}
	}
	if _, ok := schema.Columns["PID"]; ok {
		t.Errorf("columns %v", slices.Sorted(maps.Keys(schema.Columns)))
	}
	if sub := s.Schema("one").Subject; !slices.Equal(sub, []string{"id"}) {
		t.Errorf("subject %v", sub)
	}
}
