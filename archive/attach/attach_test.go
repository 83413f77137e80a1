package attach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// answer appends the i-th answer of a table with two rows.
func answer(t *testing.T, w *archive.Writer, i int) {
	t.Helper()
	_, err := w.Append(&archive.Record{
		Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "process_list"},
		Schema: archive.Schema{Form: archive.FormTable, Key: []string{"PID"}},
		At:     began.Add(time.Duration(i) * time.Second),
		Text:   fmt.Appendf(nil, `[{"PID":"<A.0.1>","In":%d},{"PID":"<A.0.2>","In":7}]`, i),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// records are how many records the readers hold in all, and the newest text.
func records(t *testing.T, readers ...*archive.Reader) (n int, newest string) {
	t.Helper()
	for _, r := range readers {
		for rec, err := range r.Records(t.Context(), archive.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			n, newest = n+1, string(rec.Text)
		}
	}
	return n, newest
}

func serve(t *testing.T, w *archive.Writer, p Place) *Server {
	t.Helper()
	s, err := Serve(t.Context(), w, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// short is a folder whose path leaves room for a socket.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "at")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// whatLocalSees opens an archive as a reader of this machine does.
func whatLocalSees(t *testing.T, path string, p Place) (int, string) {
	t.Helper()
	c, err := Local(t.Context(), path, p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := archive.Open(c.Path)
	c.Remove()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if who := r.Info().Recording; who != "" {
		t.Errorf("%s is left out", who)
	}
	if r.Info().Bytes == 0 {
		t.Error("the copy has no size")
	}
	if d := r.Damage(); len(d) > 0 {
		t.Errorf("damage: %v", d)
	}
	return records(t, r)
}

func TestLocalSeesAllThatWasAppended(t *testing.T) {
	for _, form := range []string{"file.erg", "dir/"} {
		t.Run(form, func(t *testing.T) {
			dir := short(t)
			p := Place{TempDir: dir}
			path := filepath.Join(dir, "x") + form
			w := archivetest.Writer(t, path, &archive.Options{CommitEvery: time.Hour})
			defer w.Close()
			answer(t, w, 1)
			if _, err := archive.Open(path); !errors.Is(err, archive.ErrLocked) {
				t.Fatalf("open: %v, want that it is locked", err)
			}
			s := serve(t, w, p)
			if st, err := os.Stat(s.Path()); err != nil || st.Mode().Perm() != 0o600 || filepath.Dir(s.Path()) != dir {
				t.Errorf("socket %s: %v, %v; want it beside the archive, for its user alone", s.Path(), st, err)
			}
			for i := 2; i < 50; i++ {
				answer(t, w, i)
				if strings.HasSuffix(form, "/") && i%20 == 0 {
					if err := w.Rotate(); err != nil {
						t.Fatal(err)
					}
				}
			}
			n, newest := whatLocalSees(t, path, p)
			if n != 49 || !strings.Contains(newest, `"In":49`) {
				t.Errorf("%d records, the newest %s; want 49, up to the last", n, newest)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	path := filepath.Join(dir, "a.erg")
	w := archivetest.Writer(t, path, nil)
	answer(t, w, 1)
	s, err := Serve(t.Context(), w, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(s.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	c, err := Local(t.Context(), path, p)
	if err != nil || c.Path != path {
		t.Errorf("local: %+v, %v; want the path itself", c, err)
	}
}

// stale leaves a socket as a process does that was killed.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestSocketOfTheDead(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	path := filepath.Join(dir, "a.erg")
	stale(t, path+suffix)
	w := archivetest.Writer(t, path, nil)
	answer(t, w, 1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := Local(t.Context(), path, p); err != nil || c.Path != path {
		t.Errorf("a reader at a dead socket: %+v, %v; want the path itself", c, err)
	}
	again, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		archivetest.Verify(t, path)
	})
	serve(t, again, p)
	if n, _ := whatLocalSees(t, path, p); n != 1 {
		t.Errorf("%d records over the new socket, want 1", n)
	}
}

// A file in the place of the socket is nobody's to remove, and a path may be
// too long for a socket: then it lies in the run directory.
func TestSocketInTheRunDirectory(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	for _, name := range []string{"taken.erg", strings.Repeat("long", 30) + ".erg"} {
		path := filepath.Join(dir, name)
		if name == "taken.erg" {
			if err := os.WriteFile(path+suffix, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w := archivetest.Writer(t, path, nil)
		defer w.Close()
		answer(t, w, 1)
		s := serve(t, w, p)
		if want := filepath.Join(p.dir(), w.View().Info().ID+suffix); s.Path() != want {
			t.Errorf("socket at %s, want %s", s.Path(), want)
		}
		if n, _ := whatLocalSees(t, path, p); n != 1 {
			t.Errorf("%s: %d records, want 1", name, n)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "taken.erg"+suffix)); err != nil || string(b) != "mine" {
		t.Errorf("the file in the socket's place: %q, %v", b, err)
	}
}

func TestRunDirectoryOfOthersIsRefused(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	if err := os.Mkdir(p.dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.dir(), 0o755); err != nil {
		t.Fatal(err)
	}
	w := archivetest.Writer(t, filepath.Join(dir, strings.Repeat("long", 30)+".erg"), nil)
	defer w.Close()
	if s, err := Serve(t.Context(), w, p); err == nil {
		s.Close()
		t.Error("a socket in a directory into which others look")
	}
}

// A socket that answers for another archive is not asked for this one.
func TestSocketOfAnother(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	other := filepath.Join(dir, "other.erg")
	w := archivetest.Writer(t, other, nil)
	defer w.Close()
	answer(t, w, 1)
	s := serve(t, w, p)
	path := filepath.Join(dir, "a.erg")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.Path(), path+suffix); err != nil {
		t.Fatal(err)
	}
	if c, err := Local(t.Context(), path, p); err != nil || c.Path != path {
		t.Errorf("local: %+v, %v; want the path itself", c, err)
	}
}

// A clock is turned by the test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestFollow(t *testing.T) {
	dir := short(t)
	p := Place{TempDir: dir}
	path := filepath.Join(dir, "a") + "/"
	w := archivetest.Writer(t, path, nil)
	answer(t, w, 1)
	s, err := Serve(t.Context(), w, p)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{began}
	f, err := Follow(context.Background(), path, p, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Live() {
		t.Fatal("it is not live")
	}
	see := func(want int, when string) {
		t.Helper()
		c.now = c.now.Add(followAgain)
		n, newest := records(t, f.Readers...)
		if n != want || !strings.Contains(newest, fmt.Sprintf(`"In":%d}`, want)) && !strings.Contains(newest, fmt.Sprintf(`"In":%d,`, want)) {
			t.Errorf("%s: %d records, the newest %s; want %d", when, n, newest, want)
		}
		for _, r := range f.Readers {
			if who := r.Info().Recording; who != "" {
				t.Errorf("%s: left out: %s", when, who)
			}
		}
	}
	see(1, "at the start")
	for i := 2; i <= 2*mostRecords+10; i++ {
		answer(t, w, i)
	}
	see(2*mostRecords+10, "later")
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	answer(t, w, 2*mostRecords+11)
	see(2*mostRecords+11, "after a rotation")
	answer(t, w, 2*mostRecords+12)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(followAgain)
	unread := f.Readers[1].Info().Recording
	if !strings.Contains(unread, fmt.Sprintf("after record %d", 2*mostRecords+11)) || !strings.Contains(unread, "is writing") {
		t.Errorf("nobody answers, and what is left out is %q", unread)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	see(2*mostRecords+12, "once it is closed")
	for _, r := range f.Readers {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "ergo-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
