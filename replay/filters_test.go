package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/internal/pace"
	"ergorecorder/replay"
)

// A plainRow is a row decoded in the plain way, against which the listings'
// filters are checked.
type plainRow map[string]any

func (r plainRow) text(f string) string { s, _ := r[f].(string); return s }

func (r plainRow) num(f string) float64 { n, _ := r[f].(float64); return n }

func plainRows(tb testing.TB, text []byte) []plainRow {
	tb.Helper()
	var rows []plainRow
	if err := json.Unmarshal(text, &rows); err != nil {
		tb.Fatalf("%v in %.100s", err, text)
	}
	return rows
}

// TestProcessListFilters checks every filter and order of process_list against
// the whole table of the same moment.
func TestProcessListFilters(t *testing.T) {
	least := func(field string, v float64) func(plainRow) bool {
		return func(r plainRow) bool { return r.num(field) >= v }
	}
	filters := []struct {
		args ergo.Args
		keep func(plainRow) bool
	}{
		{ergo.Args{}, func(plainRow) bool { return true }},
		{ergo.Args{"application": "trading_bots"}, func(r plainRow) bool { return r.text("Application") == "trading_bots" }},
		{ergo.Args{"application": "trading"}, func(plainRow) bool { return false }},
		{ergo.Args{"behavior": "Book"}, func(r plainRow) bool { return strings.Contains(r.text("Behavior"), "Book") }},
		{ergo.Args{"name": "fx_"}, func(r plainRow) bool { return strings.Contains(r.text("Name"), "fx_") }},
		{ergo.Args{"state": "SLEEP"}, func(r plainRow) bool { return r.text("State") == "sleep" }},
		{ergo.Args{"state": "wait response"}, func(r plainRow) bool { return r.text("State") == "wait response" }},
		{ergo.Args{"state": "wait_response"}, func(r plainRow) bool { return r.text("State") == "wait response" }},
		{ergo.Args{"min_messages_in": json.Number("100")}, least("MessagesIn", 100)},
		{ergo.Args{"min_messages_out": json.Number("100")}, least("MessagesOut", 100)},
		{ergo.Args{"min_mailbox": json.Number("1")}, least("MessagesMailbox", 1)},
		{ergo.Args{"min_mailbox_latency_ms": json.Number("0.5")}, least("MailboxLatency", 0.5e6)},
		{ergo.Args{"min_running_time_ms": json.Number("1.5")}, least("RunningTime", 1.5e6)},
		{ergo.Args{"min_init_time_ms": json.Number("0.01")}, least("InitTime", 1e4)},
		{ergo.Args{"min_wakeups": json.Number("50")}, least("Wakeups", 50)},
		{ergo.Args{"min_uptime": json.Number("30")}, least("Uptime", 30)},
		{ergo.Args{"max_uptime": json.Number("5")}, func(r plainRow) bool { return r.num("Uptime") <= 5 }},
		{ergo.Args{"limit": "3", "name": "sup"}, func(r plainRow) bool { return strings.Contains(r.text("Name"), "sup") }},
		{ergo.Args{"name": "fx_", "min_uptime": json.Number("10")}, func(r plainRow) bool {
			return strings.Contains(r.text("Name"), "fx_") && r.num("Uptime") >= 10
		}},
	}
	for _, path := range captures(t) {
		rec, lines := load(t, path)
		for _, l := range wholeLists(lines) {
			all := plainRows(t, l.Answer.Text)
			for _, f := range filters {
				want := slices.DeleteFunc(slices.Clone(all), func(r plainRow) bool { return !f.keep(r) })
				name := fmt.Sprintf("%s %s %s", nameOf(path), l.Call.Node, f.args)
				got := list(t, rec, l, f.args.With("limit", limitOf(f.args)))
				if canonical(t, []byte(jsonOf(t, got))) != canonical(t, []byte(jsonOf(t, want))) && len(got)+len(want) > 0 {
					t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
				}
			}
			checkOrders(t, rec, l, all)
		}
	}
}

// limitOf is a limit that cuts nothing, or the odd one that the case brings.
func limitOf(a ergo.Args) any {
	if l, ok := a["limit"]; ok {
		return l
	}
	return json.Number("100000")
}

// wholeLists are some whole process lists of the capture.
func wholeLists(lines []*capture.Line) (some []*capture.Line) {
	n := 0
	for _, l := range lines {
		limit, _ := l.Call.Args.Int("limit")
		if l.Call.Tool == "process_list" && limit >= 100000 && l.Refused == nil {
			if n++; n%pace.Times(29, 97, 97) == 1 {
				some = append(some, l)
			}
		}
	}
	return some
}

