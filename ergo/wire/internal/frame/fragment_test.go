package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// part is one part of a frame.
func part(seq uint32, index, total uint16, b []byte) Frame {
	body := binary.BigEndian.AppendUint32(nil, seq)
	body = binary.BigEndian.AppendUint16(body, index)
	body = binary.BigEndian.AppendUint16(body, total)
	return Frame{Type: Fragment, Body: append(body, b...)}
}

func TestAssembler(t *testing.T) {
	whole := []byte{78, 1, 0, 0, 0, 14, 7, 129, 1, 2, 3, 4, 5, 6}
	now := time.Unix(0, 0)
	a := NewAssembler(100)
	for i, p := range []Frame{part(1, 2, 3, whole[12:]), part(2, 0, 2, whole[:5]), part(1, 0, 3, whole[:6]), part(1, 1, 3, whole[6:12])} {
		f, done, err := a.Add(p, now)
		if err != nil || done != (i == 3) {
			t.Fatalf("part %d: done %v, %v", i, done, err)
		}
		if done && (f.Type != Response || f.Order != 7 || !bytes.Equal(f.Body, whole[8:])) {
			t.Errorf("made %+v", f)
		}
	}
	if _, done, err := a.Add(part(2, 1, 2, whole[5:]), now.Add(time.Minute)); done || err != nil {
		t.Errorf("a part after the first was dropped: done %v, %v", done, err)
	}
	for name, p := range map[string]Frame{
		"short":       {Type: Fragment, Body: []byte{1}},
		"of none":     part(3, 0, 0, nil),
		"too far":     part(3, 2, 2, nil),
		"too much":    part(3, 0, 2, make([]byte, 101)),
		"other total": part(2, 0, 3, nil),
		"no frame":    part(4, 0, 1, []byte{1, 2}),
		"wrong size":  part(5, 0, 1, []byte{78, 1, 0, 0, 0, 9, 0, 129}),
		"a fragment":  part(6, 0, 1, []byte{78, 1, 0, 0, 0, 8, 0, 202}),
	} {
		if _, done, err := a.Add(p, now.Add(time.Minute)); err == nil || done {
			t.Errorf("%s: done %v, %v", name, done, err)
		}
	}
	if a.held != 0 || len(a.under) != 0 {
		t.Errorf("%d bytes of %d messages are still held", a.held, len(a.under))
	}
	for seq := range uint32(mostAssemblies) {
		if _, _, err := a.Add(part(seq, 0, 2, nil), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.Add(part(5000, 0, 2, nil), now.Add(time.Minute)); err == nil {
		t.Error("any number of unfinished messages is held")
	}
	if _, _, err := NewAssembler(4).Add(part(1, 0, 2, make([]byte, 5)), now); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v is not ErrTooLong", err)
	}
}

// TestPackAndSplit: a long frame that is compressed and sent in parts is the same
// when it has come; a short one is sent as it is.
func TestPackAndSplit(t *testing.T) {
	noise := make([]byte, 200_000) // that does not shrink
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	m := Message{Type: Response, Order: 5, From: 1, To: 2, Ref: [3]uint64{3}, Payload: noise}
	whole, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{whole, append(append([]byte{}, whole[:2]...), 0, 0, 0, 8, 0, 208)} {
		packed, err := Pack(b)
		if err != nil {
			t.Fatal(err)
		}
		a := NewAssembler(1 << 20)
		parts := Split(packed, 9)
		var got Frame
		for i, p := range parts {
			if len(p) > partSize+16 {
				t.Errorf("a part of %d bytes", len(p))
			}
			f, err := NewReader(bytes.NewReader(p), 1<<20).Next()
			if err != nil {
				t.Fatal(err)
			}
			if got = f; len(parts) > 1 {
				var done bool
				if got, done, err = a.Add(f, time.Unix(0, 0)); err != nil || done != (i == len(parts)-1) {
					t.Fatalf("part %d: %v, %v", i, done, err)
				}
			}
		}
		f, err := Unpack(got, 1<<20)
		if err != nil || f.Type != Type(b[7]) || !bytes.Equal(f.Body, b[8:]) {
			t.Errorf("%d bytes came as %d of type %d: %v", len(b)-8, len(f.Body), f.Type, err)
		}
		if (len(parts) > 1) != (len(b) > 100_000) || (&packed[0] == &b[0]) != (len(b) < packFrom) {
			t.Errorf("%d bytes were sent in %d parts", len(b), len(parts))
		}
	}
}
