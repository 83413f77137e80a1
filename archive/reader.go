package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// A Reader reads an archive. It is safe for concurrent use, opens no file for
// writing and has no call that could change one.
type Reader struct {
	load func() []*Record
	db   *bbolt.DB
}

// Open opens the archive at path, a file or a directory of segments. It
// returns ErrLocked (and who holds it) when a recorder is writing the file,
// ErrNotArchive and ErrVersion as they say.
func Open(path string) (*Reader, error) {
	db, recs, err := openBolt(path, true)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(recs, func(a, b *Record) int { return a.At.Compare(b.At) })
	return &Reader{load: func() []*Record { return recs }, db: db}, nil
}

// Close closes the archive. Records and frames that were handed out and
// copied stay valid.
func (r *Reader) Close() error {
	if r.db != nil {
		return r.db.Close()
	}
	return nil
}

// A Stream is what an archive holds of one stream.
type Stream struct {
	StreamKey
	Schema   Schema
	From, To time.Time // of its first and last record
	Records  int
	Failures int // of the records, how many are failures
	Rows     int // of tables, all rows of all records
	Bytes    int64
}

// Info says what is in the archive.
type Info struct {
	ID       string
	Version  int // of the format
	From, To time.Time
	Records  int
	Bytes    int64 // of all files
	Segments int
	Rounded  bool // ages in nanoseconds were kept to the millisecond only
}

// Info returns what is in the archive as a whole.
func (r *Reader) Info() Info {
	recs := r.load()
	i := Info{ID: "thin", Records: len(recs), Segments: 1}
	for _, rec := range recs {
		if i.From.IsZero() || rec.At.Before(i.From) {
			i.From = rec.At
		}
		if rec.At.After(i.To) {
			i.To = rec.At
		}
	}
	return i
}

// Streams returns every stream, by kind, node, name and arguments.
func (r *Reader) Streams() []Stream {
	by := map[StreamKey]*Stream{}
	var keys []StreamKey
	for _, rec := range r.load() {
		s := by[rec.Stream]
		if s == nil {
			s = &Stream{StreamKey: rec.Stream, Schema: rec.Schema, From: rec.At, To: rec.At}
			by[rec.Stream] = s
			keys = append(keys, rec.Stream)
		}
		s.Records++
		s.Bytes += int64(len(rec.Text))
		if rec.Failure != nil {
			s.Failures++
		}
		if rec.At.Before(s.From) {
			s.From = rec.At
		}
		if rec.At.After(s.To) {
			s.To = rec.At
		}
	}
	slices.SortFunc(keys, func(a, b StreamKey) int {
		return bytes.Compare([]byte(string(rune(a.Kind))+a.Node+"\x00"+a.Name+"\x00"+a.Args), []byte(string(rune(b.Kind))+b.Node+"\x00"+b.Name+"\x00"+b.Args))
	})
	out := make([]Stream, len(keys))
	for i, k := range keys {
		out[i] = *by[k]
	}
	return out
}

// Last returns the newest record of the stream, and of the subject in it, at
// or before t; ErrNotFound where there is none. Failures are records too.
func (r *Reader) Last(s StreamKey, subject string, t time.Time) (*Record, error) {
	var last *Record
	for _, rec := range r.load() {
		if rec.Stream == s && rec.Subject == subject && !rec.At.After(t) && (last == nil || !rec.At.Before(last.At)) {
			last = rec
		}
	}
	if last == nil {
		return nil, ErrNotFound
	}
	return last, nil
}

// A Query selects records. The zero value selects all.
type Query struct {
	Streams  []StreamKey // nil: every stream
	From, To time.Time   // zero: unbounded; From <= At <= To
	Reverse  bool        // newest first
}

