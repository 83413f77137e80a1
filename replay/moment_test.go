package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/replay"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// cluster is a recording of two nodes over 40 s, every 2 s. Node b dies at 20 s
// and is back, as another incarnation, at 30 s.
func cluster(tb testing.TB) *replay.Recording {
	tb.Helper()
	var lines []*capture.Line
	add := func(l *capture.Line) { lines = append(lines, l) }
	for s := 0; s <= 40; s += 2 {
		t := start.Add(time.Duration(s) * time.Second)
		add(said(t, "a@h", "cluster_nodes", nil, `[{"name":"a@h","status":"self"},{"name":"b@h","status":"connected"}]`))
		for _, node := range []string{"a@h", "b@h"} {
			uptime := 100 + s
			if node == "b@h" && s >= 30 {
				uptime = s - 29
			}
			if node == "b@h" && s >= 20 && s < 30 {
				for _, tool := range []string{"node_info", "process_list"} {
					l := said(t, node, tool, nil, "")
					l.Answer.Text, l.Refused = nil, ergo.RemoteError(node, "no route")
					add(l)
				}
				continue
			}
			add(said(t, node, "node_info", nil, fmt.Sprintf(`{"Name":%q,"Uptime":%d,"ProcessesTotal":12,"ServerTime":%q}`, node, uptime, t.Format(time.RFC3339Nano))))
			add(said(t, node, "process_list", ergo.Args{"limit": json.Number("1000")}, processRows(12)))
		}
		add(said(t, "a@h", "app_list", nil, `[{"name":"app","state":"running","mode":"transient","uptime":9,"processes":1}]`))
		add(said(t, "a@h", "event_list", ergo.Args{"limit": json.Number("1000")}, `[{"Event":"Event#<ABCD:tick>","Producer":"<ABCD.0.1000>","Subscribers":0,"Notify":false,"BufferSize":0,"MessagesPublished":4}]`))
		add(said(t, "a@h", "network_nodes", nil, `[{"Node":"b@h","Uptime":5,"MessagesIn":1}]`))
		if s%10 == 0 {
			add(said(t, "a@h", "process_info", ergo.Args{"pid": "<ABCD.0.1003>"}, `{"PID":"<ABCD.0.1003>","Name":"p3"}`))
			add(said(t, "a@h", "cron_info", nil, `{"Jobs":[{"Name":"rollup","Spec":"* * * * *"}]}`))
			add(said(t, "a@h", "pprof_goroutines", ergo.Args{"debug": json.Number("2")},
				"goroutine profile: total 3, showing 3\n\ngoroutine 1 [select]:\nmain.main()\n\ngoroutine 2 [running labels:{\"pid\": \"<ABCD.0.1003>\"}]:\napp.(*Worker).HandleMessage()\n\ngoroutine 3 [select]:\napp.loop()"))
			add(said(t, "a@h", "pprof_heap", ergo.Args{"limit": json.Number("30")},
				"heap profile: total inuse 9.0MB, showing 2\n\ninuse        alloc        function\n5.0MB        5.0MB        app.grow\n4.0MB        4.0MB        runtime.x\n"))
		}
	}
	add(said(start, "a@h", "node_env", nil, `{"X":"1"}`))
	add(said(start, "b@h", "node_env", nil, `{"X":"2"}`))
	return record(tb, lines)
}

func ask(rec *replay.Recording, seconds float64, call ergo.Call) (string, error) {
	a, err := rec.At(start.Add(time.Duration(seconds*1e9))).Call(context.Background(), call)
	return string(a.Text), err
}

