package live

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
)

// slowly answers as c does, after a while.
func slowly(d time.Duration, c ergo.Caller) ergo.Caller {
	return ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		select {
		case <-time.After(d):
			return c.Call(ctx, call)
		case <-ctx.Done():
			return ergo.Answer{}, ctx.Err()
		}
	})
}

// TestRefreshSaysWhenTheFirstIsKnown: who is slow is waited for, and the caller told
// before that some are known; nothing is asked of a way that was not heard yet, and it
// is not asked twice.
func TestRefreshSaysWhenTheFirstIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow := &fakeWay{self: "a@h"}, &fakeWay{self: "b@h"}
		asked := 0
		r := NewRouter([]Way{
			{Name: "slow", Caller: ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
				asked++
				return slowly(6*time.Second, slow).Call(ctx, call)
			})},
			{Name: "fast", Caller: fast},
		}, time.Now, nil)
		began := time.Now()
		var some, again time.Duration
		err := r.Refresh(t.Context(), func() {
			some = time.Since(began)
			if got := r.Entries(); !slices.Equal(got, []string{"a@h"}) {
				t.Errorf("entries %q", got)
			}
			for range 4 { // forwarding takes turns
				if _, err := r.Call(t.Context(), ergo.Call{Node: "c@h", Tool: "t"}); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("calls waited for who is slow: %v", took)
			}
			go func() {
				_ = r.Refresh(t.Context(), func() { again = time.Since(began) })
			}()
		})
		synctest.Wait()
		if took := time.Since(began); err != nil || took != 6*time.Second || some != ergo.Promptly || again != 2*ergo.Promptly || asked != 1 {
			t.Errorf("%v after %v, some after %v and %v, asked %d times", err, took, some, again, asked)
		}
		if got := r.Entries(); !slices.Equal(got, []string{"b@h", "a@h"}) {
			t.Errorf("entries %q", got)
		}
	})
}

// TestRefreshOfAllAtOnce: where all answer at once, the caller need not be told of some.
func TestRefreshOfAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRouter([]Way{{Name: "a", Caller: &fakeWay{self: "a@h"}}, {Name: "b", Caller: &fakeWay{err: errors.New("refused")}}}, time.Now, nil)
		began := time.Now()
		if err := r.Refresh(t.Context(), func() { t.Error("told of some") }); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestSlowSourceDelaysNoWay: ways that are named anyway are asked beside the source, and
// what a source names although it does not know all is taken.
func TestSlowSourceDelaysNoWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fixed, found := Way{Name: "a", Caller: &fakeWay{self: "a@h"}}, Way{Name: "b", Caller: &fakeWay{self: "b@h"}}
		r := NewRouter([]Way{fixed}, time.Now, nil)
		r.Follow(func(context.Context) ([]Way, error) {
			time.Sleep(20 * time.Second)
			return []Way{found}, errors.New("no such host")
		})
		began := time.Now()
		var some time.Duration
		if err := r.Refresh(t.Context(), func() { some = time.Since(began) }); err != nil {
			t.Error(err)
		}
		if some != ergo.Promptly {
			t.Errorf("some after %v", some)
		}
		if got := r.Entries(); !slices.Equal(got, []string{"a@h", "b@h"}) {
			t.Errorf("entries %q", got)
		}
	})
}
