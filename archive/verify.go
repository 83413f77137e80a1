package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/codec"
)

// A Report is what Verify found.
type Report struct {
	Segments int
	Streams  int
	Blocks   int // runs that are packed, and those still in the tail
	Records  int
	Bytes    int64
	Damage   []*CorruptionError // nil: the archive is sound
}

// Verify reads all of the archive at path: every page of its files' trees,
// every block, every cell. Damage is in the report; an error means that the
// archive could not be looked at (ErrLocked, ErrNotArchive, ErrVersion, no such
// file, ctx done). An intact empty archive is sound.
func Verify(ctx context.Context, path string) (*Report, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Verify(ctx)
}

// Verify is the function of that name for an archive that is open. Of a
// writer's view it checks what has been appended so far.
func (r *Reader) Verify(ctx context.Context) (*Report, error) {
	r.refresh()
	rep := &Report{}
	rep.Damage = r.known()
	if r.writer != nil {
		rep.Damage = append(rep.Damage, r.cat.chain()...)
	}
	for _, s := range r.cat.segments {
		rep.Segments++
		rep.Bytes += s.size()
		rep.Damage = append(rep.Damage, r.cat.strayBlocks(s)...)
	}
	rep.Damage = append(rep.Damage, r.cat.unaccounted()...)
	for _, sr := range r.cat.sorted() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rep.Streams++
		rep.Damage = append(rep.Damage, r.verifyStream(ctx, sr.key, rep)...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rep.Damage, func(a, b *CorruptionError) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), a.From.Compare(b.From))
	})
	return rep, nil
}

// verifyStream decodes all of a stream.
func (r *Reader) verifyStream(ctx context.Context, k StreamKey, rep *Report) (damage []*CorruptionError) {
	broken := map[runID]bool{}
	blame := func(x *run, err error) {
		if id := (runID{x.Stream, x.Part, x.Run}); !broken[id] && !errors.Is(err, errDropped) {
			broken[id] = true
			if e := (*CorruptionError)(nil); errors.As(err, &e) {
				damage = append(damage, e)
			} else {
				damage = append(damage, r.cat.corruption(k, x, err))
			}
		}
	}
	for part := 1; len(r.cat.runs(k, part)) > 0; part++ {
		for _, x := range r.cat.runs(k, part) {
			if ctx.Err() != nil {
				return nil
			}
			rep.Blocks++
			if _, err := r.cat.open(r.zip, k, x); err != nil {
				blame(&x, err)
			}
		}
	}
	table := codec.NewText(r.form(k), r.fetcher(k))
	var before *run
	for _, x := range r.cat.runs(k, 0) {
		if ctx.Err() != nil {
			return nil
		}
		rep.Blocks++
		rep.Records += x.Records
		if e := r.cat.gapBefore(k, before, &x); e != nil {
			damage = append(damage, e)
		}
		before = &x
		cr, err := r.cat.open(r.zip, k, x)
		if err == nil {
			err = decodeAll(table, cr)
		}
		if part := (*codec.PartError)(nil); errors.As(err, &part) && len(broken) > 0 {
			continue // the part's own run has been blamed
		}
		if err != nil {
			blame(&x, err)
		}
	}
	return damage
}

func decodeAll(t *codec.Table, r *codec.Run) error {
	if err := t.Load(r); err != nil {
		return err
	}
	var first error
	for {
		ok, err := t.Next()
		if part := (*codec.PartError)(nil); err != nil && !errors.As(err, &part) {
			return err
		}
		if first == nil {
			first = err
		}
		if err == nil && ok && !t.Head.Rows() {
			if _, err := t.Text(); err != nil {
				return err
			}
		}
		if !ok {
			return first
		}
	}
}

// gaps tells of all records that are missing between those that are there.
func (c *catalog) gaps() (damage []*CorruptionError) {
	for _, sr := range c.sorted() {
		var before *run
		for _, x := range c.runs(sr.key, 0) {
			if e := c.gapBefore(sr.key, before, &x); e != nil {
				damage = append(damage, e)
			}
			before = &x
		}
	}
	return damage
}

// gapBefore tells of records that a run says came before it, and that are not
// there. What retention dropped is not missed.
func (c *catalog) gapBefore(k StreamKey, before, x *run) *CorruptionError {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if x.Prev == 0 || c.dropped() || before == nil && c.after > 0 || before != nil && before.Last >= x.Prev {
		return nil
	}
	e := &CorruptionError{
		Segment: x.seg.name(), Stream: k.String(), From: unix(x.From), To: unix(x.From),
		Err: fmt.Errorf("what came before record %d is missing", x.Run),
	}
	if before != nil {
		e.From, e.Err = unix(before.To), fmt.Errorf("records %d to %d are missing", before.Last+1, x.Prev)
	}
	return e
}

// unaccounted tells how many records are not there, by their numbers. Where a
// tree is gone, nothing else tells of what was lost with it.
func (c *catalog) unaccounted() (damage []*CorruptionError) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i := slices.IndexFunc(c.segments, (*segment).isRaw)
	if i < 0 {
		return nil
	}
	first, last, there := uint64(math.MaxUint64), uint64(0), uint64(0)
	for _, sr := range c.streams {
		if len(sr.parts) == 0 {
			continue
		}
		for _, r := range sr.parts[0] {
			first, last, there = min(first, r.Run), max(last, r.Last), there+uint64(r.Records)
		}
	}
	if !c.dropped() {
		first = 1
	}
	if last > 0 && last-first+1 > there {
		err := fmt.Errorf("records missing of those numbered %d to %d: %d (lost, or dropped by retention)", first, last, last-first+1-there)
		damage = append(damage, &CorruptionError{Segment: c.segments[i].name(), Err: err})
	}
	return damage
}

// strayBlocks tells of blocks that the index does not know.
func (c *catalog) strayBlocks(s *segment) (damage []*CorruptionError) {
	if s.isRaw() || s.foreign || s.flat != nil {
		return nil
	}
	known := map[string]map[int]bool{}
	c.mu.RLock()
	for _, sr := range c.streams {
		for _, runs := range sr.parts {
			for _, r := range runs {
				if r.seg == s && r.chunks == nil {
					if known[string(r.key)] == nil {
						known[string(r.key)] = map[int]bool{}
					}
					known[string(r.key)][int(r.at)] = true
				}
			}
		}
	}
	c.mu.RUnlock()
	err := s.view(func(tx *bbolt.Tx) error {
		eachValue(tx, bucketBlocks, func(k, v []byte) {
			for off := 0; off < len(v); {
				h, _, size, err := codec.ParseHeader(v[off:])
				if err != nil {
					return // blamed on the run that lies there
				}
				if !known[string(k)][off] {
					damage = append(damage, &CorruptionError{
						Segment: s.name(), From: unix(h.From), To: unix(h.To),
						Err: fmt.Errorf("blocks %x at %d: not in the index", k, off),
					})
				}
				off += size
			}
		})
		return nil
	})
	if err != nil {
		damage = append(damage, &CorruptionError{Segment: s.name(), Err: err})
	}
	return damage
}

// Damage tells what is known to be missing without reading the blocks: what was
// found when the archive was opened, segments that are not there, and records
// that others say came before them. Verify finds the rest.
func (r *Reader) Damage() []*CorruptionError {
	r.refresh()
	damage := r.known()
	if r.writer != nil {
		damage = append(damage, r.cat.chain()...)
	}
	damage = append(damage, r.cat.unaccounted()...)
	return append(damage, r.cat.gaps()...)
}
