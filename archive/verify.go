package archive

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/internal/inorder"
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
	rep := &Report{Segments: len(r.cat.Segments), Damage: r.known()}
	if r.writer != nil {
		rep.Damage = append(rep.Damage, r.cat.Chain()...)
	}
	var stray []*CorruptionError
	var work sync.WaitGroup
	work.Go(func() {
		for _, s := range r.cat.Segments {
			rep.Bytes += s.Size()
			if ctx.Err() == nil {
				stray = append(stray, r.cat.StrayBlocks(s)...)
			}
		}
	})
	streams := r.verifyStreams(ctx)
	work.Wait()
	rep.Damage = slices.Concat(rep.Damage, stray, r.cat.Unaccounted())
	for _, v := range streams {
		rep.Streams++
		rep.Blocks += v.blocks
		rep.Records += v.records
		rep.Damage = append(rep.Damage, v.damage...)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(rep.Damage, func(a, b *CorruptionError) int {
		return cmp.Or(cmp.Compare(a.Segment, b.Segment), a.From.Compare(b.From))
	})
	return rep, nil
}

// A verified is what was found in one stream.
type verified struct {
	blocks, records int
	damage          []*CorruptionError
}

// verifiers is how many streams are decoded at the same time: each needs the memory of a
// run or two.
const verifiers = 2

// verifyStreams decodes all streams, two at a time where there are two cores, and the largest first, so that none
// is left alone at the end.
func (r *Reader) verifyStreams(ctx context.Context) []verified {
	streams := r.cat.Sorted()
	found := make([]verified, len(streams))
	order := inorder.Largest(len(streams), func(i int) int64 { return r.cat.Bytes(streams[i]) })
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(verifiers, runtime.GOMAXPROCS(0), len(streams)) {
		work.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(order) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				i := order[n]
				found[i] = r.verifyStream(ctx, streams[i].Key)
			}
		})
	}
	work.Wait()
	return found
}

// verifyStream decodes all of a stream.
func (r *Reader) verifyStream(ctx context.Context, k StreamKey) (v verified) {
	broken := map[catalog.RunID]bool{}
	blame := func(x *catalog.Run, err error) {
		if id := (catalog.RunID{Stream: x.Stream, Part: x.Part, Run: x.Run}); !broken[id] && !errors.Is(err, catalog.ErrDropped) {
			broken[id] = true
			if e := (*CorruptionError)(nil); errors.As(err, &e) {
				v.damage = append(v.damage, e)
			} else {
				v.damage = append(v.damage, r.cat.Corruption(k, x, err))
			}
		}
	}
	for part := 1; len(r.cat.Runs(k, part)) > 0; part++ {
		for _, x := range r.cat.Runs(k, part) {
			if ctx.Err() != nil {
				return v
			}
			v.blocks++
			if _, err := r.openChecked(k, x); err != nil {
				blame(&x, err)
			}
		}
	}
	table := codec.NewText(r.form(k), r.fetcher(k, nil))
	var before *catalog.Run
	for _, x := range r.cat.Runs(k, 0) {
		if ctx.Err() != nil {
			return v
		}
		v.blocks++
		v.records += x.Records
		if e := r.cat.GapBefore(k, before, &x); e != nil {
			v.damage = append(v.damage, e)
		}
		before = &x
		cr, err := r.openChecked(k, x)
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
	return v
}

// openChecked opens a run and checks what readers of all of it do not look at.
func (r *Reader) openChecked(k StreamKey, x catalog.Run) (*codec.Run, error) {
	cr, err := r.cat.Open(r.zip, k, x)
	if err == nil {
		err = cr.CheckSums()
	}
	return cr, err
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

// Damage tells what is known to be missing without reading the blocks: what was
// found when the archive was opened, segments that are not there, and records
// that others say came before them. Verify finds the rest.
func (r *Reader) Damage() []*CorruptionError {
	r.refresh()
	damage := r.known()
	if r.writer != nil {
		damage = append(damage, r.cat.Chain()...)
	}
	damage = append(damage, r.cat.Unaccounted()...)
	return append(damage, r.cat.Gaps()...)
}