func TestRefusals(t *testing.T) {
	rec := cluster(t)
	for _, c := range []struct {
		node, tool string
		args       ergo.Args
		code       int
		want       string
	}{
		{"", "no_such_tool", nil, -32602, "unknown tool: no_such_tool"},
		{"b@h", "no_such_tool", nil, -32603, "unknown tool: no_such_tool"},
		{"", "process_kill", ergo.Args{"pid": "<0.0.1>"}, -32602, "unknown tool: process_kill"},
		{"b@h", "process_info", ergo.Args{"pid": "<1.0.999999>"}, -32603, "process_info: unknown process"},
		{"b@h", "process_info", ergo.Args{"pid": "abc"}, -32603, "invalid pid: incorrect PID format, expected <crc.high.low>"},
		{"", "process_info", nil, -32602, "invalid pid: incorrect PID format, expected <crc.high.low>"},
		{"", "process_info", ergo.Args{"pid": json.Number("5")}, -32602, "invalid params: json: cannot unmarshal number into Go struct field processInfoParams.pid of type string"},
		{"nosuch@h", "node_info", nil, -32603, "remote call to 'nosuch@h' failed: no route"},
		{"b@h", "process_lookup", ergo.Args{"name": "nope"}, -32603, "process_lookup by name: unknown process"},
		{"", "process_lookup", nil, -32602, "either 'name' or 'pid' parameter is required"},
		{"", "process_state", ergo.Args{"pid": "<1.0.9>"}, -32602, "process_state: unknown process"},
		{"", "process_children", ergo.Args{"parent": "nope"}, -32602, `cannot resolve parent "nope": unknown process`},
		{"", "sample_read", ergo.Args{"sampler_id": "mcp_sampler_ffffffff"}, -32602, "sampler mcp_sampler_ffffffff not found or not responding: unknown process"},
		{"", "event_info", ergo.Args{"name": "no.such"}, -32602, "event_info: unknown event"},
		{"", "app_info", ergo.Args{"name": "no_such_app"}, -32602, "app_info: unknown application"},
		{"", "app_processes", ergo.Args{"name": "no_such_app"}, -32602, "app_processes: unknown application"},
		{"", "network_node_info", ergo.Args{"name": "nosuch@h"}, -32602, "network_node_info: no connection"},
		{"", "cron_job", ergo.Args{"name": "nope"}, -32602, "cron_job: unknown"},
		{"", "meta_inspect", ergo.Args{"alias": "x"}, -32602, "invalid alias: incorrect Alias format, expected <crc.id0.id1.id2>"},
		{"", "process_list", ergo.Args{"sort_by": "mailbox_latency"}, -32602, "mailbox latency measurement is disabled. Rebuild the application with -tags=latency to enable it"},
		{"b@h", "process_list", ergo.Args{"min_mailbox_latency_ms": json.Number("1")}, -32603, "mailbox latency measurement is disabled. Rebuild the application with -tags=latency to enable it"},
	} {
		_, err := ask(rec, 11, ergo.Call{Node: c.node, Tool: c.tool, Args: c.args})
		te := ergo.AsToolError(err)
		if te == nil || te.Code != c.code || te.Message != c.want {
			t.Errorf("%s %s on %q: got %v, want %d %s", c.tool, c.args, c.node, err, c.code, c.want)
		}
	}
}

func TestDerived(t *testing.T) {
	rec := cluster(t)
	for _, c := range []struct {
		tool string
		args ergo.Args
		want string // a part of the answer, or all of it after "="
	}{
		{"process_state", ergo.Args{"pid": "<FFFF.0.1003>"}, "=sleep"},
		{"process_lookup", ergo.Args{"name": "p3"}, "=<ABCD.0.1003>"},
		{"process_lookup", ergo.Args{"pid": "<0.0.1003>"}, "=p3"},
		{"process_info", ergo.Args{"pid": "<0.0.1003>"}, `"Name":"p3"`},
		{"app_processes", ergo.Args{"name": "app", "limit": json.Number("2")}, `"p1"`},
		{"app_info", ergo.Args{"name": "app"}, `"State":"running"`},
		{"event_info", ergo.Args{"name": "tick"}, `"MessagesPublished":4`},
		{"event_list", ergo.Args{"utilization_state": "active"}, "=null"},
		{"network_node_info", ergo.Args{"name": "b@h"}, `"MessagesIn":1`},
		{"cron_job", ergo.Args{"name": "rollup"}, `"Spec":"* * * * *"`},
		{"pprof_goroutines", ergo.Args{"filter": "app."}, "=goroutine profile: total 3, matched 2, showing 2\n\ngoroutine 2 [running labels:{\"pid\": \"<ABCD.0.1003>\"}]:\napp.(*Worker).HandleMessage()\n\ngoroutine 3 [select]:\napp.loop()"},
		{"pprof_goroutines", ergo.Args{"exclude": "app.", "limit": json.Number("1")}, "=goroutine profile: total 3, matched 1, showing 1\n\ngoroutine 1 [select]:\nmain.main()"},
		{"pprof_goroutines", ergo.Args{"limit": json.Number("1")}, "showing 1\n\ngoroutine 1 [select]:\nmain.main()\n\n... 2 more matched goroutines not shown"},
		{"pprof_goroutines", ergo.Args{"pid": "<0.0.1003>"}, "=goroutine 2 [running labels:{\"pid\": \"<ABCD.0.1003>\"}]:\napp.(*Worker).HandleMessage()"},
		{"pprof_heap", ergo.Args{"limit": json.Number("1")}, "=heap profile: total inuse 9.0MB, showing 1\n\ninuse        alloc        function\n5.0MB        5.0MB        app.grow\n"},
		{"pprof_heap", ergo.Args{"filter": "runtime"}, "total inuse 9.0MB, matched 1 functions, showing 1"},
		{"node_env", nil, `"X":"1"`},
	} {
		got, err := ask(rec, 12, ergo.Call{Tool: c.tool, Args: c.args})
		whole, exact := strings.CutPrefix(c.want, "=")
		if err != nil || exact && got != whole || !exact && !strings.Contains(got, c.want) {
			t.Errorf("%s %s: got %s, %v; want %s", c.tool, c.args, got, err, c.want)
		}
	}
}

