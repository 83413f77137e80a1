// Package shared does the work that several ask for at one time once, only so much
// of it at a time, and no longer than somebody waits for it.
package shared

import (
	"context"
	"fmt"
	"sync"
)

// A Desk does work. It is safe for concurrent use.
type Desk[V any] struct {
	places chan struct{}
	mu     sync.Mutex
	under  map[string]*work[V]
}

// A work is one that is under way, or waits for a place.
type work[V any] struct {
	waiting int // who waits for it
	cancel  context.CancelFunc
	done    chan struct{} // closed when value and err are there
	value   V
	err     error
}

// New makes a desk with places for so much work at a time.
func New[V any](places int) *Desk[V] {
	return &Desk[V]{places: make(chan struct{}, places), under: map[string]*work[V]{}}
}

// Do does the work of a key, or waits for it where somebody else has it done
// already. Its context ends when nobody waits for it any more; what ctx carries
// is that of the first who asked.
func (d *Desk[V]) Do(ctx context.Context, key string, do func(context.Context) (V, error)) (V, error) {
	d.mu.Lock()
	w := d.under[key]
	if w == nil {
		w = &work[V]{done: make(chan struct{})}
		var working context.Context
		working, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
		d.under[key] = w
		go d.run(working, key, w, do)
	}
	w.waiting++
	d.mu.Unlock()
	select {
	case <-w.done:
		return w.value, w.err
	case <-ctx.Done():
		d.leave(key, w)
		var none V
		return none, ctx.Err()
	}
}

// leave notes that one does not wait any more. Who asks for the same after the
// last has left has it done anew.
func (d *Desk[V]) leave(key string, w *work[V]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.waiting--; w.waiting == 0 {
		w.cancel()
		d.forget(key, w)
	}
}

func (d *Desk[V]) forget(key string, w *work[V]) {
	if d.under[key] == w {
		delete(d.under, key)
	}
}

func (d *Desk[V]) run(ctx context.Context, key string, w *work[V], do func(context.Context) (V, error)) {
	defer func() {
		if p := recover(); p != nil {
			w.err = fmt.Errorf("%v", p)
		}
		w.cancel()
		d.mu.Lock()
		d.forget(key, w)
		d.mu.Unlock()
		close(w.done)
	}()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done():
		w.err = ctx.Err()
		return
	}
	if w.err = ctx.Err(); w.err == nil {
		w.value, w.err = do(ctx)
	}
}
