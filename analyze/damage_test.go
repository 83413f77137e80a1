package analyze_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/render"
	"ergorecorder/archive"
	"ergorecorder/replay"
)

// Whichever table of processes is damaged, there is a verdict, it says what could not be
// read, and the fault is found unless the table that shows it is damaged.
func TestDamagedBlock(t *testing.T) {
	whole, err := os.ReadFile(importedFile(t, "../testdata/stuck"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	const places = 20
	for i := range places {
		damaged := bytes.Clone(whole)
		damaged[len(whole)*(2*i+1)/(2*places)] ^= 0x40
		file := filepath.Join(t.TempDir(), "damaged.erg")
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		rep, err := archive.Verify(context.Background(), file)
		if err != nil || len(rep.Damage) == 0 || !strings.HasPrefix(rep.Damage[0].Stream, "sample process_list ") {
			continue // not every place is in a block, and not every stream is looked at
		}
		missing := rep.Damage[0].Stream
		rec, err := replay.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, rec, analyze.Options{})
		var text bytes.Buffer
		if err := render.Text(&text, r, render.Options{Width: 100}); err != nil {
			t.Fatal(err)
		}
		says := func(n finding.NotEvaluated) bool {
			return strings.Contains(n.Why, "cannot be read") && strings.Contains(n.Why, missing)
		}
		if !slices.ContainsFunc(r.NotEvaluated, says) || !strings.Contains(text.String(), "cannot be read") {
			t.Errorf("damaged is %s: the verdict does not say so:\n%s", missing, &text)
		}
		told++
		if rs := roots(r); !strings.Contains(missing, "on gamma@") && (len(rs) == 0 || rs[0].Kind != "blocked_callback") {
			t.Errorf("damaged is %s: the fault is not found:\n%s", missing, &text)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
	if told < 3 {
		t.Errorf("only %d places of %d were in a table of processes", told, places)
	}
}
