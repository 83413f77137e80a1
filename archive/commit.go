package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
)

var background = context.Background()

// update runs f in a transaction of the segment being written and counts what
// that wrote.
func (w *Writer) update(f func(*bbolt.Tx) error) error { return w.updateIn(w.seg, f) }

func (w *Writer) updateIn(s *catalog.Segment, f func(*bbolt.Tx) error) error {
	if s.Doubt {
		if err := w.renew(s); err != nil {
			return err
		}
	}
	if err := w.opts.step("commit"); err != nil {
		return err
	}
	if s.TxID == 0 {
		id, err := bolt.TxID(s.DB)
		if err != nil {
			return err
		}
		s.TxID = id
	}
	before, page := s.DB.Stats(), int64(s.DB.Info().PageSize)
	id := 0
	err := bolt.Guard(func() error {
		return s.DB.Update(func(tx *bbolt.Tx) error {
			id = tx.ID()
			return f(tx)
		})
	})
	w.opts.settle()
	after := s.DB.Stats()
	diff := after.Sub(&before)
	w.written.Add(diff.TxStats.GetPageAlloc() + page)
	if err == nil {
		s.TxID = id
		return nil
	}
	// Where there is just no room, and no page says that the commit took place, it
	// did not.
	now, e := bolt.TxID(s.DB)
	s.Doubt = !errors.Is(record.FileError(err), ErrFull) || e != nil || now != s.TxID
	return err
}

// commit writes everything appended so far to disk: new chunks to the tail,
// and runs that have ended as blocks, in one transaction. The caller holds io.
func (w *Writer) commit() error { return w.commitWith(w.zip, goOn) }

// What goes on while the records for a commit are gathered.
type gathering int

const (
	goOn  gathering = iota // records come in; some of them may be stored already that are not counted yet
	still                  // none come in: what is stored is what is counted
	cut                    // none come in, and all runs end: nothing but blocks is left
)

// commitWith is commit with blocks as small as zip makes them.
func (w *Writer) commitWith(zip *codec.Zip, how gathering) error {
	err := w.commitOnce(zip, how)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.failed = nil
		return nil
	}
	w.failed = fmt.Errorf("commit to %s: %w", w.path, record.FileError(err))
	w.noteFault(w.failed)
	if w.timer == nil && !w.closed { // what waits is tried again, whether or not more comes
		w.timer = time.AfterFunc(w.opts.CommitEvery, func() { _ = w.Sync() })
	}
	return w.failed
}

