package replay_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// TestOwnErrorsWhileRecording: who keeps what was worked out has it stay as it is while the recording grows; who asks
// anew has what came since; and nobody has the error of one who gave up.
func TestOwnErrorsWhileRecording(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "own.erg"), nil)
	begin := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	fail := func(second int) {
		t.Helper()
		answer := ergo.Answer{At: begin.Add(time.Duration(second) * time.Second)}
		if _, err := w.Append(ingest.Record(ergo.Call{Node: "b@h", Tool: "node_info"}, nil, answer, ergo.RemoteError("b@h", "no route"), ingest.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	self := ergo.Answer{At: begin, Text: []byte(`[{"name":"a@h","status":"self"}]`)}
	if _, err := w.Append(ingest.Record(ergo.Call{Node: "a@h", Tool: "cluster_nodes"}, nil, self, nil, ingest.Options{})); err != nil {
		t.Fatal(err)
	}
	fail(10)
	fail(20)
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	kept := rec.Own()
	if _, err := kept.Errors(gone, "a@h", time.Time{}, time.Time{}); err == nil {
		t.Error("it was worked out for one who gave up")
	}
	count := func(own *replay.Own, from, to time.Time) int {
		t.Helper()
		at, err := own.Errors(context.Background(), "a@h", from, to)
		if err != nil {
			t.Fatal(err)
		}
		return len(at)
	}
	if n := count(kept, time.Time{}, time.Time{}); n != 2 {
		t.Errorf("%d errors, want 2", n)
	}
	fail(30)
	if n, now := count(kept, time.Time{}, time.Time{}), count(rec.Own(), time.Time{}, time.Time{}); n != 2 || now != 3 {
		t.Errorf("%d errors of what was kept and %d anew, want 2 and 3", n, now)
	}
	for _, c := range []struct{ from, to, want int }{{10, 20, 2}, {11, 20, 1}, {10, 19, 1}, {21, 29, 0}, {25, 15, 0}, {31, 40, 0}} {
		from, to := begin.Add(time.Duration(c.from)*time.Second), begin.Add(time.Duration(c.to)*time.Second)
		if n := count(rec.Own(), from, to); n != c.want {
			t.Errorf("from %d to %d: %d errors, want %d", c.from, c.to, n, c.want)
		}
	}
}
