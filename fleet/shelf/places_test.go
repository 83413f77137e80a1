package shelf

import (
	"slices"
	"testing"
)

// TestPlaces: numbers of messages are read as they were written, and what no recorder writes is refused.
func TestPlaces(t *testing.T) {
	seqs := []uint64{4, 5, 6, 9, 12, 13}
	at := parsePlaces(places(seqs), uint64(len(seqs)))
	l := &lies{at: at}
	for i, want := range seqs {
		if got := l.place(uint64(i)); got != want {
			t.Errorf("chunk %d lies in %d, want %d", i, got, want)
		}
	}
	for text, chunks := range map[string]uint64{"5,5": 2, "5-6,6": 3, "6,5": 2, "0": 1, "5": 2, "5-6": 1, "": 1, "6-5": 2, "x": 1} {
		if at := parsePlaces(text, chunks); at != nil {
			t.Errorf("%q of %d chunks: %v", text, chunks, at)
		}
	}
	if got := places(slices.Concat(seqs, []uint64{14})); got != "4-6,9,12-14" {
		t.Error(got)
	}
}
