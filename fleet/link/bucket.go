package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An Entry is a key of a bucket and its value.
type Entry struct {
	Key      string
	Value    []byte // nil: it was deleted
	Revision uint64
	Created  time.Time // by the engine's clock
}

// ErrStale: the key has another revision, or is there where none should be.
var ErrStale = errors.New("the key was changed meanwhile")

// A Bucket is a key-value bucket of the engine, made where it is missing.
type Bucket struct {
	l    *Link
	name string

	mu sync.Mutex
	kv jetstream.KeyValue // once it was there
}

// Bucket is the bucket of that name. Nothing is asked of the engine yet.
func (l *Link) Bucket(name string) *Bucket { return &Bucket{l: l, name: name} }

// open is the bucket as the client has it.
func (b *Bucket) open(ctx context.Context) (jetstream.KeyValue, error) {
	b.mu.Lock()
	kv := b.kv
	b.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	kv, err := b.make(ctx)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kv = kv
	return kv, nil
}

// forget has the bucket looked for again where an error says that it may be gone.
func (b *Bucket) forget(err error) error {
	if err != nil && !errors.Is(err, ErrStale) {
		b.mu.Lock()
		b.kv = nil
		b.mu.Unlock()
	}
	return err
}

func (b *Bucket) make(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := b.l.js.KeyValue(ctx, b.name)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	kv, err = b.l.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: b.name, History: 1, Storage: jetstream.FileStorage, Replicas: b.l.Replicas()})
	if errors.Is(err, jetstream.ErrBucketExists) {
		return b.l.js.KeyValue(ctx, b.name)
	}
	return kv, err
}

// Put writes a value if the key still has that revision; 0 stands for none.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	kv, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	var now uint64
	if revision == 0 {
		now, err = kv.Create(ctx, key, value)
	} else {
		now, err = kv.Update(ctx, key, value, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, ErrStale
	}
	return now, b.forget(err)
}

// Get reads a key; of one that is not there the revision is 0.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	kv, err := b.open(ctx)
	if err != nil {
		return Entry{}, err
	}
	e, err := kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Entry{Key: key}, nil
	}
	if err != nil {
		return Entry{}, b.forget(err)
	}
	return entryOf(e), nil
}

func entryOf(e jetstream.KeyValueEntry) Entry {
	out := Entry{Key: e.Key(), Revision: e.Revision(), Created: e.Created()}
	if e.Operation() == jetstream.KeyValuePut {
		out.Value = e.Value()
	}
	return out
}

// Watch hands on what the bucket holds, says once that this was all, and hands on
// each change until ctx ends or the engine gives the watch up.
func (b *Bucket) Watch(ctx context.Context, each func(Entry), all func()) error {
	kv, err := b.open(ctx)
	if err != nil {
		return err
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return b.forget(err)
	}
	defer func() { _ = w.Stop() }() // the engine may be away: it forgets who does not read
	for {
		select {
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("the engine ended the watch")
			case e == nil:
				all()
			default:
				each(entryOf(e))
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// All are the bucket's keys with their values. One that is not there is empty.
func (b *Bucket) All(ctx context.Context) (out []Entry, err error) {
	kv, err := b.l.js.KeyValue(ctx, b.name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok || e == nil {
				return out, nil
			}
			out = append(out, entryOf(e))
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
