package archive_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/pace"
)

// intact is an archive to be damaged, and all that it says.
type intact struct {
	dir     bool
	files   map[string][]byte
	records map[uint64]*archive.Record
	frames  map[string]bool
	streams map[archive.StreamKey]bool
}

var damageColumns = []string{"PID", "In", "Age", "State", "up", "load"}

// makeIntact records one file or a directory of three segments. It was closed,
// or is as a crash leaves it: the newest records are in the tail.
func makeIntact(t *testing.T, dir, crashed bool) *intact {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.erg")
	if dir {
		path = t.TempDir() + "/"
	}
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, w, 7)
	for i := range 6 {
		s.tell(15)
		if _, err := w.Mark(archive.Mark{Kind: archive.MarkIncident, From: s.at, Note: fmt.Sprint(i), At: s.at}); err != nil {
			t.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		if dir && i%2 == 1 && i < 5 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := &intact{dir: dir, records: map[uint64]*archive.Record{}, frames: map[string]bool{}, streams: map[archive.StreamKey]bool{}}
	if crashed {
		d.files = filesAt(t, path)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !crashed {
		d.files = filesAt(t, path)
	}
	r := archivetest.Open(t, path)
	s.want = nil // marks are between them
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		d.records[rec.Seq] = rec
	}
	for _, st := range r.Streams() {
		d.streams[st.StreamKey] = true
		for f, err := range r.Scan(ctx, st.StreamKey, time.Time{}, time.Time{}, damageColumns) {
			if err != nil {
				t.Fatal(err)
			}
			for _, said := range frameTexts(st, f) {
				d.frames[said] = true
			}
		}
	}
	return d
}

func filesAt(t *testing.T, path string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.erg"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		files[filepath.Base(p)] = readFile(t, p)
	}
	return files
}

// frameTexts are all that a frame says, whatever the slots: of objects each row
// by itself, because a frame has those of the subjects that were met so far.
func frameTexts(s archive.Stream, f *archive.Frame) []string {
	rows := []string{}
	for _, slot := range f.Live {
		row := s.StreamKey.String()
		for _, c := range f.Columns {
			n, ok := c.Int(slot)
			row += fmt.Sprintf(",%d %v %q", n, ok, c.Text(slot))
		}
		rows = append(rows, row)
	}
	head := fmt.Sprint(s.StreamKey, f.At.UnixNano(), f.Took, f.Failure, f.Subject, f.Seen, f.Total)
	if s.Schema.Form == archive.FormObject {
		return append(rows, head)
	}
	slices.Sort(rows)
	return []string{head + fmt.Sprint(rows)}
}

// place writes the archive with one of its files damaged; nil stands for a
// file that is missing.
func (d *intact) place(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "placed")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for n, b := range d.files {
		if n == name {
			b = content
		}
		if b == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if d.dir {
		return dir
	}
	return filepath.Join(dir, name)
}

// read reads what is left of a damaged archive, in every way. Whatever comes
// back is what was appended, and what does not is told of. It returns the
// records that were found; none where the archive cannot be opened.
func (d *intact) read(t *testing.T, what, path string) (found map[uint64]bool) {
	t.Helper()
	found = map[uint64]bool{}
	r, err := archive.Open(path)
	if err != nil {
		return found // all of it is told of
	}
	defer r.Close()
	errs := 0
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			errs++
			continue
		}
		d.same(t, what, rec)
		found[rec.Seq] = true
	}
	rep, err := r.Verify(ctx)
	if err != nil {
		t.Fatalf("%s: verify: %v", what, err)
	}
	if (errs > 0 || len(found) < len(d.records)) && len(rep.Damage) == 0 {
		t.Fatalf("%s: %d records of %d, %d errors, and verify finds nothing", what, len(found), len(d.records), errs)
	}
	if !d.dir && len(found) < len(d.records) && errs == 0 {
		t.Fatalf("%s: %d records of %d, and no error", what, len(found), len(d.records))
	}
	for _, e := range rep.Damage {
		if e.Segment == "" || e.Err == nil {
			t.Fatalf("%s: damage %+v", what, e)
		}
	}
	for m, err := range r.Marks(ctx, time.Time{}, time.Time{}) {
		if err == nil && !bytes.Contains(d.records[m.Seq].Text, []byte(m.Note)) {
			t.Fatalf("%s: mark %+v", what, m)
		}
	}
	for _, s := range r.Streams() {
		if !d.streams[s.StreamKey] {
			t.Fatalf("%s: stream %v was never recorded", what, s.StreamKey)
		}
		for f, err := range r.Scan(ctx, s.StreamKey, time.Time{}, time.Time{}, damageColumns) {
			if err != nil {
				continue
			}
			for _, said := range frameTexts(s, f) {
				if !d.frames[said] {
					t.Fatalf("%s: scan: %s was never recorded", what, said)
				}
			}
		}
		for _, subject := range []string{"", "<A.0.1>"} {
			if rec, err := r.Last(s.StreamKey, subject, start.Add(time.Hour)); err == nil {
				d.same(t, what+": last", rec)
			}
		}
	}
	if i := r.Info(); i.Records < len(found) {
		t.Fatalf("%s: info says %d records, %d were read", what, i.Records, len(found))
	}
	return found
}

