package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"
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
	if old || w.seg.size() >= w.opts.RotateBytes {
		if e := w.rotate(); e != nil {
			err = errors.Join(err, fmt.Errorf("rotate: %w", fileError(e)))
		}
	}
	before := len(w.cat.segments)
	err = errors.Join(err, w.retain())
	return len(w.cat.segments) < before, err
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
	path := filepath.Join(w.path, segmentName(max(old.meta.Segment, old.meta.Next)+1))
	w.mu.Lock()
	last := w.durable
	w.mu.Unlock()
	m := w.newMeta(old, path, last)
	db, err := w.openBolt(path, 0)
	if err != nil {
		return err
	}
	next := &segment{path: path, db: db}
	if err := w.initialize(next, m); err != nil {
		return errors.Join(err, next.close(), os.Remove(path))
	}
	if old.meta.Next == 0 {
		if err := w.noteNext(old, m.Segment); err != nil {
			// The note may be on disk all the same. Until it is taken back there, the
			// segment that it names stays, empty; the next rotation begins it anew.
			w.owed, w.begun = true, path
			return errors.Join(err, next.close())
		}
	}
	w.begun = ""
	w.turnTo(next)
	return errors.Join(w.compact(old), old.reopen())
}

// noteNext writes into a segment which one was begun behind it.
func (w *Writer) noteNext(s *segment, number int) error {
	m := s.meta
	m.Next = number
	if err := w.updateIn(s, func(tx *bbolt.Tx) error { return putMeta(tx, m) }); err != nil {
		return fmt.Errorf("note what follows %s: %w", s.name(), err)
	}
	w.cat.mu.Lock()
	s.meta = m
	w.cat.mu.Unlock()
	return nil
}

// joinChain mends the end of the chain when a directory is gone on with: a crash
// may have come between the beginning of a segment and the note of it, and
// where the newest segment was taken away its number is not used again.
func (w *Writer) joinChain() error {
	if !w.dir {
		return nil
	}
	if n := len(w.cat.segments); n > 1 {
		if before := w.cat.segments[n-2]; before.meta.Next == 0 && before.meta.Version >= 3 {
			if err := w.noteNextIn(before); err != nil {
				return err
			}
		}
	}
	if w.seg.meta.Next == 0 {
		return nil
	}
	if err := w.packAll(w.zip); err != nil {
		return err
	}
	return w.follow()
}

// noteNextIn is noteNext for a segment that is open for reading.
func (w *Writer) noteNextIn(s *segment) error {
	if err := s.close(); err != nil {
		return err
	}
	s.txid = 0
	db, err := w.openBolt(s.path, 0)
	if err == nil {
		s.mu.Lock()
		s.db = db
		s.mu.Unlock()
		err = w.noteNext(s, w.seg.meta.Segment)
	}
	return errors.Join(err, s.reopen())
}

