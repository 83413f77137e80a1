package views_test

import (
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/views"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

var start = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func second(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }

// recorded is a recording of the answers that say gives for each of 60
// seconds.
func recorded(t *testing.T, say func(second int) map[string]string) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	for n := range 60 {
		for tool, text := range say(n) {
			call := ergo.Call{Node: "a@h", Tool: tool}
			if tool == "process_list" {
				call.Args = ergo.Args{"limit": 100000}
			}
			records = append(records, ingest.Record(call, nil, ergo.Answer{Text: []byte(text), At: second(n)}, nil, ingest.Options{}))
		}
	}
	return fixture.Recorded(t, records)
}

// twoProcesses: one handles 10 messages a second, from second 30 on 50; of the
// other the oldest message grows older.
func twoProcesses(n int) map[string]string {
	in := 10 * n
	if n > 30 {
		in += 40 * (n - 30)
	}
	rows := []string{
		string(ergo.Args{"PID": "<A.0.1>", "Name": "busy", "Behavior": "x.Busy", "State": "running", "MessagesIn": in, "MailboxLatency": 0}.JSON()),
		string(ergo.Args{"PID": "<A.0.2>", "Name": "slow", "Behavior": "x.Slow", "State": "wait response", "MessagesIn": 7, "MailboxLatency": n * 1e9, "StateTime": n * 1e9}.JSON()),
	}
	if n >= 40 {
		rows = append(rows, string(ergo.Args{"PID": "<A.0.3>", "Name": "late", "Behavior": "x.Late", "State": "sleep", "MessagesIn": 0, "MailboxLatency": 0}.JSON()))
	}
	return map[string]string{
		"node_info":    string(ergo.Args{"Name": "a@h", "Uptime": 1000 + n, "ProcessesTotal": len(rows)}.JSON()),
		"process_list": "[" + strings.Join(rows, ",") + "]",
	}
}

func TestTrend(t *testing.T) {
	rec := recorded(t, twoProcesses)
	whole := views.TrendQuery{From: start, To: second(60), Points: 6}
	tests := []struct {
		metric, row, of  string
		rate             bool
		first, last, max float64
	}{
		{"MailboxLatency", "slow", "value", false, 0, 59e9, 59e9},
		{"MailboxLatency", "", "largest row", false, 0, 59e9, 59e9},
		{"process_list.MessagesIn", "<B.0.1>", "value", true, 10, 50, 50},
		{"MessagesIn", "", "sum of rows", true, 10, 50, 50},
		{"ProcessesTotal", "", "value", false, 2, 3, 3},
	}
	for _, tt := range tests {
		q := whole
		q.Metric, q.Row = tt.metric, tt.row
		list, err := views.Trend(t.Context(), rec, q)
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %d curves", tt.metric, err, len(list))
			continue
		}
		c := list[0]
		if c.Of != tt.of && !(tt.row != "" && c.Of == "value") || c.Rate != tt.rate || c.First != tt.first || c.Last != tt.last || c.Max != tt.max {
			t.Errorf("%s %s: %+v", tt.metric, tt.row, c)
		}
		if len(c.Points) > 6 {
			t.Errorf("%s: %d points", tt.metric, len(c.Points))
		}
	}
	q := whole
	q.Metric = "NoSuchField"
	if _, err := views.Trend(t.Context(), rec, q); err == nil || !strings.Contains(err.Error(), "process_list.MessagesIn") {
		t.Errorf("a field that is not there: %v", err)
	}
}

