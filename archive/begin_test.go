package archive_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// TestBegin: records that are begun in an order have it, whoever puts them and when, beside commits.
func TestBegin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	w := archivetest.Writer(t, path, &archive.Options{CommitEvery: time.Millisecond})
	text := func(n int) string { return fmt.Sprintf(`[{"PID":"a","N":%d},{"PID":"b","N":%d}]`, n, n/3) }
	key := func(n int) archive.StreamKey {
		return archive.StreamKey{Kind: archive.Sample, Node: fmt.Sprintf("n%d@h", n%3), Name: "process_list"}
	}
	const n = 300
	var putting sync.WaitGroup
	for i := range n {
		rec := &archive.Record{Stream: key(i), Schema: archivetest.ProcessSchema(), At: start.Add(time.Duration(i) * time.Second), Text: []byte(text(i))}
		put, err := w.Begin(rec)
		if err != nil || rec.Seq != uint64(i+1) {
			t.Fatal(rec.Seq, err)
		}
		putting.Go(put)
	}
	putting.Wait()
	for i := range n {
		if got, err := w.View().Last(key(i), "", start.Add(time.Duration(i)*time.Second)); err != nil || string(got.Text) != text(i) || got.Seq != uint64(i+1) {
			t.Fatalf("record %d is %v, %v", i, got, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Begin(&archive.Record{Stream: key(0), At: start}); err == nil {
		t.Error("a closed archive takes a record in")
	}
	if rep, err := archive.Verify(ctx, path); err != nil || rep.Damage != nil || rep.Records != n {
		t.Error(rep, err)
	}
}
