// Package cache keeps what was fetched from far away in a directory of the
// user's own, up to a number of bytes.
//
// What lies there is believed only if its checksum, which is also of what it is,
// says that it is that. Nothing else reads the directory, but others of the same user may use
// it at the same time: a file is there as a whole, or not.
package cache

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Cache is such a directory. It is safe for concurrent use.
type Cache struct {
	dir   string
	limit int64
	now   func() time.Time

	mu    sync.Mutex
	total int64
}

const (
	suffix   = ".piece"
	tempName = "new-*.tmp"
	// slack: where the limit is met, 1 in so many of it is freed at once.
	slack = 8
)

// Open opens a cache, or makes it. A directory into which others look is refused. now
// is the clock by which the piece that was used longest ago is found.
func Open(dir string, limit int64, now func() time.Time) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	if !st.IsDir() || st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("open the cache: %s is no directory of this user's alone (mode %v): chmod 700 it, or name another", dir, st.Mode())
	}
	c := &Cache{dir: dir, limit: limit, now: now}
	for _, p := range c.pieces() {
		c.total += p.size
	}
	return c, nil
}

// Dir is where it lies.
func (c *Cache) Dir() string { return c.dir }

func (c *Cache) path(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:20])+suffix)
}

// sumOf is the checksum of a piece and of what it is.
func sumOf(key string, b []byte) []byte {
	h := sha256.New()
	h.Write([]byte(key))
	h.Write([]byte{0})
	h.Write(b)
	return h.Sum(nil)
}

// Get gets a piece. One that is damaged is removed, and not there.
func (c *Cache) Get(key string) ([]byte, bool) {
	path := c.path(key)
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	if len(all) < sha256.Size || subtle.ConstantTimeCompare(all[:sha256.Size], sumOf(key, all[sha256.Size:])) == 0 {
		_ = os.Remove(path) // whatever it was
		return nil, false
	}
	now := c.now()
	_ = os.Chtimes(path, now, now) // else it is dropped early, no more
	return all[sha256.Size:], true
}

// Put keeps a piece. That it cannot be kept costs another fetch, and is no
// error of whoever reads.
func (c *Cache) Put(key string, b []byte) error {
	if int64(len(b)) > c.limit/2 {
		return nil // it would drive out most else
	}
	f, err := os.CreateTemp(c.dir, tempName) // O_EXCL, 0600
	if err != nil {
		return fmt.Errorf("keep a piece: %w", err)
	}
	_, err = f.Write(append(sumOf(key, b), b...))
	now := c.now()
	if err = errors.Join(err, f.Close(), os.Chtimes(f.Name(), now, now)); err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		return fmt.Errorf("keep a piece: %w", errors.Join(err, os.Remove(f.Name())))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total += int64(len(b)) + sha256.Size; c.total > c.limit {
		c.shrink()
	}
	return nil
}

type piece struct {
	path string
	size int64
	used time.Time
}

// pieces are what lies in the cache.
func (c *Cache) pieces() (list []piece) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil // nothing can be kept then either
	}
	for _, e := range entries {
		st, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), suffix) && st.Mode().IsRegular() {
			list = append(list, piece{filepath.Join(c.dir, e.Name()), st.Size(), st.ModTime()})
		}
	}
	return list
}

// shrink removes the pieces that were used longest ago. Locked by the caller.
func (c *Cache) shrink() {
	list := c.pieces()
	slices.SortFunc(list, func(a, b piece) int { return a.used.Compare(b.used) })
	c.total = 0
	for _, p := range list {
		c.total += p.size
	}
	for _, p := range list {
		if c.total <= c.limit-c.limit/slack {
			return
		}
		if err := os.Remove(p.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			c.total -= p.size
		}
	}
}
