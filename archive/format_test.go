package archive_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// currentFormat is the version that is written now.
const currentFormat = 3

var freeze = flag.Bool("freeze", false, "write the sample archives of a new format, which has no folder yet")

// formatDir holds frozen archives of a version of the format: one that was
// closed, one as a crash left it, and what both hold, a record a line.
func formatDir(version int) string {
	return filepath.Join("..", "testdata", fmt.Sprintf("format%d", version))
}

// TestFormats reads the frozen archives of every version that there ever was.
func TestFormats(t *testing.T) {
	if *freeze {
		writeFormat(t, formatDir(currentFormat))
	}
	for version := 1; version <= currentFormat; version++ {
		names := []string{"closed.erg", "crashed.erg"}
		if version >= 3 {
			names = append(names, "flat.erg")
		}
		for _, name := range names {
			t.Run(fmt.Sprintf("%d/%s", version, name), func(t *testing.T) {
				readFormat(t, version, name)
			})
		}
	}
}

func readFormat(t *testing.T, version int, name string) {
	golden, err := os.Open(filepath.Join(formatDir(version), "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	want := map[uint64]*archive.Record{}
	lines := bufio.NewScanner(golden)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r := &archive.Record{}
		if err := json.Unmarshal(lines.Bytes(), r); err != nil {
			t.Fatal(err)
		}
		want[r.Seq] = r
	}
	r, err := archive.Open(filepath.Join(formatDir(version), name))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, s := range r.Streams() {
		if told := s.Schema.Road == "tools" && s.Schema.Reading != ""; told != (version >= 3 && s.Schema.Form != archive.FormText) {
			t.Errorf("%s: road %q, reading %q", s.StreamKey, s.Schema.Road, s.Schema.Reading)
		}
	}
	n := 0
	for got, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if want[got.Seq] == nil {
			t.Fatalf("record %d was never written", got.Seq)
		}
		same(t, got, want[got.Seq])
		n++
	}
	if n != len(want) || n == 0 {
		t.Fatalf("%d records of %d", n, len(want))
	}
	rep, err := r.Verify(ctx)
	if err != nil || len(rep.Damage) > 0 {
		t.Fatalf("verify: %v, %v", rep.Damage, err)
	}
}

// frozen are the sample archives as they were written, by their SHA-256: a format
// whose samples were made anew is another format.
func frozen() map[string]string {
	return map[string]string{
		"format1/closed.erg":    "c1005a3edb2cf91136f3ff89ebfcde87d116a148bb7c2e846a78649eb117f63f",
		"format1/crashed.erg":   "35061a9d2ee1321656c53e53595b83bbe1eb1a45395c935b6552dd82e8abfb9a",
		"format1/records.jsonl": "d047179fde177bbd42d4bf8eb699e50c277a2260ed45dce0d7be8de16cdb313f",
		"format2/closed.erg":    "a30b2a92af37f4b498a05846212f5eb879a5813639e4dda58fb7f28b563557b9",
		"format2/crashed.erg":   "516376b366e1bad7b7c450894ff748b2a6af21c7f23198855196625c6f5a8e3c",
		"format2/records.jsonl": "d047179fde177bbd42d4bf8eb699e50c277a2260ed45dce0d7be8de16cdb313f",
		"format3/closed.erg":    "2a2147d649ea30043174a39a81c2a02f46215e591dd383ec6593a728276cdee2",
		"format3/crashed.erg":   "3040d98cd0b2c57292af6236e4f6fa4c97dfd8f0ec4d597a73440d97a1bbb2b1",
		"format3/flat.erg":      "1346c38653a3ba9c3cfd89e51342735b5cfd8736896cde366025128576cb6123",
		"format3/records.jsonl": "078490cc0dec378b18ab188fcbc69a66652d1bae1640f34b286a8e14de9d189e",
	}
}

// TestFrozen holds that nobody makes a sample anew, and that every sample is held.
func TestFrozen(t *testing.T) {
	want := frozen()
	found, err := filepath.Glob(filepath.Join("..", "testdata", "format*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name := filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(b)); sum != want[name] {
			t.Errorf("%s: its SHA-256 is %s, not %q: samples are never made anew, a change that old readers misread is a new version", name, sum, want[name])
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is gone", name)
	}
}

func writeFormat(t *testing.T, dir string) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("%v: samples are written once, for a new version", err)
	}
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, w, 11)
	for range 4 {
		s.tell(25)
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, path, filepath.Join(dir, "crashed.erg"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, path, filepath.Join(dir, "closed.erg"))
	if err := os.WriteFile(filepath.Join(dir, "flat.erg"), writeFlat(t, path), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	e := json.NewEncoder(f)
	for _, r := range s.want {
		r.Schema = archive.Schema{}
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAppendToOlder: a recording of an older version can be gone on with, and
// is then one of the current version.
func TestAppendToOlder(t *testing.T) {
	for version := 1; version < currentFormat; version++ {
		for _, name := range []string{"closed.erg", "crashed.erg"} {
			path := filepath.Join(t.TempDir(), name)
			copyFile(t, filepath.Join(formatDir(version), name), path)
			before := readAll(t, path)
			w, err := archive.OpenWriter(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			added := archive.Record{Stream: before[len(before)-1].Stream, At: before[len(before)-1].At.Add(time.Second), Text: []byte("more")}
			if _, err := w.Append(&added); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r := archivetest.Open(t, path)
			if v := r.Info().Version; v != currentFormat {
				t.Errorf("%s of version %d is of version %d after more was appended", name, version, v)
			}
			after := readAll(t, path)
			if len(after) != len(before)+1 {
				t.Fatalf("%d records, want %d and the one that was appended", len(after), len(before))
			}
			for i, want := range before {
				same(t, after[i], want)
			}
			if got := after[len(before)]; string(got.Text) != "more" {
				t.Errorf("appended %q, got %q", "more", got.Text)
			}
		}
	}
}

func readAll(t *testing.T, path string) (all []*archive.Record) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}
