package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
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
			_, _, cut := cutText(line, nil)
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
	rest, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	l, err := Parse(rest)
	if l != nil {
		l.Answer.Text = text
		if w.Args == nil {
			l.Args = nil
		}
	}
	return l, err
}

// TestMap: what is made of the lines comes in their order, the broken ones in
// their places, and who has enough may end the walk.
func TestMap(t *testing.T) {
	var b bytes.Buffer
	const n = 500
	for i := range n {
		if i%7 == 3 {
			b.WriteString("{broken\n\n")
			continue
		}
		fmt.Fprintf(&b, `{"t":"2026-11-22T01:12:57Z","node":"a@h","tool":"t","text":"%d %s"}`+"\n", i, strings.Repeat("x", i%50*i))
	}
	double := func(l *Line) string { return string(l.Answer.Text) + "!" }
	i := 0
	for out, err := range Map(bytes.NewReader(b.Bytes()), double) {
		var broken *LineError
		want := fmt.Sprintf("%d %s!", i, strings.Repeat("x", i%50*i))
		if i%7 == 3 && !errors.As(err, &broken) || i%7 != 3 && (err != nil || out != want) {
			t.Fatalf("line %d: %.40q, %v", i, out, err)
		}
		i++
	}
	if i != n {
		t.Errorf("%d lines of %d", i, n)
	}
	for range Map(bytes.NewReader(b.Bytes()), double) {
		break
	}
	failing := errors.New("it is gone")
	var last error
	for _, last = range Map(&failingReader{b: b.Bytes()[:100], err: failing}, double) {
	}
	if !errors.Is(last, failing) {
		t.Errorf("the last error is %v", last)
	}
}

type failingReader struct {
	b   []byte
	err error
}

func (f *failingReader) Read(p []byte) (int, error) {
	if len(f.b) == 0 {
		return 0, f.err
	}
	n := copy(p, f.b)
	f.b = f.b[n:]
	return n, nil
}
