package codec

import (
	"errors"
	"testing"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/internal/limit"
)

// TestExpandLimit: a small frame that holds much is refused, and none is
// written.
func TestExpandLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("a frame of its whole size")
	}
	const size = frame.FreeExpand + (64 << 20)
	z := frame.NewZip()
	zeros := make([]byte, size)
	packed := z.Quick(zeros)
	if z.MayHold(len(packed)) >= size {
		t.Fatalf("%d bytes: no such frame", len(packed))
	}
	var over *limit.Over
	if _, err := z.ExpandTo(packed, size, parse.MaxRaw); !errors.As(err, &over) || over.Limit != limit.Piece {
		t.Errorf("expanded: %v", err)
	}
	e := NewEncoder(Desc{Stream: 1, About: []byte("x")}, DefaultLimits(), &Scratch{})
	e.Append(&Record{Seq: 1, At: 1, Text: zeros})
	chunk := e.Take(nil)[0].Bytes(z)
	block, err := Merge(z, nil, chunk)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [...][]byte{chunk, block} {
		r, err := Open(z, b)
		if err != nil {
			t.Fatal(err)
		}
		if text, _, err := r.stream(tag(fieldText, subClass)); err != nil || len(text) != size {
			t.Errorf("%d bytes came back, %v", len(text), err)
		}
	}
	z.SetExpand(size)
	if _, err := z.ExpandTo(packed, size, parse.MaxRaw); err != nil {
		t.Errorf("with a higher limit: %v", err)
	}
}
