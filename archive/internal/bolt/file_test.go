package bolt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
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
