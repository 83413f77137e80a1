package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/pace"
)

// A power cut in mid-commit keeps some of what was written since the last
// sync: any of the data pages, or, once those are synced, a part of the meta
// page. TestPower makes such files from the file before and after each commit.

const sector = 512 // of a disk, written whole or not at all

// commits are the states of a file after each of its commits, and how many
// records each holds.
type commits struct {
	story *story
	files [][]byte
	held  []int
}

func recordCommits(t *testing.T) *commits {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := &commits{story: newStory(t, w, 11), files: [][]byte{readFile(t, path)}, held: []int{0}}
	for i := range 12 {
		c.story.tell(2 + 12*(i%3)) // runs end, and become blocks, in some commits only
		if i%5 == 4 {
			r := c.story.next()
			r.Stream.Kind, r.Stream.Name, r.Failure = archive.Log, "big", nil
			r.Schema, r.Text = archive.Schema{}, noise(i, 90_000)
			if err := c.story.append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, readFile(t, path))
		c.held = append(c.held, len(c.story.want))
	}
	return c
}

// A cut is a file as a power cut left it.
type cut struct {
	how  string
	file []byte
	meta bool // in the midst of the meta page
}

// torn is what a power cut can leave of one commit.
func torn(before, after []byte, rng *rand.Rand) []cut {
	page := pageSize(before)
	grown := append(bytes.Clone(before), make([]byte, max(0, len(after)-len(before)))...)
	cuts := []cut{{how: "nothing written", file: before}, {how: "grown, zeros", file: grown}}
	for i := range 8 { // some of the data
		b := bytes.Clone(grown)
		unit := []int{page, sector}[i%2]
		for at := 2 * page; at < len(after); at += unit {
			if rng.IntN(2) == 0 {
				copy(b[at:], after[at:min(at+unit, len(after))])
			}
		}
		cuts = append(cuts, cut{how: fmt.Sprintf("some data, by %d bytes, %d", unit, i), file: b})
	}
	data := bytes.Clone(after) // all of the data, none of the meta page
	copy(data, before[:2*page])
	cuts = append(cuts, cut{how: "data, no meta page", file: data})
	meta := 0
	if !bytes.Equal(before[page:2*page], after[page:2*page]) {
		meta = page
	}
	const used = 80 // bytes of a meta page
	for range 8 {
		at := meta + 1 + rng.IntN(used-1)
		first, second := bytes.Clone(data), bytes.Clone(data)
		copy(first[meta:at], after[meta:at])
		copy(second[at:meta+page], after[at:meta+page])
		cuts = append(cuts, cut{fmt.Sprintf("meta page to byte %d", at-meta), first, true},
			cut{fmt.Sprintf("meta page from byte %d", at-meta), second, true})
	}
	return append(cuts, cut{how: "all", file: after})
}

func TestPower(t *testing.T) {
	c := recordCommits(t)
	rng := rand.New(rand.NewPCG(5, 5))
	dir := t.TempDir()
	cases, tornMeta, step := 0, 0, pace.Every(3, 11)
	for i := 1; i < len(c.files); i++ {
		for _, cut := range torn(c.files[i-1], c.files[i], rng) {
			if cases++; cases%step != 0 {
				continue
			}
			what := fmt.Sprintf("commit %d, %s", i, cut.how)
			path := filepath.Join(dir, "torn.erg")
			if err := os.WriteFile(path, cut.file, 0o600); err != nil {
				t.Fatal(err)
			}
			said := c.read(t, what, path, c.held[i-1], c.held[i])
			if said && !cut.meta {
				t.Errorf("%s: a meta page is said to be damaged", what)
			}
			if said {
				tornMeta++
			}
			if said || cases%4 == 0 {
				c.goOn(t, what, path, c.held[i-1])
			}
		}
	}
	t.Logf("%d power cuts, %d of them tore a meta page", cases, tornMeta)
	if tornMeta < 50/step {
		t.Error("too few tore a meta page")
	}
}

