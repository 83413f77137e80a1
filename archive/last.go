package archive

import (
	"cmp"
	"math"
	"slices"
	"time"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
)

// A position is a run opened for whole records, and how far it was walked.
type position struct {
	stream  StreamKey
	run     uint64
	records int // of the run when it was opened
	table   *codec.Table
	next    int // record of the run to come
}

// keptPositions is how many positions a reader keeps: asking for the next
// instant of the same streams is then cheap.
const keptPositions = 16

// Last returns the newest record of the stream, and of the subject in it, at
// or before t; ErrNotFound where there is none. Failures are records too.
func (r *Reader) Last(s StreamKey, subject string, t time.Time) (*Record, error) {
	at, err := r.find(s, subject, t)
	if err != nil {
		return nil, err
	}
	return r.record(s, at.run, at.i)
}

// LastFrame is Last for who wants to know some columns of a table or an object
// alone: it decodes no others. Of a large table it holds at least as many rows
// as are asked for, all where that is 0. The frame is the caller's to keep.
func (r *Reader) LastFrame(s StreamKey, t time.Time, columns []string, rows int) (*Frame, error) {
	if rows == 0 {
		return r.lastFrame(s, t, columns, nil)
	}
	return r.lastFrame(s, t, columns, func(part int) bool { return part*codec.PartRows < rows })
}

// LastSlots is LastFrame for who knows in which few slots the rows are that count. Of a large
// table the frame holds those, and some others.
func (r *Reader) LastSlots(s StreamKey, t time.Time, columns []string, slots []int32) (*Frame, error) {
	return r.lastFrame(s, t, columns, func(part int) bool {
		return slices.ContainsFunc(slots, func(slot int32) bool { return int(slot)/codec.PartRows == part })
	})
}

// lastFrame is the newest answer, of those parts of it that are wanted; nil wants all.
func (r *Reader) lastFrame(s StreamKey, t time.Time, columns []string, wanted func(part int) bool) (*Frame, error) {
	at, err := r.find(s, "", t)
	if err != nil {
		return nil, err
	}
	sc := &scan{r: r, key: s, table: codec.NewTable(r.form(s), columns, r.fetcher(s, columns))}
	sc.table.Only(wanted)
	p, err := r.position(s, at.run, sc.table, columns)
	if err == nil {
		err = r.advance(p, at)
	}
	if err != nil {
		return nil, err
	}
	return sc.fill(), nil
}

// LastRow is Last for who wants one row of a table alone, the one in whose key
// column a literal stands: parts of the table in which it cannot be are not
// read. The record's text is that row, nil where none is like that. most is how many rows
// the whole answer can have had.
func (r *Reader) LastRow(s StreamKey, column, literal string, t time.Time) (rec *Record, most int, err error) {
	at, err := r.find(s, "", t)
	if err != nil {
		return nil, 0, err
	}
	table := codec.NewText(r.form(s), r.fetcher(s, nil))
	table.Only(r.partsWith(s, column, literal, at.seq))
	p, err := r.position(s, at.run, table, nil)
	if err == nil {
		err = r.advance(p, at)
	}
	if err != nil {
		return nil, 0, err
	}
	rec = headOf(s, table.Head)
	if table.Head.Rows() {
		rec.Text = table.RowOf(column, literal)
	}
	return rec, table.Head.MostRows(), nil
}

// partsWith tells in which parts of a table a row may be at a record.
func (r *Reader) partsWith(s StreamKey, column, literal string, seq uint64) func(part int) bool {
	r.cat.Mu.RLock()
	indexed := slices.Equal(r.cat.Streams[s].Schema.Key, []string{column})
	r.cat.Mu.RUnlock()
	known := map[int]bool{}
	return func(part int) bool {
		held, ok := known[part]
		if !ok {
			held = !indexed || r.mayHold(s, part, literal, seq)
			known[part] = held
		}
		return held
	}
}

// mayHold asks the row index of the run of a part that holds a record.
func (r *Reader) mayHold(s StreamKey, part int, literal string, seq uint64) bool {
	x := r.runAt(s, part, seq)
	if x == nil {
		return true // whoever reads it says what is missing
	}
	synopsis, err := r.cat.Synopsis(r.zip, s, x)
	return err != nil || synopsis == nil || synopsis.MayHold([]byte(literal))
}

// A place is where a record lies: the i-th of a run.
type place struct {
	run catalog.Run
	i   int
	seq uint64
}

// find is where the newest record of the stream, and of the subject in it, at or
// before t lies.
func (r *Reader) find(s StreamKey, subject string, t time.Time) (p place, err error) {
	r.refresh()
	at := t.UnixNano()
	if from, ok := r.cat.NewestFrom(s, 0, at); ok { // mostly the newest record is of a run that goes on then or later
		if p, found, err := r.findIn(s, subject, at, from); err != nil || found >= from {
			return p, err
		}
	}
	p, found, err := r.findIn(s, subject, at, never)
	if err == nil && found == never {
		err = ErrNotFound
	}
	return p, err
}

