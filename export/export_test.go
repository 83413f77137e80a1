package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

var begin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// recorded is a recording of two nodes with three processes, one of which is
// named like a formula and blocks after two seconds.
func recorded(t *testing.T) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	for i := range 4 {
		for _, node := range []string{"a@h", "b@h"} {
			state := "sleep"
			if i >= 2 {
				state = "running"
			}
			row := func(id, name, state string, mailbox int) string {
				return `{"PID":"<AAAAAAAA.0.` + id + `>","Name":"` + name + `","Behavior":"x.Y","State":"` + state + `","MessagesIn":` + strconv.Itoa(10*i) + `,"MessagesMailbox":` + strconv.Itoa(mailbox) + `}`
			}
			for tool, text := range map[string]string{
				"process_list":  "[" + row("1", `=HYPERLINK(\"x\")`, state, i) + "," + row("2", "quiet", "sleep", 0) + "]",
				"runtime_stats": `{"goroutines":` + strconv.Itoa(40+i) + `,"heap_alloc":1000,"total_alloc":` + strconv.Itoa(5000*i) + `,"gc_cpu_percent":-0.5}`,
			} {
				call := ergo.Call{Node: node, Tool: tool}
				ans := ergo.Answer{Text: []byte(text), At: begin.Add(time.Duration(i) * time.Second)}
				records = append(records, ingest.Record(call, nil, ans, nil, ingest.Options{}))
			}
		}
	}
	return fixture.Recorded(t, records)
}

func all() Options { return Options{From: begin, To: begin.Add(time.Minute)} }

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	o := all()
	o.Node = "a*"
	if err := CSV(t.Context(), &b, recorded(t), "process_list", o); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+4*2 {
		t.Fatalf("%d rows", len(rows))
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	formulas := 0
	for _, r := range rows[1:] {
		if r[at["node"]] != "a@h" {
			t.Errorf("row of %s", r[at["node"]])
		}
		if name := r[at["Name"]]; strings.HasPrefix(name, "'=HYPERLINK") {
			formulas++
		} else if name != "quiet" {
			t.Errorf("name %s", name)
		}
	}
	last := rows[len(rows)-1]
	if formulas != 4 || last[at["MessagesIn"]] != "30" || last[at["at"]] != "2026-11-22T01:00:03Z" {
		t.Errorf("%d formulas, last row %v", formulas, last)
	}
	b.Reset()
	if err := CSV(t.Context(), &b, recorded(t), "runtime_stats", all()); err != nil || !strings.Contains(b.String(), ",-0.5,") {
		t.Errorf("a negative number became a text: %v\n%s", err, b.String())
	}
	if err := CSV(t.Context(), &b, recorded(t), "cron_info", all()); err == nil || !strings.Contains(err.Error(), "process_list") {
		t.Errorf("a tool that was not recorded: %v", err)
	}
}

// TestOpenMetrics: families stand together, each series in order of time, and
// the text ends as it must.
func TestOpenMetrics(t *testing.T) {
	var b bytes.Buffer
	if err := OpenMetrics(t.Context(), &b, recorded(t), all()); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"# TYPE ergo_process_list_messages_in counter\n",
		`ergo_process_list_messages_in_total{node="a@h",pid="<AAAAAAAA.0.1>",name="=HYPERLINK(\"x\")",behavior="x.Y"} 30 1795309203.000` + "\n",
		"# TYPE ergo_runtime_stats_goroutines gauge\n",
		`ergo_runtime_stats_goroutines{node="b@h"} 43 1795309203.000` + "\n",
		`ergo_runtime_stats_gc_cpu_percent{node="a@h"} -0.5 1795309200.000` + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s", want)
		}
	}
	if !strings.HasSuffix(text, "# EOF\n") {
		t.Error("no end")
	}
	checkOrder(t, text)
}

// sortedLines are the lines of a text in order.
func sortedLines(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}

// checkOrder: families stand together, and each series, in order of time.
func checkOrder(t *testing.T, text string) {
	t.Helper()
	families, lastSeries, lastTime := map[string]bool{}, "", 0.0
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			if families[name] {
				t.Errorf("family %s twice", name)
			}
			families[name] = true
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		end := strings.LastIndex(line, "} ")
		series := line[:end]
		when, err := strconv.ParseFloat(strings.Fields(line[end+1:])[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if series != lastSeries && seen[series] || series == lastSeries && when <= lastTime {
			t.Errorf("out of order: %s", line)
		}
		seen[series], lastSeries, lastTime = true, series, when
		if strings.Count(","+series[strings.IndexByte(series, '{')+1:], `,node="`) != 1 {
			t.Errorf("a label twice: %s", line)
		}
	}
}

func TestTrace(t *testing.T) {
	var b bytes.Buffer
	o := all()
	o.Process = "=*"
	err := Trace(t.Context(), &b, recorded(t), []Instant{{At: begin.Add(2 * time.Second), Node: "a@h", Name: "blocked_callback", Text: "it blocks"}, {At: begin, Node: "no@h"}}, o)
	if err != nil {
		t.Fatal(err)
	}
	var trace struct {
		TraceEvents []event `json:"traceEvents"`
	}
	if err := json.Unmarshal(b.Bytes(), &trace); err != nil {
		t.Fatal(err)
	}
	slices, instants, tracks := map[string]float64{}, 0, 0
	for _, e := range trace.TraceEvents {
		switch {
		case e.Phase == "X" && e.PID == 1:
			slices[e.Name] = e.Duration
		case e.Phase == "i":
			instants++
			if e.Time != 2e6 || e.PID != 1 {
				t.Errorf("instant %+v", e)
			}
		case e.Phase == "M" && e.Name == "thread_name":
			tracks++
		}
	}
	if slices["sleep"] != 2e6 || slices["running"] != 1e6 || instants != 1 || tracks != 2 {
		t.Errorf("slices %v, %d instants, %d tracks", slices, instants, tracks)
	}
}