func list(tb testing.TB, rec *replay.Recording, l *capture.Line, args ergo.Args) []plainRow {
	tb.Helper()
	a, err := rec.At(l.Answer.At).Call(context.Background(), ergo.Call{Node: l.Call.Node, Tool: l.Call.Tool, Args: args})
	if err != nil {
		tb.Errorf("%s at %s: %v", args, l.Answer.At, err)
		return nil
	}
	if !a.At.Equal(l.Answer.At) {
		tb.Errorf("%s: answered from %s, not %s", args, a.At, l.Answer.At)
	}
	return plainRows(tb, a.Text)
}

func checkOrders(t *testing.T, rec *replay.Recording, l *capture.Line, all []plainRow) {
	t.Helper()
	field := func(f string) func(plainRow) float64 { return func(r plainRow) float64 { return r.num(f) } }
	for by, of := range map[string]func(plainRow) float64{
		"mailbox": field("MessagesMailbox"), "mailbox_latency": field("MailboxLatency"),
		"running_time": field("RunningTime"), "init_time": field("InitTime"), "wakeups": field("Wakeups"),
		"uptime": field("Uptime"), "messages_in": field("MessagesIn"), "messages_out": field("MessagesOut"),
		"drain": func(r plainRow) float64 {
			if r.num("Wakeups") == 0 {
				return 0
			}
			return r.num("MessagesIn") / r.num("Wakeups")
		},
	} {
		var want, got []float64
		for _, r := range all {
			want = append(want, of(r))
		}
		slices.Sort(want)
		slices.Reverse(want)
		for _, r := range list(t, rec, l, ergo.Args{"sort_by": by, "limit": json.Number("7")}) {
			got = append(got, of(r))
		}
		if !slices.Equal(got, want[:min(7, len(want))]) {
			t.Errorf("sort_by %s: got %v, want %v", by, got, want[:min(7, len(want))])
		}
	}
}

// TestProcessListLimit: the documentation says that 0 means all, and a live
// node shows 100.
func TestProcessListLimit(t *testing.T) {
	rec, at := crowd(t, 250)
	for _, c := range []struct {
		args     ergo.Args
		faithful bool
		want     int
	}{
		{ergo.Args{}, false, 100},
		{ergo.Args{"limit": json.Number("0")}, false, 250},
		{ergo.Args{"limit": json.Number("-1")}, false, 250},
		{ergo.Args{"limit": json.Number("0")}, true, 100},
		{ergo.Args{"limit": json.Number("120")}, false, 120},
		{ergo.Args{"limit": json.Number("1000")}, false, 250},
	} {
		m := rec.Moment(at)
		if c.faithful {
			m = rec.Faithful(at)
		}
		a, err := m.Call(context.Background(), ergo.Call{Tool: "process_list", Args: c.args})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(plainRows(t, a.Text)); n != c.want {
			t.Errorf("%s, faithful %v: %d rows, want %d", c.args, c.faithful, n, c.want)
		}
	}
}

// crowd is a recording of one node with n processes, asked twice.
func crowd(tb testing.TB, n int) (*replay.Recording, time.Time) {
	tb.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var lines []*capture.Line
	for i := range 2 {
		t := at.Add(time.Duration(i) * 2 * time.Second)
		lines = append(lines,
			said(t, "one@host", "cluster_nodes", nil, `[{"name":"one@host","status":"self"}]`),
			said(t, "one@host", "node_info", nil, fmt.Sprintf(`{"Name":"one@host","Uptime":%d,"ProcessesTotal":%d,"ServerTime":%q}`, 100+2*i, n, t.Format(time.RFC3339Nano))),
			said(t, "one@host", "process_list", ergo.Args{"limit": json.Number("100000")}, processRows(n)),
		)
	}
	return record(tb, lines), at.Add(3 * time.Second)
}

