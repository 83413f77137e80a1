package analyze

import (
	"context"

	"ergorecorder/internal/panics"
)

// An aside is work that is done beside other work, so that all cores have some until the end.
type aside[T any] struct {
	end   context.CancelFunc // nobody waits for it any more
	done  chan struct{}
	value T
	err   error
}

// beside begins work. Who begins it ends it.
func beside[T any](ctx context.Context, work func(context.Context) (T, error)) *aside[T] {
	ctx, cancel := context.WithCancel(ctx)
	a := &aside[T]{done: make(chan struct{})}
	a.end = func() {
		cancel()
		<-a.done
	}
	go func() {
		defer close(a.done)
		a.err = panics.Caught(func() (err error) { a.value, err = work(ctx); return err })
	}()
	return a
}

// wait is what the work comes to.
func (a *aside[T]) wait() (T, error) {
	<-a.done
	return a.value, a.err
}
