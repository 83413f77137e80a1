package past

import (
	"context"
	"encoding/json"
	"math"
	"slices"

	"ergorecorder/archive"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// errorCount is the number of errors and panics in a LogMessages column.
func errorCount(c *archive.Column, slot int32) (int64, bool) {
	var n []int64
	if json.Unmarshal([]byte(c.Text(slot)), &n) != nil || len(n) < 6 {
		return 0, false
	}
	return n[4] + n[5], true
}

// ObjectCurves are fields of a reading of a node over time. Where the archive is
// damaged, curves go on behind it, and the strip says so.
func ObjectCurves(ctx context.Context, rec *replay.Recording, q replay.Query) ([]chart.Curve, error) {
	fields := q.Fields
	out := make([]chart.Curve, len(fields))
	for i, f := range fields {
		out[i].Name = f
	}
	q.Failures = true
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return out, err
		}
		slot, there := f.Object()
		for i := range fields {
			v := math.NaN()
			if there {
				v = f.Columns[i].Float(slot)
			}
			out[i].Add(f.At, v)
		}
	}
	return out, nil
}

// A RowMatch selects rows of a table by a text column.
type RowMatch struct {
	Column string
	Equals func(string) bool
}

// RowCurves are the fields' values over time for each row that matches, by the
// row's key column, at most limit rows.
func RowCurves(ctx context.Context, rec *replay.Recording, q replay.Query, key string, match RowMatch, limit int) (map[string][]chart.Curve, error) {
	fields := q.Fields
	columns := append([]string{key}, fields...)
	matched := slices.Index(columns, match.Column)
	if matched < 0 {
		columns = append(columns, match.Column)
		matched = len(columns) - 1
	}
	out := map[string][]chart.Curve{}
	slots := map[int32]string{}
	q.Fields = columns
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return out, err
		}
		if f.Reset {
			clear(slots)
		}
		for _, slot := range f.Gone {
			delete(slots, slot)
		}
		for _, slot := range f.Changed {
			k := f.Columns[0].Text(slot)
			if !match.Equals(f.Columns[matched].Text(slot)) || out[k] == nil && len(out) >= limit {
				delete(slots, slot)
				continue
			}
			slots[slot] = k
			if out[k] == nil {
				out[k] = make([]chart.Curve, len(fields))
				for i := range fields {
					out[k][i].Name = fields[i]
				}
			}
		}
		for slot, k := range slots {
			for i := range fields {
				out[k][i].Add(f.At, f.Columns[1+i].Float(slot))
			}
		}
	}
	return out, nil
}
