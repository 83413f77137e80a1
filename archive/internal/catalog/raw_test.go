package catalog

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/record"
	"ergorecorder/internal/limit"
)

// TestRawOrder: chunks of two runs that were given the same number, because a
// power cut undid the commit between, are not taken for one run.
func TestRawOrder(t *testing.T) {
	for _, test := range []struct {
		second uint64 // first number of the second chunk
		last   uint64 // of the run
	}{{8, 9}, {7, 7}, {6, 7}} {
		c, key := New(nil), record.StreamKey{Kind: record.Log, Name: "l"}
		s := &Segment{Path: "a.erg", raw: make([]byte, 10)}
		r := &rawRun{chunks: []rawPiece{
			{Header: codec.Header{Stream: 1, Run: 5, First: 5, Last: 7}},
			{Header: codec.Header{Stream: 1, Run: 5, Chunk: 1, First: test.second, Last: 9}},
		}}
		sr := c.Stream(key, record.Schema{})
		r.load(c, s, map[uint32]*Stream{1: sr})
		if got := sr.Last(0).Last; got != test.last {
			t.Errorf("a second chunk from %d on: the run goes to %d, want %d", test.second, got, test.last)
		}
		if blamed := len(c.Damage) == 1 && errors.Is(c.Damage[0], errOrder); blamed != (test.last == 7) {
			t.Errorf("a second chunk from %d on: damage %v", test.second, c.Damage)
		}
	}
}

// TestCraftedSearch: a file full of what looks like blocks, each as long as the
// rest of the file, is not searched for ever.
func TestCraftedSearch(t *testing.T) {
	b := make([]byte, 1<<20)
	for at := 0; at+32 <= len(b); at += 32 {
		copy(b[at:], header.Magic)
		b[at+4] = codec.Version
		binary.LittleEndian.PutUint32(b[at+8:], uint32(len(b)-at))
	}
	if _, _, _, searched := scanRaw(b); searched < 32 || searched > len(b)/50 {
		t.Errorf("%d bytes of %d were searched", searched, len(b))
	}
	c := &Catalog{}
	s := &Segment{Path: "a.erg", raw: b, searched: len(b) / 100}
	if err := c.loadRaw(s); err != nil || len(c.Damage) != 1 || !strings.Contains(c.Damage[0].Error(), limit.Search.Over(0).Error()) {
		t.Errorf("a search that ended early is told as %v, %v", c.Damage, err)
	}
}
