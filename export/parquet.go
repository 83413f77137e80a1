package export

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"ergorecorder/archive"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// Files are how the files with the answers of tools are called: after the
// reading that they are, which is what they are called wherever they come from,
// or after the tool where that is not one or is another's.
func Files(tools []string) map[string]string {
	out, taken := map[string]string{}, map[string]bool{LogLines: true}
	for _, tool := range tools {
		name := string(tools48.Reading(tool)) + ".parquet"
		if name == ".parquet" || taken[name] {
			name = tool + ".parquet"
		}
		out[tool], taken[name] = name, true
	}
	return out
}

// rowsOfGroup is how many rows are held before they are written.
const rowsOfGroup = 1 << 16

// Parquet writes the answers of one tool as a table: at (a timestamp, UTC, in
// nanoseconds), node, and a column for each field, of the type that its values
// have: whole numbers, numbers, truth values, else texts; what is a list or an
// object is the JSON of it. It is compressed with zstd.
func Parquet(ctx context.Context, w io.Writer, rec *replay.Recording, tool string, o Options) (rows int, err error) {
	if err := o.Valid(); err != nil {
		return 0, err
	}
	kinds, err := o.kindsOf(ctx, rec, tool)
	if err != nil {
		return 0, err
	}
	if kinds == nil {
		return 0, o.nothing(rec, tool)
	}
	t := newTable(w, tool, kinds)
	for _, node := range nodes(rec, tool, o.Node) {
		err := o.frames(ctx, rec, node, tool, nil, func(f *archive.Frame) error {
			cells := make([]*archive.Column, len(t.names))
			for i, name := range t.names {
				cells[i] = column(f, name)
			}
			for _, slot := range f.Live {
				if !fits(o.Process, textAt(column(f, "Name"), slot)) {
					continue
				}
				if err := t.add(f.At.UnixNano(), node, cells, slot); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return t.rows, err
		}
	}
	return t.rows, t.out.Close()
}

// A cellKind is the type of a column.
type cellKind int

const (
	none cellKind = iota // it has no value
	whole
	number
	truth
	words
)

// with is the type of a column that holds values of both types.
func (k cellKind) with(o cellKind) cellKind {
	switch {
	case k == none || k == o:
		return o
	case o == none:
		return k
	case k+o == whole+number && k != o && k != truth && o != truth:
		return number
	}
	return words
}

// kindOf is the type of one value.
func kindOf(c *archive.Column, slot int32) cellKind {
	if int(slot) >= len(c.Kinds) {
		return none
	}
	switch c.Kinds[slot] {
	case archive.Int:
		return whole
	case archive.String:
		return words
	case archive.JSON:
		switch text := c.Text(slot); {
		case text == "null":
			return none
		case text == "true", text == "false":
			return truth
		case text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'):
			return number
		}
		return words
	}
	return none
}

// kindsOf are the columns that the answers of a tool have in the window, each
// with its type.
func (o *Options) kindsOf(ctx context.Context, rec *replay.Recording, tool string) (map[string]cellKind, error) {
	var kinds map[string]cellKind
	for _, node := range nodes(rec, tool, o.Node) {
		err := o.frames(ctx, rec, node, tool, nil, func(f *archive.Frame) error {
			if kinds == nil {
				kinds = map[string]cellKind{}
			}
			for i := range f.Columns {
				c := &f.Columns[i]
				kind := kinds[c.Name]
				for _, slot := range f.Live {
					if kind == words {
						break
					}
					kind = kind.with(kindOf(c, slot))
				}
				kinds[c.Name] = kind
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

// A table is a file of Parquet that is being written.
type table struct {
	out   *parquet.GenericWriter[any]
	names []string // of the fields, in the order of the file
	kinds []cellKind
	at    []int // their places among all columns
	time  int   // the place of at
	node  int
	row   parquet.Row
	rows  int
}

// The columns of our own. Some readers do not tell cases apart, so a field that
// is called so in any case is called otherwise: Node, of a link, is its peer.
const (
	atColumn   = "at"
	nodeColumn = "node"
)

// columnName is how the column of a field is called.
func columnName(field string) string {
	switch {
	case strings.EqualFold(field, nodeColumn):
		return "peer"
	case strings.EqualFold(field, atColumn):
		return "row_at"
	}
	return field
}

func newTable(w io.Writer, tool string, kinds map[string]cellKind) *table {
	t := &table{}
	group := parquet.Group{
		atColumn:   parquet.Timestamp(parquet.Nanosecond),
		nodeColumn: parquet.Encoded(parquet.String(), &parquet.RLEDictionary),
	}
	fields := map[string]string{} // by the names of their columns
	for name, kind := range kinds {
		column := columnName(name)
		group[column], fields[column] = parquet.Optional(leafOf(kind)), name
	}
	for i, f := range group.Fields() {
		switch name := f.Name(); name {
		case atColumn:
			t.time = i
		case nodeColumn:
			t.node = i
		default:
			t.names, t.kinds, t.at = append(t.names, fields[name]), append(t.kinds, kinds[fields[name]]), append(t.at, i)
		}
	}
	t.row = make(parquet.Row, len(group))
	t.out = parquet.NewGenericWriter[any](w, parquet.NewSchema(tool, group), parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(rowsOfGroup))
	return t
}

func leafOf(k cellKind) parquet.Node {
	switch k {
	case whole:
		return parquet.Leaf(parquet.Int64Type)
	case number:
		return parquet.Leaf(parquet.DoubleType)
	case truth:
		return parquet.Leaf(parquet.BooleanType)
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

// add writes one row.
func (t *table) add(at int64, node string, cells []*archive.Column, slot int32) error {
	t.row[t.time] = parquet.Int64Value(at).Level(0, 0, t.time)
	t.row[t.node] = parquet.ByteArrayValue([]byte(node)).Level(0, 0, t.node)
	for i, c := range cells {
		v, level := parquet.NullValue(), 0
		if c != nil && kindOf(c, slot) != none {
			v, level = valueOf(c, slot, t.kinds[i]), 1
		}
		t.row[t.at[i]] = v.Level(0, level, t.at[i])
	}
	t.rows++
	_, err := t.out.WriteRows([]parquet.Row{t.row})
	return err
}

// valueOf is a value as the type of its column has it.
func valueOf(c *archive.Column, slot int32, k cellKind) parquet.Value {
	switch k {
	case whole:
		return parquet.Int64Value(c.Ints[slot])
	case number:
		return parquet.DoubleValue(c.Float(slot))
	case truth:
		return parquet.BooleanValue(c.Text(slot) == "true")
	}
	if n, ok := c.Int(slot); ok {
		return parquet.ByteArrayValue(strconv.AppendInt(nil, n, 10))
	}
	return parquet.ByteArrayValue([]byte(c.Text(slot)))
}

// LogLines are how the file with the log lines is called.
const LogLines = "logs.parquet"

// A logRow is a log line as Parquet has it.
type logRow struct {
	At      int64  `parquet:"at,timestamp(nanosecond)"`   // when the node wrote it, by its own clock
	Seen    int64  `parquet:"seen,timestamp(nanosecond)"` // when it was recorded
	Node    string `parquet:"node,dict"`
	Level   string `parquet:"level,dict"`
	Type    string `parquet:"type,dict"`
	Source  string `parquet:"source,dict"`
	Message string `parquet:"message"`
}

// ParquetLogs writes the log lines as a table.
func ParquetLogs(ctx context.Context, w io.Writer, rec *replay.Recording, o Options) (rows int, err error) {
	if err := o.Valid(); err != nil {
		return 0, err
	}
	out := parquet.NewGenericWriter[logRow](w, parquet.Compression(&zstd.Codec{}), parquet.MaxRowsPerRowGroup(rowsOfGroup))
	err = o.logs(ctx, rec, func(l replay.LogLine) error {
		rows++
		_, err := out.Write([]logRow{{l.At.UnixNano(), l.Seen.UnixNano(), l.Node, l.Level, l.Type, l.Source, l.Message}})
		return err
	})
	if err != nil {
		return rows, err
	}
	return rows, out.Close()
}

// logs walks the log lines, by node and then in order.
func (o *Options) logs(ctx context.Context, rec *replay.Recording, each func(replay.LogLine) error) error {
	for l, err := range rec.Logs(ctx, "", o.From, o.To) {
		switch {
		case replay.IsDamage(err):
			if o.Damaged != nil {
				o.Damaged(err)
			}
			continue
		case err != nil:
			return err
		case !o.Holds(l.Node) || o.Process != "" && !fits(o.Process, processOf(l.Source)):
			continue
		}
		if err := each(l); err != nil {
			return err
		}
	}
	return nil
}

// processOf is the name in the source of a log line: <PID> ('name') behavior.
func processOf(source string) string {
	_, rest, _ := strings.Cut(source, "('")
	name, _, _ := strings.Cut(rest, "')")
	return name
}
