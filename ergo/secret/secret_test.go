package secret

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/internal/limit"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	if err := os.WriteFile(path, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		if b, err := Read(p); err != nil || string(b) != "s3cret\n" {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o620, 0o604, 0o602, 0o666, 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, link} {
			if _, err := Read(p); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("mode %v through %s: %v", mode, p, err)
			}
		}
	}
	if _, err := Read("s3cret-in-place-of-a-file"); err == nil || strings.Contains(err.Error(), "s3cret-in") {
		t.Errorf("the name is shown: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, 4711, -1)); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), "another user") {
			t.Errorf("of another user: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "long"), make([]byte, limit.Secret.Most()+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(dir, "long")); err == nil {
		t.Error("a file of any length is read")
	}
}

// TestReplace: what was there is not believed, and a link is not followed.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "token")
	if err := os.WriteFile(victim, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	b, err := Read(path)
	if v, _ := os.ReadFile(victim); err != nil || string(b) != "new" || string(v) != "mine" {
		t.Errorf("%q, %v; the victim holds %q", b, err, v)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	if err := Create(path, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("create where something is: %v", err)
	}
}
