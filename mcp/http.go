package mcp

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"ergorecorder/ergo/live"
)

// Path is where the streamable HTTP transport is served.
const Path = "/mcp"

// HTTPOptions are those of the streamable HTTP transport.
type HTTPOptions struct {
	// Token is the bearer token that every request must carry. Without one,
	// only loopback addresses are listened on.
	Token live.Token
	// Hosts are names by which the server may be addressed, beside loopback
	// names and addresses in numbers.
	Hosts []string
	// Origins are those of web pages that may call, beside pages of this
	// machine: "https://console.example.org".
	Origins []string
	// CertFile and KeyFile, both or none, serve TLS.
	CertFile, KeyFile string
}

// ListenAndServe serves streamable HTTP on addr until ctx is done, then lets
// calls under way end for a few seconds. Ready, if given, is told the address
// that was bound. It refuses an address other than loopback without a token.
func (s *Server) ListenAndServe(ctx context.Context, addr string, opt HTTPOptions, ready func(net.Addr)) error {
	if err := opt.check(addr); err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.Handler(opt),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      s.opt.CallLimit + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	if opt.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(opt.CertFile, opt.KeyFile)
		if err != nil {
			return fmt.Errorf("listen on %s: read certificate: %w", addr, err)
		}
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	if ready != nil {
		ready(l.Addr())
	}
	ended := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			ended <- srv.ServeTLS(l, "", "")
		} else {
			ended <- srv.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", addr, err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		err = errors.Join(err, srv.Close())
		return fmt.Errorf("stop serving %s: %w", addr, err)
	}
	return nil
}

func (o *HTTPOptions) check(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	if o.Token.IsZero() && !isLoopback(host) {
		return fmt.Errorf("listen on %s: an address other than loopback needs a bearer token (--token-file)", addr)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return fmt.Errorf("listen on %s: TLS needs a certificate and its key", addr)
	}
	return nil
}

// Handler is the transport as an http.Handler: POST on [Path], answered with
// JSON, or with an event stream when a call reports progress. Other methods
// get 405, other paths 404. Requests are checked for Host and Origin (403),
// token (401) and size (413) before anything of them is decoded.
func (s *Server) Handler(opt HTTPOptions) http.Handler {
	inner := server.NewStreamableHTTPServer(s.mcp,
		server.WithSessionIdManager(sessionIDs{}),
		server.WithDisableStreaming(true),
		server.WithDisableLocalhostProtection(true), // the guard checks Host, and more strictly
		server.WithStreamableHTTPLogger(s.opt.Log),
	)
	g := &guard{opt: opt, limit: int64(s.opt.MaxMessage), next: inner}
	mux := http.NewServeMux()
	mux.Handle(Path, g)
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

// A guard lets through what may come in.
type guard struct {
	opt   HTTPOptions
	limit int64
	next  http.Handler
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !g.hostAllowed(r.Host):
		http.Error(w, "this server does not go by that host name (--allow-host)", http.StatusForbidden)
		return
	case !g.originAllowed(r.Header["Origin"]):
		http.Error(w, "pages of that origin may not call (--allow-origin)", http.StatusForbidden)
		return
	case !g.authorized(r.Header.Get("Authorization")):
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.Method == http.MethodDelete: // the end of a session, which holds nothing
		w.WriteHeader(http.StatusOK)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, g.limit+1))
	if err != nil {
		http.Error(w, "read request body: "+err.Error(), http.StatusBadRequest)
		return
	}
	if int64(len(body)) > g.limit {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		// The client that is cut off may be gone.
		_ = json.NewEncoder(w).Encode(rpcError(mcpgo.INVALID_REQUEST, fmt.Sprintf("the request is longer than %d bytes", g.limit)))
		return
	}
	if changed, is := passable(body); is {
		body, w = changed, &restoring{w}
		r.ContentLength = int64(len(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.next.ServeHTTP(w, r)
}

func (g *guard) authorized(header string) bool {
	scheme, token, _ := strings.Cut(header, " ")
	return g.opt.Token.IsZero() || strings.EqualFold(scheme, "Bearer") && g.opt.Token.Equal(live.NewToken(token))
}

// hostAllowed holds off pages that make a browser resolve their own name to
// this machine (DNS rebinding): they cannot do that to a number.
func (g *guard) hostAllowed(hostport string) bool {
	host := hostname(hostport)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return isLoopback(host) || slices.ContainsFunc(g.opt.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// originAllowed lets programs call, which send no Origin, and pages of this
// machine or of origins that were named.
func (g *guard) originAllowed(origins []string) bool {
	for _, o := range origins {
		if slices.Contains(g.opt.Origins, o) {
			continue
		}
		u, err := url.Parse(o)
		if err != nil || !isLoopback(u.Hostname()) {
			return false
		}
	}
	return true
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
