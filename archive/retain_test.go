package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive/internal/catalog"
)

var retainStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// retainRecord is a record of bytes that do not compress.
func retainRecord(at time.Time, size int) *Record {
	text := make([]byte, size)
	seed := uint64(at.UnixNano())
	for j := range text {
		seed = seed*6364136223846793005 + 1442695040888963407
		text[j] = byte(seed >> 56)
	}
	return &Record{Stream: StreamKey{Kind: Sample, Name: "x"}, At: at, Text: fmt.Appendf(nil, "%d %s", at.Unix(), text)}
}

func retainWriter(t *testing.T, path string, opts *Options) *Writer {
	t.Helper()
	w, err := OpenWriter(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func appendSync(t *testing.T, w *Writer, rec *Record) {
	t.Helper()
	if _, err := w.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
}

// TestRotateAhead: one record whose date lies ahead closes one segment, not
// every one that follows.
func TestRotateAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a") + "/"
	now := retainStart
	opts := &Options{Now: func() time.Time { return now }}
	w := retainWriter(t, path, opts)
	appendSync(t, w, retainRecord(now, 10))
	appendSync(t, w, retainRecord(now.Add(25*time.Hour), 10))
	for i := range 10 {
		now = retainStart.Add(time.Duration(i) * time.Second)
		appendSync(t, w, retainRecord(now, 10))
		if i == 5 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w = retainWriter(t, path, opts)
		}
	}
	if n := w.Stats().Segments; n > 2 {
		t.Errorf("%d segments, want 2", n)
	}
}

