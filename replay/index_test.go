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

// TestAskedAgain: what an archive holds is looked through again when there is more, and
// only then: who asks thousands of questions about hundreds of nodes pays for it once.
func TestAskedAgain(t *testing.T) {
	w, _ := archivetest.Create(t, nil)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	say := func(tool string) {
		_, err := w.Append(&archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: tool},
			Schema: archive.Schema{Form: archive.FormObject}, At: at, Text: []byte(`{"heap_alloc":1}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	say("runtime_stats")
	r, err := New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	first := r.index()
	if again := r.index(); again != first {
		t.Error("nothing came, and it was looked through again")
	}
	if n := testing.AllocsPerRun(10, func() { r.Holds("a@h", ergo.Runtime) }); n > 2 {
		t.Errorf("a question takes %v allocations to find out that nothing came", n)
	}
	say("runtime_stats")
	second := r.index()
	if second == first || second.by[source{archive.Sample, "a@h", "runtime_stats"}][0].Records != 2 {
		t.Error("a record came, and is not seen")
	}
	if say("node_info"); len(r.index().of["a@h"]) != 2 {
		t.Error("a stream came, and is not seen")
	}
}
