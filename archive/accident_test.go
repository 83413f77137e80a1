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
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
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
	os.Exit(m.Run())
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
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
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

// damaged is an archive to be damaged: its bytes and its records by Seq.
type damaged struct {
	bytes   []byte
	records map[uint64]*archive.Record
}

// makeDamaged makes an archive that was closed, or, as a crash leaves it, one
// whose newest records are in the tail.
func makeDamaged(t *testing.T, crashed bool) *damaged {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, w, 7)
	for range 6 {
		s.tell(50)
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	d := &damaged{records: map[uint64]*archive.Record{}}
	if crashed {
		d.bytes = readFile(t, path)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !crashed {
		d.bytes = readFile(t, path)
	}
	for _, r := range s.want {
		d.records[r.Seq] = r
	}
	return d
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// check reads what is left of a damaged archive: whatever comes back is what
// was appended, and what does not is told of, by the walk and by verify.
func (d *damaged) check(t *testing.T, what, path string) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		return // all of it is told of
	}
	defer r.Close()
	found, errs := 0, 0
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if err != nil {
			errs++
			continue
		}
		want := d.records[rec.Seq]
		if want == nil {
			t.Fatalf("%s: record %d was never appended", what, rec.Seq)
		}
		same(t, rec, want)
		found++
	}
	if found < len(d.records) && errs == 0 {
		t.Fatalf("%s: %d records of %d, and no error", what, found, len(d.records))
	}
	rep, err := r.Verify(ctx)
	if err != nil {
		t.Fatalf("%s: verify: %v", what, err)
	}
	if errs > 0 && len(rep.Damage) == 0 {
		t.Fatalf("%s: %d errors, and verify finds nothing", what, errs)
	}
	for _, s := range r.Streams() {
		for _, err := range r.Scan(ctx, s.StreamKey, time.Time{}, time.Time{}, nil) {
			_ = err // must only not crash
		}
		_, _ = r.Last(s.StreamKey, "", start.Add(time.Hour))
	}
}

// TestDamage flips bytes, zeroes pages and cuts archives at any length.
func TestDamage(t *testing.T) {
	const page = 4096
	for _, crashed := range []bool{false, true} {
		t.Run(map[bool]string{false: "closed", true: "crashed"}[crashed], func(t *testing.T) {
			t.Parallel()
			d := makeDamaged(t, crashed)
			path := filepath.Join(t.TempDir(), "damaged.erg")
			try := func(what string, b []byte) {
				t.Helper()
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
				d.check(t, what, path)
			}
			rng := rand.New(rand.NewPCG(3, 3))
			for i := range 120 {
				at := rng.IntN(len(d.bytes))
				if i < 40 { // the meta pages above all
					at = 2*i + page*(i%2)
				}
				b := append([]byte{}, d.bytes...)
				b[at] ^= 1 << rng.IntN(8)
				try(fmt.Sprintf("bit at %d", at), b)
			}
			for at := 0; at+page <= len(d.bytes); at += page {
				b := append([]byte{}, d.bytes...)
				clear(b[at : at+page])
				try(fmt.Sprintf("page %d zeroed", at/page), b)
			}
			for i := range 40 {
				n := rng.IntN(len(d.bytes))
				if i%2 == 0 {
					n = n / page * page
				}
				try(fmt.Sprintf("cut at %d", n), d.bytes[:n])
			}
		})
	}
}

// TestSalvage recovers archives whose trees are gone.
func TestSalvage(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		d := makeDamaged(t, crashed)
		dir := t.TempDir()
		path, out := filepath.Join(dir, "broken.erg"), filepath.Join(dir, "saved.erg")
		b := append([]byte{}, d.bytes...)
		clear(b[:2*4096]) // both meta pages: no tree can be found
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := archive.Salvage(ctx, path, out)
		if err != nil {
			t.Fatal(err)
		}
		if s.Records != len(d.records) || len(s.Lost) != 0 {
			t.Fatalf("crashed %v: %+v, want %d records", crashed, s, len(d.records))
		}
		archivetest.Verify(t, out)
		d.check(t, "salvaged", out)
		if _, err := archive.Salvage(ctx, path, out); err == nil {
			t.Error("salvage wrote over a file")
		}
		// A block is damaged as well: the rest is recovered, and the loss told.
		at := len(b) / 2
		for i := range 64 {
			b[at+i] ^= 0x55
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err = archive.Salvage(ctx, path, filepath.Join(dir, "less.erg")); err != nil {
			t.Fatal(err)
		}
		if s.Records > len(d.records) || s.Records == 0 {
			t.Fatalf("%+v", s)
		}
	}
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
