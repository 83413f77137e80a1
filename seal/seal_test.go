package seal

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// keys are a new key: its file, and its public half.
func keys(t *testing.T) (file, public string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte("# a key\n"+id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, id.Recipient().String()
}

// TestArchive: an archive that was written to memory and encrypted opens with
// the key of each recipient, and says what is wrong with others.
func TestArchive(t *testing.T) {
	mine, public := keys(t)
	theirs, other := keys(t)
	wrong, _ := keys(t)
	list := filepath.Join(t.TempDir(), "recipients.txt")
	if err := os.WriteFile(list, []byte("# them\n"+other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := Recipients([]string{public, list})
	if err != nil || len(to) != 2 {
		t.Fatal(len(to), err)
	}
	m, err := Memory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.KeepAlive(m) }) // what is in memory is gone when nothing holds it; the writer's file is verified before
	w := archivetest.Writer(t, m.Path(), &archive.Options{InPlace: true})
	if _, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "x"}, At: time.Unix(100, 0), Text: []byte("visible")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, err := m.SealTo(filepath.Join(dir, "x.erg"), to)
	if err != nil || path != filepath.Join(dir, "x.erg.age") || !IsSealed(path) {
		t.Fatal(path, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("beside the file there is %v", left)
	}
	if _, err := m.SealTo(filepath.Join(dir, "x.erg"), to); err == nil {
		t.Error("a file that exists is overwritten")
	}
	for _, key := range []string{mine, theirs} {
		ids, err := Identities([]string{key})
		if err != nil {
			t.Fatal(err)
		}
		o, err := Open(path, ids)
		if err != nil {
			t.Fatal(err)
		}
		archivetest.Verify(t, o.Path())
		t.Cleanup(func() { o.Close() })
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.age")
	if err := os.WriteFile(cut, whole[:len(whole)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short.age")
	if err := os.WriteFile(short, whole[:60], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, key, want string }{
		{path, "", "--identity FILE"},
		{path, wrong, "encrypted to other keys"},
		{cut, mine, "cut off or damaged"},
		{short, mine, "cut off or damaged"},
	} {
		var ids []age.Identity
		if tt.key != "" {
			if ids, err = Identities([]string{tt.key}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(tt.path, ids); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %s: %v, want %s", tt.path, tt.key, err, tt.want)
		}
	}
}

func TestWriter(t *testing.T) {
	key, public := keys(t)
	to, err := Recipients([]string{public})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := Writer(&b, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "a secret text"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("secret text")) {
		t.Error("it is not encrypted")
	}
	ids, err := Identities([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(&b, ids...)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "a secret text" {
		t.Errorf("%s, %v", text, err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	key, _ := keys(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("# nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("AGE-SECRET-KEY-1BROKEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"age1nope", "/no/such/file", empty, key} {
		if _, err := Recipients([]string{s}); err == nil || strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("recipient %s: %v", s, err)
		}
	}
	for _, s := range []string{bad, "/no/such/file"} {
		if _, err := Identities([]string{s}); err == nil || strings.Contains(err.Error(), "BROKEN") {
			t.Errorf("identity %s: %v", s, err)
		}
	}
	if IsSealed(key) || IsSealed("/no/such/file") || IsSealed(t.TempDir()) {
		t.Error("what is not encrypted seems so")
	}
}
