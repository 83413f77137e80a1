package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"go.etcd.io/bbolt"
)

// TestPlaces: what lies at the places that a walk tells is what bbolt reads, in files of many and of few pages.
func TestPlaces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ page, values, most int }{{1024, 3, 20}, {1024, 400, 60}, {4096, 400, 9000}, {1024, 60, 30_000}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: c.page})
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bbolt.Tx) error {
				for _, name := range []string{"a", "b", "empty"} {
					b, err := tx.CreateBucket([]byte(name))
					if err != nil {
						return err
					}
					for i := range c.values {
						if name == "empty" {
							break
						}
						v := make([]byte, rnd.IntN(c.most))
						for j := range v {
							v[j] = byte(rnd.Uint32())
						}
						if err := PutValue(b, fmt.Appendf(nil, "%s-%06d", name, i), v); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			agree(t, path)
		})
	}
}

// agree fails the test where bbolt and a walk read other values of a file.
func agree(t *testing.T, path string) {
	t.Helper()
	for _, large := range []bool{false, true} {
		f, err := OpenFile(path, new([]byte))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if large {
			f.Opened()
		}
		places, err := f.Walk()
		if err != nil {
			t.Fatal(err)
		}
		f.Opened()
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.View(func(tx *bbolt.Tx) error {
			for _, name := range []string{"a", "b", "empty"} {
				list, there := places[name]
				if !there {
					t.Errorf("bucket %s is not told", name)
				}
				EachValue(tx, []byte(name), func(k, v []byte) {
					if len(list) == 0 {
						t.Fatalf("%s is not told", k)
					}
					got, err := f.Value(list[0])
					if err != nil || !bytes.Equal(list[0].Key, k) || !bytes.Equal(got, v) {
						t.Fatalf("%s: %d bytes of %s, %v, want %d", k, len(got), list[0].Key, err, len(v))
					}
					list = list[1:]
				})
				if len(list) > 0 {
					t.Errorf("%d values of %s are not there", len(list), name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedPlaces: whatever stands in a file, a walk ends, and what it tells lies in the file.
func TestDamagedPlaces(t *testing.T) {
	file := written(t, 6)
	rnd := rand.New(rand.NewPCG(3, 4))
	sound := 0
	for range 3000 {
		b := bytes.Clone(file)
		for range 1 + rnd.IntN(3) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		whole := &tree{f: bytes.NewReader(b), size: int64(len(b)), whole: b, places: Places{}}
		pages := &tree{f: bytes.NewReader(b), size: int64(len(b)), places: Places{}}
		err, same := whole.walk(), pages.walk()
		if fmt.Sprint(err) != fmt.Sprint(same) || err == nil && !reflect.DeepEqual(whole.places, pages.places) {
			t.Fatalf("at once %v, page by page %v", err, same)
		}
		if err != nil {
			continue
		}
		sound++
		for _, list := range whole.places {
			for _, p := range list {
				if p.At+int64(p.Size) > int64(len(b)) {
					t.Fatalf("a value at %d of %d bytes in a file of %d", p.At, p.Size, len(b))
				}
			}
		}
	}
	if sound == 0 {
		t.Error("no walk came to its end")
	}
}

// TestOverlappingKeys: a file whose elements claim the same bytes is damaged; read, each would take as much memory.
func TestOverlappingKeys(t *testing.T) {
	const elements, key = 1000, 1 << 20
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, overlapping(elements, key), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path, new([]byte))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = f.Walk()
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; err == nil || took > 16 {
		t.Errorf("%v, after %d MiB", err, took)
	}
}

// overlapping is a file of bbolt's whose one bucket has so many elements with the same bytes as their keys.
func overlapping(elements, key int) []byte {
	const page = 1024
	le := binary.LittleEndian
	pages := (PageHeader + elementSize*elements + key + page - 1) / page
	f := make([]byte, (3+pages)*page)
	for i := range 2 {
		le.PutUint64(f[i*page:], uint64(i))
		le.PutUint16(f[i*page+8:], 4)
		m := f[i*page+PageHeader:]
		le.PutUint32(m, 0xED0CDAED)
		le.PutUint32(m[4:], 2)
		le.PutUint32(m[8:], page)
		le.PutUint64(m[16:], 2)
		le.PutUint64(m[32:], ^uint64(0))
		le.PutUint64(m[40:], uint64(3+pages))
		le.PutUint64(m[48:], uint64(i))
		le.PutUint64(m[56:], fnv64(m[:56]))
	}
	head := func(id, count, overflow int) []byte {
		p := f[id*page:]
		le.PutUint64(p, uint64(id))
		le.PutUint16(p[8:], pageLeaf)
		le.PutUint16(p[10:], uint16(count))
		le.PutUint32(p[12:], uint32(overflow))
		return p[PageHeader:]
	}
	e := head(2, 1, 0)
	for i, v := range []uint32{leafBucket, elementSize, 6, 16} {
		le.PutUint32(e[4*i:], v)
	}
	copy(e[elementSize:], "blocks")
	le.PutUint64(e[elementSize+6:], 3)
	e = head(3, elements, pages-1)
	for i := range elements {
		le.PutUint32(e[elementSize*i+4:], uint32(elementSize*(elements-i)))
		le.PutUint32(e[elementSize*i+8:], uint32(key))
	}
	return f
}
