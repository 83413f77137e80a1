package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
)

// A Reader reads an archive. It is safe for concurrent use, opens no file for
// writing and has no call that could change one.
type Reader struct {
	cat    *catalog.Catalog
	zip    *codec.Zip
	writer *Writer                // whose view it is, or nil
	fetch  func() (unread string) // of a view: comes before each reading; may be nil

	mu     sync.Mutex
	recent []*position // where Last found records lately, newest last
	spare  catalog.Rooms
}

// Open opens the archive at path, a file or a directory of segments. It
// returns ErrLocked (and who holds it) when a recorder is writing the file,
// ErrNotArchive and ErrVersion as they say. Of a directory that is being
// recorded the closed segments are read, and [Info].Recording says what is
// left out. Damage does not keep an archive from being opened.
func Open(path string) (*Reader, error) { return OpenWith(path, OpenOptions{}) }

// OpenWith is Open with options.
func OpenWith(path string, opts OpenOptions) (*Reader, error) {
	paths, err := catalog.SegmentPaths(path)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	r := newReader()
	if opts.Expand > 0 {
		r.zip.SetExpand(opts.Expand)
	}
	r.cat.Dir = isDir(path)
	if err := r.open(paths); err != nil {
		r.Close()
		return nil, fmt.Errorf("open archive %s: %w", path, err)
	}
	if len(r.cat.Segments) == 0 {
		if r.cat.Live != "" {
			return nil, fmt.Errorf("open archive %s: %w: %s", path, ErrLocked, r.cat.Live)
		}
		return nil, fmt.Errorf("open archive %s: no segments: %w", path, ErrNotArchive)
	}
	return r, nil
}

func newReader() *Reader {
	zip := codec.NewZip()
	return &Reader{cat: catalog.New(zip), zip: zip}
}

func (r *Reader) open(paths []string) error {
	var room []byte
	for i, p := range paths {
		if i > 0 && i == len(paths)-1 && bolt.NotBegun(p) {
			r.cat.Unbegun = true
			continue
		}
		s, damage, err := catalog.OpenSegment(p, &room)
		if errors.Is(err, ErrLocked) && len(paths) > 1 && i == len(paths)-1 {
			r.cat.Live = err.Error()
			continue
		}
		if err != nil {
			return err
		}
		if damage != nil && len(paths) == 1 && len(s.Found) == 0 {
			if !errors.Is(damage, ErrNotArchive) {
				damage = fmt.Errorf("%w: %w", ErrNotArchive, damage)
			}
			return errors.Join(damage, s.Close())
		}
		r.cat.Segments = append(r.cat.Segments, s)
		if damage != nil {
			if err := catalog.CheckFile(p); err != nil {
				damage = err // which says more than bbolt does
			}
			r.cat.Blame(s, nil, 0, 0, fmt.Errorf("read block by block: %w", damage))
		}
	}
	return r.load()
}

// load fills the catalog. A segment of another archive than most is left out.
func (r *Reader) load() error {
	owners := map[uint64]int{}
	most := uint64(0)
	for _, s := range r.cat.Segments {
		if id := s.Meta.ID; id != 0 {
			owners[id]++
			if owners[id] > owners[most] {
				most = id
			}
		}
	}
	for _, s := range r.cat.Segments {
		if s.Meta.ID != 0 && s.Meta.ID != most {
			s.Foreign = true
			r.cat.Blame(s, nil, 0, 0, catalog.ErrForeign)
			continue
		}
		if _, _, err := r.cat.Load(s); err != nil {
			r.cat.Blame(s, nil, 0, 0, err)
		}
	}
	r.cat.Absence = r.cat.Chain()
	return nil
}

