package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
)

// TestFirstPages: what is taken for the beginning of a file is what bbolt
// writes there.
func TestFirstPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bolt.FirstPages(os.Getpagesize())) {
		t.Error("bbolt begins a file with other pages")
	}
}

// unbegun are the files that a power cut or a full disk can leave of a segment
// before its first commit.
func unbegun() map[string][]byte {
	all := bolt.FirstPages(os.Getpagesize())
	page := os.Getpagesize()
	files := map[string][]byte{"empty": nil, "grown": append(bytes.Clone(all), make([]byte, 12*page)...)}
	for kept := range 16 { // any of the four pages, the others zero
		b := make([]byte, len(all))
		for i := range 4 {
			if kept>>i&1 == 1 {
				copy(b[i*page:], all[i*page:(i+1)*page])
			}
		}
		files[fmt.Sprintf("pages %04b", kept)] = b
	}
	for n := 1; n < len(all); n += 509 {
		files[fmt.Sprintf("cut at %d", n)] = all[:n]
	}
	return files
}

// TestNotBegun: a newest segment that was never committed to is no damage;
// readers pass over it and a writer begins it anew.
func TestNotBegun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a") + "/"
	w := retainWriter(t, path, nil)
	appendSync(t, w, retainRecord(retainStart, 10))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	newest := filepath.Join(path, catalog.SegmentName(2))
	for what, content := range unbegun() {
		if err := os.WriteFile(newest, content, 0o600); err != nil {
			t.Fatal(err)
		}
		rep, err := Verify(context.Background(), path)
		if err != nil || len(rep.Damage) > 0 || rep.Records != 1 {
			t.Errorf("%s: verify: %+v, %v", what, rep, err)
		}
		_, err = Open(newest)
		if !errors.Is(err, ErrNotArchive) || strings.Count(err.Error(), ErrNotArchive.Error()) != 1 {
			t.Errorf("%s: open it alone: %v", what, err)
		}
		w, err := OpenWriter(path, nil)
		if err != nil {
			t.Errorf("%s: go on: %v", what, err)
			continue
		}
		appendSync(t, w, retainRecord(retainStart, 10))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if rep, err = Verify(context.Background(), path); err != nil || len(rep.Damage) > 0 || rep.Records != 2 {
			t.Errorf("%s: verify after going on: %+v, %v", what, rep, err)
		}
	}
}

// TestBegunByAnother: a file that another process is about to begin is left
// alone.
func TestBegunByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := OpenWriter(path, nil); !errors.Is(err, ErrLocked) {
		t.Errorf("write beside it: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, bolt.FirstPages(os.Getpagesize())) {
		t.Errorf("%d bytes are left, %v", len(got), err)
	}
}
