package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/internal/pace"
)

// TestFaults lets the first, the second, … step of I/O of a whole recording
// fail, until it succeeds. Each failure must surface as an error, and when the
// disk works again nothing that was acknowledged may be missing.
func TestFaults(t *testing.T) {
	stride := pace.Every(1, 17)
	for _, dir := range []bool{false, true} {
		steps := map[string]int{}
		for n := 0; ; n += stride {
			path := filepath.Join(t.TempDir(), "a.erg")
			if dir {
				path = filepath.Join(t.TempDir(), "new", "dir") + "/"
			}
			failed := ""
			count := 0
			opts := &Options{KeepBytes: 500 << 10, fault: func(step string) error {
				count++
				if count-1 == n {
					failed = step
					return errInjected
				}
				return nil
			}}
			kept, err := recordOnce(path, opts)
			if failed == "" {
				if err != nil {
					t.Fatalf("no fault, and %v", err)
				}
				break
			}
			steps[failed]++
			if !errors.Is(err, errInjected) {
				t.Fatalf("step %d (%s) failed, and the error is %v", n, failed, err)
			}
			if err := readAfterFault(path, kept); err != nil {
				t.Fatalf("step %d (%s): %v", n, failed, err)
			}
		}
		t.Logf("directory %v: %v", dir, steps)
		want := []string{"open a segment", "initialize a segment", "sync the directory", "commit", "rewrite a segment", "cut a segment", "rename a segment"}
		if dir {
			want = append(want, "make the directory", "remove a segment")
		}
		for _, step := range want {
			if steps[step] == 0 && stride == 1 {
				t.Errorf("directory %v: no step %q, or its failure is not seen", dir, step)
			}
		}
	}
}

var errInjected = errors.New("injected")

// recordOnce is a recording with rotation, retention and closing. It goes on
// after errors, as a recorder does, and returns the numbers that must be
// there: those that were acknowledged and that retention may not drop.
func recordOnce(path string, opts *Options) (kept []int, err error) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w, err := OpenWriter(path, opts)
	if err != nil {
		return nil, err
	}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	text := make([]byte, 40_000)
	seed := uint64(1)
	for i := range 9 {
		for j := range text {
			seed = seed*6364136223846793005 + 1442695040888963407
			text[j] = byte(seed >> 56)
		}
		rec := &Record{Stream: StreamKey{Kind: Sample, Name: "x"}, At: start.Add(time.Duration(i) * time.Second), Text: fmt.Appendf(nil, "%d %s", i, text)}
		if i == 3 {
			_, err := w.Mark(Mark{Kind: MarkIncident, From: rec.At, To: rec.At, At: rec.At})
			note(err)
		}
		seq, err := w.Append(rec)
		note(err)
		note(w.Sync())
		if err == nil && w.Stats().Durable >= seq && i >= 7 {
			kept = append(kept, i)
		}
	}
	if w.dir {
		note(w.Rotate())
	}
	note(w.Close())
	note(w.Stats().Fault.Err)
	return kept, errors.Join(errs...)
}

func readAfterFault(path string, kept []int) error {
	w, err := OpenWriter(path, nil)
	if err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("close again: %w", err)
	}
	rep, err := Verify(context.Background(), path)
	if err != nil {
		return err
	}
	for _, d := range rep.Damage {
		return d
	}
	r, err := Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	there := map[int]bool{}
	for rec, err := range r.Records(context.Background(), Query{}) {
		if err != nil {
			return err
		}
		var i int
		if _, err := fmt.Sscan(string(rec.Text), &i); err == nil {
			there[i] = true
		}
	}
	for _, i := range kept {
		if !there[i] {
			return fmt.Errorf("record %d was acknowledged and is missing", i)
		}
	}
	return nil
}
