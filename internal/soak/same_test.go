package soak

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"ergorecorder/archive"
)

// TestSame: a run follows from its seed. What two runs of one seed recorded and
// told is the same to the byte, the nanosecond and the order.
func TestSame(t *testing.T) {
	if testing.Short() {
		t.Skip("one seed twice")
	}
	many := 4
	if *seeds != defaultSeeds {
		many = *seeds
	}
	seen := map[string]uint64{}
	for seed := *first; seed < *first+uint64(many); seed++ {
		a, b := run(t, seed, short).digest(), run(t, seed, short).digest()
		if a != b {
			t.Errorf("seed %d came to %s and %s", seed, a, b)
		}
		if other, ok := seen[a]; ok {
			t.Errorf("seeds %d and %d came to the same", seed, other)
		}
		seen[a] = seed
	}
}

// digest is what a run came to: every record and mark that is on disk, and what was told.
func (w *world) digest() string {
	h := sha256.New()
	r, err := archive.Open(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	put := func(of ...any) {
		io.WriteString(h, strings.ReplaceAll(fmt.Sprintln(of...), w.dir, "DIR"))
	}
	for rec, err := range r.Records(context.Background(), archive.Query{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		put(rec.Stream, rec.Subject, rec.At.UnixNano(), rec.Took, rec.Failure != nil, string(rec.Text))
	}
	for _, s := range w.told {
		put(s)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
