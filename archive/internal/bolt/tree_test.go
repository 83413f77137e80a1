package bolt

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// written is a file with n values, each in a bucket of its own.
func written(t *testing.T, n int) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "written.erg")
	db, err := Open(path, Options(false, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("values"))
			if err != nil {
				return err
			}
			return PutValue(b, []byte{byte(i)}, bytes.Repeat([]byte{byte(i)}, 9000))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestTreeCounts: a page that holds other elements than it was written with is
// damage, or whole commits would be missed without a word.
func TestTreeCounts(t *testing.T) {
	file := written(t, 6)
	tr := &tree{f: bytes.NewReader(file), size: int64(len(file))}
	root, err := tr.root()
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.page(root, bucket{}, 0); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for id := range tr.pages {
		if tr.seen[id>>6]>>(id&63)&1 == 0 {
			continue
		}
		at := id * tr.pageSize
		count := binary.LittleEndian.Uint16(file[at+10:])
		if binary.LittleEndian.Uint64(file[at:]) != id { // goes on with the page before it
			continue
		}
		pages++
		for n := range count {
			if n == 0 && id == root {
				continue
			}
			b := bytes.Clone(file)
			binary.LittleEndian.PutUint16(b[at+10:], n)
			if err := CheckTree(bytes.NewReader(b), int64(len(b))); err == nil {
				t.Errorf("page %d says %d elements in place of %d, and nobody notices", id, n, count)
			}
		}
	}
	if pages < 6 {
		t.Fatalf("%d pages", pages)
	}
}
