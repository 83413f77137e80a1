package codec

import (
	"errors"
	"testing"

	"ergorecorder/internal/limit"
)

// TestExpandLimit: a small frame that holds much is refused, and none is
// written.
func TestExpandLimit(t *testing.T) {
	const size = FreeExpand + (64 << 20)
	z := NewZip()
	zeros := make([]byte, size)
	frame := z.fast.EncodeAll(zeros, nil)
	if z.mayHold(len(frame)) >= size {
		t.Fatalf("%d bytes: no such frame", len(frame))
	}
	var over *limit.Over
	if _, err := z.expand(frame, size, maxRaw); !errors.As(err, &over) || over.Limit != limit.Piece {
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
	if _, err := z.expand(frame, size, maxRaw); err != nil {
		t.Errorf("with a higher limit: %v", err)
	}
}
