package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// A hundred who poll the same page have it worked out once; when all of them
// have gone, the work ends.
func TestTogether(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{})
	synctest.Test(t, func(t *testing.T) {
		var begun, ended atomic.Int32
		answer := make(chan struct{})
		h := s.together(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begun.Add(1)
			select {
			case <-answer:
				w.Header().Set("X-Test", "yes")
				http.Error(w, "so", http.StatusTeapot)
			case <-r.Context().Done():
				ended.Add(1)
			}
		}))
		poll := func(ctx context.Context, all *sync.WaitGroup, path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			all.Go(func() { h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)) })
			return w
		}
		var gone, stay sync.WaitGroup
		ctx, leave := context.WithCancel(context.Background())
		for range 100 {
			poll(ctx, &gone, "/gone")
		}
		synctest.Wait()
		leave()
		gone.Wait()
		synctest.Wait()
		if begun.Load() != 1 || ended.Load() != 1 {
			t.Errorf("all are gone: %d begun, %d ended", begun.Load(), ended.Load())
		}
		var said []*httptest.ResponseRecorder
		for range 100 {
			said = append(said, poll(context.Background(), &stay, "/stay"))
		}
		synctest.Wait()
		close(answer)
		stay.Wait()
		for _, w := range said {
			if w.Code != http.StatusTeapot || w.Body.String() != "so\n" || w.Header().Get("X-Test") != "yes" {
				t.Fatalf("%d %q %v", w.Code, w.Body, w.Header())
			}
		}
		if begun.Load() != 2 {
			t.Errorf("%d begun", begun.Load())
		}
	})
}
