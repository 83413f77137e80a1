package capture

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ergorecorder/internal/cpu"
)

// TestTextCutOut: a line is read the same whether its text is taken out first
// or all of it goes to the general decoder.
func TestTextCutOut(t *testing.T) {
	for _, tt := range []struct {
		text string
		cut  bool
	}{
		{`"[{\"PID\":\"\\u003cA.0.1\\u003e\",\n \"N\":1}]"`, true},
		{`"plain \u00e9 \u20ac \b\f\r\t\/ ü"`, true},
		{`""`, true},
		{`null`, false},
		{`5`, false},
		{`"half a pair \ud83d"`, false},
		{`"a pair \ud83d\ude00"`, false},
		{"\"not UTF-8 \xff\"", false},
		{"\"control \x01\"", false},
		{`"no such escape \x"`, false},
		{`"short \u12"`, false},
		{`"not closed`, false},
		{`"twice","text":"b"`, false},
		{`"twice","Text":"b"`, false},
		{`"nested","other":{"text":"b","x":["}",{"y":"\\\""}]}`, true},
		{`"behind it","text2":"b","":0`, true},
		{`"broken","x":tru`, false},
		{`"comma",`, false},
	} {
		for _, form := range []string{
			`{"t":"2026-11-22T01:12:57.085936843Z","node":"a@h","tool":"t","args":{"timeout":10,"text":"x"},"ms":0.9,"text":%s,"is_error":false,"rpc_error":null}`,
			` { "text" : %s , "t":"2026-11-22T01:12:57Z","node":"a@h","tool":"t"} `,
		} {
			line := fmt.Appendf(nil, strings.ReplaceAll(form, "%s", "%[1]s"), tt.text)
			_, cut := cutText(line, nil)
			if cut != tt.cut && !strings.Contains(tt.text, "broken") {
				t.Errorf("%s: cut %v", line, cut)
			}
			got, err := Parse(line)
			want, wantErr := general(line)
			if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("%s:\n%+v, %v\nwant %+v, %v", line, got, err, want, wantErr)
			}
		}
	}
}

// TestPlainFields: a line whose fields are plain is read as the general decoder reads it, also by
// who read its arguments before.
func TestPlainFields(t *testing.T) {
	plain := map[string]string{
		"t": `"2026-11-22T01:12:57.085936843Z"`, "node": `"a@h"`, "tool": `"t"`, "args": `{"timeout": 10}`, "ms": "0.9", "text": `"x"`, "is_error": "false", "rpc_error": "null",
	}
	values := map[string][]string{
		"t":         {`"2026-11-22T01:12:57+02:00"`, `"2026"`, `null`, `5`, ``, `"a" "b"`},
		"node":      {`"\u0061@h"`, `""`, `null`, `"é@h"`, "\"\xff\"", "\"\x01\"", `"a@h" x`, `["a"]`},
		"tool":      {`"process_list"`, `{}`},
		"args":      {`null`, `{}`, `[]`, `{"a":[1,2,{"b":"}"}]}`, `{"a":1`, `{"a":1}}`, `{a:1}`, `{"timeout": 10} `, `{"timeout": 10}{}`, ``, `"{}"`, `{"a":"\ud83d"}`, `{"n":12345678901234567890}`},
		"ms":        {`0`, `1e3`, `-1`, `01`, `1.`, `"5"`, `null`, ``, `1e999`, `1 2`, `true`},
		"is_error":  {`true`, `null`, `0`, `truee`, ``},
		"rpc_error": {`{"code":-32603,"message":"no \"route\""}`, `nul`, `[]`, ``},
		"T":         {`"2027-11-22T01:12:57Z"`},
		"more":      {`1`, `{`},
	}
	line := func(field, value string, form string) []byte {
		var fields []string
		for _, name := range []string{"t", "node", "tool", "args", "ms", "text", "is_error", "rpc_error"} {
			if name != field {
				fields = append(fields, fmt.Sprintf(form, name, plain[name]))
			} else if value != "left out" {
				fields = append(fields, fmt.Sprintf(form, name, value))
			}
		}
		if plain[field] == "" && field != "" {
			fields = append(fields, fmt.Sprintf(form, field, value))
		}
		return []byte("{" + strings.Join(fields, ",") + "}")
	}
	known := asker{}
	for _, form := range []string{"%q:%s", " %q : %s\t"} {
		if _, err := known.parse(line("", "", form), nil); err != nil || len(known) == 0 {
			t.Fatal(err, known)
		}
		for field, vs := range values {
			for _, v := range append(vs, plain[field], "left out") {
				l := line(field, v, form)
				want, wantErr := general(l)
				for _, a := range []asker{nil, known, known} {
					got, err := a.parse(l, nil)
					if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) || err != nil && err.Error() != wantErr.Error() {
						t.Errorf("%s:\n%+v, %v\nwant %+v, %v", l, got, err, want, wantErr)
					}
				}
			}
		}
	}
}

