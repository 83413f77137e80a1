package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
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
	paths, err := catalog.SegmentPaths(path)
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
		s := &catalog.Segment{Path: p}
		if err := s.OpenRaw(); err != nil {
			return nil, fmt.Errorf("salvage: %w", err)
		}
		raw.cat.Segments = append(raw.cat.Segments, s)
		if err := catalog.CheckFile(p); errors.Is(err, bolt.ErrShort) {
			raw.cat.Blame(s, nil, 0, 0, err)
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
	if len(r.cat.Streams) == 0 && (there == nil || len(there.cat.Streams) > 0) {
		return nil, fmt.Errorf("salvage %s: no block of an archive in it: %w", path, ErrNotArchive)
	}
	w, err := OpenWriter(out, nil)
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s, got := &Salvaged{}, map[catalog.RunID]bool{}
	meta := w.seg.Meta
	if there != nil { // what retention took is not missed in the new archive either
		newest := there.cat.Newest().Meta
		meta.Gone = newest.Removed()
		meta.Pinned = slices.ContainsFunc(there.cat.Segments, func(s *catalog.Segment) bool { return s.Meta.Pinned })
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
		s.Lost = append(there.cat.Missing(got), there.cat.Absence...)
		s.Lost = append(s.Lost, there.cat.DamageInTrees()...)
		told = there.cat
	}
	s.Lost = append(append(s.Lost, told.Gaps()...), told.Unaccounted()...)
	s.Lost = append(s.Lost, r.cat.Damage...)
	if len(s.Lost) == 0 {
		s.Lost = told.Untold()
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
func (r *Reader) copyTo(tx *bbolt.Tx, meta catalog.Meta, s *Salvaged, got map[catalog.RunID]bool) error {
	var blocks []catalog.Packed
	defs := map[uint32][]byte{}
	for _, sr := range r.cat.Sorted() {
		s.Streams++
		for part, runs := range sr.Parts {
			for _, x := range runs {
				pieces, _, err := x.Read()
				if err != nil {
					return err
				}
				b := pieces[0]
				if x.Chunks != nil {
					if b, err = codec.Merge(r.zip, nil, pieces...); err != nil {
						return err
					}
				}
				blocks = append(blocks, catalog.Packed{Run: x, Block: b})
				got[catalog.RunID{Stream: x.Stream, Part: part, Run: x.Run}] = true
				defs[x.Stream] = record.Definition(sr.Key, sr.Schema)
				meta.ID, meta.Rounded, meta.Version = x.Archive, meta.Rounded || x.Round, FormatVersion
				s.Blocks++
				if part == 0 {
					s.Records += x.Records
				}
			}
		}
	}
	if err := catalog.PutStreams(tx, r.zip, defs); err != nil {
		return err
	}
	if err := catalog.PutMeta(tx, meta); err != nil {
		return err
	}
	return catalog.PutBlocks(tx, r.zip, blocks)
}

// mend rewrites a segment of which one meta page is damaged. The other leads
// to a sound tree, but perhaps not to the newest one: what that held would be
// overwritten. So every intact block is taken, wherever it lies.
func (w *Writer) mend(path string) error {
	db, err := w.openBolt(path, 0) // no other writer may have the file until the new one is in its place
	if err != nil {
		return err
	}
	old := &catalog.Segment{Path: path, DB: db}
	defer old.Close()
	meta, err := old.BestMeta()
	if err != nil {
		return err
	}
	raw := &catalog.Segment{Path: path}
	if err := raw.OpenRaw(); err != nil {
		return err
	}
	if len(raw.Found) == 0 {
		w.owed = true // nothing can be lost, and a commit mends the page
		return nil
	}
	r := &Reader{cat: catalog.New(w.zip), zip: w.zip}
	r.cat.Segments = []*catalog.Segment{raw}
	if err := r.load(); err != nil {
		return err
	}
	return w.rewriteFile(path, os.Getpagesize(), func(dst *bbolt.DB) error {
		return dst.Update(func(tx *bbolt.Tx) error {
			if err := catalog.MakeBuckets(tx); err != nil {
				return err
			}
			return r.copyTo(tx, meta, &Salvaged{}, map[catalog.RunID]bool{})
		})
	})
}
