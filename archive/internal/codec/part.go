package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/scan"
	"ergorecorder/archive/internal/codec/word"
)

// A part encodes the rows of PartRows slots. It remembers every cell as of
// the sample before, and piles up what changed in streams, column by column.
type part struct {
	number int
	cols   []*column // by the table's numbers; nil where no row has had it
	shape  *column   // each row's shape, a column like others
	inRun  bitmap    // slots whose row the run under way has told in full

	stage      // what the scan under way found
	full  bool // of the row being staged: tell every cell
	slot  int32

	// Streams of the run under way that no chunk holds yet.
	lists  []byte // per sample: rows gone, rows new, columns touched
	active []byte // per sample: rows in which something changed
	names  []byte // columns
	shapes []byte // shapes
	sent   struct{ names, shapes int }
	seqs   number.Coder
	ats    number.Coder
	seq    int64 // of the record before
	headAt int64

	headStep int64 // from the record before that to it
	run      run
}

// bitmap has a bit for each slot of a part.
type bitmap [PartRows / 64]uint64

func (b *bitmap) has(slot int32) bool { return b[slot>>6]>>(slot&63)&1 == 1 }
func (b *bitmap) set(slot int32)      { b[slot>>6] |= 1 << (slot & 63) }
func (b *bitmap) clear(slot int32)    { b[slot>>6] &^= 1 << (slot & 63) }

func (b *bitmap) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f for every slot, ascending.
func (b *bitmap) each(f func(slot int32)) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			f(int32(i*64 + bits.TrailingZeros64(w)))
		}
	}
}

type stagedRow struct {
	slot       int32
	full       bool
	start, end int32 // in cells
}

// A cell is a value in a row or on its way there: a number, or the number of
// a literal in the column's dictionary.
type cell struct {
	val int64
	at  int32 // column when staged by row, slot when sorted by column
	lit bool
}

type column struct {
	vals []int64
	lits []bool
	dict word.Dict

	number.Coder
	list []byte // which of the active rows changed, where few did
	ref  number.Coder
	refV int64 // what ages of the last sample are counted from
	refA int64 // time of that sample
	near number.Neighbours
	last cell // of the last row told in full, which predicts the next

	news, changes []cell // of the sample being encoded
	aged          *agedColumn
}

func newPart(number int) *part { return &part{number: number, shape: &column{}} }

// borrow takes an empty stage.
func (p *part) borrow(s *Scratch) {
	for len(s.stages) <= p.number {
		s.stages = append(s.stages, stage{})
	}
	p.stage = s.stages[p.number]
	p.stage.empty()
}

// begin makes the next sample the keyframe of a new run.
func (p *part) begin() {
	p.inRun = bitmap{}
	p.sent.names, p.sent.shapes = 0, 0
	p.shape.begin()
	for _, c := range p.cols {
		if c != nil {
			c.begin()
		}
	}
}

func (c *column) begin() {
	c.dict.Reset()
	clear(c.vals)
	clear(c.lits)
	c.refV, c.refA, c.last = 0, 0, cell{}
	c.near.ClearLags()
}

func (c *column) grow(slot int32) {
	if int(slot) < len(c.vals) {
		return
	}
	n := (int(slot) + 128) &^ 127
	c.vals = append(make([]int64, 0, n), c.vals...)[:n]
	c.lits = append(make([]bool, 0, n), c.lits...)[:n]
}

func (p *part) startRow(slot int32, shape int) {
	p.endRow()
	p.slot, p.full = slot, !p.inRun.has(slot)
	p.rows = append(p.rows, stagedRow{slot: slot, full: p.full, start: int32(len(p.cells))})
	p.shape.grow(slot)
	if p.full || p.shape.vals[slot] != int64(shape) {
		p.cells = append(p.cells, cell{at: shapeColumn, val: int64(shape)})
	}
}

// shapeColumn is the number of the column of shapes.
const shapeColumn = -1

func (p *part) endRow() {
	if n := len(p.rows); n > 0 {
		p.rows[n-1].end = int32(len(p.cells))
	}
}

func (p *part) column(col int) *column {
	if col == shapeColumn {
		return p.shape
	}
	for len(p.cols) <= col {
		p.cols = append(p.cols, nil)
	}
	if p.cols[col] == nil {
		p.cols[col] = &column{}
	}
	p.cols[col].grow(p.slot)
	return p.cols[col]
}

// columnAt is a column that there is.
func (p *part) columnAt(col int) *column {
	if col == shapeColumn {
		return p.shape
	}
	return p.cols[col]
}

func (p *part) stageInt(col int, v int64, kind ColumnKind) {
	c := p.column(col)
	switch {
	case p.full || c.lits[p.slot]:
	case kind >= AgeNS:
		a := p.aged(col)
		a.has.set(p.slot)
		a.vals[p.slot] = v
		return
	case c.vals[p.slot] == v:
		return
	}
	p.cells = append(p.cells, cell{at: int32(col), val: v})
}

