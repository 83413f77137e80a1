package archive

import (
	"errors"
	"testing"

	"ergorecorder/archive/internal/codec"
)

// TestRawOrder: chunks of two runs that were given the same number, because a
// power cut undid the commit between, are not taken for one run.
func TestRawOrder(t *testing.T) {
	for _, test := range []struct {
		second uint64 // first number of the second chunk
		last   uint64 // of the run
	}{{8, 9}, {7, 7}, {6, 7}} {
		c, key := newCatalog(nil), StreamKey{Kind: Log, Name: "l"}
		s := &segment{path: "a.erg", raw: make([]byte, 10)}
		r := &rawRun{chunks: []rawPiece{
			{Header: codec.Header{Stream: 1, Run: 5, First: 5, Last: 7}},
			{Header: codec.Header{Stream: 1, Run: 5, Chunk: 1, First: test.second, Last: 9}},
		}}
		sr := c.stream(key, Schema{})
		r.load(c, s, map[uint32]*streamRuns{1: sr})
		if got := sr.last(0).Last; got != test.last {
			t.Errorf("a second chunk from %d on: the run goes to %d, want %d", test.second, got, test.last)
		}
		if blamed := len(c.damage) == 1 && errors.Is(c.damage[0], errOrder); blamed != (test.last == 7) {
			t.Errorf("a second chunk from %d on: damage %v", test.second, c.damage)
		}
	}
}
