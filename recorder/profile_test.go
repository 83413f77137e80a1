package recorder

import (
	"bytes"
	"compress/gzip"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
)

// fakeProfiler serves each kind gzipped, as nodes do.
type fakeProfiler struct{}

func (fakeProfiler) Profile(_ context.Context, kind string, _ time.Duration) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(kind)); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// TestRawProfiles: those of a node that gives them are taken on their
// schedule, and stored unpacked.
func TestRawProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := quick()
		opts.Pprof = map[string]Profiler{"a@h": fakeProfiler{}}
		opts.PprofAll = time.Minute
		tr := record(t, newFakeCluster("a@h", "b@h"), opts)
		time.Sleep(5 * time.Minute)
		taken := map[string]int{}
		for _, r := range tr.stop() {
			if r.Stream.Kind != archive.Profile {
				continue
			}
			taken[r.Stream.Name]++
			if r.Stream.Node != "a@h" || string(r.Text) != r.Stream.Name {
				t.Fatalf("%v: stored as %q, want it unpacked", r.Stream, r.Text)
			}
		}
		if taken["heap"] < 4 || taken["heap"] != taken["goroutine"] {
			t.Errorf("taken in 5 minutes: %v", taken)
		}
	})
}
