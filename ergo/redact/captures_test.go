package redact_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/redact"
)

// answers walks the answers of the captures in testdata, and of those in
// ERGO_CAPTURES where it is set.
func answers(tb testing.TB, each func(file string, l *capture.Line)) {
	tb.Helper()
	files, _ := filepath.Glob("../../testdata/*.jsonl.gz")
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		more, _ := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
		files = append(files, more...)
	}
	if len(files) < 2 {
		tb.Fatalf("%d captures", len(files))
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		for l, err := range capture.Read(f) {
			if err != nil {
				tb.Fatal(err)
			}
			each(name, l)
		}
		f.Close()
	}
}

// TestNothingElseIsLeftOut: nothing of what a cluster says is a secret but its
// environment.
func TestNothingElseIsLeftOut(t *testing.T) {
	answers(t, func(file string, l *capture.Line) {
		text := l.Answer.Text
		out := redact.Answer(l.Call.Tool, text, redact.Keep{})
		switch {
		case l.Call.Tool == "node_env":
			if !bytes.Contains(out, []byte(redact.NotKept)) {
				t.Errorf("%s: %s keeps %s", file, l.Call, out)
			}
			text = redact.Answer(l.Call.Tool, text, redact.Keep{Env: true})
			out = l.Answer.Text
			fallthrough
		case !bytes.Equal(out, text):
			if i := differs(text, out); i >= 0 {
				t.Errorf("%s: %s: …%.80s became …%.80s", file, l.Call, text[i:], out[i:])
			}
		}
	})
}

// differs is shortly before the first difference of a and b, -1 where there is none.
func differs(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return max(0, i-20)
}

// BenchmarkAnswer: what redaction costs an import, by the answers of a real
// cluster.
func BenchmarkAnswer(b *testing.B) {
	var all []*capture.Line
	size := 0
	answers(b, func(_ string, l *capture.Line) { all, size = append(all, l), size+len(l.Answer.Text) })
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, l := range all {
			redact.Answer(l.Call.Tool, l.Answer.Text, redact.Keep{})
		}
	}
}

func TestProfileStrings(t *testing.T) {
	field := func(n byte, s string) string { return string([]byte{n<<3 | 2, byte(len(s))}) + s }
	in := field(6, "") + field(6, "main.(*Token).Next") + field(5, "password=S") + field(6, "password=S3CR3T") + "\x48\x05"
	want := field(6, "") + field(6, "main.(*Token).Next") + field(5, "password=S") + field(6, "password="+redact.NotKept) + "\x48\x05"
	if got := redact.Profile([]byte(in)); string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := redact.Profile([]byte(in + "\xff")); string(got) != in+"\xff" {
		t.Errorf("what is no profile became %q", got)
	}
	if files, _ := filepath.Glob("../../testdata/*.pb.gz"); len(files) == 0 {
		t.Error("no profiles")
	}
}