// withoutBegun removes the newest segment of a directory if a rotation began it
// and went no further: the segment before it went on.
func (w *Writer) withoutBegun(paths []string) ([]string, error) {
	n := len(paths) - 1
	if n < 1 {
		return paths, nil
	}
	if notBegun(paths[n]) {
		return paths, nil // it is begun anew
	}
	if empty, err := peek(paths[n], holdsNothing); err != nil || !empty {
		return paths, err
	}
	ends, err := peek(paths[n-1], func(tx *bbolt.Tx) (bool, error) {
		m, err := getMeta(tx)
		return m.Next == 0 && m.Version >= 3, err
	})
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
func peek(path string, ask func(*bbolt.Tx) (bool, error)) (yes bool, err error) {
	s, damage, err := openSegment(path)
	if err != nil {
		return false, fmt.Errorf("segment %s: %w", filepath.Base(path), err)
	}
	defer s.close()
	if damage != nil || s.db == nil {
		return false, nil
	}
	err = s.view(func(tx *bbolt.Tx) (err error) {
		yes, err = ask(tx)
		return err
	})
	return yes && err == nil, nil
}

// holdsNothing reports whether a segment has no records.
func holdsNothing(tx *bbolt.Tx) (bool, error) {
	for _, name := range [][]byte{bucketStreams, bucketBlocks, bucketIndex, bucketTail} {
		if b := tx.Bucket(name); b == nil || b.Stats().KeyN > 0 {
			return false, nil
		}
	}
	return true, nil
}

// turnTo makes next the segment that is written. Records that came since all
// runs were packed have begun new ones; those belong to it.
func (w *Writer) turnTo(next *segment) {
	defer w.alone()()
	w.takeDirty()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cat.mu.Lock()
	defer w.cat.mu.Unlock()
	w.seg, w.began, w.newest = next, 0, 0
	w.cat.segments = append(w.cat.segments, next)
	for _, s := range w.streams {
		s.seg = nil
		for part := range s.runs.parts {
			r := s.runs.last(part)
			if r == nil || r.chunks == nil {
				continue
			}
			r.seg = next
			w.span(r.From, r.To)
			if s.seg == nil {
				s.seg = next
				w.defs = append(w.defs, s)
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
	for _, s := range w.cat.segments[:len(w.cat.segments)-1] {
		if s.isShut() {
			errs = append(errs, s.reopen())
		}
	}
	return errors.Join(errs...)
}

func (s *segment) isShut() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.db == nil && s.flat == nil
}

// reopen opens the segment for reading only, so that others can read it too.
func (s *segment) reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			return err
		}
	}
	db, err := openBolt(s.path, boltOptions(true, 0))
	s.db = db
	return err
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
	for _, s := range slices.Clone(w.cat.segments[:len(w.cat.segments)-1]) {
		total := int64(0)
		for _, x := range w.cat.segments {
			total += x.size()
		}
		tooOld := w.opts.KeepAge > 0 && w.newestIn(s) < oldest
		if !tooOld && (w.opts.KeepBytes <= 0 || total <= w.opts.KeepBytes) {
			break
		}
		if err := w.drop(s); err != nil {
			err = fmt.Errorf("drop %s: %w", s.name(), fileError(err))
			if !errors.Is(err, ErrFull) {
				return err
			}
			full = errors.Join(full, err)
		}
	}
	return full
}

func (w *Writer) newestIn(s *segment) int64 {
	w.cat.mu.RLock()
	defer w.cat.mu.RUnlock()
	to := int64(0)
	for _, sr := range w.cat.streams {
		for _, runs := range sr.parts {
			for _, r := range runs {
				if r.seg == s {
					to = max(to, r.To)
				}
			}
		}
	}
	return to
}

// drop removes what no incident pins from a segment, or the segment.
func (w *Writer) drop(s *segment) error {
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
		w.deleteRuns(func(r *run) bool { return drop[r] })
	}
	s.left = true
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
	var pinned []*segment
	total := int64(0)
	for _, s := range w.cat.segments[:len(w.cat.segments)-1] {
		if s.left || s.meta.Pinned {
			pinned = append(pinned, s)
			total += s.size()
		}
	}
	for _, s := range pinned {
		if total <= w.opts.KeepBytes/pinnedShare {
			break
		}
		total -= s.size()
		if err := w.forget(s); err != nil {
			return fmt.Errorf("drop %s: %w", s.name(), fileError(err))
		}
	}
	return nil
}

// deleteRuns takes runs that were dropped out of the catalog.
func (w *Writer) deleteRuns(gone func(*run) bool) {
	w.cat.mu.Lock()
	defer w.cat.mu.Unlock()
	for _, sr := range w.cat.streams {
		for part, runs := range sr.parts {
			sr.parts[part] = slices.DeleteFunc(runs, gone)
		}
	}
	for k, sr := range w.cat.streams {
		if _, writing := w.streams[k]; !writing && !slices.ContainsFunc(sr.parts, func(p []*run) bool { return len(p) > 0 }) {
			delete(w.cat.streams, k)
			w.cat.order = nil
		}
	}
}

