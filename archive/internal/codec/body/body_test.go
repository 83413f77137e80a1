package body

import (
	"bytes"
	"testing"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/header"
)

// TestPack: whatever a stream is like, it comes back.
func TestPack(t *testing.T) {
	const probe = 4 << 10 // how much is tried
	z := frame.NewZip()
	noise := make([]byte, 3*probe)
	for i, x := 0, uint64(1); i < len(noise); i++ {
		x = x*6364136223846793005 + 1442695040888963407
		noise[i] = byte(x >> 56)
	}
	for name, data := range map[string][]byte{
		"noise": noise, "repeated": bytes.Repeat([]byte("abc"), 3*probe), "skewed": bytes.ReplaceAll(noise, []byte{7}, []byte{0, 0, 0, 0, 0, 0, 0, 0}),
		"short": []byte("process_list and process_list"), "words": []byte("runtime.mallocgc ergo.services/ergo/node.(*process).run"),
	} {
		for _, sub := range []int{Class, Bits, Dict, List} {
			all, _ := appendPieces(nil, pack([]Stream{{Tag: Tag(FieldColumns, sub), Data: data, N: unitsOf(sub, data)}}, z), false)
			pieces, err := Parse(header.Version, 0, all, z)
			if err != nil {
				t.Fatal(name, sub, err)
			}
			got, err := pieces[0].Unpack(z, nil)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s, %d: %d bytes of %d came back, %v", name, sub, len(got), len(data), err)
			}
			if name == "noise" && len(all) > len(data)+16 {
				t.Errorf("noise, %d: %d bytes for %d", sub, len(all), len(data))
			}
		}
	}
}

func unitsOf(sub int, data []byte) int {
	if sub == Bits {
		return 8 * len(data)
	}
	return len(data)
}

// TestLayoutPlain: what is laid out without a compressor says the same.
func TestLayoutPlain(t *testing.T) {
	z := frame.NewZip()
	data := bytes.Repeat([]byte("process "), 1000)
	ss := []Stream{{Tag: Tag(FieldText, Class), Data: data, N: len(data)}, {Tag: Tag(FieldColumns, Bits), Data: data[:9], N: 70}}
	h := header.Header{Version: header.Version, Records: 1, First: 1, Last: 1, Run: 1}
	var all [2][]Piece
	var sizes [2]int
	for i, zip := range []*frame.Zip{z, nil} {
		b := Layout(h, nil, ss, zip)
		_, rest, _, err := header.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if all[i], err = Parse(b[4], b[5], rest, z); err != nil {
			t.Fatal(err)
		}
		sizes[i] = len(b)
	}
	if sizes[0] > len(data)/2 || sizes[1] < len(data) {
		t.Errorf("%d and %d bytes for %d", sizes[0], sizes[1], len(data))
	}
	for i := range ss {
		a, err1 := all[0][i].Unpack(z, nil)
		b, err2 := all[1][i].Unpack(z, nil)
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) || all[0][i].N != all[1][i].N {
			t.Errorf("stream %d: %d and %d bytes, %v, %v", i, len(a), len(b), err1, err2)
		}
	}
}