func (d *intact) same(t *testing.T, what string, rec *archive.Record) {
	t.Helper()
	want := d.records[rec.Seq]
	if want == nil {
		t.Fatalf("%s: record %d was never appended", what, rec.Seq)
	}
	same(t, rec, want)
}

// write opens the archive for writing, where it is not refused. What could be
// read before can be read afterwards, and what is appended too.
func (d *intact) write(t *testing.T, what, path string, before map[uint64]bool) (refused bool) {
	t.Helper()
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return true
	}
	later := &archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Name: "later"}, At: start.Add(time.Hour), Text: []byte("later")}
	if _, err := w.Append(later); err != nil {
		t.Fatalf("%s: append: %v", what, err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close: %v", what, err)
	}
	r, err := archive.Open(path)
	if err != nil {
		t.Fatalf("%s: open what was written: %v", what, err)
	}
	defer r.Close()
	there := false
	left := maps.Clone(before)
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			continue
		}
		if rec.Stream.Name == "later" {
			there = string(rec.Text) == "later"
			continue
		}
		d.same(t, what+": written", rec)
		delete(left, rec.Seq)
	}
	if !there || len(left) > 0 {
		t.Fatalf("%s: what was appended is there: %v; lost by writing: %v", what, there, slices.Sorted(maps.Keys(left)))
	}
	return false
}

// salvage recovers all that can be read, and tells of the rest.
func (d *intact) salvage(t *testing.T, what, path string, before map[uint64]bool) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "saved.erg")
	s, err := archive.Salvage(ctx, path, out)
	if err != nil {
		if !errors.Is(err, archive.ErrNotArchive) && !errors.Is(err, archive.ErrVersion) || len(before) > 0 {
			t.Fatalf("%s: salvage: %v", what, err)
		}
		return
	}
	r, err := archive.Open(out)
	if err != nil {
		t.Fatalf("%s: open what was salvaged: %v", what, err)
	}
	defer r.Close()
	left := maps.Clone(before)
	n := 0
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatalf("%s: salvaged: %v", what, err)
		}
		d.same(t, what+": salvaged", rec)
		delete(left, rec.Seq)
		n++
	}
	if len(left) > 0 {
		t.Fatalf("%s: read before, and not salvaged: %v", what, slices.Sorted(maps.Keys(left)))
	}
	if n != s.Records || n < len(d.records) && len(s.Lost) == 0 {
		t.Fatalf("%s: %d records of %d salvaged, said %+v", what, n, len(d.records), s)
	}
}

// damages calls f with every damage of a file: every page zeroed, the file cut
// at any length, a bit flipped anywhere, the meta pages above all.
func damages(file []byte, rng *rand.Rand, f func(how string, b []byte)) {
	page := pageSize(file)
	for at := 0; at+page <= len(file); at += page {
		b := bytes.Clone(file)
		clear(b[at : at+page])
		f(fmt.Sprintf("page %d zeroed", at/page), b)
	}
	for n := 0; n < len(file); n += page {
		f(fmt.Sprintf("cut at page %d", n/page), file[:n])
		odd := n + 1 + rng.IntN(page-1)
		f(fmt.Sprintf("cut at %d", odd), file[:min(odd, len(file)-1)])
	}
	flip := func(at int) {
		b := bytes.Clone(file)
		b[at] ^= 1 << rng.IntN(8)
		f(fmt.Sprintf("bit at %d", at), b)
	}
	for at := range 40 {
		flip(2*at + page*(at%2))
	}
	for at := rng.IntN(1500); at < len(file); at += 1 + rng.IntN(3000) {
		flip(at)
	}
}

