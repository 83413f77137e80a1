package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/replay"
)

var origin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return origin.Add(time.Duration(seconds) * time.Second) }

func line(seconds int, level, message string) replay.LogLine {
	return replay.LogLine{Node: "a@h", At: at(seconds), Level: level, Message: message, Source: "<A.0.7> ('worker') app.Worker"}
}

func mined(lines ...replay.LogLine) *logs.Miner {
	var m logs.Miner
	for _, l := range lines {
		m.Add(l)
	}
	return &m
}

func texts(m *logs.Miner) string {
	var b strings.Builder
	for _, t := range m.Templates() {
		fmt.Fprintf(&b, "%s %d %s\n", t.Level, t.Count, t.Text())
	}
	return b.String()
}

func TestMiner(t *testing.T) {
	tests := []struct {
		name     string
		messages []string // level, then message
		want     string
	}{
		{
			"numbers are parameters",
			[]string{"info journal flushed (1)", "info journal flushed (22)"},
			"info 2 journal flushed (<*>)\n",
		},
		{
			"words become parameters",
			[]string{"error risk check for SI failed: no route", "error risk check for GC failed: no route", "error risk check for 6E failed: no route"},
			"error 3 risk check for <*> failed: no route\n",
		},
		{
			"levels stay apart",
			[]string{"info lost it", "error lost it"},
			"error 1 lost it\ninfo 1 lost it\n",
		},
		{
			"lengths stay apart",
			[]string{"info lost it", "info lost it all"},
			"info 1 lost it\ninfo 1 lost it all\n",
		},
		{
			"different sentences stay apart",
			[]string{"error cannot open the book", "error cannot reach node now,", "error cannot open the door"},
			"error 2 cannot open the <*>\nerror 1 cannot reach node now,\n",
		},
		{
			"identities and addresses",
			[]string{
				"info new connection with 'b@h' (9F00AA12) <A.0.12> 127.0.0.1:4499 in 3.5ms at 2026-11-22 01:00:00 +0000 UTC",
				"info new connection with 'c@h' (11EE) <B.0.9> 10.0.0.1:1 in 12ms at 2026-11-22 01:00:07 +0000 UTC",
			},
			"info 2 new connection with <*> <*> <*> <*> in <*> at <*> +<*> UTC\n",
		},
		{
			"only the first line of a dump",
			[]string{"panic boom\ngoroutine 7\nmain.f", "panic boom\ngoroutine 9 and more"},
			"panic 2 boom\n",
		},
		{"empty", []string{"info ", "info "}, "info 2 \n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m logs.Miner
			for i, text := range test.messages {
				level, message, _ := strings.Cut(text, " ")
				m.Add(line(i, level, message))
			}
			if got := texts(&m); got != test.want {
				t.Errorf("templates\n%swant\n%s", got, test.want)
			}
		})
	}
}

func TestTemplateCounts(t *testing.T) {
	m := mined(line(5, "info", "tick 1"), line(0, "info", "tick 2"), line(5, "info", "tick 3"))
	tick := m.Templates()[0]
	if !tick.First.Equal(at(0)) || !tick.Last.Equal(at(5)) || tick.Between(at(0), at(5)) != 1 || tick.Between(at(5), at(6)) != 2 {
		t.Errorf("first %v, last %v, %d before 5 s, %d after", tick.First, tick.Last, tick.Between(at(0), at(5)), tick.Between(at(5), at(6)))
	}
	var seconds []int
	for second, n := range tick.PerSecond {
		seconds = append(seconds, int(second.Sub(origin).Seconds()), n)
	}
	if fmt.Sprint(seconds) != "[0 1 5 2]" {
		t.Errorf("per second: %v", seconds)
	}
	if len(tick.Sources) != 1 || tick.Sources[0].Count != 3 || tick.Sources[0].Source.Name != "worker" {
		t.Errorf("sources %+v", tick.Sources)
	}
}

func TestManyWordsStayBounded(t *testing.T) {
	var m logs.Miner
	for i := range 5000 {
		// The first word differs each time, as in logs that begin with a name.
		m.Add(line(i, "info", fmt.Sprintf("user%c%c%c has logged in now", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26)))
	}
	if n := len(m.Templates()); n > 101 {
		t.Errorf("%d templates of one sentence", n)
	}
}

