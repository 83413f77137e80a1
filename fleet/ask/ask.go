// Package ask opens what lies far away as archives: a shelf (s3://BUCKET/PREFIX) or
// a fleet (fleet://NAME@HOST). The time and the nodes that are asked about decide
// what is fetched; recordings of several recorders become one timeline. What cannot
// be reached is damage of what is opened, never left out in silence.
package ask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/merge"
	"ergorecorder/fleet/shelf"
)

// Options say how and what is asked.
type Options struct {
	Shelf  shelf.Options
	Engine link.Options // who we are at a fleet's engine
	Cache  *cache.Cache
	// From and To are what is asked about; zero is unbounded.
	From, To time.Time
	// Nodes are those that are asked about; nil: all. It narrows what is fetched of a
	// fleet; of a shelf only what is read is fetched anyway.
	Nodes func(node string) bool
	// Wait is how long a fleet's engine may take to answer; zero means 5 s.
	Wait time.Duration
	// Apart keeps the recordings of several recorders apart: they are no timeline.
	Apart bool
}

// An Opened is what was opened: archives of one timeline.
type Opened struct {
	Readers []*archive.Reader
	// Fetched says what was fetched so far, in words.
	Fetched func() string
	// Bytes is how much that was, and with how many reads.
	Bytes func() (bytes, reads int64)
	// Notes say what whoever reads should know: how clocks were reconciled, what lies
	// there that is no recording.
	Notes []string
}

// Close closes the archives.
func (o *Opened) Close() (err error) {
	for _, r := range o.Readers {
		err = errors.Join(err, r.Close())
	}
	return err
}

// IsAddress reports whether a path is an address that Open opens.
func IsAddress(path string) bool {
	return shelf.IsAddress(path) || IsFleet(path) || strings.HasPrefix(path, shelf.EngineScheme)
}

// Open opens an address. The context is that of all that is read later.
func Open(ctx context.Context, address string, o Options) (*Opened, error) {
	if IsFleet(address) {
		return openFleet(ctx, address, o)
	}
	return openShelf(ctx, address, o)
}

func openShelf(ctx context.Context, address string, o Options) (_ *Opened, err error) {
	ctx, end := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			end() // the way to what is not read
		}
	}()
	s, err := shelfOf(ctx, address, o)
	if err != nil {
		return nil, err
	}
	l, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	var inputs []merge.Input
	out := &Opened{Bytes: s.Fetched, Fetched: func() string {
		b, n := s.Fetched()
		return fmt.Sprintf("%s: %.1f MB of %.1f MB in %d reads", s, float64(b)/1e6, float64(sizeOf(l.Items))/1e6, n)
	}}
	for _, err := range l.Refused {
		out.Notes = append(out.Notes, fmt.Sprintf("%s: %v", s, err))
	}
	if l.Strange > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%s: %d objects are no segments of recordings", s, l.Strange))
	}
	for _, items := range byArchive(l.Items) {
		objects := objectsOf(ctx, s, o, within(items, o.From, o.To), l.Gone[items[0].Archive])
		if len(objects) == 0 {
			continue
		}
		r, err := archive.OpenObjects(objects...)
		if err != nil {
			return nil, errors.Join(err, closeAll(inputs))
		}
		inputs = append(inputs, merge.Input{Name: s.String() + " " + archive.ArchiveID(items[0].Archive), Reader: r})
	}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("open %s: %s", s, nothing(l, o))
	}
	return out, out.timeline(ctx, inputs, o)
}

// shelfOf is the shelf of an address: of an S3 server, or of a fleet's engine, to which the
// way stays open as long as the context.
func shelfOf(ctx context.Context, address string, o Options) (*shelf.Shelf, error) {
	if shelf.IsAddress(address) {
		return shelf.Open(address, o.Shelf)
	}
	p, prefix, err := parsePlace(address, shelf.EngineScheme)
	if err != nil {
		return nil, err
	}
	l, err := p.dial(o.Engine)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	if err := p.reach(ctx, l, o.Wait); err != nil {
		l.Close()
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	context.AfterFunc(ctx, l.Close)
	return shelf.OnEngine(l, p.fleet, prefix), nil
}

// nothing says why there is nothing to open.
func nothing(l *shelf.Listing, o Options) string {
	if len(l.Items) == 0 {
		return fmt.Sprintf("no segment of a recording is there (%d other objects)", l.Strange)
	}
	from, to := l.Items[0].From, l.Items[0].To
	for _, i := range l.Items {
		if i.From.Before(from) {
			from = i.From
		}
		if i.To.After(to) {
			to = i.To
		}
	}
	return fmt.Sprintf("nothing of the time from %s to %s is there: it holds %s to %s", stamp(o.From), stamp(o.To), stamp(from), stamp(to))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "its beginning or end"
	}
	return t.UTC().Format(time.RFC3339)
}

func sizeOf(items []shelf.Item) (n int64) {
	for _, i := range items {
		n += i.Size
	}
	return n
}

// byArchive are items by their archive.
func byArchive(items []shelf.Item) (groups [][]shelf.Item) {
	for i, item := range items {
		if i == 0 || item.Archive != items[i-1].Archive {
			groups = append(groups, nil)
		}
		n := len(groups) - 1
		groups[n] = append(groups[n], item)
	}
	return groups
}

// toldLate is how long after a time what was told late of it, such as lines of a log, may be
// looked for in the next segment.
const toldLate = 10 * time.Minute

// within are the items of an archive that hold something of the time asked
// about, the one before those, which says what was so when the time began, and the one behind
// them, where the time ends soon before it does.
func within(items []shelf.Item, from, to time.Time) []shelf.Item {
	first, end := len(items), 0
	for i, item := range items {
		if (from.IsZero() || !item.To.Before(from)) && (to.IsZero() || !item.From.After(to)) {
			first, end = min(first, i), i+1
		}
	}
	if first >= end {
		return nil
	}
	if end < len(items) && !to.IsZero() && items[end-1].To.Sub(to) < toldLate {
		end++
	}
	return items[max(0, first-1):end]
}

// objectsOf are items as objects that are read through the cache.
func objectsOf(ctx context.Context, s *shelf.Shelf, o Options, items []shelf.Item, gone []int) (objects []archive.Object) {
	for _, i := range items {
		var src io.ReaderAt = s.Reader(ctx, i)
		if o.Cache != nil {
			src = o.Cache.Reader(strings.Join([]string{o.Shelf.Endpoint, s.String(), i.Name(), i.ETag}, " "), src, i.Size)
		}
		objects = append(objects, archive.Object{Name: i.Name(), Src: src, Size: i.Size, From: i.From, To: i.To})
	}
	if len(objects) > 0 {
		objects[0].Gone = gone
	}
	return objects
}

func closeAll(inputs []merge.Input) (err error) {
	for _, in := range inputs {
		err = errors.Join(err, in.Reader.Close())
	}
	return err
}
