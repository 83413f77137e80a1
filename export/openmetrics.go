package export

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

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
	out := slices.Clone(tools48.Schema(tool).Key)
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
	begun := false
	for _, node := range nodes(rec, tool, o.Node) {
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
				points := series[labels]
				if ms := f.At.UnixMilli(); len(points) == 0 || ms > points[len(points)-1].ms {
					series[labels] = append(points, point{ms, v})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, labels := range slices.Sorted(maps.Keys(series)) {
			if !begun {
				begun = true
				kind := "gauge"
				if counter {
					kind = "counter"
				}
				fmt.Fprintf(w, "# TYPE %s %s\n# HELP %s %s of %s\n", metric, kind, metric, name, tool)
			}
			for _, p := range series[labels] {
				fmt.Fprintf(w, "%s%s{%s} %s %d.%03d\n", metric, suffix, labels, strconv.FormatFloat(p.value, 'g', -1, 64), p.ms/1000, p.ms%1000)
			}
		}
	}
	return nil
}

func labelsOf(f *archive.Frame, slot int32, node string, ids []string) string {
	labels := []string{"node=" + label(node)}
	for _, id := range ids {
		if text := textAt(column(f, id), slot); text != "" {
			labels = append(labels, snake(id)+"="+label(text))
		}
	}
	return strings.Join(labels, ",")
}

func label(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(escape.Line(text)) + `"`
}

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
