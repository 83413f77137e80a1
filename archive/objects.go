package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/record"
)

// An Object is a flat file wherever it lies: Name, Src, Size, and what is known
// of it without reading it.
type Object = catalog.Object

// OpenObjects opens flat files as one archive, whose segments they are. Each
// is asked for its index, and then for the blocks that are read. What objects
// are missing between them, and those whose index cannot be read, is damage; none need
// follow the last. The caller keeps the sources open as long as the reader.
func OpenObjects(objects ...Object) (*Reader, error) {
	r := newReader()
	var first error
	for _, o := range objects {
		s := &catalog.Segment{Path: o.Name, Flat: &catalog.FlatFile{Object: o}}
		if err := s.OpenFlat(r.zip); err != nil {
			err = fmt.Errorf("open %s: %w", o.Name, err)
			if first = cmp.Or(first, err); errors.Is(err, ErrVersion) {
				return nil, err
			}
			r.cat.Damage = append(r.cat.Damage, &CorruptionError{Segment: s.Name(), From: o.From, To: o.To, Err: err})
			continue
		}
		r.cat.Segments = append(r.cat.Segments, s)
	}
	if len(r.cat.Segments) == 0 && first != nil {
		return nil, first
	}
	if len(r.cat.Segments) == 0 {
		return nil, fmt.Errorf("open objects: there is none: %w", ErrNotArchive)
	}
	slices.SortFunc(r.cat.Segments, func(a, b *catalog.Segment) int { return cmp.Compare(a.Meta.Segment, b.Meta.Segment) })
	r.cat.After = r.cat.Segments[0].Meta.Segment - 1
	newest := &r.cat.Segments[len(r.cat.Segments)-1].Meta
	for _, o := range objects {
		for _, n := range o.Gone {
			newest.Gone, newest.Dropped = newest.Removed().With(n), nil
		}
	}
	return r, r.load()
}

// OpenFlat opens a file that is flat by itself: it may hold the middle of an
// archive, and no other segment is missed.
func OpenFlat(path string) (*Reader, error) {
	s, err := catalog.OpenFlatFile(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r := newReader()
	r.cat.Segments, r.cat.After = []*catalog.Segment{s}, s.Meta.Segment-1
	return r, r.load()
}

// WriteFlat writes the archive, which must be of one segment, as a flat file.
// Every block is checked on the way.
func (r *Reader) WriteFlat(ctx context.Context, w io.Writer) error {
	if len(r.cat.Segments) != 1 {
		return fmt.Errorf("write a flat file: the archive has %d segments: open one of them", len(r.cat.Segments))
	}
	f := catalog.NewFlatWriter(w, r.zip)
	meta := r.cat.Segments[0].Meta
	meta.Version, meta.Gone, meta.Dropped = FormatVersion, meta.Removed(), nil
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	defs := map[uint32][]byte{}
	for _, sr := range r.cat.Sorted() {
		for part := range sr.Parts {
			for _, x := range r.cat.Runs(sr.Key, part) {
				if err := ctx.Err(); err != nil {
					return err
				}
				b, _, err := r.blockOf(sr.Key, &x)
				if err == nil {
					err = f.Block(b)
				}
				if err != nil {
					return fmt.Errorf("write a flat file: %w", err)
				}
				defs[x.Stream] = record.Definition(sr.Key, sr.Schema)
			}
		}
	}
	if err := f.Finish(text, defs); err != nil {
		return fmt.Errorf("write a flat file: %w", err)
	}
	return nil
}
