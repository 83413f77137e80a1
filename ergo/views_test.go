package ergo_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
)

// TestViews decodes every answer of a real capture that has a view, and names
// the fields that the views leave in Extra.
func TestViews(t *testing.T) {
	f, err := os.Open("../testdata/stuck.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := map[string][]string{ // what node_info and network_nodes say beyond their views
		"node_info":     {"Commercial", "Cron", "Env", "Loggers"},
		"network_nodes": {"HandshakeVersion", "MaxMessageSize", "NetworkFlags", "PoolLen", "ProtoVersion", "Version"},
		"app_list":      {"description"},
	}
	decoded := map[string]int{}
	for l, err := range capture.Read(f) {
		if err != nil {
			t.Fatal(err)
		}
		extras := extrasOf(t, l)
		decoded[l.Call.Tool] += len(extras)
		for _, x := range extras {
			for name := range x {
				if !slices.Contains(known[l.Call.Tool], name) {
					t.Errorf("%s: field %s has no place in its view", l.Call.Tool, name)
				}
			}
		}
	}
	for _, tool := range []string{"node_info", "runtime_stats", "process_list", "event_list", "network_nodes", "app_list"} {
		if decoded[tool] == 0 {
			t.Errorf("%s: nothing was decoded", tool)
		}
	}
}

func extrasOf(t *testing.T, l *capture.Line) (out []ergo.Extra) {
	t.Helper()
	if l.Refused != nil {
		return nil
	}
	decode := func(v any) {
		if err := json.Unmarshal(l.Answer.Text, v); err != nil {
			t.Fatalf("%s: %v", l.Call, err)
		}
	}
	switch l.Call.Tool {
	case "node_info":
		var v ergo.NodeInfo
		decode(&v)
		if got := v.Incarnation(); got.Node != l.Call.Node || l.Answer.At.Sub(got.Started).Abs() > time.Hour {
			t.Errorf("incarnation %v", got)
		}
		return []ergo.Extra{v.Extra}
	case "runtime_stats":
		var v ergo.RuntimeStats
		decode(&v)
		return []ergo.Extra{v.Extra}
	case "process_list":
		var v []ergo.Process
		decode(&v)
		for _, r := range v {
			out = append(out, r.Extra)
		}
	case "event_list":
		var v []ergo.Event
		decode(&v)
		for _, r := range v {
			out = append(out, r.Extra)
		}
	case "network_nodes":
		var v []ergo.Link
		decode(&v)
		for _, r := range v {
			out = append(out, r.Extra)
		}
	case "app_list":
		var v []ergo.Application
		decode(&v)
		for _, r := range v {
			out = append(out, r.Extra)
		}
	}
	return out
}

func TestViewKeepsWhatItDoesNotKnow(t *testing.T) {
	var p ergo.Process
	if err := json.Unmarshal([]byte(`{"PID":"<A.0.1>","Uptime":3,"Color":"red"}`), &p); err != nil {
		t.Fatal(err)
	}
	if p.PID != "<A.0.1>" || p.Uptime != 3 || string(p.Extra["Color"]) != `"red"` || len(p.Extra) != 1 {
		t.Errorf("%+v", p)
	}
	if err := json.Unmarshal([]byte(`{"Uptime":"three"}`), &p); err == nil {
		t.Error("a wrong type was accepted")
	}
}
