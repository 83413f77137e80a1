package shelf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// A Shelf is a place in a store: a bucket of an S3 server, or of a fleet's engine. It is
// safe for concurrent use.
type Shelf struct {
	name   string // its address
	prefix string // of all keys, without a slash
	in     store

	reads, fetched atomic.Int64
}

// String is the shelf's address.
func (s *Shelf) String() string { return s.name }

// Fetched is how much was read of objects so far, and with how many reads.
func (s *Shelf) Fetched() (bytes, reads int64) { return s.fetched.Load(), s.reads.Load() }

func (s *Shelf) key(name string) string {
	if s.prefix == "" {
		return name
	}
	return s.prefix + "/" + name
}

// failed says what was tried, why it failed and what helps.
func (s *Shelf) failed(step string, err error) error {
	return fmt.Errorf("%s %s: %w", step, s, s.in.helps(err))
}

// A Listing is what is on a shelf.
type Listing struct {
	Items   []Item // by archive, then by number
	Gone    map[uint64][]int
	Strange int     // objects whose names are no segments'
	Refused []error // of segments, of which the store tells what cannot be true
}

// listTime bounds a listing: an engine can take the request and tell nothing.
const listTime = 2 * time.Minute

// List lists the shelf.
func (s *Shelf) List(ctx context.Context) (*Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	l := &Listing{Gone: map[uint64][]int{}}
	prefix := s.prefix
	if prefix != "" {
		prefix += "/"
	}
	err := s.in.list(ctx, prefix, func(o object) {
		i, gone, err := parseName(o.key)
		switch {
		case err != nil:
			l.Strange++
		case o.bad != nil:
			l.Refused = append(l.Refused, o.bad)
		case gone:
			l.Gone[i.Archive] = append(l.Gone[i.Archive], i.Segment)
		default:
			i.Size, i.ETag, i.object = o.size, o.etag, o
			l.Items = append(l.Items, i)
		}
	})
	if err != nil {
		return nil, s.failed("list", err)
	}
	slices.SortFunc(l.Items, compare)
	return l, nil
}

// ErrOther: an object of that name is there, and it is another.
var ErrOther = errors.New("an object of that name is there and holds something else: it is never overwritten")

// Put puts a segment, of which body is the flat file. That the same is there is as
// good.
func (s *Shelf) Put(ctx context.Context, i Item, body io.ReadSeeker) error {
	return s.put(ctx, s.key(i.name()), body, i.Size)
}

func (s *Shelf) put(ctx context.Context, key string, body io.ReadSeeker, size int64) error {
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes, not %d", n, size)
	}
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	told := hex.EncodeToString(sum.Sum(nil))
	err = s.in.put(ctx, key, body, size, told)
	if err == nil {
		return nil
	}
	if !errors.Is(err, errThere) {
		return s.failed("put "+key+" to", err)
	}
	there, err := s.in.stat(ctx, key)
	if err != nil {
		return s.failed("look at "+key+" of", err)
	}
	if there.size != size || there.sum != told {
		return fmt.Errorf("put %s to %s: %w", key, s, ErrOther)
	}
	return nil
}

// Remove removes a segment, of which a note stays.
func (s *Shelf) Remove(ctx context.Context, i Item) error {
	err := s.put(ctx, s.key(goneName(i.Archive, i.Segment)), bytes.NewReader([]byte("removed\n")), int64(len("removed\n")))
	if err != nil {
		return err
	}
	if err := s.in.remove(ctx, i.object.key); err != nil {
		return s.failed("remove "+i.object.key+" of", err)
	}
	return nil
}

// Reader reads ranges of a segment, each with a request of its own.
func (s *Shelf) Reader(ctx context.Context, i Item) io.ReaderAt { return &ranged{ctx, s, i.object} }

type ranged struct {
	ctx  context.Context
	s    *Shelf
	item object
}

// readTime bounds one read.
const readTime = 2 * time.Minute

// ReadAt fetches one range, checked: that it is of the object that was listed, and whole.
func (r *ranged) ReadAt(b []byte, off int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, readTime)
	defer cancel()
	n, err = r.s.in.read(ctx, &r.item, b, off)
	if n > 0 || err == nil {
		r.s.reads.Add(1)
		r.s.fetched.Add(int64(n))
	}
	if n > 0 && err != nil {
		err = fmt.Errorf("%d of %d bytes came: %w", n, len(b), err)
	}
	if err != nil {
		return n, r.s.failed("read "+r.item.key+" of", err)
	}
	return n, nil
}
