package web

import (
	"slices"
	"strconv"
	"strings"
)

// pageRows is how many rows of a table are drawn at once.
const pageRows = 200

// A column of a table of Ts.
type column[T any] struct {
	ID, Label string
	Help      string
	Num, Off  bool // right-aligned and sorted downwards first; shown only when asked for
	Text      func(*T) string
	Order     func(a, b *T) int
	URL       func(*T) string // where the cell leads; nil: nowhere
	Class     func(*T) string
}

// A table is rows as they are drawn: chosen by filter, sorted, and cut to a
// page, all as the address says.
type table struct {
	Heads            []head
	Rows             [][]cell
	Query            string
	Total, Matching  int
	First, Last      int
	PrevURL, NextURL string
	Columns          []choice // that can be shown
	FilterKeeps      []param  // what a form has to carry along
	ColumnKeeps      []param
}

// A head is a column's header: a link that sorts by it.
type head struct {
	Label, Help, URL string
	Sort             string // ascending, descending or none
	Num              bool
}

type cell struct {
	Text, URL, Class string
	Num              bool
}

// A choice is one option of a form.
type choice struct {
	Value, Label string
	On           bool
}

// newTable chooses, sorts and cuts rows as the page's address says: q filters,
// sort names a column (-column is descending), col names columns to show, and
// skip is how many rows come before.
func newTable[T any](p *page, cols []column[T], rows []T, haystack func(*T) string, defaultSort string) table {
	t := table{Total: len(rows), Query: p.query.Get("q"), FilterKeeps: p.Kept("q", "skip", "node", "app", "state"), ColumnKeeps: p.Kept("col", "skip")}
	order := make([]*T, 0, len(rows))
	needle := strings.ToLower(t.Query)
	for i := range rows {
		if needle == "" || strings.Contains(strings.ToLower(haystack(&rows[i])), needle) {
			order = append(order, &rows[i])
		}
	}
	t.Matching = len(order)
	sort := p.query.Get("sort")
	if sort == "" {
		sort = defaultSort
	}
	by, down := strings.CutPrefix(sort, "-")
	shown := chosenColumns(cols, p.query["col"])
	if asked := p.query.Get("sort"); asked != "" && !sortable(cols, by) {
		p.refuse("sort=%s: there are %s, and each with - before it", asked, strings.Join(ids(cols), ", "))
	}
	for _, c := range cols {
		t.Columns = append(t.Columns, choice{c.ID, c.Label, shown[c.ID]})
		if c.ID == by && c.Order != nil {
			slices.SortStableFunc(order, func(a, b *T) int {
				if down {
					return c.Order(b, a)
				}
				return c.Order(a, b)
			})
		}
		if shown[c.ID] {
			t.Heads = append(t.Heads, newHead(p, c, by, down))
		}
	}
	from, to := t.cut(p)
	for _, r := range order[from:to] {
		cells := make([]cell, 0, len(t.Heads))
		for _, c := range cols {
			if shown[c.ID] {
				cells = append(cells, c.cell(r))
			}
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

func sortable[T any](cols []column[T], id string) bool {
	return slices.ContainsFunc(cols, func(c column[T]) bool { return c.ID == id && c.Order != nil })
}

func ids[T any](cols []column[T]) []string {
	var out []string
	for _, c := range cols {
		out = append(out, c.ID)
	}
	return out
}

// chosenColumns are the columns asked for, or those that are on by default.
func chosenColumns[T any](cols []column[T], asked []string) map[string]bool {
	shown := map[string]bool{}
	for _, c := range cols {
		if slices.Contains(asked, c.ID) {
			shown[c.ID] = true
		}
	}
	if len(shown) > 0 {
		return shown
	}
	for _, c := range cols {
		shown[c.ID] = !c.Off
	}
	return shown
}

func newHead[T any](p *page, c column[T], by string, down bool) head {
	h := head{Label: c.Label, Help: c.Help, Num: c.Num, Sort: "none"}
	next := c.ID
	if c.Num {
		next = "-" + c.ID
	}
	if c.ID == by {
		h.Sort, next = "ascending", "-"+c.ID
		if down {
			h.Sort, next = "descending", c.ID
		}
	}
	if c.Order != nil {
		h.URL = p.Same("sort", next, "skip", "")
	}
	return h
}

func (c column[T]) cell(r *T) cell {
	out := cell{Text: c.Text(r), Num: c.Num}
	if c.URL != nil {
		out.URL = c.URL(r)
	}
	if c.Class != nil {
		out.Class = c.Class(r)
	}
	return out
}

// cut says which of the matching rows are drawn, and where the others are.
func (t *table) cut(p *page) (from, to int) {
	from, _ = strconv.Atoi(p.query.Get("skip")) // anything else begins at the top
	if from < 0 || from >= t.Matching {
		from = 0
	}
	to = min(from+pageRows, t.Matching)
	t.First, t.Last = min(from+1, to), to
	if from > 0 {
		t.PrevURL = p.Same("skip", positive(max(from-pageRows, 0)))
	}
	if to < t.Matching {
		t.NextURL = p.Same("skip", positive(to))
	}
	return from, to
}

func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