func (w *Writer) commitOnce(zip *codec.Zip, how gathering) error {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	w.tried = w.opts.Now()
	w.mu.Unlock()
	if w.seg.Doubt { // which may acknowledge what the failed commit stored
		if err := w.renew(w.seg); err != nil {
			return err
		}
	}
	set := w.gather(how)
	if set.empty() && !w.owed {
		return nil
	}
	var err error
	if set.blocks, err = w.pack(zip, set.runs); err != nil {
		return err
	}
	w.cat.Settling.Lock()
	defer w.cat.Settling.Unlock()
	if err := w.store(set); err != nil {
		if w.seg.Doubt {
			w.doubtful = set
		}
		return err
	}
	if w.owed {
		w.owed = false
		w.clearAside()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledge(set)
	return nil
}

// gather is all that is to be stored. With cut all runs end, in the same moment:
// a record that came in between would be half in this segment, half in the next.
func (w *Writer) gather(how gathering) *commitSet {
	if how == goOn {
		w.taking.Lock()
		defer w.taking.Unlock()
	} else {
		defer w.alone()()
	}
	w.mu.Lock()
	last, count := w.next-1, w.count
	w.mu.Unlock()
	if how == cut {
		w.cut(func(*stream) bool { return true })
		w.mu.Lock()
		w.dirty = map[*stream]bool{}
		w.mu.Unlock()
	} else {
		w.takeDirty()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fillBatch()
	return &commitSet{batches: w.waiting, runs: w.toPack, defs: w.defs, last: last, count: count}
}

// acknowledge notes that a set is on disk. Locked by the caller.
func (w *Writer) acknowledge(set *commitSet) {
	w.waiting, w.toPack, w.defs = w.waiting[len(set.batches):], w.toPack[len(set.runs):], w.defs[len(set.defs):]
	w.durable, w.saved = set.last, set.count
	w.stored(set.batches, set.blocks)
}

// fillBatch closes the batch that gathers chunks. Locked by the caller.
func (w *Writer) fillBatch() {
	if len(w.chunks) == 0 {
		return
	}
	w.waiting = append(w.waiting, w.batch)
	w.batches++
	w.batch = &catalog.Batch{Key: w.batches}
	w.chunks, w.refs = nil, nil
}

// pack makes blocks of runs, two at a time where there are two cores.
func (w *Writer) pack(zip *codec.Zip, runs []*catalog.Run) ([]catalog.Packed, error) {
	blocks, errs := make([]catalog.Packed, len(runs)), make([]error, len(runs))
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(packers, runtime.GOMAXPROCS(0), len(runs)) {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(runs); i = int(next.Add(1)) - 1 {
				if blocks[i], errs[i] = w.packOne(zip, runs[i]); errs[i] != nil {
					next.Store(int64(len(runs)))
				}
			}
		})
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return blocks, nil
}

// packers is how many runs are packed at the same time: each needs the memory of
// a run, and the encoders are not more.
const packers = 2

func (w *Writer) packOne(zip *codec.Zip, r *catalog.Run) (p catalog.Packed, err error) {
	w.cat.Mu.RLock()
	now := *r
	w.cat.Mu.RUnlock()
	pieces, _, err := now.Read()
	if err != nil {
		return p, fmt.Errorf("pack: %w", err)
	}
	b, err := codec.Merge(zip, now.Stats, pieces...)
	if err != nil {
		return p, fmt.Errorf("pack: %w", err)
	}
	return catalog.Packed{Run: r, Block: b}, nil
}

// store writes one transaction.
func (w *Writer) store(set *commitSet) error {
	gone := w.gone(set.blocks)
	return w.update(func(tx *bbolt.Tx) error {
		if w.owed {
			if err := catalog.PutMeta(tx, w.seg.Meta); err != nil {
				return err
			}
		}
		begun := map[uint32][]byte{}
		for _, s := range set.defs {
			begun[s.id] = record.Definition(s.runs.Key, s.runs.Schema)
		}
		if err := catalog.PutStreams(tx, w.zip, begun); err != nil {
			return err
		}
		tail := tx.Bucket(catalog.BucketTail)
		for _, b := range set.batches {
			if gone[b] {
				continue
			}
			if err := bolt.PutValue(tail, catalog.BatchKey(b.Key), slices.Concat(*b.Memory.Load()...)); err != nil {
				return err
			}
		}
		for b := range gone {
			if err := bolt.DeleteValue(tail, catalog.BatchKey(b.Key)); err != nil {
				return err
			}
		}
		return catalog.PutBlocks(tx, w.zip, set.blocks)
	})
}

// gone are the batches of which no chunk is needed any more once the runs are
// blocks.
func (w *Writer) gone(blocks []catalog.Packed) map[*catalog.Batch]bool {
	w.cat.Mu.RLock()
	defer w.cat.Mu.RUnlock()
	less := map[*catalog.Batch]int{}
	for _, p := range blocks {
		for _, c := range p.Run.Chunks {
			less[c.Batch]++
		}
	}
	gone := map[*catalog.Batch]bool{}
	for b, n := range less {
		if b.Live == n {
			gone[b] = true
		}
	}
	return gone
}

// stored brings the catalog up to what was written. Locked by the caller.
func (w *Writer) stored(batches []*catalog.Batch, blocks []catalog.Packed) {
	w.cat.Mu.Lock()
	defer w.cat.Mu.Unlock()
	for _, p := range blocks {
		for _, c := range p.Run.Chunks {
			c.Batch.Live--
		}
		p.Run.Chunks, p.Run.Stats, p.Run.Size = nil, nil, len(p.Block)
		p.Run.Put(w.seg, p.Key, p.At)
	}
	for _, b := range batches {
		b.Memory.Store(nil)
	}
}

// finish packs all runs, commits and makes the newest segment's file compact.
// What fails is tried once more: most often it was for a moment.
func (w *Writer) finish() error {
	zip := w.zip.Small()
	err := w.packAll(zip)
	if err != nil && w.packAll(zip) != nil {
		return err
	}
	if w.begun != "" { // it is on disk that nothing was begun
		_ = os.Remove(w.begun)
	}
	if err = w.compact(w.seg); err != nil {
		w.mu.Lock()
		w.noteFault(err)
		w.mu.Unlock()
		err = w.compact(w.seg)
	}
	if !errors.Is(record.FileError(err), ErrFull) {
		return err
	}
	return nil // all is on disk, if not as compact as it could be
}

// packAll ends all runs and writes them as blocks.
func (w *Writer) packAll(zip *codec.Zip) error { return w.commitWith(zip, cut) }

// EndRuns ends the runs that began before a time, and returns when they are blocks on
// disk: who takes blocks to others waits no longer for rare records. Each begins
// again with a whole sample, which costs room.
func (w *Writer) EndRuns(before time.Time) error {
	w.io.Lock()
	defer w.io.Unlock()
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return ErrClosed
	}
	done := w.alone()
	w.takeDirty()
	w.cut(func(s *stream) bool { return w.beganBefore(s, before.UnixNano()) })
	done()
	return w.commit()
}

