package archive

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
)

// A commit that failed leaves a doubt: its last page, which makes it valid, may
// be in the file, while the disk has lost what should stand before it. The
// system then shows pages that it will never write. So nothing of such a file
// is believed: it is opened again, and where the commit is in it, everything is
// read, checked and written to a new file.

// A commitSet is what one transaction stores.
type commitSet struct {
	batches []*catalog.Batch
	runs    []*catalog.Run
	blocks  []catalog.Packed
	defs    []*stream
	last    uint64 // Seq of the newest record in it
	count   uint64 // how many records this writer had taken
}

func (c *commitSet) empty() bool { return len(c.batches)+len(c.runs)+len(c.defs) == 0 }

// renew opens a segment again after a commit to it failed. What that commit
// stored is acknowledged where it is in the file after all. The caller holds io.
func (w *Writer) renew(s *catalog.Segment) error {
	if err := w.opts.step("renew a segment"); err != nil {
		return err
	}
	applied, err := w.exchange(s)
	if err != nil {
		return fmt.Errorf("open again after a failed commit: %w", err)
	}
	s.Doubt = false
	doubtful := w.doubtful
	w.doubtful = nil
	if !applied || doubtful == nil || s != w.seg {
		return nil
	}
	gone := w.gone(doubtful.blocks)
	if err := s.View(func(tx *bbolt.Tx) error { return doubtful.in(tx, gone) }); err != nil {
		return nil // it is stored again, in place of what it left there
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledge(doubtful)
	return nil
}

// exchange opens the segment's file again, or a new one in its place, and
// reports whether the commit that failed is in it. Readers wait meanwhile.
func (w *Writer) exchange(s *catalog.Segment) (applied bool, err error) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	_ = s.Shut() // whatever it says, nothing of it is used again
	db, err := w.reopened(s)
	if err != nil {
		return false, err
	}
	id, err := bolt.TxID(db)
	if applied = id != s.TxID; err == nil && applied {
		db, err = w.rewritten(s, db)
	}
	if err == nil {
		id, err = bolt.TxID(db)
	}
	if err != nil {
		return false, errors.Join(err, bolt.Close(db))
	}
	s.DB, s.TxID = db, id
	return applied, nil
}

// reopened opens the segment's file for writing and checks its tree.
func (w *Writer) reopened(s *catalog.Segment) (*bbolt.DB, error) {
	db, err := w.openBolt(s.Path, 0)
	if err != nil {
		return nil, err
	}
	if err := catalog.CheckFile(s.Path); err != nil && !errors.Is(err, bolt.ErrMeta) {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// rewritten copies all that the file holds to a new one in its place.
func (w *Writer) rewritten(s *catalog.Segment, db *bbolt.DB) (*bbolt.DB, error) {
	if err := w.repage(s.Path, db, os.Getpagesize()); err != nil {
		return db, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return w.openBolt(s.Path, 0)
}

var errOther = errors.New("what was read back is not what was written")

// in reports whether a file holds what the set wrote, byte by byte, but for
// batches that need not be there any more.
func (c *commitSet) in(tx *bbolt.Tx, gone map[*catalog.Batch]bool) error {
	for _, b := range c.batches {
		if !gone[b] && !bytes.Equal(bolt.GetValue(tx.Bucket(catalog.BucketTail), catalog.BatchKey(b.Key)), slices.Concat(*b.Memory.Load()...)) {
			return errOther
		}
	}
	for _, p := range c.blocks {
		v := bolt.GetValue(tx.Bucket(catalog.BucketBlocks), p.Key)
		if p.At+len(p.Block) > len(v) || !bytes.Equal(v[p.At:p.At+len(p.Block)], p.Block) {
			return errOther
		}
	}
	return nil
}