// split tells the segment's runs that are pinned from the others. A pinned run
// of part 0 needs the other parts of its whole time; marks of incidents are
// always kept.
func (w *Writer) split(s *segment, pins []window) (keep []*run, drop map[*run]bool) {
	w.cat.mu.RLock()
	defer w.cat.mu.RUnlock()
	drop = map[*run]bool{}
	for k, sr := range w.cat.streams {
		wanted := slices.Clone(pins)
		for part, runs := range sr.parts {
			for _, r := range runs {
				if r.seg != s {
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
func (w *Writer) forget(s *segment) error {
	m := w.seg.meta
	m.Gone, m.Dropped = m.dropped().with(s.meta.Segment), nil
	noted := w.update(func(tx *bbolt.Tx) error { return putMeta(tx, m) })
	if noted != nil && !errors.Is(fileError(noted), ErrFull) {
		return noted
	}
	err := w.opts.step("remove a segment")
	switch {
	case err != nil:
	case noted != nil:
		err = w.setAside(s)
	default:
		err = os.Remove(s.path)
	}
	if err != nil {
		return errors.Join(noted, err)
	}
	if noted == nil {
		w.clearAside()
	}
	w.cat.mu.Lock()
	w.seg.meta = m
	w.owed = noted != nil
	w.cat.segments = slices.DeleteFunc(w.cat.segments, func(x *segment) bool { return x == s })
	w.cat.mu.Unlock()
	w.deleteRuns(func(r *run) bool { return r.seg == s })
	return s.close()
}

// Forget drops a segment of a directory archive that is kept elsewhere, whatever
// incidents pin in it. That the newest is written refuses it.
func (w *Writer) Forget(number int) error {
	w.io.Lock()
	defer w.io.Unlock()
	i := slices.IndexFunc(w.cat.segments, func(s *segment) bool { return s.meta.Segment == number })
	if !w.dir || i < 0 {
		return nil // it is not there
	}
	if s := w.cat.segments[i]; s != w.seg {
		if err := w.forget(s); err != nil {
			return fmt.Errorf("drop %s: %w", s.name(), fileError(err))
		}
		return nil
	}
	return fmt.Errorf("drop segment %d: it is being written", number)
}

// rewrite makes the segment hold the given runs only.
func (w *Writer) rewrite(s *segment, keep []*run) error {
	var blocks []packed
	err := w.rewriteFile(s.path, closedPage, func(dst *bbolt.DB) error {
		return dst.Update(func(tx *bbolt.Tx) (err error) {
			blocks, err = w.copyRuns(tx, s, keep)
			return err
		})
	})
	if err != nil {
		return err
	}
	w.cat.mu.Lock()
	defer w.cat.mu.Unlock()
	s.meta.Pinned, s.meta.Version = true, FormatVersion
	for _, p := range blocks {
		p.run.key, p.run.at = p.key, int64(p.at)
	}
	return s.reopen()
}

func (w *Writer) copyRuns(tx *bbolt.Tx, s *segment, keep []*run) ([]packed, error) {
	if err := makeBuckets(tx); err != nil {
		return nil, err
	}
	m := s.meta
	m.Pinned, m.Version = true, FormatVersion
	if err := putMeta(tx, m); err != nil {
		return nil, err
	}
	err := s.view(func(src *bbolt.Tx) error {
		return src.Bucket(bucketStreams).ForEach(tx.Bucket(bucketStreams).Put)
	})
	if err != nil {
		return nil, err
	}
	blocks := make([]packed, 0, len(keep))
	for _, r := range keep {
		b, err := r.block(new([]byte))
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, packed{run: r, block: b})
	}
	return blocks, putBlocks(tx, w.zip, blocks)
}