// beganBefore reports whether a run of the stream goes on that began before then.
func (w *Writer) beganBefore(s *stream, then int64) bool {
	w.cat.Mu.RLock()
	defer w.cat.Mu.RUnlock()
	for part := range s.runs.Parts {
		if r := s.runs.Last(part); r != nil && !r.Ended && r.From < then {
			return true
		}
	}
	return false
}

// cut ends the runs of some streams. The caller is alone.
func (w *Writer) cut(some func(*stream) bool) {
	w.mu.Lock()
	streams := slices.Collect(maps.Values(w.streams))
	w.mu.Unlock()
	for _, s := range streams {
		if some(s) {
			w.take(s, true)
		}
	}
}

// rewriteSuffix ends the name of a segment's file while it is rewritten.
const rewriteSuffix = ".rewrite"

// A file of more than largeFile is rewritten only where a share of 1 in
// wasteful of its pages is free.
const (
	largeFile = 64 << 20
	wasteful  = 8
)

// compact rewrites a segment's file without its free pages.
func (w *Writer) compact(s *catalog.Segment) error {
	if w.opts.InPlace {
		return nil
	}
	st := s.DB.Stats()
	free := int64(st.FreePageN+st.PendingPageN) * int64(s.DB.Info().PageSize)
	unchanged := w.written.Load() == 0 && s.DB.Info().PageSize == closedPage
	if size := s.Size(); unchanged || size > largeFile && free*wasteful < size {
		return nil
	}
	return w.repage(s.Path, s.DB, closedPage)
}

// repage rewrites a segment's file with pages of that size, none of them free.
func (w *Writer) repage(path string, db *bbolt.DB, size int) error {
	const txBytes = 16 << 20
	return w.rewriteFile(path, size, func(dst *bbolt.DB) error { return bbolt.Compact(dst, db, txBytes) })
}

// widen opens a file that was closed anew, with pages of the system's size: the
// two meta pages must not lie in one sector of the disk, which a power cut may
// take. Where there is no room for that, the file stays as it is.
func (w *Writer) widen(path string, db *bbolt.DB) (*bbolt.DB, error) {
	if err := w.repage(path, db, os.Getpagesize()); errors.Is(record.FileError(err), ErrFull) {
		return db, nil
	} else if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return w.openBolt(path, 0)
}

// closedPage is the size of the pages of a rewritten file: small ones waste
// less at the ends of values. One that is recorded has the system's.
const closedPage = 1 << 10

// rewriteFile makes a new file with such pages beside a segment's, fills it and
// puts it in the segment's place.
func (w *Writer) rewriteFile(path string, pageSize int, fill func(*bbolt.DB) error) error {
	temp := path + rewriteSuffix
	_ = os.Remove(temp)
	dst, err := w.openBolt(temp, pageSize)
	if err != nil {
		return fmt.Errorf("rewrite: %w", err)
	}
	dst.AllocSize = pageSize
	size := int64(0)
	if err = w.opts.step("rewrite a segment"); err == nil {
		err = bolt.Guard(func() error { return fill(dst) })
		w.opts.settle()
	}
	if err == nil {
		err = dst.View(func(tx *bbolt.Tx) error { size = tx.Size(); return nil })
	}
	if e := dst.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = w.opts.step("cut a segment")
	}
	if err == nil {
		err = os.Truncate(temp, size) // bbolt grows a file by a page more than it needs
	}
	if err == nil {
		err = w.opts.step("rename a segment")
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = w.opts.syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("rewrite: %w", err)
	}
	return nil
}
