package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/transcript"
)

var atoms = map[uint16]edf.Atom{256: "mcp"}

// TestRoundTrip writes and reads a message of every type.
func TestRoundTrip(t *testing.T) {
	full := Message{
		Order: 3, From: 1, To: 2, Priority: 2, Important: true, ID: 4, Ref: [3]uint64{5, 6, 7},
		Alias: [3]uint64{8, 9, 10}, Name: "mcp", NameID: 256, At: 11, Code: 12, Payload: []byte{13},
	}
	types := 0
	for i := range 256 {
		m := full
		m.Type = Type(i)
		b, err := m.Append([]byte{1})
		if _, ok := Layout(m.Type); !ok {
			if !errors.Is(err, ErrUnknownType) || len(b) != 1 {
				t.Errorf("type %d: %v", i, err)
			}
			continue
		}
		types++
		for _, r := range []io.Reader{bytes.NewReader(b[1:]), iotest.OneByteReader(bytes.NewReader(b[1:])), iotest.DataErrReader(bytes.NewReader(b[1:]))} {
			f, err := NewReader(r, 1000).Next()
			if err != nil {
				t.Fatalf("type %d: %v", i, err)
			}
			got, err := Parse(f, atoms)
			if err != nil {
				t.Fatalf("type %d: %v", i, err)
			}
			again, err := got.Append([]byte{1})
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("type %d: %x, then %x: %v", i, b, again, err)
			}
			for cut := range len(f.Body) - 1 {
				if _, err := Parse(Frame{Type: f.Type, Body: f.Body[:cut]}, atoms); err == nil {
					t.Errorf("type %d: parsed %d of %d bytes", i, cut, len(f.Body))
				}
			}
		}
	}
	if types != 20 {
		t.Errorf("%d types have a layout", types)
	}
	if _, err := (Message{Type: SendName, Name: edf.Atom(make([]byte, 256))}).Append(nil); err == nil {
		t.Error("a name of 256 bytes was written")
	}
}

// TestReader: how a stream may end, and what it may announce.
func TestReader(t *testing.T) {
	good, _ := Message{Type: SendPID, Payload: make([]byte, 300<<10)}.Append(nil)
	for _, c := range []struct {
		name string
		b    []byte
		is   error
	}{
		{"nothing", nil, io.EOF},
		{"half a header", good[:5], io.ErrUnexpectedEOF},
		{"half a body", good[:200<<10], io.ErrUnexpectedEOF},
		{"a header without a body", good[:8], io.ErrUnexpectedEOF},
		{"other magic", []byte{87, 1, 0, 0, 0, 8, 0, 0}, ErrNotAFrame},
		{"announces 1 MB and one byte", []byte{78, 1, 0, 16, 0, 1, 0, 0}, ErrTooLong},
	} {
		if _, err := NewReader(bytes.NewReader(c.b), 1<<20).Next(); !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", c.name, err, c.is)
		}
	}
	r := NewReader(bytes.NewReader(append(append(good, good...), 78)), 1<<20)
	for range 2 {
		if f, err := r.Next(); err != nil || len(f.Body)+headerSize != len(good) {
			t.Fatalf("%d bytes, %v", len(f.Body), err)
		}
	}
	// A header is not believed: room is made as bytes come.
	lie := []byte{78, 1, 0x40, 0, 0, 0, 0, 101}
	if n := testing.AllocsPerRun(1, func() { _, _ = NewReader(bytes.NewReader(lie), 1<<31-1).Next() }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func seeds(f *testing.F) {
	cases, err := transcript.All()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		for _, l := range c.Links {
			for _, fr := range l.Frames {
				if b := l.Bytes(fr); len(b) > 0 && b[0] == magic {
					f.Add(b)
				}
			}
		}
	}
}

// FuzzFrames: no stream makes the reader panic or take much memory; what is
// read as a message is written as the same bytes.
func FuzzFrames(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewReader(bytes.NewReader(stream), 1<<20)
		for {
			f, err := r.Next()
			if err != nil {
				return
			}
			if f, err = Unpack(f, 1<<20); err != nil {
				continue
			}
			m, err := Parse(f, atoms)
			if err != nil {
				continue
			}
			b, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b[headerSize:], f.Body) {
				t.Fatalf("read %x, written %x", f.Body, b[headerSize:])
			}
		}
	})
}

// BenchmarkFrames reads and parses the frames of twenty calls in flight.
func BenchmarkFrames(b *testing.B) {
	c, err := transcript.Named("cr_20_in_flight")
	if err != nil {
		b.Fatal(err)
	}
	stream := c.Links[0].BToA[7549:]
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(stream), DefaultLimit)
		for {
			f, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if _, err := Parse(f, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}
