package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/pace"
)

// ranged counts the reads of an object.
type ranged struct {
	*bytes.Reader
	reads int
}

func (r *ranged) ReadAt(b []byte, off int64) (int, error) {
	r.reads++
	return r.Reader.ReadAt(b, off)
}

// TestFlat writes segments as flat files and reads them as one archive.
func TestFlat(t *testing.T) {
	dir, _, s := makeSegments(t, 8, 2)
	var objects []archive.Object
	var sources []*ranged
	var flats [][]byte
	for _, name := range []string{"00000001.erg", "00000002.erg", "00000003.erg"} {
		b := writeFlat(t, filepath.Join(dir, name))
		src := &ranged{Reader: bytes.NewReader(b)}
		objects = append(objects, archive.Object{Name: name, Src: src, Size: int64(len(b))})
		sources, flats = append(sources, src), append(flats, b)
	}
	r, err := archive.OpenObjects(objects...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, src := range sources {
		if src.reads > 2 {
			t.Errorf("object %d was opened with %d reads", i, src.reads)
		}
	}
	s.check(r)
	if rep, err := r.Verify(ctx); err != nil || len(rep.Damage) > 0 {
		t.Errorf("%v, %v", err, rep.Damage)
	}
	path := filepath.Join(t.TempDir(), "flat.erg")
	if err := os.WriteFile(path, flats[0], 0o600); err != nil {
		t.Fatal(err)
	}
	archivetest.Open(t, path)

	if r, err := archive.OpenObjects(objects[0], objects[2]); err != nil || !says(r.Damage(), "00000002.erg", "file does not exist") {
		t.Errorf("without the second: %v, %v", err, r.Damage())
	}
	if r, err := archive.OpenObjects(objects[1:]...); err != nil || len(r.Damage()) > 0 {
		t.Errorf("from the second on: %v, %v", err, r.Damage())
	}
}

func writeFlat(t *testing.T, path string) []byte {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if err := r.WriteFlat(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFlatDamage flips every byte of a small flat file, in turn, and cuts it off
// at every length: no record may come out changed, and what is damaged is told.
func TestFlatDamage(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	s := newStory(t, w, 9)
	s.tell(12)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := writeFlat(t, path)
	want := map[uint64]*archive.Record{}
	for _, r := range s.want {
		want[r.Seq] = r
	}
	check := func(what string, b []byte) {
		t.Helper()
		r, err := archive.OpenObjects(archive.Object{Name: what, Src: bytes.NewReader(b), Size: int64(len(b))})
		if err != nil {
			return
		}
		rep, err := r.Verify(ctx)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		n := 0
		for rec, err := range r.Records(ctx, archive.Query{}) {
			if err == nil {
				same(t, rec, want[rec.Seq])
				n++
			}
		}
		if n < len(want) && len(rep.Damage) == 0 {
			t.Fatalf("%s: %d records of %d, and nothing is told", what, n, len(want))
		}
	}
	step := pace.Every(3, 31)
	for i := 8; i < len(whole); i += step {
		b := bytes.Clone(whole)
		b[i] ^= 0x41
		check("flipped", b)
	}
	for n := 0; n < len(whole); n += 7 * step {
		check("cut", whole[:n])
	}
}