// never is before all times.
const never = math.MinInt64

// findIn is find among the runs that go on at a time or later; found is the time of the record, never where
// there is none.
func (r *Reader) findIn(s StreamKey, subject string, at, goesOn int64) (p place, found int64, err error) {
	runs := r.cat.RunsLike(s, 0, func(x *catalog.Run) bool { return x.From <= at && x.To >= goesOn })
	slices.SortFunc(runs, func(a, b catalog.Run) int { return cmp.Or(cmp.Compare(b.To, a.To), cmp.Compare(b.Run, a.Run)) })
	var best *codec.Head
	for i := range runs {
		x := &runs[i]
		if best != nil && min(x.To, at) < best.At {
			break
		}
		heads, err := r.heads(s, *x)
		if err != nil {
			return p, never, err
		}
		for i := range heads {
			h := &heads[i]
			if h.At > at || h.Subject != subject || best != nil && (h.At < best.At || h.At == best.At && h.Seq < best.Seq) {
				continue
			}
			best, p = h, place{*x, i, h.Seq}
		}
	}
	if best == nil {
		return p, never, nil
	}
	return p, best.At, nil
}

// heads are the heads of a run, of a kept position where there is one.
func (r *Reader) heads(s StreamKey, x catalog.Run) ([]codec.Head, error) {
	r.mu.Lock()
	for _, p := range r.recent {
		if p.stream == s && p.run == x.Run && p.records == x.Records {
			defer r.mu.Unlock()
			return p.table.Heads(), nil
		}
	}
	r.mu.Unlock()
	cr, err := r.cat.OpenIn(r.zip, s, x, &codec.Room{}, []string{}) // no column of it
	if err != nil {
		return nil, err
	}
	heads, err := cr.Heads()
	if err != nil {
		return nil, r.cat.Corruption(s, &x, err)
	}
	return heads, nil
}

// record is the i-th record of a run.
func (r *Reader) record(s StreamKey, x catalog.Run, i int) (*Record, error) {
	p := r.takePosition(s, x, i)
	if p == nil {
		var err error
		if p, err = r.position(s, x, codec.NewText(r.form(s), r.fetcher(s, nil)), nil); err != nil {
			return nil, err
		}
	}
	if err := r.advance(p, place{run: x, i: i}); err != nil {
		return nil, err
	}
	rec, err := recordOf(s, p.table)
	if err != nil {
		return nil, r.cat.Corruption(s, &x, err)
	}
	r.keepPosition(p)
	return rec, nil
}

// position opens a run with a table that is new, and has these columns; nil stands for all.
func (r *Reader) position(s StreamKey, x catalog.Run, table *codec.Table, columns []string) (*position, error) {
	cr, err := r.cat.OpenIn(r.zip, s, x, &codec.Room{}, columns)
	if err != nil {
		return nil, err
	}
	p := &position{stream: s, run: x.Run, records: cr.Records, table: table}
	if err := p.table.Load(cr); err != nil {
		return nil, r.cat.Corruption(s, &x, err)
	}
	return p, nil
}

// advance walks to a record, unless it is there.
func (r *Reader) advance(p *position, to place) error {
	for ; p.next <= to.i; p.next++ {
		step := p.table.Skip
		if p.next == to.i {
			step = p.table.Next
		}
		if ok, err := step(); err != nil || !ok {
			return r.cat.Corruption(p.stream, &to.run, err)
		}
	}
	return nil
}

// takePosition takes a kept position at or before the record out of the list.
func (r *Reader) takePosition(s StreamKey, x catalog.Run, i int) *position {
	r.mu.Lock()
	defer r.mu.Unlock()
	for j, p := range r.recent {
		if p.stream == s && p.run == x.Run && p.records == x.Records && (p.next <= i || p.next == i+1) {
			r.recent = slices.Delete(r.recent, j, j+1)
			return p
		}
	}
	return nil
}

func (r *Reader) keepPosition(p *position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.recent) == keptPositions {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	r.recent = append(r.recent, p)
}

// recordOf is the record that a table made for whole records has come to.
func recordOf(s StreamKey, t *codec.Table) (*Record, error) {
	text, err := t.Text()
	if err != nil {
		return nil, err
	}
	rec := headOf(s, t.Head)
	rec.Text = text
	return rec, nil
}

// headOf is a record but for its text.
func headOf(s StreamKey, h *codec.Head) *Record {
	return &Record{
		Seq: h.Seq, Stream: s, At: catalog.Unix(h.At), Took: time.Duration(h.Took), Mono: time.Duration(h.Mono), Subject: h.Subject, Args: slices.Clone(h.Args),
		IsError: h.IsError, Failure: failureOf(h), Seen: int(h.Seen), Total: int(h.Total),
	}
}

func failureOf(h *codec.Head) *Failure {
	if !h.Failed {
		return nil
	}
	return &Failure{Code: int(h.Code), Text: h.Reason}
}
