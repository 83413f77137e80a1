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
		sc := &scan{r: r, key: s, columns: columns, window: within(from, to), table: codec.NewTable(r.form(s), columns, r.fetcher(s, columns))}
		sc.yield = func(err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(sc.fill(), nil)
		}
		sc.walk(ctx)
	}
}

// Cells walks the answers of one table or object stream as Scan does, for who looks at
// what an answer tells anew and no more: the rest of it is not made. All columns must be named. A run begins with a Reset.
func (r *Reader) Cells(ctx context.Context, s StreamKey, from, to time.Time, columns []string) iter.Seq2[*Cells, error] {
	return func(yield func(*Cells, error) bool) {
		r.refresh()
		sc := &scan{r: r, key: s, columns: columns, window: within(from, to), table: codec.NewTold(r.form(s), columns, r.fetcher(s, columns))}
		cells := &Cells{}
		sc.yield = func(err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			h := sc.table.Head
			cells.At, cells.Failure, cells.Reset, cells.Parts = catalog.Unix(h.At), failure(h), sc.table.Reset, cells.Parts[:0]
			if h.Rows() {
				cells.Parts = sc.table.Told(cells.Parts)
			}
			return yield(cells, nil)
		}
		sc.walk(ctx)
	}
}

// walk walks the runs that meet the window.
func (sc *scan) walk(ctx context.Context) {
	sc.table.Restart()
	sc.room = sc.r.spare.Take()
	defer sc.r.spare.Keep(sc.room)
	sc.table.Within(&sc.room.Table)
	defer sc.table.Leave()
	for _, x := range sc.r.cat.Runs(sc.key, 0) {
		if !sc.window.meets(x.From, x.To) {
			sc.skipped = true
			continue
		}
		if !sc.run(ctx, &x) {
			return
		}
	}
}

// scan is a scan under way.
type scan struct {
	r       *Reader
	key     StreamKey
	columns []string // that are read; nil: all
	window  window
	table   *codec.Table
	frame   Frame
	skipped bool                 // samples were passed over since the last frame
	broken  string               // the damage told last
	yield   func(err error) bool // shows what the table came to, or the damage

	room *catalog.Room
}

// run yields the frames of a run and reports whether to go on.
func (sc *scan) run(ctx context.Context, x *catalog.Run) bool {
	cr, err := sc.r.cat.OpenIn(sc.r.zip, sc.key, *x, &sc.room.Block, sc.columns)
	if err == nil {
		if err = sc.table.Load(cr); err != nil {
			err = sc.r.cat.Corruption(sc.key, x, err)
		}
	}
	if err != nil {
		return errors.Is(err, catalog.ErrDropped) || sc.yield(err)
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
			sc.yield(err)
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
			if !sc.tell(x, err) {
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
		if !sc.yield(nil) {
			return false
		}
	}
	return true
}

// tell yields damage, once for each run that it is in.
func (sc *scan) tell(x *catalog.Run, err error) bool {
	sc.skipped = true
	e := sc.r.cat.Corruption(sc.key, x, err)
	if e.Error() == sc.broken {
		return true
	}
	sc.broken = e.Error()
	return sc.yield(e)
}

// noRows is the Failure of a frame whose answer was something else than rows.
var noRows = &Failure{Text: "the answer holds no rows"}

// failure is why a record has no rows, nil where it has.
func failure(h *codec.Head) *Failure {
	if f := failureOf(h); f != nil || h.Rows() {
		return f
	}
	return noRows
}

func (sc *scan) fill() *Frame {
	t, f := sc.table, &sc.frame
	h := t.Head
	f.At, f.Took, f.Mono, f.Subject, f.Seen, f.Total = catalog.Unix(h.At), time.Duration(h.Took), time.Duration(h.Mono), h.Subject, int(h.Seen), int(h.Total)
	f.Failure, f.Reset, f.Live, f.Changed, f.Gone = failure(h), t.Reset, t.Live, t.Changed, t.Gone
	if !h.Rows() {
		f.Live, f.Changed, f.Gone = nil, nil, nil
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