// TestLives: a node that is down refuses, and what was recorded in one life
// does not answer in the next.
func TestLives(t *testing.T) {
	rec := cluster(t)
	info := ergo.Call{Node: "b@h", Tool: "node_info"}
	if _, err := ask(rec, 19, info); err != nil {
		t.Errorf("before it died: %v", err)
	}
	for _, tool := range []string{"node_info", "process_list", "node_env", "process_inspect"} {
		_, err := ask(rec, 24.5, ergo.Call{Node: "b@h", Tool: tool})
		te := ergo.AsToolError(err)
		if te == nil || te.Code != ergo.CodeInternal || te.Message != "remote call to 'b@h' failed: no route" {
			t.Errorf("%s while it was down: %v", tool, err)
		}
	}
	if text, err := ask(rec, 33, info); err != nil || !strings.Contains(text, `"Uptime":3,`) {
		t.Errorf("in its second life: %s, %v", text, err)
	}
	_, err := ask(rec, 33, ergo.Call{Node: "b@h", Tool: "node_env"})
	var missing *replay.NotRecordedError
	if !errors.As(err, &missing) || !missing.Last.Equal(start) {
		t.Errorf("node_env in its second life: %v", err)
	}
	for _, n := range rec.Nodes() {
		if want := map[string]int{"a@h": 1, "b@h": 2}[n.Name]; len(n.Lives) != want || n.Entry != (n.Name == "a@h") {
			t.Errorf("%s: %d lives, entry %v", n.Name, len(n.Lives), n.Entry)
		}
		if n.Latency != replay.No {
			t.Errorf("%s: latency tag %v, want no", n.Name, n.Latency)
		}
	}
	gaps, err := rec.Gaps(context.Background())
	if err != nil || len(gaps) != 1 || gaps[0].Node != "b@h" || !gaps[0].From.Equal(start.Add(18*time.Second)) || !gaps[0].To.Equal(start.Add(30*time.Second)) || !strings.Contains(gaps[0].Why, "no route") {
		t.Errorf("gaps: %+v, %v", gaps, err)
	}
}

// TestNotRecorded: an answer stands for three intervals, then it is said when
// the last was.
func TestNotRecorded(t *testing.T) {
	rec := cluster(t)
	var missing *replay.NotRecordedError
	if _, err := ask(rec, 45.9, ergo.Call{Tool: "app_list"}); err != nil {
		t.Errorf("within three intervals: %v", err)
	}
	_, err := ask(rec, 46.5, ergo.Call{Tool: "app_list"})
	if !errors.As(err, &missing) || !strings.HasSuffix(err.Error(), "not recorded at 2026-01-02T03:04:51.5Z, last at 2026-01-02T03:04:45Z") {
		t.Errorf("after three intervals: %v", err)
	}
	if _, err := ask(rec, 500, ergo.Call{Tool: "node_env"}); err != nil {
		t.Errorf("what does not change: %v", err)
	}
	_, err = ask(rec, 10, ergo.Call{Tool: "loggers_list"})
	if !errors.As(err, &missing) || len(missing.Instead) == 0 || !strings.Contains(err.Error(), "let the recorder sample loggers_list") {
		t.Errorf("never recorded: %v", err)
	}
	_, err = ask(rec, -1, ergo.Call{Tool: "app_list"})
	if !errors.As(err, &missing) || !missing.Last.IsZero() {
		t.Errorf("before the recording: %v", err)
	}
}