// Close closes the archive. Records and frames that were handed out and
// copied stay valid.
func (r *Reader) Close() error {
	if r.writer != nil {
		return nil
	}
	var errs []error
	for _, s := range r.cat.Segments {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// refresh makes a view see what was appended since.
func (r *Reader) refresh() {
	if r.fetch != nil {
		unread := r.fetch()
		r.cat.Mu.Lock()
		r.cat.Live = unread
		r.cat.Mu.Unlock()
	}
	if w := r.writer; w != nil {
		w.collect()
	}
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
	ID        string
	Version   int // of the format
	From, To  time.Time
	Records   int
	Bytes     int64 // of all files
	Segments  int
	Rounded   bool   // ages in nanoseconds were kept to the millisecond only
	Recording string // who is writing the newest segment, which is left out
}

// Info returns what is in the archive as a whole.
func (r *Reader) Info() Info {
	r.refresh()
	r.cat.Mu.RLock()
	i := Info{Recording: r.cat.Live, Segments: len(r.cat.Segments)}
	for _, s := range r.cat.Segments {
		i.Version = max(i.Version, s.Meta.Version)
		i.Rounded = i.Rounded || s.Meta.Rounded
		i.Bytes += s.Size()
		if i.ID == "" && s.Meta.ID != 0 {
			i.ID = fmt.Sprintf("%016x", s.Meta.ID)
		}
	}
	r.cat.Mu.RUnlock()
	for _, s := range r.Streams() {
		i.Records += s.Records
		if i.From.IsZero() || s.From.Before(i.From) {
			i.From = s.From
		}
		if s.To.After(i.To) {
			i.To = s.To
		}
	}
	return i
}

// Changes is a number that grows whenever the streams do, or lose something: as long as it
// stays, [Reader.Streams] answers the same, but for the bytes: a run is packed later.
func (r *Reader) Changes() uint64 {
	r.refresh()
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	return r.cat.Changes()
}

// Streams returns every stream, by kind, node, name and arguments.
func (r *Reader) Streams() []Stream {
	r.refresh()
	var out []Stream
	for _, sr := range r.cat.Sorted() {
		r.cat.Mu.RLock()
		s := Stream{StreamKey: sr.Key, Schema: sr.Schema}
		from, to := int64(0), int64(0)
		for part, runs := range sr.Parts {
			for _, x := range runs {
				if from == 0 || x.From < from {
					from = x.From
				}
				to = max(to, x.To)
				s.Bytes += int64(x.Size)
				s.Rows += x.Rows
				if part == 0 {
					s.Records += x.Records
					s.Failures += x.Failures
				}
			}
		}
		r.cat.Mu.RUnlock()
		if s.Records > 0 {
			s.From, s.To = catalog.Unix(from), catalog.Unix(to)
			out = append(out, s)
		}
	}
	return out
}

// form is the form of a stream.
func (r *Reader) form(k StreamKey) codec.Form {
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	if s := r.cat.Streams[k]; s != nil {
		return codec.Form(s.Schema.Form)
	}
	return codec.FormText
}

// fetcher finds the runs of a table's further parts, for who wants no columns but these; nil stands for all.
func (r *Reader) fetcher(k StreamKey, columns []string) func(part int, seq uint64) (*codec.Run, error) {
	return func(part int, seq uint64) (*codec.Run, error) {
		if x := r.runAt(k, part, seq); x != nil {
			return r.cat.OpenIn(r.zip, k, *x, &codec.Room{}, columns)
		}
		return nil, errors.New("no block holds it")
	}
}

// runAt is the run of a part that holds a record, nil where none does.
func (r *Reader) runAt(k StreamKey, part int, seq uint64) *catalog.Run {
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	s := r.cat.Streams[k]
	if s == nil || part >= len(s.Parts) {
		return nil
	}
	for _, x := range s.Parts[part] {
		if x.Run <= seq && seq <= x.Last {
			now := *x
			return &now
		}
	}
	return nil
}

// A Query selects records. The zero value selects all.
type Query struct {
	Streams  []StreamKey // nil: every stream
	From, To time.Time   // zero: unbounded; From <= At <= To
	Reverse  bool        // newest first
	// After and UpTo are bounds in the order of append: After < Seq <= UpTo.
	// Zero means none.
	After, UpTo uint64
	// Failed leaves only records that are failures. Runs without any are not read.
	Failed bool
}

// numbers reports whether some of the records from first to last are wanted.
func (q *Query) numbers(first, last uint64) bool {
	return last > q.After && (q.UpTo == 0 || first <= q.UpTo)
}

func (q *Query) window() window { return within(q.From, q.To) }

func within(from, to time.Time) window {
	w := window{from: -1 << 63, to: 1<<63 - 1}
	if !from.IsZero() {
		w.from = from.UnixNano()
	}
	if !to.IsZero() {
		w.to = to.UnixNano()
	}
	return w
}

// Records walks whole records in order of At, then Seq. A record is the
// caller's to keep. A [*CorruptionError] is yielded in place of what could
// not be read, and the walk goes on behind it.
func (r *Reader) Records(ctx context.Context, q Query) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		r.refresh()
		if !r.yieldDamage(func(err error) bool { return yield(nil, err) }) {
			return
		}
		keys := q.Streams
		if keys == nil {
			for _, s := range r.cat.Sorted() {
				keys = append(keys, s.Key)
			}
		}
		m := newMerge(r, keys, &q)
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			rec, err, ok := m.next()
			if !ok || !yield(rec, err) {
				return
			}
		}
	}
}

// yieldDamage tells what was found damaged when the archive was opened.
func (r *Reader) yieldDamage(yield func(error) bool) bool {
	for _, d := range r.known() {
		if !yield(d) {
			return false
		}
	}
	return true
}

// Marks walks the marks whose window meets [from, to], by From. Zero times
// are unbounded.
func (r *Reader) Marks(ctx context.Context, from, to time.Time) iter.Seq2[Mark, error] {
	return func(yield func(Mark, error) bool) {
		r.refresh()
		q := Query{Streams: []StreamKey{}}
		for _, s := range r.cat.Sorted() {
			if s.Key.Kind == MarkKind {
				q.Streams = append(q.Streams, s.Key)
			}
		}
		var marks []Mark
		for rec, err := range r.Records(ctx, q) {
			var m Mark
			if err == nil {
				err = json.Unmarshal(rec.Text, &m)
			}
			if err != nil {
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

// known is what was found damaged or absent when the archive was opened.
func (r *Reader) known() []*CorruptionError {
	r.cat.Mu.RLock()
	defer r.cat.Mu.RUnlock()
	return slices.Concat(r.cat.Damage, r.cat.Absence)
}

// Segments are the files of the archive at path, in the order in which they
// were written.
func Segments(path string) ([]string, error) { return catalog.SegmentPaths(path) }
