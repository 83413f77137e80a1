package attach

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/door"
)

// A Server answers readers of an archive that is being written.
type Server struct {
	w     *archive.Writer
	where string
	close func() error
	temp  string
}

// Serve answers readers of what w writes until Close.
func Serve(ctx context.Context, w *archive.Writer, p Place) (*Server, error) {
	l, err := listen(ctx, w.Path(), w.View().Info().ID, p)
	if err != nil {
		return nil, fmt.Errorf("socket of %s: %w", w.Path(), err)
	}
	s := &Server{w: w, where: l.Addr().String(), temp: p.TempDir}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /archive", s.archive)
	mux.HandleFunc("GET /segment", s.segment)
	mux.HandleFunc("GET /records", s.records)
	d := door.New(door.Options{Calls: callsAtOnce})
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- d.Serve(ctx, l, d.Guard(mux)) }()
	s.close = sync.OnceValue(func() error { cancel(); return <-ended })
	return s, nil
}

// callsAtOnce: a segment is copied for each who asks for it.
const callsAtOnce = 4

// Path is where the socket lies.
func (s *Server) Path() string { return s.where }

// Close ends it; the socket is gone then.
func (s *Server) Close() error { return s.close() }

// identity says which archive it is: what the path leads to, as the system
// numbers files.
type identity struct {
	Device uint64 `json:"device,string"`
	File   uint64 `json:"file,string"`
}

func (s *Server) archive(w http.ResponseWriter, _ *http.Request) {
	id, err := identify(s.w.Path())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(id) // a reader that is gone is none of ours
}

// What a copy of a segment is of.
const (
	headSegment = "Ergo-Segment"
	headSeq     = "Ergo-Seq"
)

// segment copies the segment to a file of its own first: a reader that is slow
// must not keep the archive from growing.
func (s *Server) segment(w http.ResponseWriter, _ *http.Request) {
	f, err := os.CreateTemp(s.temp, "ergo-segment-")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	defer os.Remove(f.Name())
	snap, err := s.w.Snapshot(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if st, err := f.Stat(); err == nil {
		w.Header().Set("Content-Length", strconv.FormatInt(st.Size(), 10))
	}
	w.Header().Set(headSegment, snap.Segment)
	w.Header().Set(headSeq, strconv.FormatUint(snap.Seq, 10))
	_, _ = io.Copy(w, f) // a reader that is gone is none of ours
}

// mostRecords is how many records are given at once: the reader asks again.
const mostRecords = 1000

func (s *Server) records(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseUint(r.FormValue("after"), 10, 64)
	if err != nil {
		http.Error(w, "records: after= is no number", http.StatusBadRequest)
		return
	}
	view := s.w.View()
	w.Header().Set(headSeq, strconv.FormatUint(s.w.Stats().Accepted, 10))
	list, err := between(r.Context(), view, after, after+mostRecords)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	enc := json.NewEncoder(w)
	for _, rec := range list {
		if enc.Encode(rec) != nil {
			return
		}
	}
}

// between are the records with numbers above after, up to upTo, in that order.
// What cannot be read is not among them.
func between(ctx context.Context, view *archive.Reader, after, upTo uint64) ([]*archive.Record, error) {
	schemas := schemasOf(view)
	var list []*archive.Record
	for rec, err := range view.Records(ctx, archive.Query{After: after, UpTo: upTo}) {
		switch {
		case err == nil:
			rec.Schema = schemas[rec.Stream]
			list = append(list, rec)
		case !errors.As(err, new(*archive.CorruptionError)):
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b *archive.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, nil
}

func schemasOf(r *archive.Reader) map[archive.StreamKey]archive.Schema {
	schemas := map[archive.StreamKey]archive.Schema{}
	for _, s := range r.Streams() {
		schemas[s.StreamKey] = s.Schema
	}
	return schemas
}

// dial is a client of one socket.
func dial(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "unix", path)
		},
		ResponseHeaderTimeout: segmentTime,
	}}
}

// segmentTime is how long a copy of a segment may take before it begins to
// arrive.
const segmentTime = time.Minute
