package scene

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOnce(t *testing.T) {
	var s Scene
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for key := range 20 {
				got, err := s.Once(key, func() (any, error) { done.Add(1); return 2 * key, nil })
				if got != 2*key || err != nil {
					t.Errorf("%d: %v, %v", key, got, err)
				}
			}
		})
	}
	wg.Wait()
	if done.Load() != 20 {
		t.Errorf("done %d times, want 20", done.Load())
	}
	broken := errors.New("broken")
	if _, err := s.Once("bad", func() (any, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("an error was lost: %v", err)
	}
	for key := range 2 * mostOnce {
		_, _ = s.Once(key+100, func() (any, error) { return nil, nil })
		if len(s.once) > mostOnce {
			t.Fatalf("%d are kept", len(s.once))
		}
	}
}
