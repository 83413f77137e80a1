package archive_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// taken are blocks as somebody else keeps them: their bytes.
type taken struct {
	t      *testing.T
	cursor archive.Cursor
	raw    [][]byte
}

// take takes what is new, and returns how many blocks that were.
func (k *taken) take(r *archive.Reader, open bool) (n int) {
	k.t.Helper()
	for b := range r.Blocks(&k.cursor, open) {
		raw, err := b.Raw()
		if err != nil {
			k.t.Fatal(err)
		}
		p, err := archive.ParseBlock(raw)
		if err != nil {
			k.t.Fatal(err)
		}
		if p.Key != b.Key || p.Run != b.Run || p.First != b.First || p.Last != b.Last || p.Records != b.Records || !p.From.Equal(b.From) || !p.To.Equal(b.To) {
			k.t.Errorf("the walk says %+v, the block %+v", b, p)
		}
		k.raw = append(k.raw, raw)
		k.cursor.Add(b)
		n++
	}
	b, err := k.cursor.MarshalBinary()
	if err != nil {
		k.t.Fatal(err)
	}
	var again archive.Cursor
	if err := again.UnmarshalBinary(b); err != nil {
		k.t.Fatal(err)
	}
	k.cursor = again
	return n
}

// build makes a flat file of raw blocks and opens it.
func build(t *testing.T, segment int, raw [][]byte) (*archive.Reader, []byte) {
	t.Helper()
	var file bytes.Buffer
	f := (*archive.FlatBuilder)(nil)
	for _, b := range raw {
		p, err := archive.ParseBlock(b)
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			f = archive.NewFlat(&file, p.Archive, segment)
		}
		if err := f.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := archive.OpenObjects(archive.Object{Name: "built", Src: bytes.NewReader(file.Bytes()), Size: int64(file.Len())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, file.Bytes()
}

// TestBlocks takes blocks out of an archive while it is written, open runs too,
// goes on after the writer ended, and makes a flat file of them that says the same.
func TestBlocks(t *testing.T) {
	w, path := archivetest.CreateDir(t, nil)
	s := newStory(t, w, 3)
	k := &taken{t: t}
	view := w.View()
	for i := range 6 {
		s.tell(60)
		if i == 0 && k.take(view, true) != 0 {
			t.Error("blocks are given that are not on disk")
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		k.take(view, i%2 == 0)
		if n := k.take(view, i%2 == 0); n != 0 {
			t.Errorf("%d blocks came twice", n)
		}
		if i == 3 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := archivetest.Open(t, path)
	if k.take(r, false) == 0 || k.take(r, true) != 0 {
		t.Error("the last blocks do not come once, when the writer ended")
	}
	if b, _ := k.cursor.MarshalBinary(); len(b) != 16 {
		t.Errorf("a cursor that has all has %d bytes", len(b))
	}
	raw := append(slices.Clone(k.raw), k.raw[:5]...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(raw), func(i, j int) { raw[i], raw[j] = raw[j], raw[i] })
	built, file := build(t, 1, raw)
	s.check(built)
	if rep, err := built.Verify(ctx); err != nil || len(rep.Damage) > 0 {
		t.Errorf("%v, %v", err, rep.Damage)
	}
	if a, b := r.Streams(), built.Streams(); len(a) != len(b) {
		t.Errorf("%d streams of %d", len(b), len(a))
	}
	name := filepath.Join(t.TempDir(), "built.erg")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s.check(archivetest.Open(t, name))
}

// What was left out before the file begins is not missed, what is missing in it
// is.
func TestBuiltOfParts(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	s := newStory(t, w, 4)
	s.tell(2500)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	k := &taken{t: t}
	k.take(archivetest.Open(t, path), false)
	late, _ := build(t, 2, k.raw[len(k.raw)/2:])
	if d := late.Damage(); len(d) > 0 {
		t.Errorf("the later half: %v", d)
	}
	if early, _ := build(t, 1, k.raw[len(k.raw)/2:]); len(early.Damage()) == 0 {
		t.Error("the later half passes for all")
	}
	runs := map[uint32]int{}
	holed := slices.DeleteFunc(slices.Clone(k.raw), func(b []byte) bool {
		p, _ := archive.ParseBlock(b)
		runs[p.Stream]++
		return p.Part == 0 && runs[p.Stream] == 2
	})
	if r, _ := build(t, 2, holed); len(r.Damage()) == 0 {
		t.Error("blocks are missing between others, and nothing is told")
	}
}

// Blocks that are damaged, cut off or of another archive are refused.
func TestStrangeBlocks(t *testing.T) {
	archives := [][][]byte{}
	for seed := range uint64(2) {
		w, path := archivetest.Create(t, nil)
		newStory(t, w, seed).tell(30)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		k := &taken{t: t}
		k.take(archivetest.Open(t, path), false)
		archives = append(archives, k.raw)
	}
	good := archives[0][0]
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x20
		if _, err := archive.ParseBlock(b); err == nil {
			t.Fatalf("byte %d is changed, and the block is taken", i)
		}
		if _, err := archive.ParseBlock(good[:i]); err == nil {
			t.Fatalf("cut off after %d bytes, and the block is taken", i)
		}
	}
	mine, _ := archive.ParseBlock(good)
	other, err := archive.ParseBlock(archives[1][0])
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.NewFlat(&bytes.Buffer{}, mine.Archive, 1).Add(other); err == nil {
		t.Error("a block of another archive is taken")
	}
	var c archive.Cursor
	if b, _ := c.MarshalBinary(); c.UnmarshalBinary(b[:9]) == nil || c.UnmarshalBinary(append(b, 0)) == nil {
		t.Error("a damaged cursor is read")
	}
}

// TestEndRuns: who takes blocks gets all of what began before a time, and the
// recording goes on as it was.
func TestEndRuns(t *testing.T) {
	w, path := archivetest.CreateDir(t, nil)
	s := newStory(t, w, 7)
	s.tell(40)
	k := &taken{t: t}
	if err := w.EndRuns(start); err != nil {
		t.Fatal(err)
	}
	if n := k.take(w.View(), false); n != 0 {
		t.Errorf("%d blocks of runs that did not begin before then", n)
	}
	if err := w.EndRuns(s.at.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if n := k.take(w.View(), false); n == 0 || w.Stats().Durable != w.Stats().Accepted {
		t.Errorf("%d blocks, %+v", n, w.Stats())
	}
	s.tell(40)
	if n := k.take(w.View(), false); n != 0 {
		t.Errorf("%d blocks of runs that go on", n)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, path)
	if err := w.EndRuns(s.at); err == nil {
		t.Error("a closed archive ends runs")
	}
	s.check(archivetest.Open(t, path))
}
