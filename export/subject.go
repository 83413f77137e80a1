package export

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"

	"ergorecorder/archive"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// ofSubject begins the names of the columns that say whom an answer is about,
// where a tool is asked about somebody: subject_pid.
const ofSubject = "subject_"

// answers walks the answers of a tool on a node. Of a tool that is asked about
// somebody each answer stands for itself, with whom it is about as a column: a
// frame of it would hold what was last said of all others too.
func (o *Options) answers(ctx context.Context, rec *replay.Recording, node, tool string, columns []string) iter.Seq2[*archive.Frame, error] {
	subject := tools48.Schema(tool).Subject
	if subject == nil {
		return rec.Table(ctx, node, tool, o.From, o.To, columns)
	}
	return func(yield func(*archive.Frame, error) bool) {
		for s, err := range rec.Samples(ctx, node, tool, o.From, o.To) {
			if err == nil && s.Failure != nil {
				continue
			}
			var f *archive.Frame
			if err == nil {
				f = frameOf(s, columns)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// frameOf is one whole answer as a frame. One that holds no rows has none.
func frameOf(s replay.Sample, columns []string) *archive.Frame {
	f := &archive.Frame{At: s.At, Took: s.Took, Subject: s.Subject, Reset: true}
	rows := rowsIn(s.Text)
	about := map[string]json.RawMessage{}
	_ = json.Unmarshal([]byte(s.Subject), &about) // without one there is none
	names := columns
	if columns == nil {
		seen := map[string]bool{}
		for _, r := range rows {
			for name := range r {
				seen[name] = true
			}
		}
		for name := range about {
			seen[ofSubject+name] = true
		}
		names = slices.Sorted(maps.Keys(seen))
	}
	for _, name := range names {
		f.Columns = append(f.Columns, archive.Column{Name: name})
	}
	for i, r := range rows {
		f.Live = append(f.Live, int32(i))
		for name, v := range about {
			r[ofSubject+name] = v
		}
		for k := range f.Columns {
			addCell(&f.Columns[k], r[f.Columns[k].Name])
		}
	}
	return f
}

// rowsIn are the objects of an answer.
func rowsIn(text []byte) []map[string]json.RawMessage {
	var one map[string]json.RawMessage
	if json.Unmarshal(text, &one) == nil && one != nil {
		return []map[string]json.RawMessage{one}
	}
	var many []map[string]json.RawMessage
	if json.Unmarshal(text, &many) != nil {
		return nil
	}
	return slices.DeleteFunc(many, func(r map[string]json.RawMessage) bool { return r == nil })
}

// addCell adds a value to a column, in the form that an archive gives it.
func addCell(c *archive.Column, v json.RawMessage) {
	kind, num, text := archive.Absent, int64(0), ""
	switch {
	case len(v) == 0:
	case v[0] == '"':
		kind = archive.String
		_ = json.Unmarshal(v, &text) // it was read as JSON
	default:
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err == nil {
			kind, num = archive.Int, n
			break
		}
		var b bytes.Buffer
		_ = json.Compact(&b, v) // likewise
		kind, text = archive.JSON, b.String()
	}
	c.Kinds, c.Ints, c.Texts = append(c.Kinds, kind), append(c.Ints, num), append(c.Texts, text)
}
