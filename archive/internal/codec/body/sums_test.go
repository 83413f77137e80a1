package body

import (
	"bytes"
	"encoding/binary"
	"testing"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/header"
)

// large is a block with a head, texts and columns, and what its streams hold.
func large(z *frame.Zip, synopsis []byte) (block []byte, ss []Stream) {
	x := uint64(1)
	noise := func(n int, mask byte) []byte {
		b := make([]byte, n)
		for i := range b {
			x = x*6364136223846793005 + 1442695040888963407
			b[i] = byte(x>>56) & mask
		}
		return b
	}
	ss = []Stream{
		{Tag: Tag(0, Class), Data: []byte("about"), N: 5},
		{Tag: Tag(1, Class), Data: noise(300, 1), N: 300},
		{Tag: Tag(FieldText, Class), Data: noise(Large-100, 1), N: Large - 100},
		{Tag: Tag(FieldColumns, Class), Data: noise(400, 3), N: 400},
		{Tag: Tag(FieldColumns, Bits), Data: noise(50, 255), N: 399},
		{Tag: Tag(FieldColumns+1, Class), Data: noise(8, 255), N: 8},
		{Tag: Tag(FieldColumns+6, Dict), Data: noise(500, 3), N: 500},
		{Tag: Tag(FieldColumns+9, Class), Data: noise(100, 255), N: 100},
	}
	h := header.Header{Version: header.Version, Whole: true, Run: 7, First: 7, Last: 9, Records: 3, From: 1, To: 2}
	return Layout(h, synopsis, ss, z), ss
}

// columns are those of the block that large makes.
var columns = []int{0, 3, 4}

// column reads a column and reports whether it is there, intact.
func column(t *testing.T, z *frame.Zip, b []byte, number int, want []Stream) bool {
	t.Helper()
	var room Room
	x := Open(bytes.NewReader(b), len(b), &room)
	if x == nil || !x.Column(number) {
		return false
	}
	for i := range x.Pieces {
		p := &x.Pieces[i]
		raw, err := p.Unpack(z, nil)
		if g := groupOf(p.Tag); g != groupBase && g != groupColumns+number {
			if err != errUnread {
				t.Fatalf("stream %d was not to be read: %v", p.Tag, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("stream %d: %v", p.Tag, err)
		}
		for _, s := range want {
			if s.Tag == p.Tag && (!bytes.Equal(raw, s.Data) || p.N != s.N) {
				t.Fatalf("stream %d came back otherwise", p.Tag)
			}
		}
	}
	return true
}

// A bit that is flipped anywhere is found by whoever reads what it is in, and by the check of all; who reads something else is
// told the truth.
func TestSums(t *testing.T) {
	z := frame.NewZip()
	for _, synopsis := range [][]byte{nil, []byte("a synopsis"), bytes.Repeat([]byte("long"), 5000)} {
		b, ss := large(z, synopsis)
		if _, _, _, err := header.Parse(b); err != nil || CheckSums(b) != nil {
			t.Fatal(err, CheckSums(b))
		}
		p, err := planOf(b, len(b), &plan{})
		if err != nil {
			t.Fatal(err)
		}
		spanAt := func(at int) (group int) {
			for _, s := range p.spans {
				if s.from <= at && at < s.to {
					group = s.group
				}
			}
			return group
		}
		step := 1 + len(b)/1500
		for at := 0; at < len(b); at += step {
			group := spanAt(at)
			bad := bytes.Clone(b)
			bad[at] ^= 1 << (at % 8)
			for _, c := range columns {
				hit := group == groupBase && (at < 24 || at >= header.Fixed) || group == groupColumns+c
				if got := column(t, z, bad, c, ss); got == hit {
					t.Fatalf("byte %d, of group %d, column %d: read is %v", at, group, c, got)
				}
			}
			if _, _, _, err := header.Parse(bad); err == nil {
				t.Fatalf("byte %d: no damage", at)
			}
			header.PutSum(bad) // as a program that is wrong would leave it
			if (at < 24 || at >= header.Fixed) && CheckSums(bad) == nil {
				if _, err := planOf(bad, len(bad), &plan{}); err == nil {
					t.Fatalf("byte %d: the checksums by column are right", at)
				}
			}
		}
	}
}

// A block without checksums by column, a piece of one, and one of another length are read as a whole.
func TestReadAsWhole(t *testing.T) {
	z := frame.NewZip()
	b, ss := large(z, nil)
	var room Room
	if Open(bytes.NewReader(b), len(b), &room) == nil {
		t.Fatal("the block cannot be read by columns")
	}
	for n := range len(b) {
		if n%97 < 3 && (Open(bytes.NewReader(b[:n]), len(b), &room) != nil && n < firstRead || Open(bytes.NewReader(b[:n]), n, &room) != nil) {
			t.Fatalf("%d bytes of %d are read as a block", n, len(b))
		}
	}
	h := header.Header{Version: 2, Whole: true, Run: 7, First: 7, Last: 9, Records: 3, From: 1, To: 2}
	old := Layout(h, nil, ss, z)
	h.Version, h.Whole = header.Version, false
	chunk := Layout(h, nil, ss, z)
	h.Whole = true
	small := Layout(h, nil, ss[:2], z)
	for i, b := range [][]byte{old, chunk, small} {
		if _, _, _, err := header.Parse(b); err != nil || Open(bytes.NewReader(b), len(b), &room) != nil {
			t.Errorf("block %d: it is read by columns, or not at all: %v", i, err)
		}
	}
}

// TestSizesThatRunOver: sizes of streams whose sum is that of the block only where an int has 32 bits.
func TestSizesThatRunOver(t *testing.T) {
	b := header.Append(nil, &header.Header{Version: header.Version, Whole: true, Run: 7, First: 7, Last: 9, Records: 3, From: 1, To: 2})
	b = append(b, 6, TagSums, 16<<1)
	for _, to := range []byte{4 - TagSums, 4, 72, 2} {
		b = append(b, to, 1<<1|1)
		b = binary.AppendUvarint(b, 1<<30)
	}
	b = append(b, 1)
	b = binary.AppendUvarint(b, 200<<1)
	b = append(b, make([]byte, 216)...)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	if p, err := planOf(b, len(b), &plan{}); err == nil {
		t.Errorf("it has a plan: %+v", p)
	}
}
