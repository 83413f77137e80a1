package cache

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// What is read far away is read by pages, so that many small blocks that lie side by
// side cost one request. Reads of an object's end, where its index is, are made as
// they are asked for.
const (
	page     = 512 << 10
	endBytes = 64
	inMemory = 8 // pages of an object
)

// Reader reads an object of that size through the cache. The key names it and
// changes whenever its content does.
func (c *Cache) Reader(key string, src io.ReaderAt, size int64) io.ReaderAt {
	return &reader{cache: c, key: key, src: src, size: size}
}

type reader struct {
	cache *Cache
	key   string
	src   io.ReaderAt
	size  int64

	mu     sync.Mutex
	recent []held
}

type held struct {
	number int64
	b      []byte
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 || off >= r.size {
		return 0, io.EOF
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if off+int64(len(b)) > r.size-endBytes {
		return r.exact(b, off)
	}
	for n < len(b) {
		at := off + int64(n)
		p, err := r.page(at/page, (off+int64(len(b))-1)/page)
		if err != nil {
			return n, err
		}
		n += copy(b[n:], p[at%page:])
	}
	return n, nil
}

// exact reads what was asked for.
func (r *reader) exact(b []byte, off int64) (int, error) {
	short := int64(len(b)) > r.size-off
	b = b[:min(int64(len(b)), r.size-off)]
	key := fmt.Sprintf("%s %d+%d", r.key, off, len(b))
	if got, ok := r.cache.Get(key); ok && len(got) == len(b) {
		copy(b, got)
	} else if n, err := r.src.ReadAt(b, off); err != nil && (n < len(b) || !errors.Is(err, io.EOF)) {
		return n, err
	} else if err := r.cache.Put(key, b); err != nil {
		return n, err
	}
	if short {
		return len(b), io.EOF
	}
	return len(b), nil
}

// page is one page, with those up to last fetched by the same request where they are
// not here either.
func (r *reader) page(number, last int64) ([]byte, error) {
	for _, h := range r.recent {
		if h.number == number {
			return h.b, nil
		}
	}
	if b, ok := r.cache.Get(r.pageKey(number)); ok && int64(len(b)) == r.pageSize(number) {
		r.remember(number, b)
		return b, nil
	}
	end := number + 1
	for end <= last && end < number+inMemory {
		if _, ok := r.cache.Get(r.pageKey(end)); ok {
			break
		}
		end++
	}
	from, to := number*page, min(end*page, r.size)
	all := make([]byte, to-from)
	if n, err := r.src.ReadAt(all, from); err != nil && (n < len(all) || !errors.Is(err, io.EOF)) {
		return nil, err
	}
	for i := number; i < end; i++ {
		b := all[(i-number)*page : min((i-number+1)*page, int64(len(all)))]
		if err := r.cache.Put(r.pageKey(i), b); err != nil {
			return nil, err
		}
		r.remember(i, b)
	}
	return all[:min(page, int64(len(all)))], nil
}

func (r *reader) pageKey(number int64) string { return fmt.Sprintf("%s page %d", r.key, number) }

func (r *reader) pageSize(number int64) int64 { return min(page, r.size-number*page) }

func (r *reader) remember(number int64, b []byte) {
	if len(r.recent) == inMemory {
		r.recent = append(r.recent[:0], r.recent[1:]...)
	}
	r.recent = append(r.recent, held{number, b})
}
