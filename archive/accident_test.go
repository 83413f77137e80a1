package archive_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/pace"
)

// killPath, in the environment, makes the test binary a writer that is to be
// killed.
const killPath = "ARCHIVE_TEST_KILL_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(killPath); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	pace.Memory()
	goleak.VerifyTestMain(m)
}

// writeUntilKilled appends numbered records and says which are on disk.
func writeUntilKilled(path string) error {
	w, err := archive.OpenWriter(path, &archive.Options{RotateBytes: 512 << 10})
	if err != nil {
		return err
	}
	n := 0
	for range w.View().Records(ctx, archive.Query{}) {
		n++
	}
	for {
		for range 40 {
			if _, err := w.Append(numbered(n)); err != nil {
				return err
			}
			n++
		}
		if err := w.Sync(); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// numbered is a record that follows from its number.
func numbered(n int) *archive.Record {
	r := &archive.Record{At: start.Add(time.Duration(n) * time.Second), Took: time.Duration(n), Stream: archive.StreamKey{Kind: archive.Sample, Name: strconv.Itoa(n % 3)}}
	switch n % 3 {
	case 0:
		r.Schema = archive.Schema{Form: archive.FormObject}
		r.Text = fmt.Appendf(nil, `{"n":%d,"half":%g}`, n*n, float64(n)/2)
	case 1:
		r.Schema = tableSchema
		r.Text = fmt.Appendf(nil, `[{"PID":"a%d","In":%d},{"PID":"b","Age":%d}]`, n%5, n, n)
	default:
		r.Text = fmt.Appendf(nil, "text %d", n)
	}
	return r
}

// TestKill kills a writer at random instants: what it had said to be on disk
// must be there, in order and unchanged, and the archive sound.
func TestKill(t *testing.T) {
	rounds := pace.Times(200, 30, 10)
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	var path string
	for round := range rounds {
		if round%10 == 0 {
			path = filepath.Join(t.TempDir(), "a.erg")
			if round%20 == 0 {
				path = t.TempDir() + "/dir/"
			}
		}
		acknowledged := runAndKill(t, path, time.Duration(rng.IntN(40))*time.Millisecond)
		archivetest.Verify(t, path)
		r, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rec, err := range r.Records(ctx, archive.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			want := numbered(n)
			want.Seq = rec.Seq
			same(t, rec, want)
			n++
		}
		r.Close()
		if n < acknowledged {
			t.Fatalf("round %d: %d records of %d that were acknowledged", round, n, acknowledged)
		}
	}
}

// runAndKill runs the writer, kills it some time after its first sign of life
// and returns what it said last.
func runAndKill(t *testing.T, path string, after time.Duration) (acknowledged int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if acknowledged == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			acknowledged = n
		}
	}
	_ = cmd.Wait()
	if acknowledged == 0 {
		t.Fatal("the writer said nothing")
	}
	return acknowledged
}

// fill appends until the disk is full and returns how many records fitted.
func fill(t *testing.T, w *archive.Writer, from int) (n int) {
	t.Helper()
	for n = from; n < from+1_000_000; n++ {
		r := numbered(n)
		r.Text = append(r.Text, noise(n, 3000)...)
		_, err := w.Append(r)
		if err == nil && n%10 == 9 {
			if err = w.Sync(); err != nil {
				n++
			}
		}
		if err != nil {
			if !errors.Is(err, archive.ErrFull) {
				t.Fatalf("full disk: %v", err)
			}
			return n
		}
	}
	t.Fatal("the disk never fills")
	return 0
}

// noise is text that does not compress.
func noise(seed, n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(seed), 9))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func countRecords(t *testing.T, r *archive.Reader) (n int) {
	t.Helper()
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		want := numbered(n)
		want.Text = append(want.Text, noise(n, 3000)...)
		want.Seq = rec.Seq
		same(t, rec, want)
		n++
	}
	return n
}

// TestSizeLimit fills an archive up to its own limit and goes on with more.
func TestSizeLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := archive.OpenWriter(path, &archive.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	n := fill(t, w, 0)
	durable := w.Stats().Durable
	if got := countRecords(t, w.View()); got != n {
		t.Fatalf("view of the full archive: %d records of %d", got, n)
	}
	if err := w.Close(); !errors.Is(err, archive.ErrFull) || !errors.Is(err, archive.ErrLimit) {
		t.Fatalf("close with records that fit nowhere: %v", err)
	}
	if st, _ := os.Stat(path); st.Size() > 1<<20 {
		t.Errorf("%d bytes", st.Size())
	}
	got := countRecords(t, archivetest.Open(t, path))
	if uint64(got) < durable {
		t.Fatalf("%d records of %d that were acknowledged", got, durable)
	}
}

// TestDiskFull fills a small disk, makes room, and goes on.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a disk of its own cannot be mounted here: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.erg")
	now := start
	w, err := archive.OpenWriter(path, &archive.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	n := fill(t, w, 0)
	if _, err := w.Append(numbered(n)); !errors.Is(err, archive.ErrFull) {
		t.Fatalf("append to a full disk: %v", err)
	}
	if got := countRecords(t, w.View()); got != n {
		t.Fatalf("view on a full disk: %d records of %d", got, n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	r := numbered(n)
	r.Text = append(r.Text, noise(n, 3000)...)
	if _, err := w.Append(r); err != nil {
		t.Fatalf("append when there is room again: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := countRecords(t, archivetest.Open(t, path)); got != n+1 {
		t.Fatalf("%d records of %d", got, n+1)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSegments takes a segment away, and puts one of another archive in its
// place.
func TestSegments(t *testing.T) {
	make3 := func() (dir string, s *story) {
		w, dir := archivetest.CreateDir(t, nil)
		s = newStory(t, w, 5)
		for range 3 {
			s.tell(40)
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		return dir, s
	}
	dir, s := make3()
	other, _ := make3()
	second := "00000002.erg"
	work := filepath.Join(t.TempDir(), "work")
	if err := os.CopyFS(work, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	damages := func() []*archive.CorruptionError {
		rep, err := archive.Verify(ctx, work)
		if err != nil {
			t.Fatal(err)
		}
		return rep.Damage
	}
	if d := damages(); len(d) != 0 {
		t.Fatalf("sound: %v", d)
	}
	if err := os.Remove(filepath.Join(work, second)); err != nil {
		t.Fatal(err)
	}
	if d := damages(); len(d) == 0 || d[0].Segment != second {
		t.Fatalf("missing: %v", d)
	}
	copyFile(t, filepath.Join(other, second), filepath.Join(work, second))
	if d := damages(); len(d) == 0 {
		t.Fatal("foreign segment not found")
	}
	if w, err := archive.OpenWriter(work, nil); err == nil || !strings.Contains(err.Error(), second+": it is of another archive") {
		t.Fatalf("write beside a foreign segment: %v, %v", w, err)
	}
	r, err := archive.Open(work)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	byseq := map[uint64]*archive.Record{}
	for _, w := range s.want {
		byseq[w.Seq] = w
	}
	n := 0
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err == nil {
			same(t, rec, byseq[rec.Seq])
			n++
		}
	}
	if n != 80 {
		t.Errorf("%d records beside the foreign segment, want 80", n)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
