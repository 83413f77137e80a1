package views

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

// A TrendQuery selects one metric.
type TrendQuery struct {
	// Metric is a field of a tool's answer: "heap_alloc", "MailboxLatency", or
	// with its tool, "process_list.MessagesIn".
	Metric string
	// Node is the node; empty for all, one curve each.
	Node string
	// Row is the row of a table: a PID, a name, a peer, an event. Without it
	// the rows of each answer are added up, gauges that are ages or latencies
	// excepted, of which the largest counts. Of the name of a node, what stands
	// before @ is enough.
	Row      string
	From, To time.Time
	Points   int // at most so many points; zero means 60
}

// A Curve is a metric over time on one node. Cumulative counters are given as
// rates per second.
type Curve struct {
	Node    string    `json:"node"`
	Tool    string    `json:"tool"`
	Field   string    `json:"field"`
	Unit    ergo.Unit `json:"unit,omitempty"`
	Row     string    `json:"row,omitempty"`
	Of      string    `json:"of"` // "value", "sum of rows", "largest row"
	Rate    bool      `json:"rate_per_second"`
	Samples int       `json:"samples"`
	First   float64   `json:"first"`
	Last    float64   `json:"last"`
	Min     float64   `json:"min"`
	Median  float64   `json:"median"`
	Max     float64   `json:"max"`
	// SlopePerSecond is Theil and Sen's, absent where there are too few
	// samples for one.
	SlopePerSecond *float64 `json:"slope_per_second,omitempty"`
	Points         []Point  `json:"points"`
}

// A Point is a stretch of a curve.
type Point struct {
	At   time.Time `json:"at"` // of its first sample
	Min  float64   `json:"min"`
	Mean float64   `json:"mean"`
	Max  float64   `json:"max"`
}

// metricTools are looked through, in this order, for a field that is named
// without its tool.
var metricTools = [...]string{
	"node_info", "runtime_stats", "process_list", "network_nodes", "event_list", "network_info",
	"network_acceptors", "app_list", "process_info",
}

// Trend returns the metric's curve on each node that has it. A metric that was
// not recorded is an error that says what was.
func Trend(ctx context.Context, rec *replay.Recording, q TrendQuery) ([]Curve, error) {
	if q.Points == 0 {
		q.Points = 60
	}
	tools := metricTools[:]
	field := q.Metric
	if tool, f, ok := strings.Cut(q.Metric, "."); ok {
		tools, field = []string{tool}, f
	}
	names, err := rec.NodesLike(q.Node)
	if err != nil {
		return nil, err
	}
	var out []Curve
	for _, n := range rec.Nodes() {
		if !slices.Contains(names, n.Name) {
			continue
		}
		for _, tool := range tools {
			c, ok, err := curve(ctx, rec, n, tool, field, q)
			if err != nil {
				return nil, fmt.Errorf("trend of %s on %s: %w", q.Metric, n.Name, err)
			}
			if ok {
				out = append(out, c)
				break
			}
		}
	}
	if out == nil {
		return nil, notFound(ctx, rec, names, tools, field, q)
	}
	return out, nil
}

// notFound says whether it is the row or the metric that there is not, and what
// is nearest.
func notFound(ctx context.Context, rec *replay.Recording, nodes, tools []string, field string, q TrendQuery) error {
	if q.Row != "" {
		if rows := rowsOf(ctx, rec, nodes, tools, field, q); rows != nil {
			return fmt.Errorf("trend of %s: there is no row %q in the window%s", q.Metric, q.Row, nearest.Hint(q.Row, rows))
		}
	}
	what := q.Metric
	if q.Node != "" {
		what += " on " + q.Node
	}
	var known, fields []string
	for _, m := range Metrics(rec) {
		known, fields = append(known, m.String()), append(fields, m.Field)
	}
	hint := ""
	if near := nearest.Of(field, fields); near != nil {
		hint = "; did you mean " + strings.Join(near, ", ") + "?"
	}
	from, to := rec.Window()
	return fmt.Errorf("%s was not recorded in the window (the recording goes from %s to %s)%s Metrics are fields of a tool's answer, among them %s",
		what, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), cmp.Or(hint, "."), strings.Join(known, ", "))
}

// A Metric is a number that a trend can be made of.
type Metric struct {
	Tool  string    `json:"tool"`
	Field string    `json:"field"`
	Unit  ergo.Unit `json:"unit,omitempty"`
	Rate  bool      `json:"rate_per_second"` // a counter, given as its growth a second
	Rows  bool      `json:"rows"`            // of a table: added up, or of one row
}

