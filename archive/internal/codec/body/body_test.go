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
