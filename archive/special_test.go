package archive_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ergorecorder/archive"
)

// A named pipe is refused at once: to open it could wait for ever.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Open(path); !errors.Is(err, archive.ErrNotArchive) || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("open: %v", err)
	}
	if _, err := archive.Verify(t.Context(), path); !errors.Is(err, archive.ErrNotArchive) {
		t.Errorf("verify: %v", err)
	}
	if _, err := archive.OpenWriter(path, nil); !errors.Is(err, archive.ErrNotArchive) || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("open to write: %v", err)
	}
}
