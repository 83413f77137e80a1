// Package shelftest is an S3 server for tests: what the shelf asks of one, and
// faults. It checks no signature.
package shelftest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/fleet/shelf"
)

// A Server is a server with one bucket.
type Server struct {
	URL     string
	Options shelf.Options

	mu      sync.Mutex
	objects map[string]object
	fault   Fault
	calls   []string
}

type object struct {
	body []byte
	sum  string // of the metadata
	etag string
}

// A Fault makes a request fail. What it returns is what happens instead; nil is
// nothing.
type Fault func(r *http.Request) http.HandlerFunc

// Bucket is the bucket that is there.
const Bucket = "recordings"

// New starts a server for the length of the test.
func New(t testing.TB) *Server {
	s := &Server{objects: map[string]object{}}
	srv := httptest.NewTLSServer(s)
	t.Cleanup(func() {
		srv.Client().CloseIdleConnections()
		srv.Close()
	})
	s.URL = srv.URL
	s.Options = shelf.Options{Endpoint: srv.URL, Key: "key", Secret: "secret", Tries: 1, Transport: srv.Client().Transport}
	return s
}

// Plain starts a server without TLS, for who has no way to trust a certificate.
func Plain(t testing.TB) *Server {
	s := &Server{objects: map[string]object{}}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Client().CloseIdleConnections()
		srv.Close()
	})
	s.URL = srv.URL
	s.Options = shelf.Options{Endpoint: srv.URL, Key: "key", Secret: "secret", Tries: 1, Transport: srv.Client().Transport}
	return s
}

// unchunked is a body without the signatures of its pieces, which it has where there is
// no TLS.
func unchunked(r *http.Request, body []byte) (out []byte) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return body
	}
	for {
		head, rest, ok := bytes.Cut(body, []byte("\r\n"))
		size, _, _ := strings.Cut(string(head), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if !ok || err != nil || n <= 0 || int(n) > len(rest) {
			return out
		}
		out = append(out, rest[:n]...)
		body = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}

// Fail makes requests fail from now on; nil ends it.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Status is a fault: that status, for requests of a method.
func Status(method string, code int, s3code string) Fault {
	return func(r *http.Request) http.HandlerFunc {
		if r.Method != method {
			return nil
		}
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, s3code) }
	}
}

// Names are the objects that are there.
func (s *Server) Names() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.objects {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// Change changes an object behind everybody's back; no body removes it.
func (s *Server) Change(name string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if body == nil {
		delete(s.objects, name)
		return
	}
	s.objects[name] = object{body: body, etag: etagOf(body)}
}

// Body is an object's.
func (s *Server) Body(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[name].body
}

// Calls are the requests so far: method and object.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func etagOf(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func refuse(w http.ResponseWriter, code int, s3code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(code)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", s3code, s3code)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	body, _ := io.ReadAll(r.Body)
	body = unchunked(r, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+name)
	if s.fault != nil {
		if h := s.fault(r); h != nil {
			h(w, r)
			return
		}
	}
	o, there := s.objects[name]
	switch {
	case bucket != Bucket:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		o = object{body: body, sum: r.Header.Get("X-Amz-Meta-Sha256"), etag: etagOf(body)}
		s.objects[name] = o
		w.Header().Set("ETag", strconv.Quote(o.etag))
	case name == "":
		s.list(w, r.URL.Query().Get("prefix"))
	case !there:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodDelete:
		delete(s.objects, name)
		w.WriteHeader(http.StatusNoContent)
	case r.Header.Get("If-Match") != "" && strings.Trim(r.Header.Get("If-Match"), `"`) != o.etag:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	default:
		w.Header().Set("ETag", strconv.Quote(o.etag))
		w.Header().Set("X-Amz-Meta-Sha256", o.sum)
		http.ServeContent(w, r, "", time.Unix(0, 0).UTC().Add(time.Hour), bytes.NewReader(o.body))
	}
}

func (s *Server) list(w http.ResponseWriter, prefix string) {
	type entry struct {
		Key, ETag    string
		Size         int
		LastModified string
	}
	var out struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		IsTruncated bool
		Contents    []entry
	}
	for k, o := range s.objects {
		if strings.HasPrefix(k, prefix) {
			out.Contents = append(out.Contents, entry{k, strconv.Quote(o.etag), len(o.body), "2026-01-01T00:00:00Z"})
		}
	}
	slices.SortFunc(out.Contents, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}
