package views

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/internal/fixture"
)

// TestRowsOfColumns: rows that are had of columns are those of the answer's text; where a
// cell is odd they are not had so.
func TestRowsOfColumns(t *testing.T) {
	rec := fixture.Recording(t, fixture.Bundled(t, "stuck"))
	from, to := rec.Window()
	ctx := t.Context()
	quick := 0
	for _, at := range []int{1, 30, 90, 100} {
		m := rec.Moment(from.Add(to.Sub(from) / 100 * time.Duration(at)))
		for _, n := range rec.Nodes() {
			want, seen, cut, err := readRows(ctx, m, n.Name)
			if err != nil {
				continue
			}
			got, at, gotCut, err := processRows(ctx, m, n.Name)
			if err != nil || !reflect.DeepEqual(got, want) || !at.Equal(seen) || gotCut != cut {
				t.Fatalf("%s at %v: %d rows, %q, %v; of the text %d, %q", n.Name, seen, len(got), gotCut, err, len(want), cut)
			}
			f, _, ok := m.Rows(ctx, n.Name, processFields())
			if !ok {
				continue
			}
			quick++
			if _, ok := plainRows(f); !ok {
				t.Errorf("%s at %v: no cell is odd, and it is left to the text", n.Name, at)
			}
			for c := range f.Columns { // an odd one
				if col := &f.Columns[c]; strings.HasPrefix(col.Name, "Messages") {
					col.Kinds[f.Live[0]] = archive.JSON
				}
			}
			if _, ok := plainRows(f); ok {
				t.Error("a cell is odd, and nobody says how it was said")
			}
		}
	}
	if quick == 0 {
		t.Error("no rows were had of columns")
	}
}
