package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/exit"
)

// recordedBy is a recording of nodes that were asked about themselves from an
// instant on.
func recordedBy(t *testing.T, offset float64, nodes ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rec.erg")
	w := archivetest.Writer(t, path, nil)
	for i := range 20 {
		at := verifyStart.Add(time.Duration(5*i) * time.Second)
		for _, n := range nodes {
			text := fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 3600+5*i, at.Format(time.RFC3339Nano))
			key := archive.StreamKey{Kind: archive.Sample, Node: n, Name: "node_info"}
			rec := &archive.Record{Stream: key, Schema: archive.Schema{Form: archive.FormObject}, At: at.Add(time.Duration(offset * float64(time.Second))), Text: []byte(text)}
			if _, err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// Merge says what it did, refuses two clusters, and keeps them apart by name.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	merge := func(want exit.Code, args ...string) (out, errs string) {
		t.Helper()
		var o, e bytes.Buffer
		if code := run(t.Context(), append([]string{"merge"}, args...), nil, &o, &e); code != want {
			t.Fatalf("merge %q: exit code %d, want %d: %s", args, code, want, e.String())
		}
		return o.String(), e.String()
	}
	one, late, other := recordedBy(t, 0, "a@h"), recordedBy(t, 90, "a@h", "b@h"), recordedBy(t, 0, "z@h")
	out := filepath.Join(dir, "m.erg")
	text, _ := merge(exit.OK, one, late, "-o", out, "--format", "json")
	var got struct{ Recordings []merged }
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Recordings) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	if m := got.Recordings[0]; m.Records != 41 || m.Parts[1].ShiftS != -90 || m.Parts[1].Once != 20 || m.Parts[0].ShiftS != 0 {
		t.Errorf("%s", text)
	}
	if _, errs := merge(exit.Usage, one, late, "-o", out); !strings.Contains(errs, "exists already") {
		t.Errorf("over another: %s", errs)
	}
	if _, errs := merge(exit.Usage, one, other, "-o", filepath.Join(dir, "n.erg")); !strings.Contains(errs, "neither knows a node") || !strings.Contains(errs, "--apart") {
		t.Errorf("two clusters: %s", errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "n.erg")); err == nil {
		t.Error("a file is left of what was refused")
	}
	merge(exit.OK, "--apart", one, other, late, "-o", filepath.Join(dir, "apart"))
	for _, name := range []string{"1-a@h.erg", "2-z@h.erg"} {
		if r, err := archive.Open(filepath.Join(dir, "apart", name)); err != nil {
			t.Error(err)
		} else {
			r.Close()
		}
	}
}
