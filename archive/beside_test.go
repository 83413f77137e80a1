package archive

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TestAppendBeside: while one stream takes in an answer, others take theirs,
// and what they were given is seen and stored.
func TestAppendBeside(t *testing.T) {
	w, err := OpenWriter(filepath.Join(t.TempDir(), "a.erg"), &Options{CommitEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	rec := func(node string) *Record {
		return &Record{Stream: StreamKey{Kind: Sample, Node: node, Name: "x"}, Schema: Schema{Form: FormTable, Key: []string{"A"}}, At: time.Unix(9, 0), Text: []byte(`[{"A":1}]`)}
	}
	for _, node := range []string{"busy", "other"} {
		if _, err := w.Append(rec(node)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	busy := w.streams[rec("busy").Stream]
	busy.mu.Lock() // as an answer of that stream is encoded
	if _, err := w.Append(rec("other")); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil || w.Stats().Durable != 3 {
		t.Errorf("%v, %d are durable", err, w.Stats().Durable)
	}
	if rec, err := w.View().Last(rec("other").Stream, "", time.Unix(9, 0)); err != nil || rec.Seq != 3 {
		t.Errorf("%+v, %v", rec, err)
	}
	busy.mu.Unlock()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAppendTogether: many append, read, commit and rotate at once, and nothing is lost.
func TestAppendTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a") + string(filepath.Separator)
	w, err := OpenWriter(dir, &Options{CommitEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	const streams, records = 6, 40
	var work sync.WaitGroup
	for i := range streams {
		work.Go(func() {
			key := StreamKey{Kind: Sample, Node: fmt.Sprint(i % 3), Name: "x"} // two to a stream
			for n := range records {
				_, err := w.Append(&Record{
					Stream: key, Schema: Schema{Form: FormTable, Key: []string{"A"}}, At: time.Unix(int64(n), int64(i)),
					Text: fmt.Appendf(nil, `[{"A":%d,"B":%d},{"A":"x","C":%d}]`, i, n, n%3),
				})
				switch {
				case err == nil && n%8 == i:
					err = w.Sync()
				case err == nil && n%20 == 10+i:
					err = w.Rotate()
				case err == nil && n%5 == 0:
					_, err = w.View().Last(key, "", time.Unix(int64(n), int64(i)))
				}
				if err != nil {
					t.Errorf("%d of %d: %v", n, i, err)
				}
			}
		})
	}
	work.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(t.Context(), dir)
	if err != nil || len(rep.Damage) > 0 {
		t.Fatalf("%v, %v", err, rep)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seen := map[uint64]bool{}
	for rec, err := range r.Records(t.Context(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[rec.Seq] = true
	}
	if len(seen) != streams*records {
		t.Errorf("%d records of %d", len(seen), streams*records)
	}
}
