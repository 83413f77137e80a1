package shelf

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// silent is a store that never answers.
type silent struct{ store }

func (silent) list(ctx context.Context, _ string, _ func(object)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) helps(err error) error { return err }

// TestListEnds: a listing of a store that tells nothing ends, and says so.
func TestListEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*listTime)
		defer cancel()
		s := &Shelf{name: "shelf://f@h", in: silent{}}
		if _, err := s.List(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("%v, and the caller's own time: %v", err, ctx.Err())
		}
	})
}
