package recorder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// TestFullDiskDoesNotEndTheRecording: while the archive refuses, what is lost
// is counted and told of once; then the recording goes on, with one gap.
func TestFullDiskDoesNotEndTheRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := quick()
		var told atomic.Int64
		opts.Notice = func(s string) {
			if strings.Contains(s, "nothing can be stored: commit: no room") {
				told.Add(1)
			}
		}
		tr := record(t, newFakeCluster("a@h"), opts)
		time.Sleep(5 * time.Second)
		full := func() error { return fmt.Errorf("commit: %w", archive.ErrFull) }
		for range 3 {
			if tr.r.put("process_list", full) {
				t.Error("what was refused counts as stored")
			}
		}
		if s := tr.r.Status().Storage; !strings.Contains(s.Failing, "no room") || s.Refused != 3 {
			t.Errorf("while nothing is stored, the status says %+v", s)
		}
		time.Sleep(look)
		if told.Load() != 1 {
			t.Errorf("told of %d times", told.Load())
		}
		time.Sleep(10 * time.Second)
		recs := tr.stop()
		steady(t, of(recs, "a@h", "process_list"), 2*time.Second, 150*time.Millisecond)
		gaps := 0
		for _, m := range marks(recs, archive.MarkGap) {
			if strings.HasPrefix(m.Note, "3 records were not stored") {
				gaps++
			}
		}
		if gaps != 1 || len(of(recs, "a@h", "process_list")) < 6 {
			t.Errorf("%d gaps, %d samples", gaps, len(of(recs, "a@h", "process_list")))
		}
	})
}

// TestRefusedGapKeepsItsCount: the mark of an outage that is refused itself is
// written later, with all that was lost until then.
func TestRefusedGapKeepsItsCount(t *testing.T) {
	closed := archivetest.Writer(t, t.TempDir()+"/closed.erg", nil)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := New(newFakeCluster("a@h"), closed, quick())
	if err != nil {
		t.Fatal(err)
	}
	full := func() error { return fmt.Errorf("commit: %w", archive.ErrFull) }
	room := func() error { return nil }
	before := time.Now()
	for _, store := range []func() error{full, full, full, room, full} { // the gap finds the archive closed
		r.put("process_list", store)
	}
	r.w = archivetest.Writer(t, t.TempDir()+"/a.erg", nil)
	after := time.Now()
	r.put("process_list", room)
	r.put("process_list", room)
	var gaps []archive.Mark
	for m, err := range r.w.View().Marks(t.Context(), before, time.Now()) {
		if err != nil {
			t.Fatal(err)
		}
		gaps = append(gaps, m)
	}
	if len(gaps) != 1 || !strings.HasPrefix(gaps[0].Note, "4 records were not stored") || gaps[0].From.After(after) {
		t.Errorf("gaps %+v, want one of 4 records", gaps)
	}
}

// TestSizeLimitEndsTheRecording: waiting would not help.
func TestSizeLimitEndsTheRecording(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := record(t, newFakeCluster("a@h"), quick())
		time.Sleep(5 * time.Second)
		tr.r.put("process_list", func() error { return fmt.Errorf("commit: %w", archive.ErrLimit) })
		if err := <-tr.ended; err == nil || !strings.Contains(err.Error(), "size limit") {
			t.Errorf("ended with %v", err)
		}
		if err := tr.w.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestKeepingIsTold: that a segment cannot be rotated shows in the status and
// is told of once; so is that it can be again.
func TestKeepingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := archivetest.Writer(t, dir, &archive.Options{RotateAge: 30 * time.Second})
		defer w.Close()
		opts := quick()
		var failed, again atomic.Int64
		opts.Notice = func(s string) {
			if strings.HasPrefix(s, "segments are not rotated") {
				failed.Add(1)
			}
			if strings.HasPrefix(s, "segments are rotated") {
				again.Add(1)
			}
		}
		r, err := New(newFakeCluster("a@h"), w, opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(10 * time.Second)
		if s := r.Status(); s.Keeping != "" || failed.Load() != 0 {
			t.Errorf("nothing has failed: %q", s.Keeping)
		}
		inTheWay := filepath.Join(dir, "00000002.erg")
		if err := os.Mkdir(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := r.Status(); !strings.Contains(s.Keeping, "rotate") || failed.Load() != 1 {
			t.Errorf("status says %q, told of %d times", s.Keeping, failed.Load())
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s := r.Status(); s.Keeping != "" || again.Load() != 1 {
			t.Errorf("status still says %q, told of %d times", s.Keeping, again.Load())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
