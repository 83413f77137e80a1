package export

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// CSV writes the answers of one tool as a table: the time, the node, and a
// column for each field. A text that a spreadsheet would take for a formula
// begins with an apostrophe.
func CSV(ctx context.Context, w io.Writer, rec *replay.Recording, tool string, o Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	columns, err := o.columnsOf(ctx, rec, tool)
	if err != nil {
		return err
	}
	if columns == nil {
		return o.nothing(rec, tool)
	}
	out := csv.NewWriter(w)
	if err := out.Write(append([]string{"at", "node"}, guarded(columns)...)); err != nil {
		return err
	}
	row := make([]string, len(columns)+2)
	for _, node := range nodes(rec, tool, o.Node) {
		err := o.frames(ctx, rec, node, tool, nil, func(f *archive.Frame) error {
			row[0], row[1] = f.At.UTC().Format(time.RFC3339Nano), guard(node)
			cells := make([]*archive.Column, len(columns))
			for i, name := range columns {
				cells[i] = column(f, name)
			}
			for _, slot := range f.Live {
				if !fits(o.Process, textAt(column(f, "Name"), slot)) {
					continue
				}
				for i, c := range cells {
					row[i+2] = cell(c, slot)
				}
				if err := out.Write(row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func cell(c *archive.Column, slot int32) string {
	if c == nil || int(slot) >= len(c.Kinds) {
		return ""
	}
	switch c.Kinds[slot] {
	case archive.Int:
		return fmt.Sprint(c.Ints[slot])
	case archive.String:
		return guard(c.Text(slot))
	case archive.JSON:
		if c.Text(slot) == "null" {
			return ""
		}
		return string(escape.JSON([]byte(c.Text(slot)))) // a number, a truth value, a list or an object: it begins no formula but a minus
	}
	return ""
}

// guard is a text on one line that no spreadsheet takes for a formula, and that
// steers no terminal.
func guard(text string) string {
	text = escape.Line(text)
	if text != "" && strings.IndexByte("=+-@", text[0]) >= 0 {
		return "'" + text
	}
	return text
}

func guarded(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = guard(t)
	}
	return out
}
