package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/fixture"
)

// inSegments is a recording in a directory of some segments.
func inSegments(t *testing.T) (dir string, segments []string) {
	t.Helper()
	from, err := archive.Open(fixture.Archive(t, fixture.Bundled(t, "stuck")))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	dir = t.TempDir() + string(filepath.Separator)
	w := archivetest.Writer(t, dir, nil)
	n := 0
	for rec, err := range from.Records(t.Context(), archive.Query{}) {
		if err == nil {
			_, err = w.Append(rec)
		}
		if n++; err == nil && n%200 == 0 {
			err = w.Rotate()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err = filepath.Glob(dir + "*.erg")
	if err != nil || len(segments) < 4 {
		t.Fatalf("segments %q, %v", segments, err)
	}
	return dir, segments
}

// servedPage is the page that serve shows of a recording.
func servedPage(t *testing.T, path string) string {
	t.Helper()
	r, err := http.Get(serving(t, path, "--listen", "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Of a directory that lacks a segment, in the middle or at the end, or in which there
// is one of another archive, every command that reads it says which one that is. A
// command without a row here fails.
func TestAbsenceIsSaidByEveryCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("every command, many times")
	}
	whole, segments := inSegments(t)
	middle, newest := filepath.Base(segments[1]), filepath.Base(segments[len(segments)-1])
	other, _ := inSegments(t)
	rows := readingCommands(t, whole)
	for what, change := range map[string]func(dir string) (segment string, err error){
		"the newest is gone": func(dir string) (string, error) { return newest, os.Remove(filepath.Join(dir, newest)) },
		"one is gone":        func(dir string) (string, error) { return middle, os.Remove(filepath.Join(dir, middle)) },
		"one is of another archive": func(dir string) (string, error) {
			b, err := os.ReadFile(filepath.Join(other, middle))
			return middle, errors.Join(err, os.WriteFile(filepath.Join(dir, middle), b, 0o600))
		},
	} {
		dir := t.TempDir() + string(filepath.Separator)
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		segment, err := change(dir)
		if err != nil {
			t.Fatal(err)
		}
		absenceIsSaid(t, rows, what, dir, segment)
	}
}

func absenceIsSaid(t *testing.T, rows map[string][]string, what, dir, segment string) {
	t.Helper()
	rows["merge"] = []string{"PATH|PATH|-o|" + filepath.Join(t.TempDir(), "merged.erg")}
	rows["salvage"] = []string{"PATH|-o|" + filepath.Join(t.TempDir(), "salvaged.erg")}
	if page := servedPage(t, dir); !strings.Contains(page, segment) {
		t.Errorf("%s: the page of serve does not say so: %.300s", what, page)
	}
	for _, c := range newRoot().Commands() {
		name := c.Name()
		if notReading[name] != "" {
			continue
		}
		if rows[name] == nil {
			t.Errorf("analyze %s has no row in this test", name)
		}
		for _, line := range rows[name] {
			if _, out, errs := analyzed(t, dir, name+"|"+line); !strings.Contains(out+errs, segment) {
				t.Errorf("%s: analyze %s %s does not say so: %.300s\n%.300s", what, name, line, errs, out)
			}
		}
	}
}
