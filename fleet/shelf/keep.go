package shelf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/archive"
)

// pinnedShare is the part of KeepBytes, 1 in so many, that segments may take that are there
// for a pinned window only, as in an archive.
const pinnedShare = 2

// keep removes from the shelf what it need not hold any more: whole segments, the
// oldest first. The newest stays.
func (f *Filler) keep(ctx context.Context) error {
	f.mu.Lock()
	items := slices.SortedFunc(maps.Values(f.there), compare)
	f.mu.Unlock()
	if len(items) < 2 || !f.over(items) {
		return nil
	}
	pins, err := f.allPins(ctx, items) // only who removes something has to know
	if err != nil {
		return err
	}
	var free, pinned []Item
	for _, i := range items[:len(items)-1] {
		if f.isPinned(&i, pins) {
			pinned = append(pinned, i)
		} else {
			free = append(free, i)
		}
	}
	total := sizeOf(items)
	drop := func(list *[]Item) error {
		i := (*list)[0]
		*list = (*list)[1:]
		total -= i.Size
		return f.remove(ctx, i)
	}
	for len(free) > 0 && f.old(&free[0]) {
		if err := drop(&free); err != nil {
			return err
		}
	}
	for f.opts.KeepBytes > 0 && total > f.opts.KeepBytes && len(free)+len(pinned) > 0 {
		from := &free
		if len(free) == 0 || sizeOf(pinned) > f.opts.KeepBytes/pinnedShare {
			from = &pinned
		}
		if err := drop(from); err != nil {
			return err
		}
	}
	return nil
}

func (f *Filler) old(i *Item) bool {
	return f.opts.KeepAge > 0 && i.To.Before(f.opts.Now().Add(-f.opts.KeepAge))
}

// over reports whether the items, by age, are too old or too many.
func (f *Filler) over(items []Item) bool {
	return f.old(&items[0]) || f.opts.KeepBytes > 0 && sizeOf(items) > f.opts.KeepBytes
}

func sizeOf(items []Item) (n int64) {
	for _, i := range items {
		n += i.Size
	}
	return n
}

// isPinned reports whether an item stays: a pinned window meets it, or it holds the
// mark that pins one.
func (f *Filler) isPinned(i *Item, pins []window) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pins[i.Segment]) > 0 || slices.ContainsFunc(pins, func(w window) bool { return !w.to.Before(i.From) && !i.To.Before(w.from) })
}

func (f *Filler) remove(ctx context.Context, i Item) error {
	if err := f.shelf.Remove(ctx, i); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.there, i.Segment)
	f.gone[i.Segment] = true
	return nil
}

// allPins are the windows that incidents pin, as the marks of the items say; it is
// never nil.
func (f *Filler) allPins(ctx context.Context, items []Item) ([]window, error) {
	all := []window{}
	for _, i := range items {
		f.mu.Lock()
		own, known := f.pins[i.Segment]
		f.mu.Unlock()
		if !known {
			var err error
			if own, err = f.pinsOf(ctx, i); err != nil {
				return nil, err
			}
			f.mu.Lock()
			f.pins[i.Segment] = own
			f.mu.Unlock()
		}
		all = append(all, own...)
	}
	return all, nil
}

// pinsOf reads the marks of a segment on the shelf. One that cannot be read
// lets nothing be removed.
func (f *Filler) pinsOf(ctx context.Context, i Item) (pins []window, err error) {
	r, err := archive.OpenObjects(archive.Object{Name: i.Name(), Src: f.shelf.Reader(ctx, i), Size: i.Size})
	if err != nil {
		return nil, fmt.Errorf("find what is pinned: %w", err)
	}
	defer r.Close()
	for m, e := range r.Marks(ctx, time.Time{}, time.Time{}) {
		err = errors.Join(err, e)
		if e == nil && m.Kind == archive.MarkIncident {
			pins = append(pins, window{m.From, m.To})
		}
	}
	return pins, err
}
