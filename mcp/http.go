package mcp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"ergorecorder/door"
	"ergorecorder/internal/limit"
)

// Path is where the streamable HTTP transport is served.
const Path = "/mcp"

// doorOf is the way in, by what callers were told to bring.
func (s *Server) doorOf(opt door.Options) *door.Door {
	opt.LocalPages, opt.Types, opt.MaxBody = true, []string{"application/json"}, int64(s.opt.MaxMessage)
	return door.New(opt)
}

// ListenAndServe serves streamable HTTP on addr until ctx is done, then lets
// calls under way end for a few seconds. Ready, if given, is told the address
// that was bound. It refuses an address other than loopback without a token.
func (s *Server) ListenAndServe(ctx context.Context, addr string, opt door.Options, ready func(net.Addr)) error {
	d := s.doorOf(opt)
	l, err := d.Listen(ctx, addr)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(l.Addr())
	}
	return d.Serve(ctx, l, s.behind(d))
}

// Handler is the transport as an http.Handler: POST on [Path], answered with
// JSON, or with an event stream when a call reports progress. Other methods
// get 405, other paths 404. Requests are checked for Host and Origin (403),
// token (401) and size (413) before anything of them is decoded.
func (s *Server) Handler(opt door.Options) http.Handler { return s.behind(s.doorOf(opt)) }

// behind is the transport behind a door.
func (s *Server) behind(d *door.Door) http.Handler {
	inner := server.NewStreamableHTTPServer(s.mcp,
		server.WithSessionIdManager(sessionIDs{}),
		server.WithDisableStreaming(true),
		server.WithDisableLocalhostProtection(true), // the door checks Host, and more strictly
		server.WithStreamableHTTPLogger(s.opt.Log),
	)
	mux := http.NewServeMux()
	mux.Handle(Path, d.Guard(s.modern(&posted{limit: int64(s.opt.MaxMessage), next: inner})))
	return mux
}

// sessionIDs gives each client that initializes an ID of its own, so that it
// can cancel its calls and no one else's. Sessions hold nothing, so a client
// may also do without.
type sessionIDs struct{}

func (sessionIDs) Generate() string { return rand.Text() }
func (sessionIDs) Validate(id string) (terminated bool, err error) {
	if len(id) > 128 {
		return false, errors.New("session ID is too long")
	}
	return false, nil
}
func (sessionIDs) Terminate(string) (notAllowed bool, err error) { return false, nil }

// posted takes in what is posted, if it is of a length that is.
type posted struct {
	limit int64
	next  http.Handler
}

func (g *posted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodDelete: // the end of a session, which holds nothing
		w.WriteHeader(http.StatusOK)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(r.Body) // the door lets in a byte more than the limit
	if err != nil {
		http.Error(w, "read request body: "+err.Error(), http.StatusBadRequest)
		return
	}
	if int64(len(body)) > g.limit {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		// The client that is cut off may be gone.
		_ = json.NewEncoder(w).Encode(rpcError(mcpgo.INVALID_REQUEST, limit.Request.OverSet(0, g.limit).Error()))
		return
	}
	if changed, is := passable(body); is {
		body, w = changed, &restoring{w}
		r.ContentLength = int64(len(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.next.ServeHTTP(w, r)
}
