package shelf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
)

// FillOptions say what of an archive is put on a shelf, and how long it stays.
type FillOptions struct {
	// KeepAge and KeepBytes bound what the shelf holds of the archive; zero is
	// without bound. Segments that a pinned window meets stay; of KeepBytes they may take
	// half.
	KeepAge   time.Duration
	KeepBytes int64
	// Forget drops a segment of the archive here once it is on the shelf; nil keeps it.
	Forget func(segment int) error
	// Now is the clock by which KeepAge counts.
	Now func() time.Time
	// Notice hears, in words, when segments cannot be put and when they can again; nil
	// means nobody.
	Notice func(string)
}

// A Filler puts the closed segments of an archive on a shelf, in order.
type Filler struct {
	shelf *Shelf
	dir   string
	opts  FillOptions

	mu      sync.Mutex
	state   State
	items   map[int]Item // closed segments that were seen here
	there   map[int]Item // on the shelf
	gone    map[int]bool // removed from it
	pins    map[int][]window
	listed  bool
	archive uint64
}

// A State is how the filling goes.
type State struct {
	Waiting int   // segments that are closed and not on the shelf
	Bytes   int64 // of them, as they lie here
	Since   time.Time
	Put     int    // by this filler
	Lost    int    // that were dropped here before they were there
	Failing string // why the last put, or removal, failed
}

type window struct{ from, to time.Time }

// NewFiller makes a filler for the archive in a directory.
func NewFiller(s *Shelf, dir string, o FillOptions) *Filler {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	return &Filler{shelf: s, dir: dir, opts: o, items: map[int]Item{}, there: map[int]Item{}, gone: map[int]bool{}, pins: map[int][]window{}}
}

// State tells how it goes.
func (f *Filler) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// Fill puts what is closed and not there. What fails is told, counted and tried again
// by the next call.
func (f *Filler) Fill(ctx context.Context) error {
	err := f.fill(ctx)
	if err == nil || ofOne(err) {
		err = errors.Join(err, f.keep(ctx))
	}
	f.mu.Lock()
	was := f.state.Failing
	f.state.Failing = ""
	if err != nil {
		f.state.Failing = err.Error()
	}
	f.mu.Unlock()
	switch {
	case err != nil && was == "":
		f.opts.Notice("shelf: " + err.Error())
	case err == nil && was != "":
		f.opts.Notice("shelf: what is closed is taken again")
	}
	return err
}

func (f *Filler) fill(ctx context.Context) error {
	here, err := f.look()
	if err != nil {
		return err
	}
	f.count(here)
	if err := f.list(ctx); err != nil {
		return err
	}
	f.count(here)
	return f.takeAll(ctx, here)
}

// takeAll puts what is not there. A segment whose name is taken does not keep the next ones from it.
func (f *Filler) takeAll(ctx context.Context, here []int) error {
	var first error
	more := 0
	for _, n := range here {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f.take(ctx, n)
		switch {
		case err == nil:
		case !ofOne(err):
			return err
		case first == nil:
			first = err
		default:
			more++
		}
	}
	if more > 0 {
		return fmt.Errorf("%w (so it is with %d more)", first, more)
	}
	return first
}

// look finds the closed segments: all but the newest.
func (f *Filler) look() (here []int, err error) {
	paths, err := archive.Segments(f.dir)
	if err != nil {
		return nil, fmt.Errorf("look for closed segments: %w", err)
	}
	for _, p := range paths[:max(0, len(paths)-1)] {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)))
		if err != nil {
			continue
		}
		if err := f.see(n, p); err != nil {
			return nil, err
		}
		here = append(here, n)
	}
	return here, nil
}

// count counts what is here and not there.
func (f *Filler) count(here []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state.Waiting, f.state.Bytes, f.state.Since = 0, 0, time.Time{}
	for n, i := range f.items {
		_, there := f.there[n]
		switch {
		case there || f.gone[n] || i.Archive == 0:
		case !slices.Contains(here, n):
			f.state.Lost++
			delete(f.items, n)
		default:
			f.state.Waiting++
			f.state.Bytes += i.Size
			if f.state.Since.IsZero() || i.From.Before(f.state.Since) {
				f.state.Since = i.From
			}
		}
	}
}

// see looks into a segment that was closed: of which archive it is, and when
// its records are. One that holds none is of no archive, and passed over.
func (f *Filler) see(n int, path string) error {
	f.mu.Lock()
	_, known := f.items[n]
	f.mu.Unlock()
	if known {
		return nil
	}
	r, err := archive.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped meanwhile
	}
	if err != nil {
		return fmt.Errorf("look into a closed segment: %w", err)
	}
	defer r.Close()
	info := r.Info()
	item := Item{Segment: n, From: info.From, To: info.To, Size: info.Bytes}
	if info.Records > 0 {
		if item.Archive, err = strconv.ParseUint(info.ID, 16, 64); err != nil {
			return fmt.Errorf("look into %s: its archive is %q", path, info.ID)
		}
	}
	var pins []window
	for m, err := range r.Marks(context.Background(), time.Time{}, time.Time{}) {
		if err == nil && m.Kind == archive.MarkIncident {
			pins = append(pins, window{m.From, m.To})
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items[n], f.pins[n] = item, pins
	if item.Archive != 0 {
		f.archive = item.Archive
	}
	return nil
}

// list learns, once, what of the archive is on the shelf.
func (f *Filler) list(ctx context.Context) error {
	f.mu.Lock()
	archive, listed := f.archive, f.listed
	f.mu.Unlock()
	if listed || archive == 0 {
		return nil
	}
	l, err := f.shelf.List(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = true
	for _, i := range l.Items {
		if i.Archive == archive {
			f.there[i.Segment] = i
		}
	}
	for _, n := range l.Gone[archive] {
		f.gone[n] = true
	}
	return nil
}

// take puts one segment, unless it is there.
func (f *Filler) take(ctx context.Context, n int) error {
	f.mu.Lock()
	item := f.items[n]
	_, there := f.there[n]
	there = there || f.gone[n] || item.Archive == 0
	f.mu.Unlock()
	if !there {
		put, err := f.put(ctx, item)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // dropped meanwhile: the next look counts it
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.there[n] = put
		f.state.Put++
		f.state.Waiting--
		f.state.Bytes -= item.Size
		f.mu.Unlock()
	}
	if f.opts.Forget != nil {
		return f.opts.Forget(n)
	}
	return nil
}

// tempName is of the file that holds a segment in its flat form, as long as it is put.
const tempName = "shelf-*.tmp"

// put writes the segment's flat form beside the archive and puts that.
func (f *Filler) put(ctx context.Context, i Item) (Item, error) {
	r, err := archive.Open(filepath.Join(f.dir, fmt.Sprintf("%08d.erg", i.Segment)))
	if err != nil {
		return i, err
	}
	defer r.Close()
	temp, err := os.CreateTemp(f.dir, tempName)
	if err != nil {
		return i, fmt.Errorf("put segment %d on the shelf: %w", i.Segment, err)
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if err := r.WriteFlat(ctx, temp); err != nil {
		return i, fmt.Errorf("put segment %d on the shelf: %w", i.Segment, err)
	}
	st, err := temp.Stat()
	if err == nil {
		_, err = temp.Seek(0, 0)
	}
	if err != nil {
		return i, fmt.Errorf("put segment %d on the shelf: %w", i.Segment, err)
	}
	i.Size, i.object.key = st.Size(), f.shelf.key(i.name())
	return i, f.shelf.Put(ctx, i, temp)
}