// pageSize is that of a bbolt file.
func pageSize(file []byte) int { return int(binary.LittleEndian.Uint32(file[24:])) }

// TestDamage reads, salvages and writes to archives that are damaged in every
// way.
func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name         string
		dir, crashed bool
	}{{"file, closed", false, false}, {"file, crashed", false, true}, {"directory, closed", true, false}, {"directory, crashed", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := makeIntact(t, c.dir, c.crashed)
			cases, refused, step := 0, 0, pace.Every(4, 37) // none is a multiple of 3: each third does something else
			names := slices.Sorted(maps.Keys(d.files))
			for i, name := range names {
				damages(d.files[name], rand.New(rand.NewPCG(3, uint64(len(name)))), func(how string, b []byte) {
					if i > 0 && i == len(names)-1 && len(b) < 64 {
						return // that is how an interrupted rotation leaves the newest segment
					}
					cases++
					if cases%step != 0 {
						return
					}
					what := name + ", " + how
					path := d.place(t, name, b)
					found := d.read(t, what, path)
					switch cases % 3 {
					case 0:
						d.salvage(t, what, path, found)
					case 1:
						if d.write(t, what, path, found) {
							refused++
						}
					}
				})
			}
			t.Logf("%d damages, %d files refused by a writer", cases, refused)
		})
	}
}

// TestSalvage recovers archives whose trees are gone.
func TestSalvage(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		d := makeIntact(t, false, crashed)
		b := bytes.Clone(d.files["a.erg"])
		clear(b[:2*pageSize(b)])
		path, out := d.place(t, "a.erg", b), filepath.Join(t.TempDir(), "saved.erg")
		s, err := archive.Salvage(ctx, path, out)
		if err != nil {
			t.Fatal(err)
		}
		if s.Records != len(d.records) || len(s.Lost) != 1 || !strings.Contains(s.Lost[0].Error(), "if there were any") {
			t.Fatalf("crashed %v: %+v, want %d records, and the doubt whether there were more", crashed, s, len(d.records))
		}
		archivetest.Verify(t, out)
		if found := d.read(t, "salvaged", out); len(found) != len(d.records) {
			t.Fatalf("%d records of %d", len(found), len(d.records))
		}
		if _, err := archive.Salvage(ctx, path, out); err == nil {
			t.Error("salvage wrote over a file")
		}
	}
}

// TestCutWhileOpen: a file that is cut off under a reader, which has it mapped
// into memory, gives errors and not a signal.
func TestCutWhileOpen(t *testing.T) {
	d := makeIntact(t, false, false)
	path := d.place(t, "a.erg", d.files["a.erg"])
	for _, pages := range []int{0, 2, 3, 5} {
		if err := os.WriteFile(path, d.files["a.erg"], 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(pages*pageSize(d.files["a.erg"]))); err != nil {
			t.Fatal(err)
		}
		found, errs := 0, 0
		for rec, err := range r.Records(ctx, archive.Query{}) {
			if err != nil {
				errs++
				continue
			}
			d.same(t, "cut", rec)
			found++
		}
		if errs == 0 && found < len(d.records) {
			t.Errorf("cut to %d pages: %d records of %d, and no error", pages, found, len(d.records))
		}
		for _, s := range r.Streams() {
			if rec, err := r.Last(s.StreamKey, "", start.Add(time.Hour)); err == nil {
				d.same(t, "cut: last", rec)
			}
		}
		if rep, err := r.Verify(ctx); err != nil || len(rep.Damage) == 0 {
			t.Errorf("cut to %d pages: verify: %+v, %v", pages, rep, err)
		}
		_ = r.Close() // must only end
	}
}
