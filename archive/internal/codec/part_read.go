package codec

import (
	"errors"
	"fmt"
	"slices"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/scan"
	"ergorecorder/archive/internal/codec/slots"
)

// A partCursor walks the samples of one run of one part.
type partCursor struct {
	run    *Run
	base   int32 // first slot of the part
	object bool
	seqs   []uint64
	ats    []int64
	next   int  // sample to come
	stale  bool // samples were decoded that the table's columns do not show

	names   []colDef
	shapes  [][]int // by number: columns of out, in the order of the text
	own     []int32 // by column of out: which of cols
	lists   parse.Reader
	actives parse.Reader
	shape   *colCursor
	cols    []*colCursor
	modes   []uint8 // by column + 1, of the sample under way
	touched []int

	live               []int32    // slots within the part, ascending
	there              *slots.Set // the same, where only what is told counts; live is then empty until it is asked for
	gone, news, active []int32
}

// A colCursor decodes one column.
type colCursor struct {
	out   int // place in the table's columns
	kind  ColumnKind
	unit  int64
	scale int64
	has   []bool // by shape
	every bool   // has it

	number.Decoder
	list       parse.Reader
	ref        number.Decoder
	refV, refA int64
	near       number.Neighbours
	last       cell // of the last new row
	vals       []int64
	lits       []bool
	words      []string
	kinds      []ValueKind // of words
	dirty      []int32     // rows changed by the sample under way
	told       int         // how many of them are new
}

// errEnd: the run holds no further sample.
var errEnd = errors.New("end of run")

// cursor opens the run for the columns of out, which grows where it asked for
// all of them.
func (r *Run) cursor(out *Table) (*partCursor, error) {
	p := &partCursor{run: r, base: int32(r.Part) * PartRows, object: out.form == FormObject}
	old := out.part(r.Part)
	if old == nil && r.Part == 0 {
		old, out.mem.last = out.mem.last, nil
	}
	if old == nil {
		old = &partCursor{}
	}
	if r.mem == nil {
		r.mem = old.retire()
	}
	if out.told {
		p.there = &slots.Set{}
	}
	p.live, p.gone, p.news, p.active = old.live[:0], old.gone[:0], old.news[:0], old.active[:0]
	var err error
	if p.seqs, p.ats, err = r.Seqs(); err != nil {
		return nil, err
	}
	if p.names, err = r.names(); err != nil {
		return nil, err
	}
	if p.shapes, err = r.readShapes(len(p.names)); err != nil {
		return nil, err
	}
	if p.lists.B, _, err = r.stream(tag(fieldLists, subClass)); err != nil {
		return nil, err
	}
	if p.actives.B, _, err = r.stream(tag(fieldActive, subClass)); err != nil {
		return nil, err
	}
	if p.shape, err = r.column(fieldShape, Gauge, out, old.shape); err != nil {
		return nil, err
	}
	p.modes = make([]uint8, len(p.names)+1)
	place := make([]int, len(p.names))
	for i, n := range p.names {
		if place[i] = out.place(n.name); place[i] < 0 {
			continue
		}
		c, err := r.column(fieldColumns+2*i, n.kind, out, old.at(place[i]))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", n.name, err)
		}
		c.out = place[i]
		for len(p.own) <= c.out {
			p.own = append(p.own, 0)
		}
		p.own[c.out] = int32(i)
		c.has, c.every = make([]bool, len(p.shapes)), true
		for s, cols := range p.shapes {
			c.has[s] = slices.Contains(cols, i)
			c.every = c.every && c.has[s]
		}
		for len(p.cols) < i {
			p.cols = append(p.cols, nil)
		}
		p.cols = append(p.cols, c)
	}
	for _, cols := range p.shapes {
		for i, col := range cols {
			cols[i] = place[col]
		}
	}
	return p, nil
}

// retire ends the walk of a cursor and gives the memory that its run was unpacked into.
func (p *partCursor) retire() *frame.Memory {
	if p == nil || p.run == nil || p.run.mem == nil {
		return &frame.Memory{}
	}
	m := p.run.mem
	p.seqs, p.run.mem = nil, nil
	m.Empty()
	return m
}

// names reads which columns the run knows.
func (r *Run) names() ([]colDef, error) {
	if r.defs != nil {
		return r.defs, nil
	}
	b, _, err := r.stream(tag(fieldNames, subClass))
	if err == nil {
		r.defs, err = parseNames(b)
	}
	return r.defs, err
}

func parseNames(b []byte) (names []colDef, err error) {
	all, at := string(b), parse.Reader{B: b}
	for len(at.B) > 0 && !at.Short {
		n := at.Int()
		from := len(b) - len(at.B)
		at.Bytes(n)
		if k := at.Bytes(1); !at.Short {
			names = append(names, colDef{name: all[from : from+n], kind: ColumnKind(k[0] &^ keyColumn), key: k[0]&keyColumn != 0})
		}
	}
	if at.Short {
		return nil, parse.ErrContent
	}
	return names, nil
}

