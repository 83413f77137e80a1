package codec

import (
	"errors"
	"slices"
)

// NewTold makes a table that does not keep its columns as of each record: who walks it is
// shown what each record tells ([Table.Told]), so that a walk costs what changed.
func NewTold(form Form, columns []string, fetch func(part int, seq uint64) (*Run, error)) *Table {
	t := NewTable(form, columns, fetch)
	t.told = true
	return t
}

// A Told is what a record tells of one part of the rows. It is valid until the next step.
type Told struct {
	First   int32   // slot of the part's row 0
	Gone    []int32 // rows that are not there any more, of those told of before
	New     []int32 // rows that came, and those that have other columns than before: all their cells are told
	Rows    int     // how many there are
	Columns []Cells // in the order asked
}

// Cells are those of one column that a record tells. After a Reset they are those of all rows; of a column of ages, which
// grow by themselves, always.
type Cells struct {
	Rows []int32 // whose cell is told, each once
	Ints []int64 // by row, also of those that are not told now; nil where some cell is no plain integer: then Cell tells

	part *partCursor
	cell *colCursor
}

// Cell is the cell of a row, told now or before.
func (c *Cells) Cell(row int32) (kind ValueKind, num int64, text string) {
	if c.cell == nil || int(row) >= len(c.cell.vals) || int(row) >= len(c.part.shape.vals) {
		return Absent, 0, ""
	}
	return c.cell.value(c.part, row)
}

// tell brings the parts to the record under way.
func (t *Table) tell() (broken error) {
	passing := t.quiet
	if !passing {
		t.Reset = t.pending || t.had != t.Head.parts
		t.pending, t.had = false, t.Head.parts
		t.catchUp()
	}
	for i := range t.Head.parts {
		if passing && i > 0 {
			break
		}
		if err := t.sync(i); err != nil {
			if !errors.As(err, new(*PartError)) {
				return err
			}
			broken, t.pending = err, true
		}
	}
	return broken
}

// Told appends what the record under way tells of each part, and says how many rows there are.
func (t *Table) Told(told []Told) []Told {
	for i := range t.Head.parts {
		p := t.part(i)
		if p == nil {
			continue
		}
		if len(told) < cap(told) {
			told = told[:len(told)+1] // with the columns that are there
		} else {
			told = append(told, Told{})
		}
		p.tell(t, &told[len(told)-1])
	}
	return told
}

// tell says what the part tells.
func (p *partCursor) tell(t *Table, told *Told) {
	told.First, told.Gone, told.New, told.Rows = p.base, p.gone, p.shape.dirty, p.there.Len()
	if t.Reset {
		told.Gone, told.New = nil, p.rows()
	}
	for len(told.Columns) < len(t.Columns) {
		told.Columns = append(told.Columns, Cells{})
	}
	clear(told.Columns)
	for _, c := range p.cols {
		if c != nil {
			told.Columns[c.out] = c.tell(p, t.Reset)
		}
	}
}

func (c *colCursor) tell(p *partCursor, all bool) Cells {
	c.grow(int32(len(p.shape.vals)) - 1)
	now := Cells{Rows: c.dirty, part: p, cell: c}
	if all || c.unit > 0 {
		c.dirty = c.dirty[:0]
		for _, row := range p.rows() {
			if c.has[p.shape.vals[row]] {
				c.dirty = append(c.dirty, row)
			}
		}
		now.Rows = c.dirty
	} else if moved := p.shape.dirty[p.shape.told:]; len(moved) > 0 {
		now.Rows = c.withMoved(p, moved)
	}
	if c.unit == 0 && len(c.words) == 0 {
		now.Ints = c.vals
	}
	return now
}

// withMoved are the rows whose cell the sample tells, and those that have other columns now.
func (c *colCursor) withMoved(p *partCursor, moved []int32) []int32 {
	others := c.dirty[c.told:]
	for _, row := range moved {
		if _, told := slices.BinarySearch(others, row); !told && c.has[p.shape.vals[row]] {
			c.dirty = append(c.dirty, row)
		}
	}
	return c.dirty
}
