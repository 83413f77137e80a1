package shared

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// What many ask for at one time is done once, and all of them have it.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, done, go_ := New[int](2), atomic.Int32{}, make(chan struct{})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				v, err := d.Do(context.Background(), "k", func(context.Context) (int, error) {
					done.Add(1)
					<-go_
					return 7, nil
				})
				if v != 7 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		synctest.Wait()
		close(go_)
		all.Wait()
		if done.Load() != 1 || len(d.under) != 0 {
			t.Errorf("it was done %d times, %d are under way", done.Load(), len(d.under))
		}
	})
}

// Work ends when the last leaves who waits for it, and not before.
func TestLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New[int](1)
		ended := make(chan error, 1)
		work := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return 0, ctx.Err()
		}
		first, leaveFirst := context.WithCancel(context.Background())
		second, leaveSecond := context.WithCancel(context.Background())
		for _, ctx := range []context.Context{first, second} {
			go func() {
				if _, err := d.Do(ctx, "k", work); !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
			}()
			synctest.Wait()
		}
		leaveFirst()
		synctest.Wait()
		if len(ended) != 0 {
			t.Error("it ended while one waited")
		}
		leaveSecond()
		synctest.Wait()
		if len(ended) != 1 || len(d.under) != 0 {
			t.Errorf("nobody waits: %d ended, %d under way", len(ended), len(d.under))
		}
	})
}

// Only so much is done at a time, and who leaves while waiting for a place leaves
// no work behind.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, go_ := New[int](2), make(chan struct{})
		var now, most, begun atomic.Int32
		var all sync.WaitGroup
		ctx, leave := context.WithCancel(context.Background())
		for i := range 50 {
			who := context.Background()
			if i >= 10 {
				who = ctx
			}
			all.Go(func() {
				_, _ = d.Do(who, fmt.Sprint(i), func(context.Context) (int, error) {
					begun.Add(1)
					most.Store(max(most.Load(), now.Add(1)))
					<-go_
					now.Add(-1)
					return 0, nil
				})
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait() // who left is gone before there is a place
		close(go_)
		all.Wait()
		synctest.Wait()
		if most.Load() != 2 || begun.Load() != 10 {
			t.Errorf("%d at a time, %d begun", most.Load(), begun.Load())
		}
	})
}

// A panic in the work is an error of it.
func TestPanic(t *testing.T) {
	d := New[int](1)
	for range 2 {
		if _, err := d.Do(context.Background(), "k", func(context.Context) (int, error) { panic("odd") }); err == nil || err.Error() != "odd" {
			t.Errorf("%v", err)
		}
	}
}
