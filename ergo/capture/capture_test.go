package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"ergorecorder/escape"
)

const good = `{"t":"2026-11-22T01:12:57.085936843Z","node":"a@h","tool":"runtime_stats","args":{"timeout":10},"ms":0.903,"text":"{\"n\":1.0}","is_error":false,"rpc_error":null}`

const refused = `{"t":"2026-11-22T01:12:58.000000000Z","node":"b@h","tool":"node_info","args":{},"ms":12,"text":null,"is_error":false,"rpc_error":{"code":-32603,"message":"remote call to 'b@h' failed: no route"}}`

func write(w *bytes.Buffer, l *Line) error {
	b, err := Append(nil, l)
	w.Write(b)
	return err
}

func TestReadWriteGivesTheSameLines(t *testing.T) {
	in := good + "\n" + refused + "\n"
	var out bytes.Buffer
	for l, err := range Read(strings.NewReader(in)) {
		if err != nil {
			t.Fatal(err)
		}
		if err := write(&out, l); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != in {
		t.Errorf("got\n%s\nwant\n%s", out.String(), in)
	}
}

func TestParse(t *testing.T) {
	l, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if l.Call.Node != "a@h" || l.Call.Tool != "runtime_stats" || l.Answer.Took != 903*time.Microsecond {
		t.Errorf("got %+v", l)
	}
	if l, err = Parse([]byte(refused)); err != nil {
		t.Fatal(err)
	}
	if why, failed := l.Refused.LinkFailed(); !failed || why != "no route" || l.Answer.Text != nil {
		t.Errorf("got %+v, %q", l, why)
	}
}

func TestReadGoesOnBehindBrokenLines(t *testing.T) {
	tests := []struct {
		name, in string
		lines    int
		broken   []int
	}{
		{"none", good + "\n\n" + refused + "\n", 2, nil},
		{"no JSON", good + "\nfoo\n" + refused, 2, []int{2}},
		{"no time", `{"node":"a","tool":"b"}` + "\n" + good, 1, []int{1}},
		{"no node", `{"t":"2026-11-22T01:12:58Z","tool":"b"}` + "\n" + good, 1, []int{1}},
		{"before all times", strings.Replace(good, "2026", "0001", 1) + "\n" + good, 1, []int{1}},
		{"too long", strings.Replace(good, "0.903", "1e30", 1) + "\n" + good, 1, []int{1}},
		{"cut", good + "\n" + good[:40], 1, []int{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var lines int
			var broken []int
			for _, err := range Read(strings.NewReader(tt.in)) {
				var le *LineError
				switch {
				case err == nil:
					lines++
				case errors.As(err, &le):
					broken = append(broken, le.Line)
				default:
					t.Fatal(err)
				}
			}
			if lines != tt.lines || !equal(broken, tt.broken) {
				t.Errorf("got %d lines, broken %v; want %d, %v", lines, broken, tt.lines, tt.broken)
			}
		})
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestReadTruncatedGzipKeepsWhatCameBefore(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	for range 200 {
		w.Write([]byte(good + "\n"))
		w.Flush()
	}
	w.Close()
	var lines, errs int
	for _, err := range Read(bytes.NewReader(z.Bytes()[:z.Len()/2])) {
		if err != nil {
			errs++
			continue
		}
		lines++
	}
	if lines == 0 || errs == 0 {
		t.Errorf("got %d lines and %d errors, want some of both", lines, errs)
	}
}

// oddLine is a line with everything in it that is written otherwise than it came.
func oddLine(t *testing.T) *Line {
	t.Helper()
	l, err := Parse([]byte(`{"t":"2026-11-22T01:12:57.085936843Z","node":"a\u202e@h","tool":"x","args":{"text":null,"is_error":true,"q":"\"text\":null,\"is_error\":","e":"\u001b<&>"},"ms":0.5,"text":"x","is_error":true,"rpc_error":{"code":1,"message":"\"text\":null,\"is_error\": \u009b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	l.Answer.Text = []byte("[{\"a\":\"\\u001b\u202e\"}]\x1b\xff\n <&>")
	return l
}

func TestWriteIsAsEncodingMakesIt(t *testing.T) {
	l := oddLine(t)
	for _, text := range [][]byte{l.Answer.Text, {}, nil} {
		l.Answer.Text = text
		w := wire{
			T: "2026-11-22T01:12:57.085936843Z", Node: l.Call.Node, Tool: l.Call.Tool, Args: l.Args,
			MS: "0.5", IsError: true, Error: l.Refused,
		}
		if text != nil {
			s := string(text)
			w.Text = &s
		}
		var want, got bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(w); err != nil {
			t.Fatal(err)
		}
		if err := write(&got, l); err != nil {
			t.Fatal(err)
		}
		if string(escape.JSON(want.Bytes())) != got.String() {
			t.Errorf("got\n%s\nwant\n%s", got.String(), escape.JSON(want.Bytes()))
		}
	}
}

func TestWriteAllKeepsTheOrder(t *testing.T) {
	l, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	read := func(emit func(*Line) error) error {
		for i := range 300 {
			line := *l
			line.Answer.Text = bytes.Repeat([]byte(`"`), (300-i)*7)
			if err := write(&want, &line); err != nil {
				return err
			}
			if err := emit(&line); err != nil {
				return err
			}
		}
		return nil
	}
	if err := WriteAll(&got, read); err != nil || got.String() != want.String() {
		t.Errorf("%v, %d bytes, %d wanted", err, got.Len(), want.Len())
	}
}

// broken takes no bytes.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

var errBroken = errors.New("the disk is full")

func TestWriteAllEndsWhereItCannotWrite(t *testing.T) {
	l, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	l.Answer.Text = make([]byte, 1<<20)
	read := 0
	err = WriteAll(broken{}, func(emit func(*Line) error) error {
		for {
			read++
			if err := emit(l); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, errBroken) || read > 10 {
		t.Errorf("%v after %d lines", err, read)
	}
	if err := WriteAll(&bytes.Buffer{}, func(func(*Line) error) error { return errBroken }); !errors.Is(err, errBroken) {
		t.Errorf("an error of who reads: %v", err)
	}
}
