package roundtrip

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/redact"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// captures are the bundled ones and, where ERGO_CAPTURES names a folder, all
// in it.
func captures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in testdata: %v", err)
	}
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Log("ERGO_CAPTURES is not set: only the bundled captures are compared")
		return files
	}
	more, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(more) == 0 {
		t.Fatalf("ERGO_CAPTURES=%s: no captures: %v", dir, err)
	}
	return append(files, more...)
}

func TestWhatGoesInComesOut(t *testing.T) {
	for _, path := range captures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".jsonl.gz"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			before := lines(t, raw)
			erg := filepath.Join(t.TempDir(), "x.erg")
			imported(t, raw, erg)
			after := exported(t, erg)
			if len(before) != len(after) {
				t.Fatalf("%d answers came out of %d", len(after), len(before))
			}
			for i := range before {
				compare(t, before[i], after[i])
			}
		})
	}
}

// lines reads a capture in the order in which an export gives it.
func lines(t *testing.T, raw []byte) []*capture.Line {
	t.Helper()
	var out []*capture.Line
	for l, err := range capture.Read(bytes.NewReader(raw)) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b *capture.Line) int { return a.Answer.At.Compare(b.Answer.At) })
	return out
}

func imported(t *testing.T, raw []byte, path string) {
	t.Helper()
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sum ingest.Imported
	if err := ingest.Capture(context.Background(), bytes.NewReader(raw), w, ingest.Options{}, &sum); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func exported(t *testing.T, path string) []*capture.Line {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	var b bytes.Buffer
	err = rec.Export(context.Background(), time.Time{}, time.Time{},
		func(l *capture.Line) error { return capture.Write(&b, l) },
		func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return lines(t, b.Bytes())
}

func compare(t *testing.T, before, after *capture.Line) {
	t.Helper()
	what := fmt.Sprintf("%s at %s", before.Call, before.Answer.At.Format(time.RFC3339Nano))
	if !after.Answer.At.Equal(before.Answer.At) || after.Answer.Took != before.Answer.Took ||
		after.Call.Node != before.Call.Node || after.Call.Tool != before.Call.Tool ||
		after.Call.Args.String() != before.Call.Args.String() || after.Answer.IsError != before.Answer.IsError {
		t.Fatalf("%s came out as %s at %s", what, after.Call, after.Answer.At.Format(time.RFC3339Nano))
	}
	if (before.Refused == nil) != (after.Refused == nil) || before.Refused != nil && *before.Refused != *after.Refused {
		t.Fatalf("%s: error %v came out as %v", what, before.Refused, after.Refused)
	}
	want := redact.Answer(before.Call.Tool, before.Answer.Text, redact.Keep{})
	if (want == nil) != (after.Answer.Text == nil) {
		t.Fatalf("%s: text %q came out as %q", what, want, after.Answer.Text)
	}
	if bytes.Equal(want, after.Answer.Text) {
		return
	}
	a, b := decode(want), decode(after.Answer.Text)
	if a == nil || b == nil || canonical(a) != canonical(b) {
		t.Fatalf("%s: text came out otherwise\nin:  %.400s\nout: %.400s", what, want, after.Answer.Text)
	}
}

func decode(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// canonical is the JSON of a value, number literals as they were said, with
// the rows of a table sorted: their order is not data.
func canonical(v any) string {
	rows, ok := v.([]any)
	if !ok {
		return encode(v)
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = encode(r)
		if _, isRow := r.(map[string]any); !isRow {
			return encode(v)
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