// read holds that the archive has the records of one commit or the other, and
// is sound, or said to have one damaged meta page.
func (c *commits) read(t *testing.T, what, path string, least, most int) (said bool) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatalf("%s: open: %v", what, err)
	}
	defer r.Close()
	rep, err := r.Verify(ctx)
	if err != nil {
		t.Fatalf("%s: verify: %v", what, err)
	}
	for _, d := range rep.Damage {
		if said = d.Segment == filepath.Base(path) && strings.HasSuffix(d.Error(), "one of the two meta pages is damaged: the newest commit may be missing"); !said {
			t.Fatalf("%s: %v", what, d)
		}
	}
	errs := 0
	there := map[uint64]bool{}
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			errs++
			continue
		}
		if rec.Seq > uint64(most) || there[rec.Seq] {
			t.Fatalf("%s: record %d of %d, seen already: %v", what, rec.Seq, most, there[rec.Seq])
		}
		there[rec.Seq] = true
		same(t, rec, c.story.want[rec.Seq-1])
	}
	for seq := 1; seq <= least; seq++ {
		if !there[uint64(seq)] {
			t.Fatalf("%s: record %d was acknowledged and is missing", what, seq)
		}
	}
	if errs != len(rep.Damage) {
		t.Fatalf("%s: %d errors, and verify says %v", what, errs, rep.Damage)
	}
	return said
}

// goOn opens the archive for writing, after which it is sound, and appends.
func (c *commits) goOn(t *testing.T, what, path string, least int) {
	t.Helper()
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatalf("%s: go on: %v", what, err)
	}
	seq, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Name: "later"}, At: start, Text: []byte("later")})
	if err != nil || seq <= uint64(least) {
		t.Fatalf("%s: append: record %d, %v", what, seq, err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close: %v", what, err)
	}
	rep, err := archive.Verify(ctx, path)
	if err != nil || len(rep.Damage) > 0 || rep.Records <= least {
		t.Fatalf("%s: after going on: %+v, %v", what, rep, err)
	}
}

// TestPowerRotate: a meta page that a power cut tore is mended although the
// segment gets no record any more.
func TestPowerRotate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	path := filepath.Join(dir, "00000001.erg")
	open := func() *archive.Writer {
		w, err := archive.OpenWriter(dir+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	add := func(w *archive.Writer) {
		if _, err := w.Append(numbered(2)); err != nil {
			t.Fatal(err)
		}
	}
	w := open()
	add(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = open()
	before := readFile(t, path)
	add(w)
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	after := readFile(t, path)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, cut := range torn(before, after, rand.New(rand.NewPCG(6, 6))) {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, cut.file, 0o600); err != nil {
			t.Fatal(err)
		}
		w := open()
		if err := w.Rotate(); err != nil {
			t.Fatalf("%s: %v", cut.how, err)
		}
		if err := w.Close(); err != nil {
			t.Fatalf("%s: %v", cut.how, err)
		}
		archivetest.Verify(t, dir)
		open().Close()
	}
}

// TestLeftovers: what a power cut leaves of a rewrite is no damage and is
// removed; a segment that retention removed, but whose name was still on disk,
// is removed again.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	now := start
	opts := &archive.Options{Now: func() time.Time { return now }, KeepAge: 8 * time.Hour}
	open := func() *archive.Writer {
		w, err := archive.OpenWriter(dir, opts)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := open()
	for n := range 3 {
		if _, err := w.Append(numbered(n)); err != nil {
			t.Fatal(err)
		}
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(dir, "00000001.erg")
	removed := readFile(t, first)
	leftovers := []string{first + ".rewrite", filepath.Join(dir, "00000003.erg.rewrite")}
	for _, path := range leftovers {
		if err := os.WriteFile(path, removed[:len(removed)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	archivetest.Verify(t, dir)
	for range 2 {
		now = start.Add(100 * time.Hour)
		w = open()
		r := numbered(3)
		r.At = now
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		archivetest.Verify(t, dir)
		w = open() // and retention runs
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		for _, path := range append(leftovers, first) {
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(first, removed, 0o600); err != nil {
			t.Fatal(err)
		}
		archivetest.Verify(t, dir)
	}
}
