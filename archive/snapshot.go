package archive

import (
	"errors"
	"fmt"
	"io"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/record"
)

// A Snapshot says of what a copy of the segment being written is.
type Snapshot struct {
	Segment string // its file's name
	Seq     uint64 // of the newest record in it
}

// Snapshot commits everything appended so far and copies the segment being
// written to out: with the closed segments, a whole archive. Commits may wait
// for it, so out should be quick.
func (w *Writer) Snapshot(out io.Writer) (s Snapshot, err error) {
	tx, s, err := w.beginSnapshot()
	if err != nil {
		return s, fmt.Errorf("snapshot of %s: %w", w.path, record.FileError(err))
	}
	err = bolt.Guard(func() error {
		_, err := tx.WriteTo(out)
		return err
	})
	if err = errors.Join(err, tx.Rollback()); err != nil {
		return s, fmt.Errorf("snapshot of %s: %w", w.path, err)
	}
	return s, nil
}

func (w *Writer) beginSnapshot() (*bbolt.Tx, Snapshot, error) {
	w.io.Lock()
	defer w.io.Unlock()
	if err := w.commitWith(w.zip, still); err != nil {
		return nil, Snapshot{}, err
	}
	w.mu.Lock()
	closed, s := w.closed, Snapshot{Segment: w.seg.Name(), Seq: w.durable}
	w.mu.Unlock()
	if closed {
		return nil, s, ErrClosed
	}
	tx, err := w.seg.DB.Begin(false)
	return tx, s, err
}

// Path is the archive's path, as it was opened.
func (w *Writer) Path() string { return w.path }

// FollowingView is View with a look at what else there is before each reading:
// fetch may append to the writer. What it returns is why something cannot be
// read, "" where all can; see [Info].Recording.
func (w *Writer) FollowingView(fetch func() (unread string)) *Reader {
	r := w.View()
	r.fetch = fetch
	return r
}