// stageLit reports false where the literal is an invalid string.
func (p *part) stageLit(col int, lit []byte) bool {
	c := p.column(col)
	if !p.full && c.lits[p.slot] && string(c.dict.At(int(c.vals[p.slot]))) == string(lit) {
		return true
	}
	id, _, ok := c.dict.Find(lit)
	if !ok {
		if lit[0] == '"' && !scan.ValidString(lit) {
			return false
		}
		id = c.dict.Add(lit)
		p.run.bytes += len(lit)
	}
	p.cells = append(p.cells, cell{at: int32(col), val: int64(id), lit: true})
	return true
}

// encode appends the staged sample to the streams and remembers it.
func (p *part) encode(t *table, at int64, round bool) {
	p.endRow()
	p.announce(t)
	p.sortCells(t.desk)
	p.gone = slices.DeleteFunc(p.gone, func(slot int32) bool { return !p.inRun.has(slot) })
	for _, slot := range p.gone {
		p.inRun.clear(slot)
	}
	live := p.inRun.count() // before the new rows
	touched := p.resolve(t, at, round)
	var news, active bitmap
	for _, r := range p.rows {
		if r.full {
			news.set(r.slot)
			p.run.stats.keys = append(p.run.stats.keys, t.keyHash(int32(p.number)*PartRows+r.slot))
		} else if t.form == FormObject {
			active.set(r.slot)
		}
	}
	dense := func(c *column) bool { return t.form == FormTable && len(c.changes)*2 > live }
	for _, col := range touched {
		if c := p.columnAt(col); !dense(c) {
			for _, ch := range c.changes {
				active.set(ch.at)
			}
		}
	}
	p.run.stats.wide = len(t.parts) > 1
	p.lists = appendList(p.lists, p.gone)
	p.lists = news.appendTo(p.lists)
	p.active = active.appendTo(p.active)
	p.lists = binary.AppendUvarint(p.lists, uint64(len(touched)))
	for _, col := range touched {
		c := p.columnAt(col)
		kind := Gauge
		if col != shapeColumn {
			kind = t.cols[col].kind
		}
		p.run.cells += len(c.news) + len(c.changes)
		if col != shapeColumn {
			st := p.run.stats.column(col)
			st.add(c.news)
			st.add(c.changes)
			st.Changes += len(c.changes)
		}
		mode := c.encode(kind, dense(c), &active, &p.inRun, at, round)
		p.lists = binary.AppendUvarint(p.lists, uint64(col+1)<<2|uint64(mode))
		t.desk.give(c.news)
		t.desk.give(c.changes)
		c.news, c.changes = nil, nil
	}
	for i, w := range news {
		p.inRun[i] |= w
	}
}

// announce writes the columns and shapes that the run does not know yet.
func (p *part) announce(t *table) {
	for ; p.sent.names < len(t.cols); p.sent.names++ {
		c := t.cols[p.sent.names]
		p.names = parse.AppendBytes(p.names, []byte(c.name))
		k := byte(c.kind)
		if c.key {
			k |= keyColumn
		}
		p.names = append(p.names, k)
	}
	for ; p.sent.shapes < len(t.shapes); p.sent.shapes++ {
		cols := t.shapes[p.sent.shapes].cols
		p.shapes = binary.AppendUvarint(p.shapes, uint64(len(cols)))
		for _, c := range cols {
			p.shapes = binary.AppendUvarint(p.shapes, uint64(c))
		}
	}
}

const keyColumn = 0x80 // in a column's kind: it identifies rows

// sortCells hands the staged cells to their columns, ascending by slot.
func (p *part) sortCells(s *Scratch) {
	var order [PartRows]int32
	var rows bitmap
	for i, r := range p.rows {
		order[r.slot] = int32(i)
		rows.set(r.slot)
	}
	rows.each(func(slot int32) {
		r := p.rows[order[slot]]
		for _, ce := range p.cells[r.start:r.end] {
			c := p.columnAt(int(ce.at))
			ce.at = slot
			if c.news == nil {
				c.news, c.changes = s.list(), s.list()
			}
			if r.full {
				c.news = append(c.news, ce)
			} else {
				c.changes = append(c.changes, ce)
			}
		}
	})
}

// resolve turns staged ages into the instants they are counted from, drops
// what did not change after all, and returns the columns that have something
// to say, ascending.
func (p *part) resolve(t *table, at int64, round bool) (touched []int) {
	if len(p.shape.news)+len(p.shape.changes) > 0 {
		touched = append(touched, shapeColumn)
	}
	for i := range p.ages {
		p.cols[p.ages[i].col].aged = &p.ages[i]
	}
	for col, c := range p.cols {
		if c == nil || len(c.news)+len(c.changes) == 0 && c.aged == nil {
			continue
		}
		if unit := t.cols[col].kind.unit(round); unit > 0 {
			c.resolveAges(t.desk, at, unit, t.cols[col].kind == AgeNS && round)
		}
		c.arrange()
		touched = append(touched, col)
	}
	return touched
}