// general reads a line as it was read before.
func general(line []byte) (*Line, error) {
	var w wire
	if err := json.Unmarshal(line, &w); err != nil {
		return nil, err
	}
	var text []byte
	if w.Text != nil {
		text = []byte(*w.Text)
	}
	w.Text = nil
	l, err := asker(nil).line(&w)
	if l != nil {
		l.Answer.Text = text
	}
	return l, err
}

// TestUnquoted: strings of every length, with what needs the decoder or an escape at every
// place, are read as encoding/json reads them, or left to it, whatever stands behind them.
func TestUnquoted(t *testing.T) {
	var room []byte
	for _, put := range []string{"", `\"`, `\\`, `\\\\`, `\\\"`, `\"\\`, `\u003c`, `\u00e9`, `\n`, "é", "€", "\U0001F600", "\xff", "\x1f", "\x7f", `\ud83d`, `\x`, `\u12`, `"`, "\\"} {
		for n := range 70 {
			for at := range n + 1 {
				lit := `"` + strings.Repeat("a", at) + put + strings.Repeat("b", n-at) + `"`
				var want string
				wrong := json.Unmarshal([]byte(lit), &want) != nil
				for _, behind := range []string{"", strings.Repeat(`,\"c"`, 30)} {
					got, end := unquoted(room[:0], []byte(lit+behind), 0)
					switch {
					case end < 0 && put == "" || end >= 0 && end < len(lit) && put != `"`:
						t.Fatalf("%q ends at %d", lit, end)
					case end == len(lit) && (wrong || string(got) != want):
						t.Fatalf("%q is %q, want %q, %v", lit, got, want, wrong)
					case end > len(lit) && !wrong, end < 0 && !wrong && strings.Trim(put, `\"`) == "":
						t.Fatalf("%q before %q ends at %d", lit, behind, end)
					}
					if end >= 0 {
						room = got
					}
				}
			}
		}
	}
}

func BenchmarkUnquoted(b *testing.B) {
	line := []byte(`"` + strings.Repeat(`{\"PID\":\"\u003cA1B2C3D4.0.1012\u003e\",\"Name\":\"worker_1\",\"MessagesIn\":12345,\"State\":\"sleep\"},`, 1000) + `"`)
	room := make([]byte, len(line)+8)
	began := cpu.Spent()
	for b.Loop() {
		if _, end := unquoted(room[:0], line, 0); end < 0 {
			b.Fatal("not read")
		}
	}
	b.ReportMetric(float64(len(line))*float64(b.N)/1e6/(cpu.Spent()-began).Seconds(), "MB/cpu-s")
}

// FuzzLine: any line is read as the general decoder reads it, also by who read lines before.
func FuzzLine(f *testing.F) {
	for _, l := range []string{
		`{"t":"2026-11-22T01:12:57.085936843Z","node":"a@h","tool":"t","args":{"timeout":10},"ms":0.9,"text":"[\n {\"PID\":\"\u003cA.0.1\u003e\"}]","is_error":false,"rpc_error":null}`,
		`{"t": "2026-11-22T01:12:57Z", "node": "a@h", "tool": "t", "text": null, "rpc_error": {"code": -32603, "message": "no \"route\""}}`,
		`{"t":"2026-11-22T01:12:57Z","node":"a@h","tool":"t","args":{},"ms":1,"text":"a",}`,
		`{"t":"2026-11-22T01:12:57Z","node":"a@h","tool":"t","text":"a","is_error":false, }`,
		`{"T":"2026-11-22T01:12:57Z","node":"\u0061","tool":"t","text":"\ud83d\ude00 é","more":[1,{"text":"}"}]}`,
	} {
		f.Add([]byte(l))
	}
	known := asker{}
	f.Fuzz(func(t *testing.T, line []byte) {
		want, wantErr := general(line)
		for _, a := range []asker{nil, known} {
			got, err := a.parse(line, nil)
			if (err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%q:\n%+v, %v\nwant %+v, %v", line, got, err, want, wantErr)
			}
		}
	})
}
