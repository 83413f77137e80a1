package terminal

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Column is a column of a table.
type Column struct {
	Name   string
	Number bool // drawn to the right, sorted by number, greatest first
}

// A Cell is what stands in a row under a column.
type Cell struct {
	Text  string
	Value float64 // what a number column sorts by
}

// A Row is a line of a table. Mark stands before it where it needs a look.
type Row struct {
	Mark  string // "!" critical, "*" warning, "" else
	Node  string // where a closer look is had
	PID   string
	Jump  time.Time // of a finding: its onset
	Cells []Cell
}

// A Table is what a view shows at a moment.
type Table struct {
	Title   string
	Columns []Column
	Rows    []Row
	Notes   []string // what could not be told, one a line
	// Fixed tables mean something by their order: text, trees, lines of a log.
	Fixed bool
	// Last tables are read from their end.
	Last bool
}

func text(s string) Cell { return Cell{Text: s} }

// An order is how a table is sorted and filtered.
type order struct {
	column  int // from 1; 0: as it comes
	reverse bool
	filter  string
}

// rows are the rows of a table in that order. The table's own stay as they are.
func (o order) rows(t *Table) []Row {
	if t == nil {
		return nil
	}
	rows := t.Rows
	if o.filter != "" {
		needle := strings.ToLower(o.filter)
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !r.holds(needle) })
	}
	if t.Fixed || o.column < 1 || o.column > len(t.Columns) {
		return rows
	}
	number := t.Columns[o.column-1].Number
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		x, y := a.cell(o.column-1), b.cell(o.column-1)
		way := strings.Compare(x.Text, y.Text)
		if number {
			way = cmp.Compare(y.Value, x.Value)
		}
		if o.reverse {
			way = -way
		}
		return way
	})
	return rows
}

func (r Row) holds(needle string) bool {
	return slices.ContainsFunc(r.Cells, func(c Cell) bool { return strings.Contains(strings.ToLower(c.Text), needle) })
}

func (r Row) cell(i int) Cell {
	if i < len(r.Cells) {
		return r.Cells[i]
	}
	return Cell{}
}
