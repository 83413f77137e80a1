package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

var begin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// A tick is what one second of a recording holds; "" leaves it out.
type tick func(second int) (processes, node string)

// recorded is a recording of one node, an answer a second.
func recorded(t *testing.T, seconds int, say tick) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	for i := range seconds {
		processes, node := say(i)
		for tool, text := range map[string]string{"process_list": processes, "node_info": node} {
			if text == "" {
				continue
			}
			ans := ergo.Answer{Text: []byte(text), At: begin.Add(time.Duration(i) * time.Second)}
			records = append(records, ingest.Record(ergo.Call{Node: "a@h", Tool: tool}, nil, ans, nil, ingest.Options{}))
		}
	}
	return fixture.Recorded(t, records)
}

// process is a row of the process table.
func process(id int, name string, in, mailbox, latency int) string {
	return fmt.Sprintf(`{"PID":"<AAAAAAAA.0.%d>","Name":%q,"Application":"shop","Behavior":"x.Y","State":"running","Parent":null,"MessagesIn":%d,"MessagesMailbox":%d,"MailboxLatency":%d}`,
		id, name, in, mailbox, latency)
}

// rule is a file of one rule over processes.
func rule(when, lasting string) string {
	return fmt.Sprintf("rules:\n  - name: r\n    over: processes\n    when: %s\n    for: %s\n    severity: warning\n    text: It is so.\n    recommendation: Mend it.\n", when, lasting)
}

