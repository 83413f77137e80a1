package web

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strings"
)

// A reply is what a handler answered.
type reply struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *reply) Header() http.Header { return r.header }

func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *reply) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// together answers those who ask for the same page at one time by one work, only
// as many works at a time as there are cores, and ends a work for which nobody
// waits any more: what pages cost is bounded however many are asked for.
func (s *Server) together(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			next.ServeHTTP(w, r)
			return
		}
		key := r.Method + " " + r.Header.Get("X-Part") + " " + r.URL.String()
		said, err := s.desk.Do(r.Context(), key, func(ctx context.Context) (*reply, error) {
			out := &reply{header: http.Header{}}
			next.ServeHTTP(out, r.WithContext(ctx))
			return out, ctx.Err()
		})
		if err != nil {
			if r.Context().Err() == nil {
				s.fail(w, err)
			}
			return // else a reader that went away
		}
		maps.Copy(w.Header(), said.header)
		w.WriteHeader(max(said.status, http.StatusOK))
		_, _ = w.Write(said.body.Bytes()) // a reader that went away
	})
}
