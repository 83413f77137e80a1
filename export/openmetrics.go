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
				if err := writePoints(w, metric+suffix+"{"+labels+"} ", *series[labels]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// writePoints writes the points of a series, a line each that begins with its name.
func writePoints(w *bufio.Writer, name string, points []point) error {
	var line []byte
	for _, p := range points {
		line = strconv.AppendFloat(append(line[:0], name...), p.value, 'g', -1, 64)
		line = strconv.AppendInt(append(line, ' '), p.ms/1000, 10)
		line = fmt.Appendf(append(line, '.'), "%03d\n", p.ms%1000)
		if _, err := w.Write(line); err != nil {
			return err
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

// series are the points of a column of a node, by their labels, of the series that are
// wanted.
func (o *Options) series(ctx context.Context, rec *replay.Recording, node, tool, name string, ids []string, wanted func(labels string) bool) (map[string]*[]point, error) {
	series := map[string]*[]point{}
	var slots []slotSeries
	ofIDs := make([]*archive.Column, len(ids))
	err := o.frames(ctx, rec, node, tool, append([]string{name}, ids...), func(f *archive.Frame) error {
		values := column(f, name)
		if values == nil {
			return nil
		}
		for i, id := range ids {
			ofIDs[i] = column(f, id)
		}
		names, ms := column(f, "Name"), f.At.UnixMilli()
		for _, slot := range f.Live {
			v := values.Float(slot)
			if math.IsNaN(v) || o.Process != "" && !fits(o.Process, textAt(names, slot)) {
				continue
			}
			if missing := int(slot) + 1 - len(slots); missing > 0 {
				slots = append(slots, make([]slotSeries, missing)...)
			}
			points := slots[slot].points(ofIDs, slot, func(texts []string) *[]point {
				labels := labelsOf(node, ids, texts)
				if !wanted(labels) {
					return nil
				}
				if series[labels] == nil {
					series[labels] = new([]point)
				}
				return series[labels]
			})
			if points != nil && (len(*points) == 0 || ms > (*points)[len(*points)-1].ms) {
				*points = append(*points, point{ms, v})
			}
		}
		return nil
	})
	maps.DeleteFunc(series, func(_ string, points *[]point) bool { return len(*points) == 0 })
	return series, err
}

// A slotSeries is where the points of the row in a slot go. Most rows stay who they are
// from answer to answer.
type slotSeries struct {
	texts []string // what tells who it is; nil as long as nobody was there
	to    *[]point
}

// points are those of the series that a slot's row is of, which find finds by its texts;
// nil where it is not wanted.
func (s *slotSeries) points(ids []*archive.Column, slot int32, find func(texts []string) *[]point) *[]point {
	same := s.texts != nil
	for i := 0; same && i < len(ids); i++ {
		same = s.texts[i] == textAt(ids[i], slot)
	}
	if !same {
		s.texts = make([]string, len(ids))
		for i, c := range ids {
			s.texts[i] = strings.Clone(textAt(c, slot)) // what a frame holds is its own
		}
		s.to = find(s.texts)
	}
	return s.to
}

func labelsOf(node string, ids, texts []string) string {
	labels := []string{"node=" + label(node)}
	for i, id := range ids {
		if texts[i] != "" {
			labels = append(labels, labelName(id)+"="+label(texts[i]))
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

var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func label(text string) string { return `"` + inQuotes.Replace(escape.Line(text)) + `"` }

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