func processRows(n int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"PID":"<ABCD.0.%d>","Name":"p%d","Application":"app","Behavior":"app.Worker","MessagesIn":%d,"MessagesOut":2,"MessagesMailbox":%d,"MailboxLatency":-1,"RunningTime":%d,"InitTime":7,"Wakeups":3,"Uptime":50,"State":"sleep","StateTime":123456,"Parent":"<ABCD.0.%d>","Leader":"<ABCD.0.1>","LogLevel":"info"}`,
			1000+i, i, i*3, i%7, i*1000, 1000+i/10)
	}
	b.WriteByte(']')
	return b.String()
}

func said(at time.Time, node, tool string, args ergo.Args, text string) *capture.Line {
	return &capture.Line{
		Call:   ergo.Call{Node: node, Tool: tool, Args: args},
		Answer: ergo.Answer{Text: []byte(text), At: at, Took: time.Millisecond},
	}
}

// TestChildren checks the tree of process_children against the parents of the
// whole table.
func TestChildren(t *testing.T) {
	for _, path := range captures(t) {
		rec, lines := load(t, path)
		some := wholeLists(lines)
		for _, l := range some[:min(pace.Times(4, 1, 1), len(some))] {
			all := plainRows(t, l.Answer.Text)
			for _, parent := range all {
				if parent.text("Name") == "" {
					continue
				}
				for _, deep := range []bool{false, true} {
					want := descendants(all, parent.text("PID"), deep)
					for _, who := range []string{parent.text("Name"), otherCRC(parent.text("PID"))} {
						call := ergo.Call{Node: l.Call.Node, Tool: "process_children", Args: ergo.Args{"parent": who, "recursive": deep}}
						a, err := rec.At(l.Answer.At).Call(context.Background(), call)
						if err != nil {
							t.Fatal(err)
						}
						if got := pids(plainRows(t, a.Text)); !slices.Equal(got, want) {
							t.Errorf("%s: %s: got %v, want %v", nameOf(path), call, got, want)
						}
					}
				}
			}
		}
	}
}

func otherCRC(pid string) string {
	_, rest, _ := strings.Cut(pid, ".")
	return "<DEADBEEF." + rest
}

func pids(rows []plainRow) (list []string) {
	for _, r := range rows {
		list = append(list, r.text("PID"))
	}
	slices.Sort(list)
	return list
}

func descendants(all []plainRow, pid string, deep bool) (list []string) {
	for _, r := range all {
		if r.text("Parent") != pid {
			continue
		}
		list = append(list, r.text("PID"))
		if deep {
			list = append(list, descendants(all, r.text("PID"), true)...)
		}
	}
	slices.Sort(list)
	return list
}

// TestEventFilters checks every filter and order of event_list against the
// whole table of the same moment.
func TestEventFilters(t *testing.T) {
	cases := []struct {
		args ergo.Args
		keep func(plainRow) bool
	}{
		{ergo.Args{"name": "ticks"}, func(r plainRow) bool { return strings.Contains(r.text("Event"), ":ticks") }},
		{ergo.Args{"notify": true}, func(r plainRow) bool { return r["Notify"] == true }},
		{ergo.Args{"notify": false}, func(r plainRow) bool { return r["Notify"] == false }},
		{ergo.Args{"has_buffer": true}, func(r plainRow) bool { return r.num("BufferSize") > 0 }},
		{ergo.Args{"min_subscribers": json.Number("2")}, func(r plainRow) bool { return r.num("Subscribers") >= 2 }},
		{ergo.Args{"max_subscribers": json.Number("0")}, func(r plainRow) bool { return r.num("Subscribers") == 0 }},
		{ergo.Args{"min_published": json.Number("50")}, func(r plainRow) bool { return r.num("MessagesPublished") >= 50 }},
		{ergo.Args{"max_published": json.Number("0")}, func(r plainRow) bool { return r.num("MessagesPublished") == 0 }},
		{ergo.Args{"min_local_sent": json.Number("100")}, func(r plainRow) bool { return r.num("MessagesLocalSent") >= 100 }},
		{ergo.Args{"min_remote_sent": json.Number("1")}, func(r plainRow) bool { return r.num("MessagesRemoteSent") >= 1 }},
		{ergo.Args{"producer": ".0.1>"}, func(r plainRow) bool { return strings.Contains(r.text("Producer"), ".0.1>") }},
		{ergo.Args{"utilization_state": "active"}, func(r plainRow) bool {
			return r.num("MessagesPublished") > 0 && r.num("Subscribers") > 0
		}},
		{ergo.Args{"utilization_state": "no_subscribers"}, func(r plainRow) bool {
			return r.num("MessagesPublished") > 0 && r.num("Subscribers") == 0 && r["Notify"] == false
		}},
		{ergo.Args{"utilization_state": "idle"}, func(r plainRow) bool {
			return r.num("MessagesPublished") == 0 && r.num("Subscribers") == 0 && r["Notify"] == false
		}},
		{ergo.Args{"utilization_state": "no_publishing"}, func(r plainRow) bool {
			return r.num("MessagesPublished") == 0 && r.num("Subscribers") > 0 && r["Notify"] == false
		}},
		{ergo.Args{"utilization_state": "on_demand"}, func(r plainRow) bool {
			return r["Notify"] == true && (r.num("MessagesPublished") == 0 || r.num("Subscribers") == 0)
		}},
	}
	for _, path := range captures(t) {
		rec, lines := load(t, path)
		n := 0
		for _, l := range lines {
			if l.Call.Tool != "event_list" || l.Refused != nil {
				continue
			}
			if n++; n%23 != 1 {
				continue
			}
			all := plainRows(t, l.Answer.Text)
			for _, c := range cases {
				want := slices.DeleteFunc(slices.Clone(all), func(r plainRow) bool { return !c.keep(r) })
				got := list(t, rec, l, c.args)
				if len(got)+len(want) > 0 && canonical(t, []byte(jsonOf(t, got))) != canonical(t, []byte(jsonOf(t, want))) {
					t.Errorf("%s: %s: %d rows, want %d", nameOf(path), c.args, len(got), len(want))
				}
			}
		}
	}
}
