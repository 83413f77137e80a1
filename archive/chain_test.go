package archive_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// makeSegments records so many segments, and keeps a copy of the directory from
// before each was closed.
func makeSegments(t *testing.T, seed int64, n int) (dir string, before []string, s *story) {
	w, dir := archivetest.CreateDir(t, nil)
	s = newStory(t, w, uint64(seed))
	for range n {
		s.tell(10)
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		before = append(before, copyDir(t, dir))
		s.tell(10)
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	s.tell(5)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, before, s
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAbsence takes segments away, puts others in their place, and wants
// verify and every reader to say so, of the right segment.
func TestAbsence(t *testing.T) {
	dir, before, _ := makeSegments(t, 5, 3)
	other, _, _ := makeSegments(t, 6, 3)
	name := func(n int) string {
		return []string{"", "00000001.erg", "00000002.erg", "00000003.erg", "00000004.erg"}[n]
	}
	tests := []struct {
		name    string
		change  func(work string)
		segment string
		says    string
	}{
		{"sound", func(string) {}, "", ""},
		{"first taken away", func(work string) { remove(t, work, name(1)) }, name(1), "file does not exist"},
		{"middle taken away", func(work string) { remove(t, work, name(2)) }, name(2), "file does not exist"},
		{"newest taken away", func(work string) { remove(t, work, name(4)) }, name(4), "file does not exist"},
		{"two newest taken away", func(work string) { remove(t, work, name(3), name(4)) }, name(3), "file does not exist"},
		{"foreign in the middle", func(work string) { copyFile(t, filepath.Join(other, name(2)), filepath.Join(work, name(2))) }, name(2), "another archive"},
		{"foreign as newest", func(work string) { copyFile(t, filepath.Join(other, name(4)), filepath.Join(work, name(4))) }, name(4), "another archive"},
		{"foreign behind the newest", func(work string) {
			copyFile(t, filepath.Join(other, name(3)), filepath.Join(work, "00000005.erg"))
		}, "00000005.erg", "another archive"},
		{"older copy", func(work string) { copyFile(t, filepath.Join(before[1], name(2)), filepath.Join(work, name(2))) }, name(2), "older copy"},
		{"in the place of another", func(work string) { copyFile(t, filepath.Join(work, name(1)), filepath.Join(work, name(2))) }, name(2), "it is segment 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			work := copyDir(t, dir)
			tt.change(work)
			rep, err := archive.Verify(ctx, work)
			if err != nil {
				t.Fatal(err)
			}
			r, err := archive.Open(work)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var read []*archive.CorruptionError
			for _, err := range r.Records(ctx, archive.Query{}) {
				if e, ok := err.(*archive.CorruptionError); ok {
					read = append(read, e)
				}
			}
			for who, damage := range map[string][]*archive.CorruptionError{"verify": rep.Damage, "reading": read, "Damage": r.Damage()} {
				if !says(damage, tt.segment, tt.says) {
					t.Errorf("%s: %v", who, damage)
				}
			}
		})
	}
}

func says(damage []*archive.CorruptionError, segment, text string) bool {
	if text == "" {
		return len(damage) == 0
	}
	for _, d := range damage {
		if d.Segment == segment && strings.Contains(d.Error(), text) {
			return true
		}
	}
	return false
}

func remove(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.Remove(filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoOnWithoutNewest: where the newest segment was taken away its number is
// not used again, and what is missing stays told.
func TestGoOnWithoutNewest(t *testing.T) {
	whole, _, _ := makeSegments(t, 7, 2)
	dir := copyDir(t, whole)
	remove(t, dir, "00000003.erg")
	w, err := archive.OpenWriter(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Name: "x"}, At: start.Add(time.Hour), Text: []byte("on")}
	if _, err := w.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := archive.Verify(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "00000004.erg")); err != nil || len(rep.Damage) != 1 || !says(rep.Damage, "00000003.erg", "file does not exist") {
		t.Errorf("%v, %v", err, rep.Damage)
	}
}
