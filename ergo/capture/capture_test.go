package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"
)

const good = `{"t":"2026-11-22T01:12:57.085936843Z","node":"a@h","tool":"runtime_stats","args":{"timeout":10},"ms":0.903,"text":"{\"n\":1.0}","is_error":false,"rpc_error":null}`

const refused = `{"t":"2026-11-22T01:12:58.000000000Z","node":"b@h","tool":"node_info","args":{},"ms":12,"text":null,"is_error":false,"rpc_error":{"code":-32603,"message":"remote call to 'b@h' failed: no route"}}`

func TestReadWriteGivesTheSameLines(t *testing.T) {
	in := good + "\n" + refused + "\n"
	var out bytes.Buffer
	for l, err := range Read(strings.NewReader(in)) {
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(&out, l); err != nil {
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
