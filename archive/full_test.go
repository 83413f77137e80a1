package archive_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/pace"
)

// Faults inside bbolt's own reads and writes: the system refuses a write or a
// resize at any place of the file. (TestFaults has those at our own steps.)

// limitChild, in the environment, makes the test binary the process whose
// files may not grow.
const limitChild = "ARCHIVE_TEST_FILE_LIMIT"

// TestFileLimit lets writes fail behind every place of a file, by the limit on
// the size of a process's files. The limit is of the process, so the test runs
// itself in one of its own.
func TestFileLimit(t *testing.T) {
	if os.Getenv(limitChild) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFileLimit$", "-test.v", fmt.Sprintf("-test.short=%v", testing.Short()))
		cmd.Env = append(os.Environ(), limitChild+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	each := pace.Every(4, 37)
	failed, step, least := 0, int64(each)*(2<<10+531), 200/each
	for _, dir := range []bool{false, true} {
		for _, before := range []int{0, 1, 5} {
			for size := int64(0); size < 200<<10; size += step {
				if limited(t, dir, before, size) {
					failed++
				}
			}
		}
	}
	t.Logf("%d recordings met the limit", failed)
	if failed < least {
		t.Error("too few recordings met the limit")
	}
}

// setLimit bounds the size that the process's files may grow to.
func setLimit(t *testing.T, size int64) {
	t.Helper()
	l := syscall.Rlimit{Cur: ^uint64(0), Max: ^uint64(0)}
	if size >= 0 {
		l.Cur = uint64(size)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Skipf("the size of files cannot be limited here: %v", err)
	}
}

// limited is one recording: some commits, then the limit, then room again. It
// reports whether the limit was met.
func limited(t *testing.T, dir bool, before int, size int64) (met bool) {
	t.Helper()
	what := fmt.Sprintf("directory %v, limit %d after %d commits", dir, size, before)
	path := filepath.Join(t.TempDir(), "a.erg")
	if dir {
		path = filepath.Join(t.TempDir(), "new", "dir") + "/"
	}
	now := start
	opts := &archive.Options{Now: func() time.Time { return now }, CommitEvery: time.Hour, RotateBytes: 100 << 10}
	defer setLimit(t, -1)
	if before == 0 {
		setLimit(t, size)
	}
	w, err := archive.OpenWriter(path, opts)
	if err != nil {
		wantFull(t, what, path, err)
		setLimit(t, -1)
		if w, err = archive.OpenWriter(path, opts); err != nil {
			t.Fatalf("%s: open when there is room again: %v", what, err)
		}
		met = true
	}
	n := 0
	for ; n < 30; n++ {
		if n == before {
			setLimit(t, size)
		}
		if err = appendBig(w, n); err == nil {
			err = w.Sync()
		}
		if err != nil {
			n++
			break
		}
	}
	durable := w.Stats().Durable
	if err != nil {
		met = true
		wantFull(t, what, path, err)
		if err := appendBig(w, n); !errors.Is(err, archive.ErrFull) {
			t.Fatalf("%s: append: %v", what, err)
		}
		if got := countBig(t, what, w.View()); got != n {
			t.Fatalf("%s: the view has %d records of %d", what, got, n)
		}
		setLimit(t, -1)
		if got := readBig(t, what, asCrashed(t, path)); got < int(durable) {
			t.Fatalf("%s: a crash leaves %d records of %d that were acknowledged", what, got, durable)
		}
		now = now.Add(2 * time.Hour)
		if err := appendBig(w, n); err != nil {
			t.Fatalf("%s: append when there is room again: %v", what, err)
		}
		n++
	} else {
		setLimit(t, size) // closing meets it
		if err := w.Close(); err != nil {
			met = true
			wantFull(t, what, path, err)
		}
	}
	setLimit(t, -1)
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close: %v", what, err)
	}
	if got := readBig(t, what, path); got != n {
		t.Fatalf("%s: %d records of %d", what, got, n)
	}
	if w, err = archive.OpenWriter(path, opts); err != nil {
		t.Fatalf("%s: write again: %v", what, err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%s: close again: %v", what, err)
	}
	return met
}

// wantFull holds what an error of a full disk has to say.
func wantFull(t *testing.T, what, path string, err error) {
	t.Helper()
	if !errors.Is(err, archive.ErrFull) || errors.Is(err, archive.ErrLimit) || errors.Is(err, archive.ErrNotArchive) {
		t.Fatalf("%s: %v", what, err)
	}
	for _, part := range []string{strings.TrimSuffix(path, "/"), archive.ErrFull.Error()} {
		if !strings.Contains(err.Error(), part) {
			t.Fatalf("%s: %q is not in %q", what, part, err)
		}
	}
	if said := err.Error(); !strings.Contains(said, syscall.EFBIG.Error()) && !strings.Contains(said, syscall.ENOSPC.Error()) {
		t.Fatalf("%s: the cause is not in %q", what, err)
	}
}

// appendBig appends numbered record n, of some kilobytes.
func appendBig(w *archive.Writer, n int) error {
	_, err := w.Append(big(n))
	return err
}

func big(n int) *archive.Record {
	r := numbered(n)
	if r.Schema.Form == archive.FormText {
		r.Text = append(r.Text, noise(n, 9000)...)
	}
	return r
}

func countBig(t *testing.T, what string, r *archive.Reader) (n int) {
	t.Helper()
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		want := big(n)
		want.Seq = rec.Seq
		same(t, rec, want)
		n++
	}
	return n
}