// Records walks whole records in order of At, then Seq. A record is the
// caller's to keep. A [*CorruptionError] is yielded in place of what could
// not be read, and the walk goes on behind it.
func (r *Reader) Records(ctx context.Context, q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		recs := slices.Clone(r.load())
		slices.SortStableFunc(recs, func(a, b *Record) int { return a.At.Compare(b.At) })
		if q.Reverse {
			slices.Reverse(recs)
		}
		for _, rec := range recs {
			if !q.From.IsZero() && rec.At.Before(q.From) || !q.To.IsZero() && rec.At.After(q.To) {
				continue
			}
			if q.Streams != nil && !slices.Contains(q.Streams, rec.Stream) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Marks walks the marks whose window meets [from, to], by From. Zero times
// are unbounded.
func (r *Reader) Marks(ctx context.Context, from, to time.Time) iter.Seq2[Mark, error] {
	return func(yield func(Mark, error) bool) {
		var marks []Mark
		for _, rec := range r.load() {
			if rec.Stream.Kind != MarkKind {
				continue
			}
			var m Mark
			if err := json.Unmarshal(rec.Text, &m); err != nil {
				if !yield(Mark{}, err) {
					return
				}
				continue
			}
			m.At, m.Seq = rec.At, rec.Seq
			if !from.IsZero() && m.To.Before(from) || !to.IsZero() && m.From.After(to) {
				continue
			}
			marks = append(marks, m)
		}
		slices.SortStableFunc(marks, func(a, b Mark) int { return a.From.Compare(b.From) })
		for _, m := range marks {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// Scan walks the answers of one table or object stream in order of time,
// decoding only the named columns (all of the schema's and the unknown ones
// if columns is nil). The first frame has Reset set. For a stream with
// subjects every subject is a row, and each frame changes one.
func (r *Reader) Scan(ctx context.Context, s StreamKey, from, to time.Time, columns []string) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		sc := &thinScan{slots: map[string]int32{}}
		first := true
		for rec, err := range r.Records(ctx, Query{Streams: []StreamKey{s}, From: from, To: to}) {
			if err != nil {
				if !yield(nil, err) {
					return
				}
				continue
			}
			if columns == nil {
				columns = allColumns(rec)
			}
			f := sc.frame(rec, columns)
			f.Reset, first = first, false
			if !yield(f, nil) {
				return
			}
		}
	}
}

type thinScan struct {
	slots map[string]int32
	cols  []Column
	live  []int32
}

func allColumns(rec *Record) []string {
	var c []string
	for n := range rec.Schema.Columns {
		c = append(c, n)
	}
	for _, k := range rec.Schema.Key {
		if !slices.Contains(c, k) {
			c = append(c, k)
		}
	}
	slices.Sort(c)
	return c
}

func (sc *thinScan) frame(rec *Record, columns []string) *Frame {
	f := &Frame{At: rec.At, Took: rec.Took, Failure: rec.Failure, Subject: rec.Subject, Seen: rec.Seen, Total: rec.Total}
	if sc.cols == nil {
		for _, n := range columns {
			sc.cols = append(sc.cols, Column{Name: n})
		}
	}
	f.Columns = sc.cols
	if rec.Failure != nil || rec.Text == nil {
		return f
	}
	var rows []map[string]json.RawMessage
	if rec.Schema.Form == FormTable {
		_ = json.Unmarshal(rec.Text, &rows)
	} else {
		rows = make([]map[string]json.RawMessage, 1)
		_ = json.Unmarshal(rec.Text, &rows[0])
	}
	seen := map[int32]bool{}
	for _, row := range rows {
		key := rec.Subject
		for _, k := range rec.Schema.Key {
			key += "\x00" + string(row[k])
		}
		slot, ok := sc.slots[key]
		if !ok {
			slot = int32(len(sc.slots))
			sc.slots[key] = slot
			for i := range sc.cols {
				c := &sc.cols[i]
				c.Kinds, c.Ints, c.Texts = append(c.Kinds, Absent), append(c.Ints, 0), append(c.Texts, "")
			}
		}
		seen[slot] = true
		f.Live = append(f.Live, slot)
		changed := !ok
		for i := range sc.cols {
			c := &sc.cols[i]
			k, n, t := cell(row[c.Name])
			if c.Kinds[slot] != k || c.Ints[slot] != n || c.Texts[slot] != t {
				changed = true
				c.Kinds[slot], c.Ints[slot], c.Texts[slot] = k, n, t
			}
		}
		if changed {
			f.Changed = append(f.Changed, slot)
		}
	}
	slices.Sort(f.Live)
	for _, s := range sc.live {
		if !seen[s] {
			f.Gone = append(f.Gone, s)
		}
	}
	for _, s := range f.Gone {
		for i := range sc.cols {
			sc.cols[i].Kinds[s] = Absent
		}
	}
	sc.live = f.Live
	return f
}

func cell(raw json.RawMessage) (ValueKind, int64, string) {
	if raw == nil {
		return Absent, 0, ""
	}
	if raw[0] == '"' {
		var s string
		_ = json.Unmarshal(raw, &s)
		return String, 0, s
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return Int, n, ""
	}
	return JSON, 0, string(raw)
}

func parseFloat(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nan
	}
	return v
}
