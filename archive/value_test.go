package archive

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec/header"
)

// crashedFile is a file as a crash leaves it: n records in the tail, each in a
// bucket of its own.
func crashedFile(t *testing.T, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crashed.erg")
	w := retainWriter(t, path, nil)
	for i := range n {
		appendSync(t, w, retainRecord(retainStart.Add(time.Duration(i)*time.Second), 9000))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestValueLost: a value that cannot be found in the bucket of its own, or that
// its page does not count any more, is told as damage; of the newest commit
// nothing else tells. Salvage finds it all the same.
func TestValueLost(t *testing.T) {
	const records = 4
	whole := crashedFile(t, records)
	path := filepath.Join(t.TempDir(), "damaged.erg")
	values := 0
	for at := 0; ; at++ {
		i := bytes.Index(whole[at:], append(bytes.Clone(bolt.AloneKey), header.Magic...))
		if i < 0 {
			break
		}
		at += i
		values++
		page := at / os.Getpagesize() * os.Getpagesize()
		for what, damage := range map[string]func(b []byte){
			"key flipped":   func(b []byte) { b[at] ^= 1 },
			"count cleared": func(b []byte) { b[page+10] = 0 },
			"count raised":  func(b []byte) { b[page+10]++ },
		} {
			b := bytes.Clone(whole)
			damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			rep, err := Verify(t.Context(), path)
			if err != nil || len(rep.Damage) == 0 {
				t.Errorf("%s, value %d: verify: %+v, %v", what, values, rep, err)
			}
			s, err := Salvage(t.Context(), path, filepath.Join(t.TempDir(), "saved.erg"))
			if err != nil || s.Records != records {
				t.Errorf("%s, value %d: salvage: %+v, %v", what, values, s, err)
			}
		}
	}
	if values < records {
		t.Fatalf("%d values of %d are in buckets of their own", values, records)
	}
}
