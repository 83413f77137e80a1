package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
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