// readBig verifies an archive and counts its records.
func readBig(t *testing.T, what, path string) int {
	t.Helper()
	archivetest.Verify(t, path)
	r, err := archive.Open(path)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer r.Close()
	return countBig(t, what, r)
}

// asCrashed copies the archive as a crash at this moment would leave it.
func asCrashed(t *testing.T, path string) (to string) {
	t.Helper()
	to = filepath.Join(t.TempDir(), "crashed.erg")
	if st, err := os.Stat(path); err != nil || !st.IsDir() {
		copyFile(t, path, to)
	} else if err := os.CopyFS(to, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestFullPages creates an archive, appends, rotates and closes on a disk that
// has room for so many pages, and then for more.
func TestFullPages(t *testing.T) {
	if testing.Short() {
		t.Skip("many pages")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a disk of its own cannot be mounted here: %v", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	filler := filepath.Join(disk, "filler")
	failed := 0
	for pages := range int64(40) {
		what := fmt.Sprintf("room for %d pages", pages)
		path := filepath.Join(disk, "dir") + "/"
		now := start
		opts := &archive.Options{Now: func() time.Time { return now }, CommitEvery: time.Hour}
		full := func(err error) bool {
			if err != nil {
				failed++
				wantFull(t, what, path, err)
			}
			return err != nil
		}
		leaveFree(t, filler, pages)
		w, err := archive.OpenWriter(path, opts)
		if full(err) {
			leaveFree(t, filler, 40)
			if w, err = archive.OpenWriter(path, opts); err != nil {
				t.Fatalf("%s: open when there is room again: %v", what, err)
			}
		}
		n := 0
		for round := range 2 {
			err := appendBig(w, n)
			if err == nil {
				n++
				err = w.Sync()
			}
			if full(err) {
				leaveFree(t, filler, 40)
				now = now.Add(2 * time.Hour)
				if err := w.Sync(); err != nil {
					t.Fatalf("%s: sync when there is room again: %v", what, err)
				}
			}
			leaveFree(t, filler, pages)
			full(w.Rotate())
			if got := readBig(t, what, asCrashed(t, path)); got < int(w.Stats().Durable) {
				t.Fatalf("%s: a crash leaves %d records of %d that were acknowledged", what, got, w.Stats().Durable)
			}
			if round == 0 {
				leaveFree(t, filler, 100)
				if err := w.Rotate(); err != nil {
					t.Fatalf("%s: rotate when there is room again: %v", what, err)
				}
			}
		}
		if full(w.Close()) {
			t.Fatalf("%s: nothing was left to commit", what)
		}
		if got := readBig(t, what, path); got != n {
			t.Fatalf("%s: %d records of %d", what, got, n)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d steps met the full disk", failed)
	if failed < 15 {
		t.Error("too few steps met the full disk")
	}
}

// leaveFree makes the filler so large that its disk has room for so many pages.
func leaveFree(t *testing.T, filler string, pages int64) {
	t.Helper()
	if err := os.RemoveAll(filler); err != nil {
		t.Fatal(err)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(filler), &st); err != nil {
		t.Fatal(err)
	}
	free := int64(st.Bavail) - pages*int64(os.Getpagesize())/int64(st.Bsize)
	if err := os.WriteFile(filler, make([]byte, max(free, 0)*int64(st.Bsize)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWriteErrors: the disk refuses every write, for another reason than room.
// The error says so, what is there stays readable, and recording resumes when
// the disk works again.
func TestWriteErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	now := start
	w, err := archive.OpenWriter(path, &archive.Options{Now: func() time.Time { return now }, CommitEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	add := func() error {
		err := appendBig(w, n)
		if err == nil {
			n++
			err = w.Sync()
		}
		return err
	}
	for range 5 {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	mend := readOnly(t, path)
	err = add()
	if err == nil || errors.Is(err, archive.ErrFull) || !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "commit to "+path+": ") {
		t.Fatalf("commit: %v", err)
	}
	if err := appendBig(w, n); err == nil {
		t.Fatal("an append is taken that cannot be committed")
	}
	if got := countBig(t, "failing", w.View()); got != n {
		t.Fatalf("the view has %d records of %d", got, n)
	}
	if got := readBig(t, "failing", asCrashed(t, path)); got != n-1 {
		t.Fatalf("%d records of %d are on disk", got, n-1)
	}
	mend()
	now = now.Add(2 * time.Hour)
	if err := add(); err != nil {
		t.Fatalf("commit when the disk works again: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readBig(t, "mended", path); got != n {
		t.Fatalf("%d records of %d", got, n)
	}
}

// readOnly puts a descriptor that cannot write in the place of the one by
// which this process writes the file, until mend is called.
func readOnly(t *testing.T, path string) (mend func()) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skipf("open files cannot be listed here: %v", err)
	}
	for _, link := range links {
		fd, err := strconv.Atoi(filepath.Base(link))
		if to, e := os.Readlink(link); e != nil || err != nil || to != path {
			continue
		}
		kept, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Dup3(int(f.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		return func() {
			t.Helper()
			if err := syscall.Dup3(kept, fd, 0); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Close(kept); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatalf("%s is not open", path)
	return nil
}
