// Package archivetest helps tests that use an archive: it makes them in the
// test's own folder and verifies each when the test ends, and it generates the
// workload that the archive was designed for.
package archivetest

import (
	"context"
	"path/filepath"
	"testing"

	"ergorecorder/archive"
)

// Create makes an archive of one file for the test and returns its writer and
// path. When the test ends the writer is closed and the archive must verify.
func Create(t testing.TB, opts *archive.Options) (w *archive.Writer, path string) {
	t.Helper()
	return create(t, filepath.Join(t.TempDir(), "test.erg"), opts)
}

// CreateDir is Create for a directory of segments.
func CreateDir(t testing.TB, opts *archive.Options) (w *archive.Writer, path string) {
	t.Helper()
	return create(t, filepath.Join(t.TempDir(), "test")+string(filepath.Separator), opts)
}

func create(t testing.TB, path string, opts *archive.Options) (*archive.Writer, string) {
	t.Helper()
	return Writer(t, path, opts), path
}

// Writer is the writer of the archive at path. When the test ends it is closed,
// if it was not, and the archive must verify.
func Writer(t testing.TB, path string, opts *archive.Options) *archive.Writer {
	t.Helper()
	w, err := archive.OpenWriter(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		Verify(t, path)
	})
	return w
}

// Verify fails the test where the archive at path is not sound.
func Verify(t testing.TB, path string) {
	t.Helper()
	rep, err := archive.Verify(context.Background(), path)
	if err != nil {
		t.Errorf("verify: %v", err)
		return
	}
	for _, d := range rep.Damage {
		t.Errorf("verify: %v", d)
	}
}

// Open opens the archive at path for the length of the test and verifies it.
func Open(t testing.TB, path string) *archive.Reader {
	t.Helper()
	Verify(t, path)
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}
