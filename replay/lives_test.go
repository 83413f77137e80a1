package replay

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// TestLivesOfAGrowingArchive: a live view reads on where it stopped, and finds
// the lives that a first look finds; a record that was dated back makes it
// look anew.
func TestLivesOfAGrowingArchive(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "x.erg"), nil)
	defer w.Close()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	said := func(s, uptime int) {
		t.Helper()
		at := start.Add(time.Duration(s) * time.Second)
		r := &archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "node_info"},
			Schema: archive.Schema{Form: archive.FormObject},
			At:     at, Took: time.Millisecond,
		}
		if r.Text = fmt.Appendf(nil, `{"Name":"a@h","Uptime":%d,"ServerTime":%q,"Framework":{"Name":"f","Release":"1"}}`, uptime, at.Format(time.RFC3339Nano)); uptime < 0 {
			r.Text, r.Failure = nil, &archive.Failure{Code: -32603, Text: "no route"}
		}
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	live, err := New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name       string
		at, uptime int
		lives      int
		anew       bool
	}{
		{"first", 10, 100, 1, true},
		{"second", 12, 102, 1, false},
		{"down", 14, -1, 1, false},
		{"restarted", 16, 1, 2, false},
		{"up", 18, 3, 2, false},
		{"dated back", 8, 98, 2, true},
		{"away for longer than it was up", 60, 20, 3, false},
	} {
		before := live.lifelines["a@h"]
		said(step.at, step.uptime)
		got := live.Nodes()
		first, err := New(w.View())
		if err != nil {
			t.Fatal(err)
		}
		if want := first.Nodes(); len(got) != 1 || len(got[0].Lives) != step.lives || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v with %d lives", step.name, got, want, step.lives)
		}
		if anew := live.lifelines["a@h"] != before; anew != step.anew {
			t.Errorf("%s: looked anew %v, want %v", step.name, anew, step.anew)
		}
	}
}
