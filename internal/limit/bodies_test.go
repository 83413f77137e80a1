package limit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestBodies: an answer is read whole however much room was thought to be enough, and refused where it is too long.
func TestBodies(t *testing.T) {
	b := NewBodies()
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	const most = 8 << 20
	for _, n := range []int{0, 1, usualBody - 1, usualBody, usualBody + 1, 300_000, 3, 300_001, shortBody - 1, shortBody, shortBody + 1, 5 << 20, most, 7} {
		for _, length := range []int64{-1, int64(n)} {
			for _, r := range []io.Reader{bytes.NewReader(text[:n]), iotest.DataErrReader(bytes.NewReader(text[:n]))} {
				got, err := b.ReadAll(context.Background(), r, "asked", length, most)
				if err != nil || !bytes.Equal(got, text[:n]) {
					t.Fatalf("%d bytes: %d came, %v", n, len(got), err)
				}
			}
		}
	}
	for _, n := range []int{most + 1, 16 << 20} {
		if _, err := b.ReadAll(context.Background(), bytes.NewReader(text[:n]), "asked", -1, most); !errors.Is(err, ErrOver) {
			t.Errorf("%d bytes where %d may come: %v", n, most, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(text[:9000]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := b.ReadAll(context.Background(), broken, "asked", -1, most); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that breaks off: %v", err)
	}
}

// TestBodiesHaveRoom: an answer about as long as the last one to the question is not copied while it comes.
func TestBodiesHaveRoom(t *testing.T) {
	b := NewBodies()
	text, size := make([]byte, 420_000), 400_000
	read := func() {
		size += 100
		if _, err := b.ReadAll(context.Background(), bytes.NewReader(text[:size]), "asked", -1, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(20, read); n > 2 {
		t.Errorf("%v allocations an answer, want its room and the reader", n)
	}
}
