package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/record"
)

// keep rotates and drops segments as the options say, and reports whether it
// dropped any. The caller holds io.
func (w *Writer) keep() (dropped bool, err error) {
	if !w.dir {
		return false, nil
	}
	err = w.reopenShut()
	w.mu.Lock()
	old := w.began != 0 && w.newest-w.began >= int64(w.opts.RotateAge)
	w.mu.Unlock()
	if old || w.seg.Size() >= w.opts.RotateBytes {
		if e := w.rotate(); e != nil {
			err = errors.Join(err, fmt.Errorf("rotate: %w", record.FileError(e)))
		}
	}
	before := len(w.cat.Segments)
	err = errors.Join(err, w.retain())
	return len(w.cat.Segments) < before, err
}

// rotate closes the segment and begins the next.
func (w *Writer) rotate() error {
	if err := w.packAll(w.zip); err != nil {
		return err
	}
	w.mu.Lock()
	empty := w.began == 0
	w.mu.Unlock()
	if empty {
		return nil
	}
	return w.follow()
}

// follow begins the segment behind the one that is written, all of whose runs
// are packed.
func (w *Writer) follow() error {
	old := w.seg
	path := filepath.Join(w.path, catalog.SegmentName(max(old.Meta.Segment, old.Meta.Next)+1))
	w.mu.Lock()
	last := w.durable
	w.mu.Unlock()
	m := w.newMeta(old, path, last)
	db, err := w.openBolt(path, 0)
	if err != nil {
		return err
	}
	next := &catalog.Segment{Path: path, DB: db}
	if err := w.initialize(next, m); err != nil {
		return errors.Join(err, next.Close(), os.Remove(path))
	}
	if old.Meta.Next == 0 {
		if err := w.noteNext(old, m.Segment); err != nil {
			// The note may be on disk all the same. Until it is taken back there, the
			// segment that it names stays, empty; the next rotation begins it anew.
			w.owed, w.begun = true, path
			return errors.Join(err, next.Close())
		}
	}
	w.begun = ""
	w.turnTo(next)
	return errors.Join(w.compact(old), old.Reopen())
}

// noteNext writes into a segment which one was begun behind it.
func (w *Writer) noteNext(s *catalog.Segment, number int) error {
	m := s.Meta
	m.Next = number
	if err := w.updateIn(s, func(tx *bbolt.Tx) error { return catalog.PutMeta(tx, m) }); err != nil {
		return fmt.Errorf("note what follows %s: %w", s.Name(), err)
	}
	w.cat.Mu.Lock()
	s.Meta = m
	w.cat.Mu.Unlock()
	return nil
}

// joinChain mends the end of the chain when a directory is gone on with: a crash
// may have come between the beginning of a segment and the note of it, and
// where the newest segment was taken away its number is not used again.
func (w *Writer) joinChain() error {
	if !w.dir {
		return nil
	}
	if n := len(w.cat.Segments); n > 1 {
		if before := w.cat.Segments[n-2]; before.Meta.Next == 0 && before.Meta.Version >= 3 {
			if err := w.noteNextIn(before); err != nil {
				return err
			}
		}
	}
	if w.seg.Meta.Next == 0 {
		return nil
	}
	if err := w.packAll(w.zip); err != nil {
		return err
	}
	return w.follow()
}

// noteNextIn is noteNext for a segment that is open for reading.
func (w *Writer) noteNextIn(s *catalog.Segment) error {
	if err := s.Close(); err != nil {
		return err
	}
	s.TxID = 0
	db, err := w.openBolt(s.Path, 0)
	if err == nil {
		s.Mu.Lock()
		s.DB = db
		s.Mu.Unlock()
		err = w.noteNext(s, w.seg.Meta.Segment)
	}
	return errors.Join(err, s.Reopen())
}

// withoutBegun removes the newest segment of a directory if a rotation began it
// and went no further: the segment before it went on.
func (w *Writer) withoutBegun(paths []string) ([]string, error) {
	n := len(paths) - 1
	if n < 1 {
		return paths, nil
	}
	if bolt.NotBegun(paths[n]) {
		return paths, nil // it is begun anew
	}
	if empty, err := peek(paths[n], (*catalog.Segment).HoldsNothing); err != nil || !empty {
		return paths, err
	}
	ends, err := peek(paths[n-1], func(s *catalog.Segment) bool { return s.Meta.Next == 0 && s.Meta.Version >= 3 })
	if err != nil || !ends {
		return paths, err
	}
	if err := os.Remove(paths[n]); err != nil {
		return nil, err
	}
	return paths[:n], w.opts.syncDir(w.path)
}

