package codec

import (
	"bytes"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// TestWords: archives that were written with the dictionary need it for ever.
func TestWords(t *testing.T) {
	if got, want := xxhash.Sum64(dictionary()), uint64(0xebed742621ca53f7); got != want {
		t.Fatalf("the dictionary of format version 2 has changed: its sum is %#x, and was %#x", got, want)
	}
}

// TestPack: whatever a stream is like, it comes back.
func TestPack(t *testing.T) {
	z := NewZip()
	noise := make([]byte, 3*probe)
	for i, x := 0, uint64(1); i < len(noise); i++ {
		x = x*6364136223846793005 + 1442695040888963407
		noise[i] = byte(x >> 56)
	}
	for name, data := range map[string][]byte{
		"noise": noise, "repeated": bytes.Repeat([]byte("abc"), 3*probe), "skewed": bytes.ReplaceAll(noise, []byte{7}, []byte{0, 0, 0, 0, 0, 0, 0, 0}),
		"short": []byte("process_list and process_list"), "words": []byte("runtime.mallocgc ergo.services/ergo/node.(*process).run"),
	} {
		for _, sub := range []int{subClass, subBits, subDict, subList} {
			all, _ := appendStreams(nil, streams{{tag: tag(fieldColumns, sub), data: data, n: unitsOf(sub, data)}}, z, false)
			pieces, err := parseStreams(Version, 0, all, z)
			if err != nil {
				t.Fatal(name, sub, err)
			}
			got, err := pieces[tag(fieldColumns, sub)].unpack(tag(fieldColumns, sub), z)
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
	if sub == subBits {
		return 8 * len(data)
	}
	return len(data)
}

// TestSqueeze: lists of any length come back.
func TestSqueeze(t *testing.T) {
	for _, z := range []*Zip{NewZip(), NewZip().Small()} {
		for n := range 600 {
			list := bytes.Repeat([]byte("process_list"), n/12+1)[:n]
			if got, err := z.Expand(z.Squeeze(list)); err != nil || !bytes.Equal(got, list) {
				t.Fatalf("a list of %d bytes came back with %d, %v", n, len(got), err)
			}
		}
	}
}
