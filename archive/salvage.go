package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/codec"
)

// A Salvaged says what Salvage recovered.
type Salvaged struct {
	Streams int
	Blocks  int
	Records int
	Bytes   int64 // of the new archive
	Lost    []*CorruptionError
}

// Salvage writes every intact block of the archive at path to a new archive,
// one file, which must not exist. It does not need the files' trees: blocks
// are found by themselves. A run that was not packed yet is recovered up to
// its first damaged chunk. What is known to be lost is in the result: records
// where it can be told which, else that a file is cut off.
func Salvage(ctx context.Context, path, out string) (*Salvaged, error) {
	if strings.HasSuffix(out, string(filepath.Separator)) {
		return nil, fmt.Errorf("salvage: %s is a directory's name: the new archive is one file (-o NEW.erg)", out)
	}
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("salvage: %s exists already", out)
	}
	paths, err := segmentPaths(path)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("salvage %s: no segments: %w", path, ErrNotArchive)
	}
	// Where the archive can be opened, it tells what should be there. That
	// also refuses one that is being written.
	there, err := Open(path)
	if errors.Is(err, ErrLocked) || errors.Is(err, ErrVersion) {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	if there != nil {
		defer there.Close()
	}
	raw := newReader()
	for _, p := range paths {
		s := &segment{path: p}
		if err := s.openRaw(); err != nil {
			return nil, fmt.Errorf("salvage: %w", err)
		}
		raw.cat.segments = append(raw.cat.segments, s)
		if err := checkFile(p); errors.Is(err, errShort) {
			raw.cat.blame(s, nil, 0, 0, err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if err := raw.load(); err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	return raw.salvage(there, path, out)
}

func (r *Reader) salvage(there *Reader, path, out string) (*Salvaged, error) {
	if len(r.cat.streams) == 0 && (there == nil || len(there.cat.streams) > 0) {
		return nil, fmt.Errorf("salvage %s: no block of an archive in it: %w", path, ErrNotArchive)
	}
	w, err := OpenWriter(out, nil)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s, got := &Salvaged{}, map[runID]bool{}
	meta := w.seg.meta
	if there != nil { // what retention took is not missed in the new archive either
		newest := there.cat.newest().meta
		meta.Gone = newest.dropped()
		meta.Pinned = slices.ContainsFunc(there.cat.segments, func(s *segment) bool { return s.meta.Pinned })
	}
	err = w.update(func(tx *bbolt.Tx) error { return r.copyTo(tx, meta, s, got) })
	if err == nil {
		err = w.Close()
	} else {
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("salvage to %s: %w", out, errors.Join(err, os.Remove(out)))
	}
	told := r.cat // what tells of the rest
	if there != nil {
		s.Lost = append(there.missing(got), there.cat.absence...)
		s.Lost = append(s.Lost, there.cat.damageInTrees()...)
		told = there.cat
	}
	s.Lost = append(append(s.Lost, told.gaps()...), told.unaccounted()...)
	s.Lost = append(s.Lost, r.cat.damage...)
	if len(s.Lost) == 0 {
		s.Lost = told.untold()
	}
	slices.SortStableFunc(s.Lost, func(a, b *CorruptionError) int { return a.From.Compare(b.From) })
	st, err := os.Stat(out)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s.Bytes = st.Size()
	return s, nil
}

// copyTo copies every run as a block into a segment of that meta, which
// becomes one of the same archive, and notes what it copied.
func (r *Reader) copyTo(tx *bbolt.Tx, meta segmentMeta, s *Salvaged, got map[runID]bool) error {
	var blocks []packed
	defs := map[uint32][]byte{}
	for _, sr := range r.cat.sorted() {
		s.Streams++
		for part, runs := range sr.parts {
			for _, x := range runs {
				pieces, _, err := x.read()
				if err != nil {
					return err
				}
				b := pieces[0]
				if x.chunks != nil {
					if b, err = codec.Merge(r.zip, nil, pieces...); err != nil {
						return err
					}
				}
				blocks = append(blocks, packed{run: x, block: b})
				got[runID{x.Stream, part, x.Run}] = true
				defs[x.Stream] = definition(sr.key, sr.schema)
				meta.ID, meta.Rounded, meta.Version = x.Archive, meta.Rounded || x.Round, FormatVersion
				s.Blocks++
				if part == 0 {
					s.Records += x.Records
				}
			}
		}
	}
	if err := putStreams(tx, r.zip, defs); err != nil {
		return err
	}
	if err := putMeta(tx, meta); err != nil {
		return err
	}
	return putBlocks(tx, r.zip, blocks)
}

// mend rewrites a segment of which one meta page is damaged. The other leads
// to a sound tree, but perhaps not to the newest one: what that held would be
// overwritten. So every intact block is taken, wherever it lies.
func (w *Writer) mend(path string) error {
	db, err := w.openBolt(path, 0) // no other writer may have the file until the new one is in its place
	if err != nil {
		return err
	}
	old := &segment{path: path, db: db}
	defer old.close()
	meta, err := metaOf(old)
	if err != nil {
		return err
	}
	raw := &segment{path: path}
	if err := raw.openRaw(); err != nil {
		return err
	}
	if len(raw.found) == 0 {
		w.owed = true // nothing can be lost, and a commit mends the page
		return nil
	}
	r := &Reader{cat: newCatalog(w.zip), zip: w.zip}
	r.cat.segments = []*segment{raw}
	if err := r.load(); err != nil {
		return err
	}
	return w.rewriteFile(path, os.Getpagesize(), func(dst *bbolt.DB) error {
		return dst.Update(func(tx *bbolt.Tx) error {
			if err := makeBuckets(tx); err != nil {
				return err
			}
			return r.copyTo(tx, meta, &Salvaged{}, map[runID]bool{})
		})
	})
}

// metaOf is the meta of a segment as far as its tree tells it, else what its
// name does.
func metaOf(s *segment) (m segmentMeta, err error) {
	err = s.view(func(tx *bbolt.Tx) (err error) {
		m, err = getMeta(tx)
		return err
	})
	if errors.Is(err, ErrNotArchive) {
		m, err = segmentMeta{Version: FormatVersion, Segment: 1}, nil
		if n, ok := segmentNumber(s.name()); ok {
			m.Segment = n
		}
	}
	return m, err
}

// damageInTrees is what was found damaged in segments whose trees are not.
func (c *catalog) damageInTrees() []*CorruptionError {
	sound := map[string]bool{}
	for _, s := range c.segments {
		sound[s.name()] = !s.isRaw() && !s.foreign
	}
	return slices.DeleteFunc(slices.Clone(c.damage), func(e *CorruptionError) bool { return !sound[e.Segment] })
}

// untold says that records behind the last one may be lost: the tree of the
// newest segment, which would tell, cannot be read, and no later number does.
func (c *catalog) untold() []*CorruptionError {
	newest := c.newest()
	if newest == nil || !newest.isRaw() {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	last := uint64(0)
	for _, sr := range c.streams {
		if len(sr.parts) == 0 {
			continue
		}
		for _, r := range sr.parts[0] {
			last = max(last, r.Last)
		}
	}
	err := fmt.Errorf("its tree is damaged: records behind number %d, if there were any, are lost", last)
	return []*CorruptionError{{Segment: newest.name(), Err: err}}
}

// missing are the runs that the archive should hold and that were not got.
func (r *Reader) missing(got map[runID]bool) (lost []*CorruptionError) {
	for _, sr := range r.cat.sorted() {
		for _, runs := range sr.parts {
			for _, x := range runs {
				if got[runID{x.Stream, x.Part, x.Run}] || x.seg.isRaw() {
					continue
				}
				lost = append(lost, r.cat.corruption(sr.key, x, fmt.Errorf("records lost from number %d on: %d", x.Run, x.Records)))
			}
		}
	}
	slices.SortFunc(lost, func(a, b *CorruptionError) int { return cmp.Compare(a.Stream, b.Stream) })
	return lost
}