// Columns are the run's columns and how they behave.
func (r *Run) Columns() (map[string]ColumnKind, error) {
	names, err := r.names()
	columns := map[string]ColumnKind{}
	for _, n := range names {
		columns[n.name] = n.kind
	}
	return columns, err
}

// readShapes reads the shapes, by columns of the run.
func (r *Run) readShapes(columns int) (shapes [][]int, err error) {
	b, _, err := r.stream(tag(fieldShapes, subClass))
	rd := parse.Reader{B: b}
	for len(rd.B) > 0 && !rd.Short {
		n := rd.Int()
		if n > len(rd.B) {
			return nil, parse.ErrContent
		}
		cols := make([]int, n)
		for i := range cols {
			if cols[i] = rd.Int(); cols[i] >= columns {
				return nil, parse.ErrContent
			}
		}
		shapes = append(shapes, cols)
	}
	if rd.Short {
		return nil, parse.ErrContent
	}
	return shapes, err
}

// column opens a column, in the memory of the cursor of the run before, nil where
// there is none.
func (r *Run) column(field int, kind ColumnKind, out *Table, old *colCursor) (c *colCursor, err error) {
	c = &colCursor{kind: kind, unit: kind.unit(r.Round), scale: 1}
	if old != nil {
		c.vals, c.lits, c.dirty = old.vals[:0], old.lits[:0], old.dirty[:0]
		c.near = old.near
		c.near.Restart()
	}
	if kind == AgeNS && r.Round {
		c.scale = 1e6
	}
	if c.Decoder, err = r.series(field); err != nil {
		return nil, err
	}
	if kind == AgeNS {
		c.Codes = &number.NarrowCodes
	}
	if c.ref, err = r.series(field + 1); err != nil {
		return nil, err
	}
	if c.list.B, _, err = r.stream(tag(field, subList)); err != nil {
		return nil, err
	}
	if c.words, err = r.words(field); err != nil {
		return nil, err
	}
	c.kinds = make([]ValueKind, len(c.words))
	for i, w := range c.words {
		c.kinds[i] = JSON
		if !out.literal && len(w) > 1 && w[0] == '"' {
			c.kinds[i], c.words[i] = String, scan.Unquote(w)
		}
	}
	return c, nil
}

// list reads slots in the memory of dst.
func list(dst []int32, r *parse.Reader) []int32 {
	dst, rest, ok := slots.Read(dst, r.B, PartRows)
	r.B, r.Short = rest, r.Short || !ok
	return dst
}

// step decodes the next sample.
func (p *partCursor) step() error {
	if p.next >= len(p.seqs) {
		return errEnd
	}
	at := p.ats[p.next]
	p.next++
	lists, actives := p.lists, p.actives // which are read without a pointer that is stored at each step
	p.gone = list(p.gone, &lists)
	p.news = list(p.news, &lists)
	p.active = list(p.active, &actives)
	for _, col := range p.touched {
		p.modes[col+1] = 0
	}
	p.touched = p.touched[:0]
	for range lists.Int() {
		v := lists.Int()
		col := v>>2 - 1
		if lists.Short || col+1 >= len(p.modes) {
			return parse.ErrContent
		}
		p.modes[col+1] = uint8(v&3) | touchedColumn
		p.touched = append(p.touched, col)
	}
	p.lists, p.actives = lists, actives
	if lists.Short || actives.Short {
		return parse.ErrContent
	}
	p.leave()
	p.shape.step(p, p.modes[0], at)
	for _, slot := range p.shape.dirty {
		if s := p.shape.vals[slot]; s < 0 || s >= int64(len(p.shapes)) {
			return parse.ErrContent
		}
	}
	for i, c := range p.cols {
		if c != nil {
			c.step(p, p.modes[i+1], at)
			if c.Short || c.ref.Short || c.list.Short {
				return parse.ErrContent
			}
		}
	}
	if p.shape.Short || p.shape.list.Short {
		return parse.ErrContent
	}
	p.join()
	return nil
}

// leave takes out the rows that are gone, join puts in those that are new.
func (p *partCursor) leave() {
	if p.there == nil {
		p.live = slots.Without(p.live, p.gone)
		return
	}
	p.there.Remove(p.gone)
	p.live = p.live[:0]
}

func (p *partCursor) join() {
	if p.there == nil {
		p.live = slots.With(p.live, p.news)
		return
	}
	p.there.Add(p.news)
	p.live = p.live[:0]
}

// rows are the live ones.
func (p *partCursor) rows() []int32 {
	if p.there != nil && len(p.live) == 0 {
		p.live = p.there.AppendTo(p.live)
	}
	return p.live
}

const touchedColumn = 4 // beside the mode: the column has something to say