// TestRetainFull: retention runs although the disk is full, and the room that
// it makes is used.
func TestRetainFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a") + "/"
	now := retainStart
	var w *Writer
	room := 100 // segments that the disk takes
	w = retainWriter(t, path, &Options{Now: func() time.Time { return now }, KeepAge: 8 * time.Minute, fault: func(step string) error {
		if w != nil && (step == "commit" || step == "initialize a segment") && len(w.cat.Segments) > room {
			return fmt.Errorf("write: %w", syscall.ENOSPC)
		}
		return nil
	}})
	for i := range 4 {
		now = retainStart.Add(time.Duration(i) * 30 * time.Second)
		appendSync(t, w, retainRecord(now, 1000))
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	room = 2
	if _, err := w.Append(retainRecord(now, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); !errors.Is(err, ErrFull) {
		t.Fatalf("sync on a full disk: %v", err)
	}
	now = now.Add(8 * time.Hour)
	appendSync(t, w, retainRecord(now, 1000))
	if got := w.Stats().Segments; got != 2 { // of before and after the eight hours
		t.Errorf("%d segments are left, want 2", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range rep.Damage {
		t.Error(d)
	}
}

// TestReadWhileRewritten: a reader that looked up where a run lies before
// retention rewrote its segment reads it all the same, though other bytes lie
// there now.
func TestReadWhileRewritten(t *testing.T) {
	now := retainStart
	w := retainWriter(t, filepath.Join(t.TempDir(), "a")+"/", &Options{Now: func() time.Time { return now }, KeepAge: 8 * time.Hour})
	key := func(i int) StreamKey { return StreamKey{Kind: Sample, Name: string(rune('a' + i))} }
	for i, minute := range []int{2, 0, 2, 2, 2} { // the second is not pinned, so those behind it move
		rec := retainRecord(now.Add(time.Duration(minute)*time.Minute), 1000)
		rec.Stream = key(i)
		appendSync(t, w, rec)
	}
	if _, err := w.Mark(Mark{Kind: MarkIncident, From: now.Add(2 * time.Minute), To: now.Add(2 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	before := w.cat.Runs(key(2), 0)[0]
	now = now.Add(24 * time.Hour)
	appendSync(t, w, retainRecord(now, 10))
	if after := w.cat.Runs(key(2), 0)[0]; after.At == before.At || string(after.In.Key) != string(before.In.Key) {
		t.Fatalf("the block has not moved within its value: %d of %x, now %d of %x", before.At, before.In.Key, after.At, after.In.Key)
	}
	if _, err := w.cat.Open(w.zip, key(2), before); err != nil {
		t.Error(err)
	}
}

// TestPinnedShare: incidents without end do not take all room, and the newest
// of them are there.
func TestPinnedShare(t *testing.T) {
	const keep = 1 << 20
	now := retainStart
	w := retainWriter(t, filepath.Join(t.TempDir(), "a")+"/", &Options{Now: func() time.Time { return now }, KeepBytes: keep})
	marked := 0
	for i := range 150 {
		now = retainStart.Add(time.Duration(i) * time.Minute)
		appendSync(t, w, retainRecord(now, 40_000))
		if i%3 == 0 {
			continue
		}
		marked++
		if _, err := w.Mark(Mark{Kind: MarkIncident, From: now, To: now.Add(30 * time.Second), At: now}); err != nil {
			t.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		if got := w.Stats().Bytes; got > keep+keep/4 {
			t.Fatalf("after %d records %d bytes, limit %d", i, got, keep)
		}
	}
	var first time.Time
	n := 0
	for m, err := range w.View().Marks(context.Background(), time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = m.From
		}
		n++
	}
	if n == 0 || n == marked || !first.After(retainStart.Add(time.Minute)) {
		t.Errorf("%d of %d incidents are left, from %v", n, marked, first)
	}
}

// TestChanges: readers who keep what they found out of the streams hear of what
// came and of what was dropped, though as much is there as before.
func TestChanges(t *testing.T) {
	w := retainWriter(t, t.TempDir(), nil)
	v := w.View()
	appendSync(t, w, retainRecord(retainStart, 10))
	one := v.Changes()
	if v.Changes() != one {
		t.Error("nothing came, and there is a change")
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	w.deleteRuns(func(r *catalog.Run) bool { return r.Seg != w.seg })
	two := v.Changes()
	appendSync(t, w, retainRecord(retainStart.Add(time.Second), 10))
	if three := v.Changes(); one >= two || two >= three {
		t.Errorf("a record, none, and another: %d, %d, %d changes", one, two, three)
	}
}

// TestReopen: a segment that could not be opened again after it was rotated is
// opened with the next commit, but not once the archive is closed.
func TestReopen(t *testing.T) {
	path := t.TempDir()
	w := retainWriter(t, path, nil)
	appendSync(t, w, retainRecord(retainStart, 10))
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := w.cat.Segments[0].Close(); err != nil {
		t.Fatal(err)
	}
	appendSync(t, w, retainRecord(retainStart.Add(time.Second), 10))
	if rep, err := w.View().Verify(t.Context()); err != nil || len(rep.Damage) > 0 || rep.Records != 2 {
		t.Errorf("%+v, %v", rep, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil || !w.cat.Segments[0].IsShut() {
		t.Errorf("sync after close: %v, segment shut: %v", err, w.cat.Segments[0].IsShut())
	}
}

// TestRunsBeginWhileASegmentDoes: of several runs of one stream that begin while a segment is begun, all lie
// in the new one.
func TestRunsBeginWhileASegmentDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a") + "/"
	now := retainStart
	add := func() {}
	opts := &Options{Now: func() time.Time { return now }, CommitEvery: time.Hour, fault: func(step string) error {
		if step == "initialize a segment" {
			add()
		}
		return nil
	}}
	w := retainWriter(t, path, opts)
	appendSync(t, w, retainRecord(now, 10))
	const more = 500 // a run ends at 160 records
	add = func() {
		for range more {
			now = now.Add(time.Second)
			if _, err := w.Append(retainRecord(now, 10)); err != nil {
				t.Error(err)
			}
		}
		add = func() {}
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	appendSync(t, w, retainRecord(now, 10))
	seen := 0
	for _, err := range w.View().Records(t.Context(), Query{}) {
		if seen++; err != nil {
			t.Fatal(err)
		}
	}
	if seen != more+2 {
		t.Errorf("%d records are seen", seen)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(t.Context(), path)
	if err != nil || len(rep.Damage) > 0 || rep.Records != more+2 || rep.Segments != 2 {
		t.Errorf("%d records in %d segments, %v, %v", rep.Records, rep.Segments, rep.Damage, err)
	}
}