func parse(t *testing.T, text string) *Set {
	t.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// watched is what one rule says of a recording.
func watched(t *testing.T, rec *replay.Recording, s *Set) *Watched {
	t.Helper()
	from, to := rec.Window()
	all, err := s.Watch(t.Context(), rec, rec.Nodes()[0], from, to, func(err error) { t.Error(err) })
	if err != nil || len(all) != 1 {
		t.Fatalf("%d rules, %v", len(all), err)
	}
	return all[0]
}

// stretches are the seconds in which the rule held, by the names of rows.
func stretches(w *Watched) string {
	var out []string
	for _, m := range w.Matches {
		for _, s := range m.Stretches {
			text := fmt.Sprintf("%s %d-%d", m.Row.Name, int(s.From.Sub(begin).Seconds()), int(s.To.Sub(begin).Seconds()))
			if s.Open {
				text += "+"
			}
			out = append(out, text)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(strings.Fields(a)[0], strings.Fields(b)[0]) })
	return strings.Join(out, ", ")
}

// TestWatch: what holds when, over fields, rates, windows and baselines.
func TestWatch(t *testing.T) {
	rec := recorded(t, 120, func(i int) (string, string) {
		deep, in := 0, 10*i
		if i >= 40 && i < 60 || i == 70 || i >= 100 {
			deep = 2000
		}
		if i > 80 {
			in = 720 + i // ten a second until then, one after it
		}
		rows := []string{process(1, "deep", i, deep, -1), process(2, "busy", in, 0, -1)}
		if i < 30 {
			rows = append(rows, process(3, "brief", i, 5000, -1))
		}
		return "[" + strings.Join(rows, ",") + "]", ""
	})
	for _, tt := range []struct{ when, lasting, want string }{
		{"MessagesMailbox > 1000", "10s", "brief 0-29, deep 40-59, deep 100-119+"},
		{"MessagesMailbox > 1000", "0s", "brief 0-29, deep 40-59, deep 70-70, deep 100-119+"},
		{"MessagesMailbox > 1000", "25s", "brief 0-29"},
		{`Name.startsWith("d") && MessagesMailbox >= 2e3 && node == "a@h"`, "15s", "deep 40-59, deep 100-119+"},
		{"rate(MessagesIn) < 2", "0s", "brief 1-29, busy 81-119+, deep 1-119+"},
		{`mean(rate(MessagesIn), "10s") < 5`, "0s", "brief 11-29, busy 87-119+, deep 11-119+"},
		{`max(MessagesMailbox, "20s") == 0`, "0s", "busy 20-119+, deep 20-39, deep 91-99"},
		{`min(MessagesMailbox, "10s") > 0`, "0s", "brief 10-29, deep 50-59, deep 110-119+"},
		{`delta(MessagesIn, "10s") == 100`, "0s", "busy 10-80"},
		{"rate(MessagesIn) < 0.5 * baseline(rate(MessagesIn))", "5s", "busy 81-119+"},
		{"MessagesMailbox > 2 * baseline(MessagesMailbox) + 10", "5s", "deep 40-59, deep 100-119+"},
		{"MailboxLatency > 0", "0s", ""},
		{`Kind != "supervisor"`, "0s", ""},
		{`Parent != ""`, "0s", ""},
		{"MailboxLatency > 0 || MessagesMailbox > 1000", "25s", "brief 0-29"},
		{`["deep", "x"].exists(n, n == Name) && size(Name) == int(4)`, "90s", "deep 0-119+"},
	} {
		if got := stretches(watched(t, rec, parse(t, rule(`'`+tt.when+`'`, tt.lasting)))); got != tt.want {
			t.Errorf("%s for %s:\n got %s\nwant %s", tt.when, tt.lasting, got, tt.want)
		}
	}
	w := watched(t, rec, parse(t, rule("MailboxLatency > 0", "0s")))
	if w.Told != 0 || w.Untold == 0 || w.Lacks != "MailboxLatency" {
		t.Errorf("a value that the node does not have: %+v", w)
	}
	w = watched(t, rec, parse(t, rule("MessagesMailbox / (MessagesMailbox - MessagesMailbox) > 0 && Name.matches('d+')", "0s")))
	if w.Failed != nil {
		t.Errorf("a division by 0 of numbers that are no integers: %v", w.Failed)
	}
}

// TestGaps: nothing is claimed across a gap, nor across the start of a node.
func TestGaps(t *testing.T) {
	rec := recorded(t, 100, func(i int) (string, string) {
		creation, up := 1795309000, i+1000
		if i >= 80 {
			creation, up = 1795309279, i-80
		}
		node := fmt.Sprintf(`{"Name":"a@h","Uptime":%d,"Creation":%d,"ServerTime":"2026-11-22T01:00:00Z"}`, up, creation)
		if i >= 30 && i < 50 {
			return "", node
		}
		return "[" + process(1, "deep", 10*i, 2000, -1) + "]", node
	})
	for _, tt := range []struct{ when, lasting, want string }{
		{"MessagesMailbox > 1000", "10s", "deep 0-29, deep 50-79, deep 80-99+"},
		{"MessagesMailbox > 1000", "30s", ""},
		{`mean(MessagesMailbox, "10s") > 0`, "0s", "deep 10-29, deep 60-79, deep 90-99+"},
		{`rate(MessagesIn) > 0`, "0s", "deep 1-29, deep 51-79, deep 81-99+"},
	} {
		if got := stretches(watched(t, rec, parse(t, rule(tt.when, tt.lasting)))); got != tt.want {
			t.Errorf("%s for %s:\n got %s\nwant %s", tt.when, tt.lasting, got, tt.want)
		}
	}
}

// TestProblems: what is wrong is told with its place in the file.
func TestProblems(t *testing.T) {
	head := "rules:\n  - name: r\n    over: processes\n    severity: warning\n    text: t\n    recommendation: r\n"
	for _, tt := range []struct{ text, want string }{
		{"", "1:1: the file is empty"},
		{"rules: 3\n", "1:8: rules is a list"},
		{"rulez:\n  - name: x\n", "1:1: a file of rules holds one key"},
		{head, "2:5: rule r: it has no when"},
		{head + "    when: MessagesMailbx > 10\n", `7:11: rule r: there is no "MessagesMailbx"; did you mean MessagesMailbox?`},
		{head + "    when: |\n      MessagesMailbox > 10 &&\n        Name > 10\n", "9:14: rule r: found no matching overload for '_>_'"},
		{head + "    when: >\n      MessagesMailbox > 10 &&\n\n        Naem == 'x'\n", `10:9: rule r: there is no "Naem"`},
		{head + "    when: 'Name == ''x'' && Naem == ''y'''\n", `7:29: rule r: there is no "Naem"`},
		{head + "    when: \"Name == \\\"x\\\" && Naem == \\\"y\\\"\"\n", `7:29: rule r: there is no "Naem"`},
		{head + "    when: MessagesMailbox > 10\n      && Naem == 'y'\n", `8:10: rule r: there is no "Naem"`},
		{head + "    when: MessagesMailbox\n", "7:11: rule r: it gives a number"},
		{head + "    when: MessagesMailbox >\n", "7:"},
		{head + "    when: rate(Name) > 1\n", "7:16: rule r: Name is a text: rate is of a number"},
		{head + "    when: rate(MesagesIn) > 1\n", `7:16: rule r: there is no field "MesagesIn"; did you mean MessagesIn?`},
		{head + "    when: mean(MessagesIn) > 1\n", "7:16: rule r: mean wants a window"},
		{head + "    when: mean(MessagesIn, \"5\") > 1\n", "7:28: rule r: a window is a text such as"},
		{head + "    when: mean(MessagesIn, \"25h\") > 1\n", "7:28: rule r: a window is a text such as"},
		{head + "    when: mean(MessagesIn + 1, \"5m\") > 1\n", "rule r: mean is of a field"},
		{head + "    when: mean(max(MessagesIn, \"5m\"), \"5m\") > 1\n", "rule r: mean is of a field, or of its rate(FIELD)"},
		{head + "    when: true\n    wen: x\n", `8:5: rule r: there is no key "wen"; did you mean when?`},
		{head + "    when: true\n    for: soon\n", `8:10: rule r: for: "soon" is no time`},
		{head + "    when: true\n    for: -1s\n", "8:10: rule r: for:"},
		{strings.Replace(head, "warning", "grave", 1) + "    when: true\n", `4:15: rule r: there is no severity "grave"`},
		{strings.Replace(head, "over: processes", "over: proceses", 1) + "    when: true\n", `3:11: rule r: there is no reading "proceses" to look over; did you mean processes?`},
		{strings.Replace(head, "name: r", "name: a b", 1) + "    when: true\n", `2:11: "a b" is no name`},
		{head + "    when: true\n" + strings.TrimPrefix(head, "rules:\n") + "    when: true\n", "8:5: rule r: there is a rule of that name already"},
		{"\t", "rules: yaml"},
	} {
		_, err := Parse([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
		if p := (*Problem)(nil); err != nil && errors.As(err, &p) && (p.Line < 1 || p.Column < 1) {
			t.Errorf("%v: no place", p)
		}
	}
}

// TestCost: an expression that would go on for ever ends, and is told.
func TestCost(t *testing.T) {
	rec := recorded(t, 3, func(i int) (string, string) { return "[" + process(1, "deep", i, 2000, -1) + "]", "" })
	list := "[" + strings.TrimSuffix(strings.Repeat("1,", 30), ",") + "]"
	when := list + ".all(a, " + list + ".all(b, " + list + ".all(c, a + b + c + MessagesMailbox > 0)))"
	w := watched(t, rec, parse(t, rule("'"+when+"'", "0s")))
	if w.Failed == nil || !strings.Contains(w.Failed.Error(), "cost") || len(w.Matches) > 0 {
		t.Errorf("27,000 steps: %v", w.Failed)
	}
	deep := strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100)
	if _, err := Parse([]byte(rule(deep, "0s"))); err == nil {
		t.Error("a hundred brackets are read")
	}
}

// TestExamples: the rules that ship are right, and cost little.
func TestExamples(t *testing.T) {
	s := parse(t, string(Examples))
	if len(s.Rules) != 10 {
		t.Errorf("%d examples", len(s.Rules))
	}
	for _, r := range s.Rules {
		if !strings.HasSuffix(r.Text, ".") || !strings.HasSuffix(r.Recommendation, ".") {
			t.Errorf("%s: no whole sentences", r.Name)
		}
		x := newRow(r, "a@h")
		for i, f := range r.expr.fields {
			x.fields[i] = value{num: 1e12 + 1}
			if f.Kind == ergo.Text {
				x.fields[i].text = strings.Repeat("x", 64)
			}
		}
		for i := range x.asked {
			x.asked[i] = value{num: 1e12}
		}
		_, details, err := r.expr.program.Eval(x)
		if err != nil || *details.ActualCost() > maxCost/100 {
			t.Errorf("%s: %v, cost %v", r.Name, err, *details.ActualCost())
		}
	}
}

// TestFindings: what the detectors claim, and of what they say nothing.
func TestFindings(t *testing.T) {
	rec := recorded(t, 60, func(i int) (string, string) {
		var rows []string
		for k := range 15 {
			deep := 0
			if i >= 20 && i < 40 {
				deep = 1000 + k
			}
			rows = append(rows, process(k+1, fmt.Sprintf("p%02d", k), i, deep, -1))
		}
		return "[" + strings.Join(rows, ",") + "]", ""
	})
	text := rule("MessagesMailbox > 1000", "10s")
	text += strings.Replace(strings.TrimPrefix(rule("MailboxLatency > 0", "10s"), "rules:\n"), "name: r", "name: late", 1)
	text += strings.Replace(strings.TrimPrefix(rule("MessagesMailbox > 1e6", "10s"), "rules:\n"), "name: r", "name: huge", 1)
	s, err := scene.Read(t.Context(), rec, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := &finding.Verdict{Playbook: Playbook}
	for _, d := range parse(t, text).Detectors() {
		if err := d.Run(t.Context(), s, v); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.Findings) != maxFindings || len(v.Healthy) != 1 || len(v.Skipped) != 1 {
		t.Fatalf("%d findings, healthy %v, skipped %v", len(v.Findings), v.Healthy, v.Skipped)
	}
	f := v.Findings[0]
	at := begin.Add(20 * time.Second)
	if f.Subject.Name != "p01" || f.Rule != "r" || !f.Onset.Equal(at) || f.End == nil || !f.End.Equal(begin.Add(39*time.Second)) || f.OnsetErrorS != 1 {
		t.Errorf("%+v", f)
	}
	if f.Title != "rule r: p01 on a@h" || !strings.Contains(f.Summary, "It held from 01:00:20 to 01:00:39, in 20 answers.") {
		t.Errorf("%s: %s", f.Title, f.Summary)
	}
	if got := f.Evidence[0]; got.Tool != "process_list" || got.Values["MessagesMailbox"] != 1001.0 || got.Records[0] != finding.RecordName("a@h", "process_list", at) {
		t.Errorf("evidence %+v", got)
	}
	if e := f.Evidence[0]; e.Values["answers"] != 20 || e.Calls["answers"].Arguments["of"] != "count(rows)" || e.Calls["MessagesMailbox"].Arguments["of"] != "last(MessagesMailbox)" {
		t.Errorf("calls %+v", e.Calls)
	}
	if got := f.Evidence[1].Lines; len(got) != 4 || got[0] != "p11 on a@h" {
		t.Errorf("the others: %v", got)
	}
	if !strings.Contains(v.Healthy[0], "a@h: rule huge did not hold: 900 rows of 60 answers") || !strings.Contains(v.Skipped[0].Why, "rule late: it cannot be told: MailboxLatency was never known") {
		t.Errorf("healthy %v, skipped %v", v.Healthy, v.Skipped)
	}
	finding.Identify(f)
	one := f.ID
	f.Rule = "another"
	if finding.Identify(f); f.ID == one {
		t.Error("two rules about one process are one finding")
	}
}

// TestWindow: a window of a recording is judged with what lies before it.
func TestWindow(t *testing.T) {
	rec := recorded(t, 100, func(i int) (string, string) {
		return "[" + process(1, "deep", i, 2000*min(i/50, 1), -1) + "]", ""
	})
	s := parse(t, rule(`min(MessagesMailbox, "20s") > 0`, "20s"))
	all, err := s.Watch(t.Context(), rec, rec.Nodes()[0], begin.Add(95*time.Second), begin.Add(99*time.Second), nil)
	if err != nil || stretches(all[0]) != "deep 71-99+" || !all[0].Matches[0].Stretches[0].Since.IsZero() {
		t.Errorf("%v, %v", stretches(all[0]), err)
	}
	all, err = s.Watch(t.Context(), rec, rec.Nodes()[0], begin.Add(10*time.Second), begin.Add(40*time.Second), nil)
	if err != nil || len(all[0].Matches) > 0 {
		t.Errorf("%v, %v", stretches(all[0]), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Examples)
	f.Add([]byte(rule("rate(MessagesIn) > 1 && Name == 'x'", "1m")))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := Parse(text); err == nil && len(s.Rules) == 0 {
			t.Error("no rule and no error")
		}
	})
}

// BenchmarkWatch is what the examples cost over the listings of 1,000 processes,
// a tenth of which work: per row, for all of them.
func BenchmarkWatch(b *testing.B) {
	const processes, seconds = 1000, 60
	var records []*archive.Record
	for i := range seconds {
		rows := make([]string, processes)
		for k := range rows {
			in := 0
			if k%10 == 0 {
				in = i * (k + 1)
			}
			rows[k] = process(k+1, fmt.Sprintf("p%d", k), in, 0, -1)
		}
		ans := ergo.Answer{Text: []byte("[" + strings.Join(rows, ",") + "]"), At: begin.Add(time.Duration(i) * time.Second)}
		records = append(records, ingest.Record(ergo.Call{Node: "a@h", Tool: "process_list"}, nil, ans, nil, ingest.Options{}))
	}
	rec := fixture.Recorded(b, records)
	set, err := Parse(Examples)
	if err != nil {
		b.Fatal(err)
	}
	from, to := rec.Window()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := set.Watch(b.Context(), rec, rec.Nodes()[0], from, to, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(processes*seconds), "ns/row")
}