// step decodes what the sample says of the column.
func (c *colCursor) step(p *partCursor, mode uint8, at int64) {
	c.dirty = c.dirty[:0]
	if mode&touchedColumn != 0 && c.unit > 0 {
		pred := at / c.unit
		if c.refA != 0 {
			pred += c.refV - c.refA/c.unit
		}
		c.refV, c.refA = c.ref.Next(pred), at
	}
	if n := len(p.news); n > 0 {
		c.grow(p.news[n-1])
	}
	c.come(p, p.news)
	c.told = len(c.dirty)
	c.near.Reset()
	switch mode & 3 {
	case modeActive:
		c.changes(p.active)
	case modeDense:
		c.changes(p.rows())
	case modeList:
		c.some(p.active)
	}
}

// some decodes a cell of each of those of some rows that a list names.
func (c *colCursor) some(rows []int32) {
	list, rank := c.list, -1
	for range list.Int() {
		if rank += 1 + list.Int(); list.Short || rank >= len(rows) {
			list.Short = true
			break
		}
		c.change(rows[rank])
	}
	c.list = list
}

// come decodes the cells of new rows.
func (c *colCursor) come(p *partCursor, news []int32) {
	sort, plain := c.sort()
	plain = plain && len(c.words) == 0 && (c.has == nil || c.every)
	for len(news) > 0 {
		if plain {
			var n int
			n, c.dirty, c.last.val = c.New(c.vals, news, c.dirty, c.last.val, sort)
			news = news[n:]
		}
		if len(news) == 0 {
			return
		}
		if slot := news[0]; c.has == nil || c.has[p.shape.vals[slot]] {
			c.last = c.cell(c.last)
			c.vals[slot], c.lits[slot] = c.last.val, c.last.lit
			c.dirty = append(c.dirty, slot)
			plain = plain && !c.last.lit
		}
		news = news[1:]
	}
}

func (c *colCursor) grow(slot int32) {
	if n := int(slot) + 1 - len(c.vals); n > 0 {
		c.vals, c.lits = append(c.vals, make([]int64, n)...), append(c.lits, make([]bool, n)...)
	}
}

// changes decodes a cell of each of these rows, which were there before.
func (c *colCursor) changes(rows []int32) {
	if n := len(rows); n > 0 {
		c.grow(rows[n-1])
	}
	sort, plain := c.sort()
	for len(rows) > 0 && !c.Short {
		if plain {
			from, n := len(c.dirty), 0
			n, c.dirty = c.Rows(c.vals, rows, c.dirty, sort)
			rows = rows[n:]
			c.check(c.dirty[from:])
		}
		if len(rows) > 0 {
			c.change(rows[0])
			rows = rows[1:]
		}
	}
}

// sort is how the numbers are told; plain is false where a cell may be told otherwise.
func (c *colCursor) sort() (sort number.Sort, plain bool) {
	switch {
	case c.kind == Cumulative:
		sort = number.Counts
	case c.unit > 0:
		sort = number.Instants
	}
	// A literal is told by its number, like a level. Ages in nanoseconds have classes of their own.
	return sort, c.kind != AgeNS && (sort == number.Levels || len(c.words) == 0)
}

// check looks whether there is the word that each of some rows is said to hold.
func (c *colCursor) check(rows []int32) {
	if len(c.words) == 0 {
		return
	}
	for _, slot := range rows {
		if v := c.vals[slot]; c.lits[slot] && (v < 0 || v >= int64(len(c.words))) {
			c.Short, c.vals[slot] = true, 0
		}
	}
}

// change decodes the cell of a row that was there before.
func (c *colCursor) change(slot int32) {
	if c.Class() == number.ClassSame {
		c.Pass()
		if c.kind == AgeNS {
			if c.grow(slot); !c.lits[slot] {
				c.near.Tell(c.vals[slot])
			}
		}
		return
	}
	c.grow(slot)
	now := cell{val: c.vals[slot], lit: c.lits[slot]}
	if class := c.Class(); c.kind == AgeNS && !now.lit && class >= 0 && class != number.Narrow.Toggle {
		now.val = c.age(slot, now.val)
		c.near.Tell(now.val)
	} else {
		now = c.cell(now)
	}
	c.vals[slot], c.lits[slot] = now.val, now.lit
	c.dirty = append(c.dirty, slot)
}

// cell decodes a value that was predicted to be like before.
func (c *colCursor) cell(before cell) cell {
	o, v := c.Get()
	if o == number.OpToggle {
		before = cell{lit: !before.lit}
		if o, v = c.Get(); o == number.OpToggle {
			c.Short = true
		}
	}
	now := before
	switch {
	case o == number.OpDelta && c.kind == Cumulative && !now.lit:
		now.val += int64(v)
	case o == number.OpDelta:
		now.val += number.Unfold(v)
	case c.unit > 0 && !now.lit:
		now.val = c.refV - int64(v)
	default:
		now.val = int64(v)
	}
	if now.lit && (now.val < 0 || now.val >= int64(len(c.words))) {
		c.Short = true
		now = cell{}
	}
	return now
}
