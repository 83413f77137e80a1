package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/redact"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/pace"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// captures are the bundled ones and those of ERGO_CAPTURES.
func captures(tb testing.TB) []string {
	tb.Helper()
	return fixture.Captures(tb, 3)
}

func nameOf(path string) string { return filepath.Base(path) }

// load makes a recording of a capture, and returns its lines in order of
// time.
func load(tb testing.TB, path string) (*replay.Recording, []*capture.Line) {
	tb.Helper()
	raw, err := os.ReadFile(path + ".jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	var lines []*capture.Line
	for l, err := range capture.Read(bytes.NewReader(raw)) {
		if err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b *capture.Line) int { return a.Answer.At.Compare(b.Answer.At) })
	return record(tb, lines), lines
}

// record makes a recording of lines.
func record(tb testing.TB, lines []*capture.Line) *replay.Recording {
	tb.Helper()
	erg := filepath.Join(tb.TempDir(), "x.erg")
	w := archivetest.Writer(tb, erg, nil)
	for _, l := range lines {
		if _, err := w.Append(ingest.Record(l.Call, l.Args, l.Answer, l.Refused, ingest.Options{KeepEnv: true})); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	rec, err := replay.Open(erg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { rec.Close() })
	return rec
}

// canonical is an answer with its rows in order, so that answers can be
// compared.
func canonical(tb testing.TB, text []byte) string {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if text == nil || d.Decode(&v) != nil || d.More() {
		return string(text)
	}
	if list, ok := v.([]any); ok {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(jsonOf(tb, a), jsonOf(tb, b)) })
	}
	return jsonOf(tb, v)
}

func jsonOf(tb testing.TB, v any) string {
	tb.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// TestEveryAnswerAgain asks at the time of every recorded answer for that
// answer, with the arguments of the original call.
func TestEveryAnswerAgain(t *testing.T) {
	for _, path := range captures(t) {
		t.Run(nameOf(path), func(t *testing.T) {
			rec, lines := load(t, path)
			last := map[string]*capture.Line{} // of those with one time, the last counts
			for _, l := range lines {
				last[l.Answer.At.String()+l.Call.String()] = l
			}
			step := pace.Every(2, 29)
			for i, l := range lines {
				if i%step == 0 && last[l.Answer.At.String()+l.Call.String()] == l {
					answerAgain(t, rec, l)
				}
			}
		})
	}
}

func answerAgain(t *testing.T, rec *replay.Recording, l *capture.Line) {
	t.Helper()
	call := ergo.Call{Node: l.Call.Node, Tool: l.Call.Tool, Args: l.Call.Args.Without("timeout")}
	switch call.Tool {
	case "sample_start", "sample_listen", "sample_stop":
		return // a moment starts no samplers
	}
	ctx := context.Background()
	ans, err := rec.Faithful(l.Answer.At).Call(ctx, call)
	at := l.Answer.At.Format("15:04:05.000000000")
	if l.Refused != nil {
		if te := ergo.AsToolError(err); te == nil || *te != *l.Refused || !ans.At.Equal(l.Answer.At) {
			t.Errorf("%s at %s: got error %v of %s, want %v", call, at, err, ans.At, l.Refused)
		}
		return
	}
	if err != nil {
		t.Errorf("%s at %s: %v", call, at, err)
		return
	}
	// Secrets never get into an archive.
	kept := redact.Answer(call.Tool, l.Answer.Text, redact.Keep{Env: true})
	if got, want := canonical(t, ans.Text), canonical(t, kept); got != want || !ans.At.Equal(l.Answer.At) {
		t.Errorf("%s at %s: got, of %s\n%.300s\nwant\n%.300s", call, at, ans.At.Format("15:04:05.000000000"), got, want)
	}
}
