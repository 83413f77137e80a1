package archive_test

import (
	"bufio"
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

var freeze = flag.Bool("freeze", false, "write the sample archives of the current format, once")

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

func writeFormat(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
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