func (m Metric) String() string { return m.Tool + "." + m.Field }

// Metrics are the numbers of the tools that were recorded, by name. A node of an
// older release may lack some of them.
func Metrics(rec *replay.Recording) []Metric {
	var out []Metric
	for _, tool := range metricTools {
		if !recorded(rec, tool) {
			continue
		}
		d := ergo.Define(tools48.Reading(tool))
		for _, f := range d.Fields {
			if f.Kind != ergo.Text && f.Kind != ergo.Constant && f.Unit != ergo.UnixNano {
				out = append(out, Metric{tool, f.Name, f.Unit, f.Kind == ergo.Cumulative, d.Form == ergo.FormTable})
			}
		}
	}
	slices.SortFunc(out, func(a, b Metric) int { return cmp.Compare(a.String(), b.String()) })
	return out
}

// rowsOf are the names of the rows of the first tool that has the field in the
// window, nil where none has it.
func rowsOf(ctx context.Context, rec *replay.Recording, nodes, tools []string, field string, q TrendQuery) []string {
	for _, node := range nodes {
		for _, tool := range tools {
			reading := ergo.Define(tools48.Reading(tool))
			columns := append(identities(reading), field)
			last := len(columns) - 1
			walk := replay.Query{Node: node, Reading: reading.Reading, From: q.From, To: q.To, Fields: columns}
			rows := map[string]bool{}
			found := false
			for f, err := range rec.Answers(ctx, walk) {
				if err != nil {
					break // what can be read suffices for a hint
				}
				for _, slot := range f.Changed {
					found = found || !math.IsNaN(f.Columns[last].Float(slot))
					for i := range last {
						rows[f.Columns[i].Text(slot)] = true
					}
				}
			}
			if delete(rows, ""); found {
				return slices.Collect(maps.Keys(rows))
			}
		}
	}
	return nil
}

func recorded(rec *replay.Recording, tool string) bool {
	return slices.ContainsFunc(rec.Streams(), func(s archive.Stream) bool { return s.Kind == archive.Sample && s.Name == tool })
}

// curve walks one tool of one node; ok is false where it has no such field.
func curve(ctx context.Context, rec *replay.Recording, n replay.Node, tool, field string, q TrendQuery) (c Curve, ok bool, err error) {
	reading := ergo.Define(tools48.Reading(tool))
	known, _ := reading.Field(field)
	kind := known.Kind
	s, err := values(ctx, rec, n, reading, known, field, q)
	if err != nil {
		return c, false, err
	}
	if s.Len() == 0 {
		return c, false, nil
	}
	c = Curve{Node: n.Name, Tool: tool, Field: field, Unit: known.Unit, Row: q.Row, Of: "value"}
	if q.Row == "" && reading.Form == ergo.FormTable {
		c.Of = "sum of rows"
		if largest(field, kind) {
			c.Of = "largest row"
		}
	}
	if kind == ergo.Cumulative {
		c.Rate = true
		var starts []time.Time
		for _, l := range n.Lives {
			starts = append(starts, l.Started)
		}
		if s = series.Rates(s, starts...); s.Len() == 0 {
			return c, false, nil
		}
	}
	c.describe(s, q.Points)
	return c, true, nil
}

// values are one value for each answer.
func values(ctx context.Context, rec *replay.Recording, n replay.Node, reading ergo.Definition, known ergo.Field, field string, q TrendQuery) (s series.Series, err error) {
	walk := replay.Query{Node: n.Name, Reading: reading.Reading, From: q.From, To: q.To, Fields: append(identities(reading), field)}
	most := largest(field, known.Kind)
	if q.Row == "" && reading.Form == ergo.FormTable && known.Kind != ergo.Cumulative { // who the rows are does not matter
		walk.Fields = []string{field}
		for t, err := range rec.Tallies(ctx, walk) {
			switch {
			case err != nil:
				return s, err
			case t.Count() == 0:
			case most:
				s.Add(t.At, t.Most())
			default:
				s.Add(t.At, t.Sum())
			}
		}
		return s, nil
	}
	grow := growth{counters: map[string]*series.Counter{}}
	for f, err := range rec.Answers(ctx, walk) {
		if err != nil {
			return s, err
		}
		v, seen := 0.0, false
		if known.Kind == ergo.Cumulative {
			v, seen = grow.fold(f, q.Row)
		} else {
			v, seen = fold(f, q.Row, most)
		}
		if seen {
			s.Add(f.At, v)
		}
	}
	return s, nil
}