// peek asks a segment that is not damaged something; of one that is, the answer
// is no.
func peek(path string, ask func(*catalog.Segment) bool) (yes bool, err error) {
	s, damage, err := catalog.OpenSegment(path, new([]byte))
	if err != nil {
		return false, fmt.Errorf("segment %s: %w", filepath.Base(path), err)
	}
	defer s.Close()
	return damage == nil && ask(s), nil
}

// turnTo makes next the segment that is written. Records that came since all
// runs were packed have begun new ones; those belong to it.
func (w *Writer) turnTo(next *catalog.Segment) {
	defer w.alone()()
	w.takeDirty()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cat.Mu.Lock()
	defer w.cat.Mu.Unlock()
	w.seg, w.began, w.newest = next, 0, 0
	w.cat.Segments = append(w.cat.Segments, next)
	for _, s := range w.streams {
		s.seg = nil
		for part := range s.runs.Parts {
			for _, r := range slices.Backward(s.runs.Parts[part]) {
				if r.Chunks == nil {
					break
				}
				r.Seg = next
				w.span(r.From, r.To)
				if s.seg == nil {
					s.seg = next
					w.defs = append(w.defs, s)
				}
			}
		}
	}
}

// reopenShut opens the segments again that could not be opened when they were
// rotated or rewritten.
func (w *Writer) reopenShut() error {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	for _, s := range w.cat.Segments[:len(w.cat.Segments)-1] {
		if s.IsShut() {
			errs = append(errs, s.Reopen())
		}
	}
	return errors.Join(errs...)
}

// retain drops the oldest segments while the archive is larger or older than
// it may be. One that cannot be rewritten because there is no room waits: the
// next may make some.
func (w *Writer) retain() error {
	if w.opts.KeepAge <= 0 && w.opts.KeepBytes <= 0 {
		return nil
	}
	full := w.limitPinned()
	oldest := w.opts.Now().Add(-w.opts.KeepAge).UnixNano()
	for _, s := range slices.Clone(w.cat.Segments[:len(w.cat.Segments)-1]) {
		total := int64(0)
		for _, x := range w.cat.Segments {
			total += x.Size()
		}
		tooOld := w.opts.KeepAge > 0 && w.newestIn(s) < oldest
		if !tooOld && (w.opts.KeepBytes <= 0 || total <= w.opts.KeepBytes) {
			break
		}
		if err := w.drop(s); err != nil {
			err = fmt.Errorf("drop %s: %w", s.Name(), record.FileError(err))
			if !errors.Is(err, ErrFull) {
				return err
			}
			full = errors.Join(full, err)
		}
	}
	return full
}

func (w *Writer) newestIn(s *catalog.Segment) int64 {
	w.cat.Mu.RLock()
	defer w.cat.Mu.RUnlock()
	to := int64(0)
	for _, sr := range w.cat.Streams {
		for _, runs := range sr.Parts {
			for _, r := range runs {
				if r.Seg == s {
					to = max(to, r.To)
				}
			}
		}
	}
	return to
}

// drop removes what no incident pins from a segment, or the segment.
func (w *Writer) drop(s *catalog.Segment) error {
	w.mu.Lock()
	pins := slices.Clone(w.pins)
	w.mu.Unlock()
	keep, drop := w.split(s, pins)
	if len(keep) == 0 {
		return w.forget(s)
	}
	if len(drop) > 0 {
		if err := w.rewrite(s, keep); err != nil {
			return err
		}
		w.deleteRuns(func(r *catalog.Run) bool { return drop[r] })
	}
	s.Left = true
	return nil
}

// pinnedShare is the part of KeepBytes, 1 in so many, that segments of which
// only pinned windows are left may take.
const pinnedShare = 2

// limitPinned drops the oldest segments of which only pinned windows are left
// while those take more than their share.
func (w *Writer) limitPinned() error {
	if w.opts.KeepBytes <= 0 {
		return nil
	}
	var pinned []*catalog.Segment
	total := int64(0)
	for _, s := range w.cat.Segments[:len(w.cat.Segments)-1] {
		if s.Left || s.Meta.Pinned {
			pinned = append(pinned, s)
			total += s.Size()
		}
	}
	for _, s := range pinned {
		if total <= w.opts.KeepBytes/pinnedShare {
			break
		}
		total -= s.Size()
		if err := w.forget(s); err != nil {
			return fmt.Errorf("drop %s: %w", s.Name(), record.FileError(err))
		}
	}
	return nil
}

// deleteRuns takes runs that were dropped out of the catalog.
func (w *Writer) deleteRuns(gone func(*catalog.Run) bool) {
	w.cat.Mu.Lock()
	defer w.cat.Mu.Unlock()
	w.cat.Drop(gone, func(k StreamKey) bool { return w.streams[k] != nil })
}

