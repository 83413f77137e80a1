package archive

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSalvageCutOff: of a file that ends too early salvage says that bytes are
// missing, however intact the blocks are that it found.
func TestSalvageCutOff(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.erg")
	w := retainWriter(t, path, nil)
	for i := range 40 {
		rec := retainRecord(retainStart.Add(time.Duration(i)*time.Second), 5000)
		rec.Stream.Name = string(rune('a' + i%5))
		appendSync(t, w, rec)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Salvage(context.Background(), path, filepath.Join(dir, "whole.erg")); err != nil || len(s.Lost) != 0 {
		t.Fatalf("of a sound file: %+v, %v", s, err)
	}
	if err := os.Truncate(path, st.Size()/2); err != nil {
		t.Fatal(err)
	}
	s, err := Salvage(context.Background(), path, filepath.Join(dir, "rest.erg"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Records == 0 || s.Records == 40 {
		t.Fatalf("%d records of 40", s.Records)
	}
	if !slices.ContainsFunc(s.Lost, func(e *CorruptionError) bool { return strings.Contains(e.Error(), "are missing") }) {
		t.Errorf("lost: %v", s.Lost)
	}
}

// TestSalvageRetained: a salvaged archive knows, as the old one did, that
// retention took records, and misses none of them.
func TestSalvageRetained(t *testing.T) {
	dir := t.TempDir()
	now := retainStart
	w := retainWriter(t, dir, &Options{KeepAge: 100 * time.Second, RotateAge: 10 * time.Second, Now: func() time.Time { return now }})
	for i := range 20 {
		now = retainStart.Add(time.Duration(i) * 10 * time.Second)
		appendSync(t, w, retainRecord(now, 3000))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "saved.erg")
	s, err := Salvage(t.Context(), dir, out)
	if err != nil || s.Records == 20 || len(s.Lost) > 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if rep, err := Verify(t.Context(), out); err != nil || len(rep.Damage) > 0 || rep.Records != s.Records {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}