// largest reports whether the rows of a field cannot be added up.
func largest(field string, kind ergo.ColumnKind) bool {
	return kind == ergo.AgeNS || kind == ergo.AgeS || kind == ergo.Constant || strings.Contains(field, "Latency")
}

// identities are the columns by which a row may be named.
func identities(d ergo.Definition) []string {
	ids := slices.Clone(d.Key)
	for _, name := range []string{"PID", "Name", "name"} {
		if _, known := d.Field(name); known && !slices.Contains(ids, name) {
			ids = append(ids, name)
		}
	}
	return ids
}

// fold makes one value of a frame: that of the row, or of all rows.
func fold(f *archive.Frame, row string, largest bool) (v float64, ok bool) {
	last := len(f.Columns) - 1
	for _, slot := range f.Live {
		if row != "" && !named(f.Columns[:last], slot, row) {
			continue
		}
		x := f.Columns[last].Float(slot)
		switch {
		case math.IsNaN(x), math.Abs(x) >= 1<<63: // no number of anything: a gauge that went below zero, or an odd cell
			continue
		case !ok:
			v = x
		case largest:
			v = max(v, x)
		default:
			v += x
		}
		ok = true
	}
	return v, ok
}

// A growth adds up by how much the counters of rows grew, each by itself: their
// sum is no counter, for rows come and go, begin anew and wrap around.
type growth struct {
	counters map[string]*series.Counter
	total    float64
}

// fold adds what a frame's rows, or the one row, have grown. What a row had
// counted when it was first seen is not told apart from before.
func (g *growth) fold(f *archive.Frame, row string) (v float64, ok bool) {
	last := len(f.Columns) - 1
	changed := f.Changed
	if f.Reset {
		changed = f.Live
	}
	for _, slot := range f.Live {
		if ok = row == "" || named(f.Columns[:last], slot, row); ok {
			break
		}
	}
	for _, slot := range changed {
		n, is := counted(&f.Columns[last], slot)
		if !is || row != "" && !named(f.Columns[:last], slot, row) {
			continue
		}
		key := ""
		if last > 0 {
			key = f.Columns[0].Text(slot)
		}
		c := g.counters[key]
		if c == nil {
			c = &series.Counter{}
			g.counters[key] = c
		}
		if grown, stepped := c.Step(n); stepped {
			g.total += grown
		}
	}
	return g.total, ok && len(g.counters) > 0
}

// counted is a cell that counts something, in all of its 64 bits.
func counted(c *archive.Column, slot int32) (uint64, bool) {
	if v, ok := c.Int(slot); ok {
		return uint64(v), v >= 0
	}
	if v, err := strconv.ParseUint(c.Text(slot), 10, 64); err == nil && c.Kinds[slot] == archive.JSON {
		return v, true
	}
	v := c.Float(slot)
	return uint64(max(v, 0)), v >= 0 && v < 1<<53 && v == math.Trunc(v)
}

func named(ids []archive.Column, slot int32, row string) bool {
	for i := range ids {
		text := ids[i].Text(slot)
		if text != "" && (text == row || strings.Trim(text, "'") == row || strings.HasPrefix(text, row+"@") || strings.HasPrefix(row, "<") && ergo.PID(text).Key() == ergo.PID(row).Key()) {
			return true
		}
	}
	return false
}

// describe fills in figures and at most the given number of points.
func (c *Curve) describe(s series.Series, points int) {
	c.Samples = s.Len()
	c.First, c.Last = s.V[0], s.V[len(s.V)-1]
	c.Min, c.Max, c.Median = slices.Min(s.V), slices.Max(s.V), series.Median(s.V)
	if slope, err := series.TheilSen(thin(s, 300)); err == nil {
		c.SlopePerSecond = &slope.PerSecond
	}
	per := (s.Len() + points - 1) / max(points, 1)
	c.Points = []Point{}
	for i := 0; i < s.Len(); i += per {
		v := s.V[i:min(i+per, s.Len())]
		c.Points = append(c.Points, Point{s.T[i], slices.Min(v), series.Mean(v), slices.Max(v)})
	}
}

// thin takes evenly spaced samples: slopes between all pairs cost the square.
func thin(s series.Series, n int) series.Series {
	if s.Len() <= n {
		return s
	}
	var out series.Series
	for i := range n {
		j := i * (s.Len() - 1) / (n - 1)
		out.Add(s.T[j], s.V[j])
	}
	return out
}
