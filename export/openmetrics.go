package export

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive"
	"ergorecorder/ergo/tools48"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// OpenMetrics writes every number of every answer as a time series with
// timestamps, a family a tool and field: ergo_process_list_messages_in_total.
// Counters are told from gauges. promtool makes blocks of it.
func OpenMetrics(ctx context.Context, w io.Writer, rec *replay.Recording, o Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for _, tool := range Tools(rec) {
		columns, err := o.columnsOf(ctx, rec, tool)
		if err != nil {
			return err
		}
		for _, name := range columns {
			if err := o.family(ctx, out, rec, tool, name); err != nil {
				return err
			}
		}
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return err
	}
	return out.Flush()
}

// identities are the fields that tell series of a tool apart.
func identities(tool string) []string {
	schema := tools48.Schema(tool)
	out := slices.Clone(schema.Key)
	for _, s := range schema.Subject {
		out = append(out, ofSubject+s)
	}
	if tool == "process_list" {
		out = append(out, "Name", "Behavior", "Application")
	}
	return out
}

// A point is a value and when it was.
type point struct {
	ms    int64
	value float64
}

func (o *Options) family(ctx context.Context, w *bufio.Writer, rec *replay.Recording, tool, name string) error {
	ids := identities(tool)
	if slices.Contains(ids, name) {
		return nil
	}
	metric, suffix := "ergo_"+snake(tool)+"_"+snake(name), ""
	counter := cumulative(tool, name)
	if counter {
		metric, suffix = strings.TrimSuffix(metric, "_total"), "_total"
	}
	begin := sync.OnceFunc(func() {
		kind := "gauge"
		if counter {
			kind = "counter"
		}
		fmt.Fprintf(w, "# TYPE %s %s\n# HELP %s %s of %s\n", metric, kind, metric, name, tool)
	})
	for _, node := range nodes(rec, tool, o.Node) {
		parts := o.parts(rec, tool, node)
		for part := range parts {
			series, err := o.series(ctx, rec, node, tool, name, ids, func(labels string) bool {
				return parts == 1 || xxhash.Sum64String(labels)%uint64(parts) == uint64(part)
			})
			if err != nil {
				return err
			}
			for _, labels := range slices.Sorted(maps.Keys(series)) {
				begin()
				for _, p := range series[labels] {
					fmt.Fprintf(w, "%s%s{%s} %s %d.%03d\n", metric, suffix, labels, strconv.FormatFloat(p.value, 'g', -1, 64), p.ms/1000, p.ms%1000)
				}
			}
		}
	}
	return nil
}

// mostPoints is how many points of a column of a node are held at a time, about:
// 64 MiB. A series must stand together, so what has more is read several times.
const mostPoints = 4 << 20

// parts is in how many turns the series of a node's column are written.
func (o *Options) parts(rec *replay.Recording, tool, node string) int {
	rows, most := 0, cmp.Or(o.mostPoints, mostPoints)
	for _, s := range rec.Streams() {
		if s.Kind == archive.Sample && s.Name == tool && s.Node == node {
			rows += max(s.Rows, s.Records)
		}
	}
	return 1 + rows/most
}

// series are the points of a column of a node, of the series that are wanted.
func (o *Options) series(ctx context.Context, rec *replay.Recording, node, tool, name string, ids []string, wanted func(labels string) bool) (map[string][]point, error) {
	series := map[string][]point{}
	err := o.frames(ctx, rec, node, tool, append([]string{name}, ids...), func(f *archive.Frame) error {
		values := column(f, name)
		if values == nil {
			return nil
		}
		for _, slot := range f.Live {
			v := values.Float(slot)
			if math.IsNaN(v) || !fits(o.Process, textAt(column(f, "Name"), slot)) {
				continue
			}
			labels := labelsOf(f, slot, node, ids)
			if !wanted(labels) {
				continue
			}
			points := series[labels]
			if ms := f.At.UnixMilli(); len(points) == 0 || ms > points[len(points)-1].ms {
				series[labels] = append(points, point{ms, v})
			}
		}
		return nil
	})
	return series, err
}

func labelsOf(f *archive.Frame, slot int32, node string, ids []string) string {
	labels := []string{"node=" + label(node)}
	for _, id := range ids {
		if text := textAt(column(f, id), slot); text != "" {
			labels = append(labels, labelName(id)+"="+label(text))
		}
	}
	return strings.Join(labels, ",")
}

// labelName is the label of a field that tells series apart: node is whose answer
// it is, so a field of that name is a peer.
func labelName(field string) string {
	if name := snake(field); name != "node" {
		return name
	}
	return "peer"
}

func label(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(escape.Line(text)) + `"`
}

// validUTF8 is a text without what is no UTF-8, which no other program takes.
func validUTF8(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// snake is a name of a field in small letters, with _ between its words.
func snake(name string) string {
	var b strings.Builder
	before := rune(0)
	for i, c := range name {
		switch {
		case c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c):
			c = '_'
		case unicode.IsUpper(c) && i > 0 && unicode.IsLower(before):
			b.WriteByte('_')
		}
		before = c
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
