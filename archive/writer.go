package archive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Options of a Writer. The zero value works.
type Options struct {
	// Now is the clock by which marks are stamped and segments rotated;
	// nil means the system's.
	Now func() time.Time
	// CommitEvery is how long an append may wait for its commit; zero means
	// one second. The writer commits by itself.
	CommitEvery time.Duration
	// RotateBytes and RotateAge close a segment of a directory archive when
	// it is larger or older; zero means 256 MiB and a day.
	RotateBytes int64
	RotateAge   time.Duration
	// KeepAge and KeepBytes bound what a directory archive keeps, whole
	// blocks at a time; zero means without bound. Windows pinned by a mark of
	// kind incident are kept.
	KeepAge   time.Duration
	KeepBytes int64
	// MaxBytes is the size at which a file archive is full; zero means none.
	MaxBytes int64
	// RoundStateTime keeps ages in nanoseconds to the millisecond only.
	RoundStateTime bool
}

func (o *Options) now() time.Time {
	if o != nil && o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// A Writer appends records to an archive. It is safe for concurrent use, and
// the only one: a second writer gets ErrLocked.
type Writer struct {
	opts Options
	db   *bbolt.DB

	mu   sync.Mutex
	recs []*Record
	pend []*Record
	next uint64
}

// OpenWriter creates the archive at path, or goes on appending to it. A path
// that ends in a separator, or is a directory, is a directory of segments;
// any other is one file. A file that is no archive is ErrNotArchive.
func OpenWriter(path string, opts *Options) (*Writer, error) {
	if opts == nil {
		opts = &Options{}
	}
	db, recs, err := openBolt(path, false)
	if err != nil {
		return nil, err
	}
	return &Writer{opts: *opts, db: db, recs: recs, next: uint64(len(recs)) + 1}, nil
}

// Append adds a record; its Seq is returned. The record, its text included,
// belongs to the archive from then on. It is on disk within CommitEvery, or
// when Sync returns.
func (w *Writer) Append(rec *Record) (seq uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil {
		return 0, ErrClosed
	}
	rec.Seq = w.next
	w.next++
	w.recs = append(w.recs, rec)
	w.pend = append(w.pend, rec)
	return rec.Seq, nil
}

// Mark appends a mark.
func (w *Writer) Mark(m Mark) (seq uint64, err error) {
	if m.To.IsZero() {
		m.To = m.From
	}
	text, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode mark %s: %w", m.Kind, err)
	}
	at := m.At
	if at.IsZero() {
		at = w.opts.now()
	}
	return w.Append(&Record{Stream: StreamKey{Kind: MarkKind, Node: m.Node, Name: m.Kind}, At: at, Text: text})
}

// Sync returns when everything appended so far is on disk.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.commit()
}

func (w *Writer) commit() error {
	if len(w.pend) == 0 {
		return nil
	}
	err := w.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("r"))
		if err != nil {
			return err
		}
		b.FillPercent = 1
		for _, r := range w.pend {
			v, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := b.Put(binary.BigEndian.AppendUint64(nil, r.Seq), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	w.pend = nil
	return nil
}

// Rotate closes the current segment of a directory archive and begins
// another, so that others can read it. An archive of one file refuses.
func (w *Writer) Rotate() error {
	return errors.New("rotate: the archive is one file: record to a directory (-o DIR/)")
}

// Stats are figures about the archive being written.
type Stats struct {
	Records      uint64 // appended, by this writer
	Durable      uint64 // Seq of the newest record that is on disk
	Bytes        int64  // size of all segments
	BytesWritten int64  // written to disk by this writer, re-packing included
	Segments     int
}

// Stats returns the writer's figures.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Stats{Records: uint64(len(w.recs)), Durable: w.next - 1 - uint64(len(w.pend)), Segments: 1}
}

// View is a Reader of everything appended so far, and of what is appended
// later. Closing it leaves the writer open.
func (w *Writer) View() *Reader { return &Reader{load: w.snapshot} }

func (w *Writer) snapshot() []*Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.recs[:len(w.recs):len(w.recs)]
}

// Close commits and closes the archive.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil {
		return nil
	}
	err := w.commit()
	err = errors.Join(err, w.db.Close())
	w.db = nil
	return err
}

func openBolt(path string, readOnly bool) (*bbolt.DB, []*Record, error) {
	if strings.HasSuffix(path, string(filepath.Separator)) || isDir(path) {
		if !readOnly {
			if err := os.MkdirAll(path, 0o700); err != nil {
				return nil, nil, err
			}
		}
		path = filepath.Join(path, "0001.erg")
	}
	if readOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, nil, fmt.Errorf("open archive: %w", err)
		}
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: readOnly, Timeout: time.Second})
	if err != nil {
		if errors.Is(err, bbolt.ErrTimeout) {
			err = ErrLocked
		} else if errors.Is(err, bbolt.ErrInvalid) {
			err = ErrNotArchive
		}
		return nil, nil, fmt.Errorf("open archive %s: %w", path, err)
	}
	var recs []*Record
	err = db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("r"))
		if b == nil {
			return nil
		}
		return b.ForEach(func(_, v []byte) error {
			r := &Record{}
			recs = append(recs, r)
			return json.Unmarshal(v, r)
		})
	})
	if err != nil {
		db.Close()
		return nil, nil, fmt.Errorf("open archive %s: %w", path, err)
	}
	return db, recs, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}
