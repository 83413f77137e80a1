package ask

import (
	"runtime"
	"testing"

	"ergorecorder/fleet/shape"
)

// TestPiecesThatNeverCome: a message that tells of many pieces costs what it weighs.
func TestPiecesThatNeverCome(t *testing.T) {
	const messages = 1000
	_, most, err := shape.ParsePiece("1/65536")
	if err != nil {
		t.Fatal(err)
	}
	f := &fetch{dir: t.TempDir(), sources: map[uint64]*fetched{}}
	defer f.closeFiles()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range messages {
		b := shape.Block{Subject: shape.Subject{Class: shape.ClassBlock, Archive: 7}, Run: uint64(i + 1), Piece: 1, Pieces: most}
		if err := f.take(head{block: b}, []byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > messages*4<<10 {
		t.Errorf("%d messages of a byte took %d bytes", messages, took)
	}
	if s := f.sources[7]; len(s.pieces) != messages || f.missed != 0 {
		t.Errorf("%d blocks wait for their pieces, %d are missed", len(s.pieces), f.missed)
	}
}

// TestPiecesInAnyOrder: a block is put together by the numbers of its pieces.
func TestPiecesInAnyOrder(t *testing.T) {
	p := &pieces{parts: map[int][]byte{3: []byte("c"), 1: []byte("a"), 2: {}, 4: []byte("d")}}
	if got := string(p.whole()); got != "acd" {
		t.Error(got)
	}
}
