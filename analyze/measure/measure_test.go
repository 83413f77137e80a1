package measure_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/measure"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// small is a recording whose numbers are known: one actor that gets a message a
// second, evenly, and handles each in 100 ms.
func small(t testing.TB) *replay.Recording {
	t.Helper()
	c := sim.New(3, 0)
	c.Nodes = c.Nodes[:1]
	c.Nodes[0].Add(&sim.Actor{Name: "clock", Behavior: "shop.Clock", Rate: 1, Service: 100 * time.Millisecond, Regular: true})
	c.Edit = func(_ *sim.Node, tool string, at time.Duration, answer any) any {
		if tool == "app_list" && at > time.Minute {
			return &ergo.ToolError{Code: -32000, Message: "busy"}
		}
		return answer
	}
	return fixture.Recorded(t, c.Records())
}

func TestOf(t *testing.T) {
	rec := small(t)
	for _, tt := range []struct {
		of, tool, row string
		where         map[string]string
		want          any
	}{
		{"rate(MessagesIn)", "process_list", "clock", nil, 1.0},
		{"rate(MessagesIn - MessagesMailbox)", "process_list", "clock", nil, 1.0},
		{"change(RunningTime) / change(MessagesIn) / 1e6", "process_list", "clock", nil, 100.0},
		{"median(rates(MessagesIn))", "process_list", "", nil, 1.0}, // the supervisor gets none
		{"-1 + 2 * 3 - 4 / 2", "process_list", "", nil, 3.0},
		{"last(State)", "process_list", "clock", nil, "sleep"},
		{"changes(PID)", "process_list", "clock", nil, 0.0},
		{"max(rows)", "process_list", "", nil, 2.0},
		{"max(rows)", "process_list", "", map[string]string{"Behavior": "shop.Clock"}, 1.0},
		{"max(rows)", "process_list", "", map[string]string{"Behavior": "shop.Other"}, 0.0},
		{"count(at)", "node_info", "", nil, 90.0},
		{"sum(failed)", "node_info", "", nil, 0.0},
		{"sum(failed)", "app_list", "", nil, 59.0},
		{"max(took)", "node_info", "", nil, 0.003},
		{"rate(Uptime)", "node_info", "", nil, 1.0},
		{"slope(Uptime)", "node_info", "", nil, 1.0},
		{"quantile(steps(Uptime), 0.5)", "node_info", "", nil, 2.0},
		{"seconds('2026-11-22T10:00:00Z', '2026-11-22T10:01:30Z')", "node_info", "", nil, 90.0},
		{"abs(floor(0 - 1.5))", "node_info", "", nil, 2.0},
	} {
		a, err := measure.Of(t.Context(), rec, measure.Question{Of: tt.of, Tool: tt.tool, Node: "north@lab", Row: tt.row, Where: tt.where})
		if err != nil {
			t.Errorf("%s: %v", tt.of, err)
			continue
		}
		got, isNumber := a.Value.(float64)
		want, wantNumber := tt.want.(float64)
		if isNumber != wantNumber || isNumber && math.Abs(got-want) > 0.02*math.Abs(want)+1e-9 || !isNumber && a.Value != tt.want {
			t.Errorf("%s is %v, want %v", tt.of, a.Value, tt.want)
		}
	}
}

// TestWindow holds that both ends of a window are part of it.
func TestWindow(t *testing.T) {
	rec := small(t)
	all, err := measure.Of(t.Context(), rec, measure.Question{Of: "count(at)", Tool: "node_info", Node: "north@lab"})
	if err != nil {
		t.Fatal(err)
	}
	q := measure.Question{Of: "count(at)", Tool: "node_info", Node: "north@lab", From: all.First, To: all.First.Add(4 * time.Second)}
	a, err := measure.Of(t.Context(), rec, q)
	if err != nil || a.Value != 3.0 {
		t.Errorf("%v answers in 4 s, both ends included, %v; want 3", a.Value, err)
	}
	q.From = q.To
	if a, err = measure.Of(t.Context(), rec, q); err != nil || a.Value != 1.0 {
		t.Errorf("%v answers at an instant that has one, %v", a.Value, err)
	}
}

// TestRefusals: what cannot be answered says why, and never panics.
func TestRefusals(t *testing.T) {
	rec := small(t)
	for of, says := range map[string]string{
		"":                               "it ends here",
		"rate(":                          "it ends here",
		"rate(MessagesIn":                "a ) is missing",
		"MessagesIn":                     "is a curve",
		"rate(MessagesInn)":              "MessagesIn",
		"nosuch(MessagesIn)":             "there is no function",
		"rate(MessagesIn, 2)":            "takes 1 values",
		"last(State) + 1":                "texts cannot",
		"1 / 0":                          "is no number",
		"'a":                             "closing",
		"1.2.3":                          "is no number",
		"max(MessagesIn) )":              "unexpected",
		strings.Repeat("(", 500):         "nests deeper",
		strings.Repeat("-", 500):         "nests deeper",
		strings.Repeat("1+", 2000):       "at most",
		"seconds('x', 'y')":              "is no time",
		"rates(MessagesIn) + MessagesIn": "different answers",
	} {
		_, err := measure.Of(t.Context(), rec, measure.Question{Of: of, Tool: "process_list", Node: "north@lab"})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v, want one that says %q", of, err, says)
		}
	}
	for _, q := range []measure.Question{
		{Of: "max(rows)", Tool: "no_tool", Node: "north@lab"},
		{Of: "max(rows)", Tool: "process_list", Node: "nowhere@lab"},
		{Of: "max(MessagesIn)", Tool: "process_list", Node: "north@lab", Row: "nobody"},
		{Of: "max(rows)", Tool: "process_list", Node: "north@lab", Where: map[string]string{"Behaviour": "x"}},
		{Of: "max(rows)", Tool: "event_list", Node: "north@lab"},
	} {
		if a, err := measure.Of(t.Context(), rec, q); err == nil {
			t.Errorf("%+v is answered with %v", q, a.Value)
		}
	}
}

func FuzzFormula(f *testing.F) {
	rec := small(f)
	for _, s := range []string{"rate(MessagesIn - MessagesMailbox)", "most(MailboxLatency)/1e9", "low(`a`,'b')", "quantile(rates(Wakeups), 0.9)", "change(1)", "median(State)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, formula string) {
		_, _ = measure.Of(t.Context(), rec, measure.Question{Of: formula, Tool: "process_list", Node: "north@lab"})
	})
}