func TestCompare(t *testing.T) {
	rec := recorded(t, twoProcesses)
	c, err := views.Compare(t.Context(), rec, "", views.Span{From: second(5), To: second(15)}, views.Span{From: second(45), To: second(55)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Processes) != 1 || c.Processes[0].Name != "slow" || c.Processes[0].Before != 10e9 || c.Processes[0].After != 50e9 {
		t.Errorf("the largest change: %+v", c.Processes)
	}
	if c.ProcessesTotal != 2 || c.AppearedTotal != 1 || c.Appeared[0].Name != "late" || c.GoneTotal != 0 {
		t.Errorf("%+v", c)
	}
}

func TestWaits(t *testing.T) {
	rec := recorded(t, twoProcesses)
	cause := "root"
	rep := &analyze.Report{Findings: []*finding.Finding{
		{ID: "effect", Subject: finding.Subject{Node: "a@h", PID: "<A.0.2>"}, CausedBy: &cause},
		{ID: "root", Subject: finding.Subject{Node: "b@h", Name: "culprit"}},
	}}
	v, err := views.Waits(t.Context(), rec, rep, "", second(50), 10)
	if err != nil {
		t.Fatal(err)
	}
	if v.Total != 1 || v.Waits[0].Name != "slow" || v.Waits[0].StateS != 50 || v.Waits[0].LatencyS != 50 {
		t.Fatalf("%+v", v)
	}
	if w := v.Waits[0]; w.Finding != "effect" || w.Root != "root" || w.RootOf.Name != "culprit" {
		t.Errorf("%+v", w)
	}
	if len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "blocked on is not known") {
		t.Errorf("notes: %v", v.Notes)
	}
}

// Without -tags=latency ages are not known: a process that runs on with messages
// before it is listed, and that others may wait is said.
func TestWaitsWithoutAges(t *testing.T) {
	rec := recorded(t, func(n int) map[string]string {
		row := func(pid, name, state string, mailbox, stateTime int) string {
			return string(ergo.Args{"PID": pid, "Name": name, "State": state, "MessagesMailbox": mailbox, "MailboxLatency": -1, "StateTime": stateTime}.JSON())
		}
		return map[string]string{"process_list": "[" + strings.Join([]string{
			row("<A.0.1>", "stuck", "running", 900, 40e9), row("<A.0.2>", "behind", "sleep", 12, 0), row("<A.0.3>", "idle", "sleep", 0, 50e9), row("<A.0.4>", "busy", "running", 3, 1e6),
		}, ",") + "]"}
	})
	v, err := views.Waits(t.Context(), rec, &analyze.Report{}, "", second(50), 10)
	if err != nil {
		t.Fatal(err)
	}
	if v.Total != 1 || v.Waits[0].Name != "stuck" || v.Waits[0].LatencyS != -1 {
		t.Errorf("%+v", v.Waits)
	}
	if want := "of 2 more processes with messages before them it is not known"; !strings.Contains(strings.Join(v.Notes, "\n"), want) {
		t.Errorf("notes %q lack %q", v.Notes, want)
	}
}

// TestNotRecorded: what is not there is an error that says so, never an empty
// view that looks like health.
func TestNotRecorded(t *testing.T) {
	rec := recorded(t, twoProcesses)
	if _, err := views.Logs(t.Context(), rec, views.LogQuery{Lines: 5, Kinds: 5}); err == nil || !strings.Contains(err.Error(), "no log lines were recorded") {
		t.Errorf("logs: %v", err)
	}
	for _, kind := range []string{"cpu", "heap", "alloc", "goroutine"} {
		_, err := views.Top(t.Context(), rec, views.ProfileQuery{Node: "a@h", Kind: kind, At: second(60)}, 5)
		if err == nil || !strings.Contains(err.Error(), "was recorded at or before") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestProfiles(t *testing.T) {
	rec := recorded(t, func(n int) map[string]string {
		inUse := map[bool]string{true: "1.0MB", false: "5.0MB"}[n < 30]
		return map[string]string{
			"node_info":  string(ergo.Args{"Name": "a@h", "Uptime": 1000 + n}.JSON()),
			"pprof_heap": "heap profile: total inuse 6.0MB, showing 2\n\ninuse        alloc        function\n" + inUse + "        9.0MB        lab/x.(*Leak).grow\n1.0MB        1.0MB        runtime.mallocgc\n",
		}
	})
	q := views.ProfileQuery{Node: "a@h", Kind: "heap", At: second(59), Origin: "application"}
	p, err := views.Top(t.Context(), rec, q, 5)
	if err != nil || p.Rows != 1 || p.Functions[0].Function != "lab/x.(*Leak).grow" || p.Source != "pprof_heap" {
		t.Errorf("top: %+v, %v", p, err)
	}
	_, diff, err := views.DiffProfiles(t.Context(), rec, q, second(10), 5)
	if err != nil || len(diff.Functions) != 1 || diff.Functions[0].Flat != 4<<20 {
		t.Errorf("difference: %+v, %v", diff, err)
	}
}
