package archive

import (
	"context"
	"errors"
	"iter"
	"time"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
)

// Scan walks the answers of one table or object stream in order of append,
// decoding only the named columns (all that there are if columns is nil; then
// a later frame may have more of them than an earlier one). The first frame
// has Reset set. For a stream with subjects every subject is a row, and each
// frame changes one. A frame of what was no rows has a Failure.
func (r *Reader) Scan(ctx context.Context, s StreamKey, from, to time.Time, columns []string) iter.Seq2[*Frame, error] {
	return func(yield func(*Frame, error) bool) {
		r.refresh()
		q := Query{From: from, To: to}
		sc := &scan{r: r, key: s, window: q.window(), table: codec.NewTable(r.form(s), columns, r.fetcher(s))}
		sc.table.Restart()
		sc.room = r.takeRoom()
		defer r.keepRoom(sc.room)
		sc.table.Within(&sc.room.unpacked)
		for _, x := range r.cat.Runs(s, 0) {
			if !sc.window.meets(x.From, x.To) {
				sc.skipped = true
				continue
			}
			if !sc.run(ctx, &x, yield) {
				return
			}
		}
	}
}

// scan is a scan under way.
type scan struct {
	r       *Reader
	key     StreamKey
	window  window
	table   *codec.Table
	frame   Frame
	skipped bool   // samples were passed over since the last frame
	broken  string // the damage told last

	room   *room
	opened int // how many blocks were
}

// A room is memory that one scan after the other uses.
type room struct {
	blocks   [2][]byte // the table still holds one while the next is opened
	unpacked codec.Memory
}

// takeRoom is that of the scan before, if it is free.
func (r *Reader) takeRoom() *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.spare
	if r.spare = nil; x == nil {
		x = &room{}
	}
	return x
}

// keepRoom keeps the memory of a scan for the next, unless it is much.
func (r *Reader) keepRoom(x *room) {
	const most = 4 << 20
	if cap(x.blocks[0])+cap(x.blocks[1]) > most {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = x
}

// run yields the frames of a run and reports whether to go on.
func (sc *scan) run(ctx context.Context, x *catalog.Run, yield func(*Frame, error) bool) bool {
	sc.opened++
	cr, err := sc.r.cat.OpenIn(sc.r.zip, sc.key, *x, &sc.room.blocks[sc.opened%2])
	if err == nil {
		if err = sc.table.Load(cr); err != nil {
			err = sc.r.cat.Corruption(sc.key, x, err)
		}
	}
	if err != nil {
		return errors.Is(err, catalog.ErrDropped) || yield(nil, err)
	}
	heads := sc.table.Heads()
	last := len(heads) - 1
	for last >= 0 && !sc.window.meets(heads[last].At, heads[last].At) {
		last--
	}
	for i := range heads {
		if i > last {
			sc.skipped = true
			break
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return false
		}
		wanted := sc.window.meets(heads[i].At, heads[i].At)
		if wanted && sc.skipped {
			sc.table.Restart()
			sc.skipped = false
		}
		step := sc.table.Next
		if !wanted {
			step = sc.table.Skip
		}
		if _, err := step(); err != nil {
			var part *codec.PartError
			going := errors.As(err, &part)
			if !sc.tell(x, err, yield) {
				return false
			}
			if !going {
				return true
			}
			continue
		}
		if !wanted {
			sc.skipped = true
			continue
		}
		if !yield(sc.fill(), nil) {
			return false
		}
	}
	return true
}

// tell yields damage, once for each run that it is in.
func (sc *scan) tell(x *catalog.Run, err error, yield func(*Frame, error) bool) bool {
	sc.skipped = true
	e := sc.r.cat.Corruption(sc.key, x, err)
	if e.Error() == sc.broken {
		return true
	}
	sc.broken = e.Error()
	return yield(nil, e)
}

// noRows is the Failure of a frame whose answer was something else than rows.
var noRows = &Failure{Text: "the answer holds no rows"}

func (sc *scan) fill() *Frame {
	t, f := sc.table, &sc.frame
	h := t.Head
	f.At, f.Took, f.Mono, f.Subject, f.Seen, f.Total = catalog.Unix(h.At), time.Duration(h.Took), time.Duration(h.Mono), h.Subject, int(h.Seen), int(h.Total)
	f.Failure, f.Reset, f.Live, f.Changed, f.Gone = failureOf(h), t.Reset, t.Live, t.Changed, t.Gone
	if !h.Rows() {
		f.Live, f.Changed, f.Gone = nil, nil, nil
		if f.Failure == nil {
			f.Failure = noRows
		}
	}
	for len(f.Columns) < len(t.Columns) {
		f.Columns = append(f.Columns, Column{})
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		f.Columns[i].Name, f.Columns[i].Ints, f.Columns[i].Texts = c.Name, c.Ints, c.Texts
		f.Columns[i].Kinds = c.Kinds
	}
	return f
}
