// Package control steers a recorder that runs: over HTTP, on a loopback
// address only, with a token.
//
//	GET  /status   how the recording goes, JSON (recorder.Status)
//	POST /mark     {"text": …}: notes it, and opens an incident for it
//	POST /rotate   closes the segment being written, so that others can read it
//	GET  /dump     ?from=&to= (RFC 3339): that window as an archive of its own;
//	               &recipient= (a public key of age or SSH, repeatable): encrypted
//	GET  /metrics  Prometheus metrics of the recorder itself
//	GET  /health   204 while nodes are recorded and stored, else 503; no token is asked
//
// A [Server] is the one end, a [Client] the other. Neither changes the
// cluster or what was recorded.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ergorecorder/archive"
	"ergorecorder/door"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/limit"
	"ergorecorder/recorder"
	"ergorecorder/recorder/dump"
	"ergorecorder/seal"
)

// A Server answers for one recorder.
type Server struct {
	Recorder *recorder.Recorder
	Writer   *archive.Writer
	Token    live.Token
}

// Handler is the server's HTTP side.
func (s *Server) Handler() http.Handler {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(newCollector(s.Recorder))
	inner := http.NewServeMux()
	inner.HandleFunc("GET /status", s.status)
	inner.HandleFunc("POST /mark", s.mark)
	inner.HandleFunc("POST /rotate", s.rotate)
	inner.HandleFunc("GET /dump", s.dump)
	inner.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	d := s.door()
	outer := http.NewServeMux()
	outer.Handle("GET /health", d.Public(http.HandlerFunc(s.health)))
	outer.Handle("/", d.Guard(inner))
	return outer
}

// Serve answers on the listener until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	return s.door().Serve(ctx, l, s.Handler())
}

func (s *Server) door() *door.Door {
	return door.New(door.Options{Token: s.Token, MaxBody: limit.Note.Most(), Admit: s.admit, Calls: callsAtOnce})
}

// callsAtOnce: a dump costs as much as the window that it copies.
const callsAtOnce = 4

// admit lets in who shows the token; without one, nobody.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.Token.Bears(r.Header.Get("Authorization")) {
		return true
	}
	http.Error(w, "the recorder's control token is missing or wrong", http.StatusUnauthorized)
	return false
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	switch st := s.Recorder.Status(); {
	case st.Began.IsZero() || len(st.Nodes) > 0 && st.Lost() == len(st.Nodes):
		http.Error(w, "no node is being recorded", http.StatusServiceUnavailable)
		return
	case st.Storage.Failing != "":
		http.Error(w, "nothing can be stored: record status says why", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Recorder.Status()) // a client that is gone is none of ours
}

func (s *Server) mark(w http.ResponseWriter, r *http.Request) {
	var note struct{ Text string }
	text, err := io.ReadAll(r.Body)
	if int64(len(text)) > limit.Note.Most() {
		http.Error(w, limit.Note.Over(0).Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil || json.Unmarshal(text, &note) != nil || note.Text == "" {
		http.Error(w, `mark: send {"text": "what is to be remembered"}`, http.StatusBadRequest)
		return
	}
	s.Recorder.Note(note.Text)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) rotate(w http.ResponseWriter, _ *http.Request) {
	if err := s.Writer.Rotate(); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) dump(w http.ResponseWriter, r *http.Request) {
	from, err1 := parseTime(r.FormValue("from"))
	to, err2 := parseTime(r.FormValue("to"))
	if err := errors.Join(err1, err2); err != nil {
		http.Error(w, "dump: "+err.Error(), http.StatusBadRequest)
		return
	}
	send := s.sendDump
	if keys := r.Form["recipient"]; keys != nil {
		send = func(ctx context.Context, w http.ResponseWriter, from, to time.Time) error {
			return s.sendSealed(ctx, w, from, to, keys)
		}
	}
	if err := send(r.Context(), w, from, to); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// sendDump writes a window into an archive and sends that.
func (s *Server) sendDump(ctx context.Context, w http.ResponseWriter, from, to time.Time) error {
	dir, err := os.MkdirTemp("", "ergo-dump-")
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "dump.erg")
	n, err := dump.Window(ctx, s.Writer.View(), from, to, path)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errors.New("dump: nothing was recorded in that window")
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.Copy(w, f) // a client that is gone is none of ours
	return nil
}

// sendSealed sends a window encrypted. It is put together in memory, and is on
// no disk unencrypted.
func (s *Server) sendSealed(ctx context.Context, w http.ResponseWriter, from, to time.Time, keys []string) error {
	for _, k := range keys {
		if !seal.IsKey(k) { // names of files are the client's
			return errors.New("dump: a recipient is no public key of age or SSH")
		}
	}
	recipients, err := seal.Recipients(keys)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	m, n, err := DumpToMemory(ctx, s.Writer.View(), from, to)
	if err != nil {
		return err
	}
	defer m.Close()
	if n == 0 {
		return errors.New("dump: nothing was recorded in that window")
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_ = m.SealInto(w, recipients) // a client that is gone is none of ours; what is cut off does not open
	return nil
}

// DumpToMemory is [dump.Window] into memory that has a name, for what must not
// be on a disk unencrypted.
func DumpToMemory(ctx context.Context, view *archive.Reader, from, to time.Time) (m *seal.Opened, n int, err error) {
	if m, err = seal.Memory(); err != nil {
		return nil, 0, fmt.Errorf("dump: %w", err)
	}
	w, err := archive.OpenWriter(m.Path(), &archive.Options{InPlace: true})
	if err == nil {
		n, err = dump.Into(ctx, view, from, to, w)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, n, errors.Join(err, m.Close())
	}
	return m, n, nil
}

// Listen opens a loopback address, and refuses any other.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("control address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("control address %q: only a loopback address such as 127.0.0.1:9944 is allowed", address)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	return l, nil
}
