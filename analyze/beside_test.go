package analyze

import (
	"context"
	"errors"
	"testing"
)

// TestBeside: work beside other work is handed over whole, is told that nobody wants it any more, and does not
// take the program with it when it panics.
func TestBeside(t *testing.T) {
	a := beside(t.Context(), func(context.Context) (int, error) { return 7, nil })
	if v, err := a.wait(); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
	a.end()
	a = beside(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
	a.end()
	if _, err := a.wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	a = beside(t.Context(), func(context.Context) (int, error) { panic("broken") })
	defer a.end()
	if _, err := a.wait(); err == nil {
		t.Error("a panic is no error")
	}
}