func TestReplySaysWhereItIsFrom(t *testing.T) {
	rec := cluster(t)
	m := rec.Moment(start.Add(13 * time.Second))
	r, err := m.Ask(context.Background(), ergo.Call{Tool: "process_state", Args: ergo.Args{"pid": "<0.0.1003>"}})
	if err != nil || r.From != "process_list" || m.Age(r) != time.Second {
		t.Errorf("from %s, %s old, %v", r.From, m.Age(r), err)
	}
}

// TestPieces: a listing that was cut by filters answers as far as it goes, and
// says what share that is.
func TestPieces(t *testing.T) {
	var lines []*capture.Line
	for s := 0; s <= 10; s += 2 {
		at := start.Add(time.Duration(s) * time.Second)
		lines = append(lines, said(at, "a@h", "node_info", nil, fmt.Sprintf(`{"Uptime":%d,"ProcessesTotal":500}`, 100+s)))
		whole := said(at, "a@h", "process_list", ergo.Args{"limit": json.Number("100000")}, "")
		whole.Answer.Text, whole.Refused = nil, ergo.RemoteError("a@h", "timed out")
		lines = append(lines, whole,
			said(at, "a@h", "process_list", ergo.Args{"limit": json.Number("50"), "sort_by": "mailbox"}, processRows(50)),
			said(at, "a@h", "process_list", ergo.Args{"limit": json.Number("60"), "sort_by": "uptime"}, processRows(60)))
	}
	m := record(t, lines).Moment(start.Add(9 * time.Second))
	r, err := m.Ask(context.Background(), ergo.Call{Tool: "process_list", Args: ergo.Args{"limit": json.Number("0")}})
	if err != nil || r.Seen != 60 || r.Total != 500 || len(plainRows(t, r.Text)) != 60 {
		t.Errorf("%d of %d rows, %v", r.Seen, r.Total, err)
	}
	_, err = m.Ask(context.Background(), ergo.Call{Tool: "process_state", Args: ergo.Args{"pid": "<0.0.77777>"}})
	var missing *replay.NotRecordedError
	if !errors.As(err, &missing) {
		t.Errorf("a process that was not seen: %v, want not recorded", err)
	}
}

// TestNewestTable: a table of functions comes with the rows that it had, and
// it is said when there may have been more.
func TestNewestTable(t *testing.T) {
	text := "heap profile: total inuse 9.0MB, showing 2\n\ninuse        alloc        function\n5.0MB        5.0MB        app.grow\n4.0MB        4.0MB        runtime.x\n"
	for _, tt := range []struct {
		limit string
		cut   bool
	}{{"2", true}, {"30", false}} {
		rec := record(t, []*capture.Line{
			said(start, "a@h", "node_info", nil, `{"Name":"a@h","Uptime":1}`),
			said(start, "a@h", "pprof_heap", ergo.Args{"limit": json.Number(tt.limit)}, text),
		})
		a, cut, err := rec.Moment(start).NewestTable(t.Context(), ergo.Call{Node: "a@h", Tool: "pprof_heap"})
		if err != nil || string(a.Text) != text || cut != tt.cut {
			t.Errorf("limit %s: %q, cut %v, %v", tt.limit, a.Text, cut, err)
		}
		if _, _, err := rec.Moment(start).NewestTable(t.Context(), ergo.Call{Node: "a@h", Tool: "pprof_cpu"}); err == nil {
			t.Error("a table that was not recorded")
		}
	}
}

// TestFollowed: messages of an event are known to have been recorded where some
// were, or somebody asked for them.
func TestFollowed(t *testing.T) {
	rec := record(t, []*capture.Line{
		said(start, "a@h", "node_info", nil, `{"Name":"a@h","Uptime":1}`),
		said(start, "a@h", "sample_listen", ergo.Args{"event": "ticks"}, `{"sampler_id":"x"}`),
		said(start, "a@h", "sample_listen", ergo.Args{"log_levels": []any{"info"}}, `{"sampler_id":"y"}`),
	})
	for _, c := range []struct {
		node, event string
		want        bool
	}{{"a@h", "ticks", true}, {"a@h", "orders", false}, {"b@h", "ticks", false}, {"a@h", "", false}} {
		if got := rec.Followed(c.node, c.event); got != c.want {
			t.Errorf("%s of %s: %v", c.event, c.node, got)
		}
	}
}
