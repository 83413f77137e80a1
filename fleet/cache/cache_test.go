package cache

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// turned is a clock that goes on by a second whenever it is looked at.
func turned() func() time.Time {
	t := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	return func() time.Time {
		t = t.Add(time.Second)
		return t
	}
}

func opened(t *testing.T, limit int64) *Cache {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), "cache"), limit, turned())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What was used longest ago goes first; what is damaged, or lies in another's place, is
// not there.
func TestCache(t *testing.T) {
	c := opened(t, 10_000)
	for i, key := range []string{"a", "b", "c"} {
		if err := c.Put(key, bytes.Repeat([]byte{byte(i)}, 3000)); err != nil {
			t.Fatal(err)
		}
	}
	if b, ok := c.Get("a"); !ok || len(b) != 3000 {
		t.Error("what was put is not there")
	}
	if err := c.Put("d", make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"a": true, "b": false, "d": true} {
		if _, ok := c.Get(key); ok != want {
			t.Errorf("%s is there: %v", key, ok)
		}
	}
	if err := c.Put("large", make([]byte, 6000)); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("large"); ok {
		t.Error("a piece is kept that drives out all else")
	}
	again, err := Open(c.Dir(), 10_000, turned())
	if err != nil || again.total != c.total {
		t.Errorf("opened again: %v, %d bytes, want %d", err, again.total, c.total)
	}
	if err := os.Rename(c.path("a"), c.path("d")); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("d"); ok {
		t.Error("another piece passes for this one")
	}
	if err := c.Put("e", []byte("sound")); err != nil {
		t.Fatal(err)
	}
	for i := range 37 {
		b, err := os.ReadFile(c.path("e"))
		if err != nil {
			t.Fatal(err)
		}
		b[i] ^= 1
		if err := os.WriteFile(c.path("e"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Get("e"); ok {
			t.Fatalf("byte %d is changed, and it is believed", i)
		}
		if err := c.Put("e", []byte("sound")); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir(), "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A directory into which others look, and a link, are refused.
func TestOthers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, 1, turned()); err == nil {
		t.Error("others look into it")
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(own, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "link"), 1, turned()); err == nil {
		t.Error("a link is followed")
	}
}

// far counts what is read of it, and can fail.
type far struct {
	*bytes.Reader
	reads int
	bytes int64
	err   error
}

func (f *far) ReadAt(b []byte, off int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	f.reads++
	f.bytes += int64(len(b))
	return f.Reader.ReadAt(b, off)
}

// Any range reads as it would far away; neighbours come with one read, and what
// was read comes from here, also to another reader.
func TestReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 5*page+1234)
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	size := int64(len(content))
	c := opened(t, 1<<30)
	src := &far{Reader: bytes.NewReader(content)}
	r := c.Reader("object", src, size)
	check := func(off, n int64) {
		t.Helper()
		b := make([]byte, n)
		got, err := r.ReadAt(b, off)
		want := min(n, size-off)
		if int64(got) != want || (err != nil) != (want < n) || err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(b[:got], content[off:off+want]) {
			t.Fatalf("%d bytes at %d: %d, %v", n, off, got, err)
		}
	}
	for off := int64(0); off+500 <= page; off += 1000 {
		check(off, 500)
	}
	if src.reads != 1 || src.bytes != page {
		t.Errorf("blocks side by side cost %d reads of %d bytes", src.reads, src.bytes)
	}
	check(page, 3*page)
	if src.reads != 2 {
		t.Errorf("three pages cost %d reads", src.reads-1)
	}
	check(size-100, 100)
	if src.bytes != 4*page+100 {
		t.Errorf("the end costs %d bytes", src.bytes-4*page)
	}
	for range 300 {
		off := rng.Int64N(size)
		check(off, rng.Int64N(2*page))
	}
	src.err = errors.New("away")
	r = c.Reader("object", src, size)
	for range 100 {
		off := rng.Int64N(4 * page)
		check(off, rng.Int64N(page))
	}
	if _, err := c.Reader("another", src, size).ReadAt(make([]byte, 10), 0); !errors.Is(err, src.err) {
		t.Errorf("what is away: %v", err)
	}
}
