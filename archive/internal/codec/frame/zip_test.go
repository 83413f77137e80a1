package frame

import (
	"bytes"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// TestWords: archives that were written with the dictionary need it for ever.
func TestWords(t *testing.T) {
	if got, want := xxhash.Sum64(dictionary().text), uint64(0xebed742621ca53f7); got != want {
		t.Fatalf("the dictionary of format version 2 has changed: its sum is %#x, and was %#x", got, want)
	}
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