// split tells the segment's runs that are pinned from the others. A pinned run
// of part 0 needs the other parts of its whole time; marks of incidents are
// always kept.
func (w *Writer) split(s *catalog.Segment, pins []window) (keep []*catalog.Run, drop map[*catalog.Run]bool) {
	w.cat.Mu.RLock()
	defer w.cat.Mu.RUnlock()
	drop = map[*catalog.Run]bool{}
	for k, sr := range w.cat.Streams {
		wanted := slices.Clone(pins)
		for part, runs := range sr.Parts {
			for _, r := range runs {
				if r.Seg != s {
					continue
				}
				incident := k.Kind == MarkKind && k.Name == MarkIncident
				if !incident && !slices.ContainsFunc(wanted, func(p window) bool { return p.meets(r.From, r.To) }) {
					drop[r] = true
					continue
				}
				keep = append(keep, r)
				if part == 0 {
					wanted = append(wanted, window{r.From, r.To})
				}
			}
		}
	}
	return keep, drop
}

// forget notes in the segment being written that another is dropped, and
// removes its file. Where there is no room for the note it follows with the
// next commit, for which the removal makes room.
func (w *Writer) forget(s *catalog.Segment) error {
	m := w.seg.Meta
	m.Gone, m.Dropped = m.Removed().With(s.Meta.Segment), nil
	noted := w.update(func(tx *bbolt.Tx) error { return catalog.PutMeta(tx, m) })
	if noted != nil && !errors.Is(record.FileError(noted), ErrFull) {
		return noted
	}
	err := w.opts.step("remove a segment")
	switch {
	case err != nil:
	case noted != nil:
		err = w.setAside(s)
	default:
		err = os.Remove(s.Path)
	}
	if err != nil {
		return errors.Join(noted, err)
	}
	if noted == nil {
		w.clearAside()
	}
	w.cat.Mu.Lock()
	w.seg.Meta = m
	w.owed = noted != nil
	w.cat.Segments = slices.DeleteFunc(w.cat.Segments, func(x *catalog.Segment) bool { return x == s })
	w.cat.Mu.Unlock()
	w.deleteRuns(func(r *catalog.Run) bool { return r.Seg == s })
	return s.Close()
}

// Forget drops a segment of a directory archive that is kept elsewhere, whatever
// incidents pin in it. That the newest is written refuses it.
func (w *Writer) Forget(number int) error {
	w.io.Lock()
	defer w.io.Unlock()
	i := slices.IndexFunc(w.cat.Segments, func(s *catalog.Segment) bool { return s.Meta.Segment == number })
	if !w.dir || i < 0 {
		return nil // it is not there
	}
	if s := w.cat.Segments[i]; s != w.seg {
		if err := w.forget(s); err != nil {
			return fmt.Errorf("drop %s: %w", s.Name(), record.FileError(err))
		}
		return nil
	}
	return fmt.Errorf("drop segment %d: it is being written", number)
}

// rewrite makes the segment hold the given runs only.
func (w *Writer) rewrite(s *catalog.Segment, keep []*catalog.Run) error {
	var blocks []catalog.Packed
	err := w.rewriteFile(s.Path, closedPage, func(dst *bbolt.DB) error {
		return dst.Update(func(tx *bbolt.Tx) (err error) {
			blocks, err = w.copyRuns(tx, s, keep)
			return err
		})
	})
	if err != nil {
		return err
	}
	w.cat.Mu.Lock()
	defer w.cat.Mu.Unlock()
	s.Meta.Pinned, s.Meta.Version = true, FormatVersion
	s.Anew()
	for _, p := range blocks {
		p.Run.Put(s, p.Key, p.At)
	}
	return s.Reopen()
}

func (w *Writer) copyRuns(tx *bbolt.Tx, s *catalog.Segment, keep []*catalog.Run) ([]catalog.Packed, error) {
	if err := catalog.MakeBuckets(tx); err != nil {
		return nil, err
	}
	m := s.Meta
	m.Pinned, m.Version = true, FormatVersion
	if err := catalog.PutMeta(tx, m); err != nil {
		return nil, err
	}
	if err := s.Definitions(tx.Bucket(catalog.BucketStreams).Put); err != nil {
		return nil, err
	}
	blocks := make([]catalog.Packed, 0, len(keep))
	for _, r := range keep {
		b, err := r.Block(new([]byte))
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, catalog.Packed{Run: r, Block: b})
	}
	return blocks, catalog.PutBlocks(tx, w.zip, blocks)
}
