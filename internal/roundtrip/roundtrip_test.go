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

	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/redact"
	"ergorecorder/export"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

func TestWhatGoesInComesOut(t *testing.T) {
	for _, path := range fixture.Captures(t, 2) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := os.ReadFile(path + ".jsonl.gz")
			if err != nil {
				t.Fatal(err)
			}
			before := lines(t, raw)
			after := exported(t, fixture.Bare(t, path))
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

func exported(t *testing.T, path string) []*capture.Line {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	var b bytes.Buffer
	err = export.Capture(context.Background(), &b, rec, export.Options{Damaged: func(err error) { t.Error(err) }})
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