// arrange numbers the words that this sample brought in the order of the rows,
// not of the answer: rows whose keys are near say similar words, and the
// numbers of a keyframe then count up.
func (c *column) arrange() {
	first := max(c.dict.Arranged, c.dict.Sent) // a refused answer may have left words
	if n := c.dict.Len() - first; n > 1 {
		order := make([]int, 0, n) // old number of each new one
		place := make([]int, n)    // new number of each old one, + 1
		move := func(cells []cell) {
			for i, ce := range cells {
				if !ce.lit || ce.val < int64(first) {
					continue
				}
				old := int(ce.val) - first
				if place[old] == 0 {
					order = append(order, old)
					place[old] = len(order)
				}
				cells[i].val = int64(first + place[old] - 1)
			}
		}
		move(c.news)
		move(c.changes)
		for old, p := range place { // words of an answer that was refused
			if p == 0 {
				order = append(order, old)
			}
		}
		c.dict.Reorder(first, order)
	}
	c.dict.Arranged = c.dict.Len()
}

// How a column tells which rows its changes are in.
const (
	modeNone   = iota // there are none
	modeActive        // a class for each active row
	modeDense         // a class for each row that was there before
	modeList          // a list of some active rows
)

// encode writes the column's part of a sample and remembers it.
func (c *column) encode(kind ColumnKind, dense bool, active, inRun *bitmap, at int64, round bool) (mode int) {
	c.Narrow = kind == AgeNS
	for _, n := range c.news {
		c.put(kind, c.last, n, false)
		c.last = n
	}
	switch {
	case len(c.changes) == 0:
	case dense:
		mode = modeDense
		c.putAll(kind, inRun)
	case len(c.changes)*3 >= active.count():
		mode = modeActive
		c.putAll(kind, active)
	default:
		mode = modeList
		c.putSome(kind, active)
	}
	for _, n := range c.news {
		c.vals[n.at], c.lits[n.at] = n.val, n.lit
	}
	for _, ch := range c.changes {
		c.vals[ch.at], c.lits[ch.at] = ch.val, ch.lit
	}
	return mode
}

// before is the row's cell as of the sample before. Rows that never had the
// column may lie beyond those that did.
func (c *column) before(slot int32) cell {
	c.grow(slot)
	return cell{val: c.vals[slot], lit: c.lits[slot]}
}

func (c *column) putAll(kind ColumnKind, rows *bitmap) {
	next := 0
	c.near.Reset()
	rows.each(func(slot int32) {
		if next < len(c.changes) && c.changes[next].at == slot {
			c.put(kind, c.before(slot), c.changes[next], true)
			next++
		} else {
			c.Class = append(c.Class, number.ClassSame)
			c.saw(kind, c.before(slot))
		}
	})
}

func (c *column) putSome(kind ColumnKind, active *bitmap) {
	c.list = binary.AppendUvarint(c.list, uint64(len(c.changes)))
	next, rank, last := 0, 0, -1
	c.near.Reset()
	active.each(func(slot int32) {
		if next < len(c.changes) && c.changes[next].at == slot {
			c.list = binary.AppendUvarint(c.list, uint64(rank-last-1))
			c.put(kind, c.before(slot), c.changes[next], true)
			last = rank
			next++
		}
		rank++
	})
}

// put writes a cell. Cells of rows that were there before may be told by
// their neighbours.
func (c *column) put(kind ColumnKind, before, now cell, near bool) {
	if before.lit != now.lit {
		c.Class = append(c.Class, byte(c.Scheme().Toggle))
		before, near = cell{lit: now.lit}, false
	}
	if kind == AgeNS && !now.lit {
		c.putAge(before.val, now, near)
		return
	}
	delta, fresh := now.val-before.val, uint64(now.val)
	if kind == AgeS && !now.lit {
		fresh = uint64(c.refV - now.val)
	}
	c.Coder.Put(deltaCode(kind, now.lit, delta), fresh, now.lit)
}

// deltaCode folds differences that may be negative.
func deltaCode(kind ColumnKind, lit bool, d int64) uint64 {
	if kind == Cumulative && !lit {
		return uint64(d)
	}
	return number.Fold(d)
}

func appendList(dst []byte, slots []int32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(slots)))
	last := int32(-1)
	for _, s := range slots {
		dst = binary.AppendUvarint(dst, uint64(s-last-1))
		last = s
	}
	return dst
}

func (b *bitmap) appendTo(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.count()))
	last := int32(-1)
	b.each(func(s int32) {
		dst = binary.AppendUvarint(dst, uint64(s-last-1))
		last = s
	})
	return dst
}
