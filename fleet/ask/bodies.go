package ask

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
)

const (
	// pieceOf is how many messages, by their numbers, lie together in the cache.
	pieceOf = 64
	// together is how many bodies are asked for at one time.
	together = 8
)

// bodies fetches the bodies of messages, or takes them of the cache. What cannot be had is
// missed, and a gap of what is opened.
func (f *fetch) bodies(ctx context.Context, heads []head) error {
	slices.SortFunc(heads, func(a, b head) int { return cmp.Compare(a.seq, b.seq) })
	for len(heads) > 0 {
		n := slices.IndexFunc(heads, func(h head) bool { return h.seq/pieceOf != heads[0].seq/pieceOf })
		if n < 0 {
			n = len(heads)
		}
		if err := f.piece(ctx, heads[:n]); err != nil {
			return err
		}
		heads = heads[n:]
	}
	return nil
}

// piece takes messages that lie together in the cache.
func (f *fetch) piece(ctx context.Context, heads []head) error {
	key := f.pieceKey(heads[0].seq)
	have := f.recall(key)
	var miss []head
	for _, h := range heads {
		if have[h.seq] == nil {
			miss = append(miss, h)
		}
	}
	f.cached += int64(len(heads) - len(miss))
	errs := f.fetch(ctx, miss, have)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f.o.Cache != nil && len(errs) < len(miss) {
		if err := f.o.Cache.Put(key, pack(have)); err != nil {
			return err
		}
	}
	for _, h := range heads {
		switch body := have[h.seq]; {
		case body == nil:
			f.miss(h, errs[h.seq])
		default:
			if err := f.take(h, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch fetches bodies, some at a time, into have. What did not come is told.
func (f *fetch) fetch(ctx context.Context, heads []head, have map[uint64][]byte) map[uint64]error {
	var mu sync.Mutex
	var running sync.WaitGroup
	errs := map[uint64]error{}
	next := make(chan head)
	for range min(together, len(heads)) {
		running.Go(func() {
			for h := range next {
				body, err := f.body(ctx, h.seq, &mu)
				mu.Lock()
				if err != nil {
					errs[h.seq] = err
				} else {
					have[h.seq] = body
					f.bytes += int64(len(body))
					f.reads++
				}
				mu.Unlock()
			}
		})
	}
	for _, h := range heads {
		next <- h
	}
	close(next)
	running.Wait()
	return errs
}

// body fetches one, twice if need be: the engine may have been away for a moment. Once it is away
// for longer, no more is asked of it.
func (f *fetch) body(ctx context.Context, seq uint64, mu *sync.Mutex) ([]byte, error) {
	var err error
	for range 2 {
		mu.Lock()
		away := f.away
		mu.Unlock()
		if away != nil {
			return nil, away
		}
		limited, cancel := context.WithTimeout(ctx, f.o.Wait)
		m, e := f.stream.GetMsg(limited, seq)
		cancel()
		if e == nil {
			return append([]byte{}, m.Data...), nil // not nil, however short
		}
		if err = e; !errors.Is(e, context.DeadlineExceeded) && f.link.Connected() {
			return nil, err // the engine said so
		}
		if e := f.reach(ctx); e != nil {
			err = e
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	f.away = cmp.Or(f.away, err)
	return nil, err
}

// pieceKey names what never changes: messages of a stream, by when that was made.
func (f *fetch) pieceKey(seq uint64) string {
	info := f.stream.CachedInfo()
	return fmt.Sprintf("%s %s %d %d", FleetScheme, info.Config.Name, info.Created.UnixNano(), seq/pieceOf)
}

// recall is what the cache has of a piece.
func (f *fetch) recall(key string) map[uint64][]byte {
	have := map[uint64][]byte{}
	if f.o.Cache == nil {
		return have
	}
	b, _ := f.o.Cache.Get(key)
	for len(b) > 0 {
		seq, n := binary.Uvarint(b)
		size, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || size > uint64(len(b)-n-m) {
			return have
		}
		b = b[n+m:]
		have[seq] = b[:size:size]
		b = b[size:]
	}
	return have
}

// pack lays messages out for the cache.
func pack(have map[uint64][]byte) (b []byte) {
	for seq, body := range have {
		b = binary.AppendUvarint(b, seq)
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	return b
}
