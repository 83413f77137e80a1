package replay

import (
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
)

// TestReadingOfAnUnknownTool: a stream of a tool that this program does not know,
// as a later recorder may write it, is found by the reading that it says itself;
// one that says none is found by its tool alone.
func TestReadingOfAnUnknownTool(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, reading := range map[string]string{"memory_of_node": string(ergo.Runtime), "other": ""} {
		_, err := w.Append(&archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: name},
			Schema: archive.Schema{Form: archive.FormObject, Road: "later", Reading: reading},
			At:     at, Took: time.Millisecond, Text: []byte(`{"heap_alloc":1}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := r.index().widest("a@h", ergo.Runtime)
	if len(found) != 1 || found[0].Name != "memory_of_node" {
		t.Errorf("the runtime's reading is in %v", found)
	}
	if len(r.index().tool("a@h", "other")) != 1 {
		t.Error("a stream without a reading is lost")
	}
}