func TestParseSource(t *testing.T) {
	tests := []struct{ text, pid, name, behavior string }{
		{"<11458782.0.1089> ('fx_eurusd') trading.FXFeed", "<11458782.0.1089>", "fx_eurusd", "trading.FXFeed"},
		{"<11458782.0.1089> 'fx_eurusd' trading.FXFeed", "<11458782.0.1089>", "fx_eurusd", "trading.FXFeed"},
		{"<11458782.0.1089> ('') trading.Session", "<11458782.0.1089>", "", "trading.Session"},
		{"<11458782.0.1089> trading.Session", "<11458782.0.1089>", "", "trading.Session"},
		{"Alias#<A.1.2.0> ('web') meta.Web", "Alias#<A.1.2.0>", "web", "meta.Web"},
		{"gamma@localhost", "", "", ""},
		{"", "", "", ""},
	}
	for _, test := range tests {
		got := logs.ParseSource(test.text)
		if want := (logs.Source{Text: test.text, PID: test.pid, Name: test.name, Behavior: test.behavior}); got != want {
			t.Errorf("source %q is %+v, want %+v", test.text, got, want)
		}
	}
}

func TestParsePanic(t *testing.T) {
	tests := []struct {
		message string
		want    logs.Panic
		ok      bool
	}{
		{
			"Actor terminated. Panic reason: runtime.boundsError{x:2, y:0, signed:true, code:0x0} at runtime.panicBounds64[/goroot/src/runtime/panic.go:236]",
			logs.Panic{Reason: "runtime.boundsError{x:2, y:0, signed:true, code:0x0}", Function: "runtime.panicBounds64", Place: "/goroot/src/runtime/panic.go:236"},
			true,
		},
		{
			`Actor terminated. Panic reason: "no price" at labapp/trading.(*FXFeed).decodeQuote[/src/app/fx.go:12]`,
			logs.Panic{Reason: `"no price"`, Function: "labapp/trading.(*FXFeed).decodeQuote", Place: "/src/app/fx.go:12", Application: "labapp/trading.(*FXFeed).decodeQuote"},
			true,
		},
		{"Panic reason: out of ideas", logs.Panic{Reason: "out of ideas"}, true},
		{"process terminated abnormally - panic", logs.Panic{}, false},
	}
	for _, test := range tests {
		if got, ok := logs.ParsePanic(test.message); ok != test.ok || got != test.want {
			t.Errorf("%q\n got %+v, %v\nwant %+v, %v", test.message, got, ok, test.want, test.ok)
		}
	}
}

func TestCompare(t *testing.T) {
	var lines []replay.LogLine
	for i := range 120 {
		if i%10 == 0 {
			lines = append(lines, line(i, "info", "all is well"))
		}
		if i%20 == 5 || i >= 60 {
			lines = append(lines, line(i, "warning", "running late by 3 s"))
		}
		if i >= 60 && i%6 == 4 {
			lines = append(lines, line(i, "error", fmt.Sprintf("lost order %d", i)))
		}
	}
	lines = append(lines, line(100, "warning", "once is nothing"))
	changes := logs.Compare(mined(lines...).Templates(), at(0), at(60), at(120), 0.001)
	if len(changes) != 2 {
		t.Fatalf("%d changes, want the lost orders and the delays", len(changes))
	}
	lost, late := changes[0], changes[1]
	if lost.Template.Text() != "lost order <*>" || lost.Before.Events != 0 || !lost.Since.Equal(at(64)) {
		t.Errorf("first %q, %g before, since %v", lost.Template.Text(), lost.Before.Events, lost.Since)
	}
	if late.Template.Text() != "running late by <*> s" || late.Before.Events == 0 || !late.Since.Equal(at(60)) {
		t.Errorf("second %q, %g before, since %v", late.Template.Text(), late.Before.Events, late.Since)
	}
	if got := logs.Compare(mined(lines...).Templates(), at(0), at(0), at(120), 0.001); got != nil {
		t.Errorf("%d changes against a baseline without length", len(got))
	}
}

// A burst a minute is how that log is, not a change.
func TestCompareKnowsClusters(t *testing.T) {
	var lines []replay.LogLine
	for _, burst := range []int{30, 200, 330, 470, 590, 605, 640, 700} {
		for range 20 {
			lines = append(lines, line(burst, "error", "a batch failed"))
		}
	}
	if got := logs.Compare(mined(lines...).Templates(), at(0), at(600), at(720), 0.001); len(got) != 0 {
		t.Errorf("three bursts after five are taken for a change at p = %g", got[0].P)
	}
}

func TestRank(t *testing.T) {
	if !(logs.Rank("panic") > logs.Rank("ERROR") && logs.Rank("error") > logs.Rank("warning") && logs.Rank("unheard of") == logs.Rank("info")) {
		t.Error("levels are out of order")
	}
}

func BenchmarkMiner(b *testing.B) {
	var m logs.Miner
	l := line(1, "error", "risk check for SI failed: no route to 'gamma@localhost' after 12ms")
	for b.Loop() {
		m.Add(l)
	}
}
