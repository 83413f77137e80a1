package past

import (
	"context"
	"math"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
)

// A Metric is what the strip's lanes show of a node.
type Metric struct {
	ID, Label string
	Unit      chart.Unit
	Log       bool
	Least     float64 // what the scale reaches at least, so that noise stays small
	Read      func(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (chart.Curve, []error)
}

// Metrics are those that can be chosen; the first is shown unless another is.
func Metrics() []Metric {
	return []Metric{
		{"mailbox", "deepest mailbox, logarithmic", chart.Count, true, 100, deepest},
		{"cpu", "CPU, percent of one core", chart.Percent, false, 100, processorTime},
		{"heap", "heap", chart.Bytes, false, 1 << 20, heap},
		{"errors", "errors and panics logged between samples, logarithmic", chart.Count, true, 10, Logged},
	}
}

// ChosenMetric is the metric with the id, the first where there is none.
func ChosenMetric(id string) (m Metric, known bool) {
	for _, m := range Metrics() {
		if m.ID == id {
			return m, true
		}
	}
	return Metrics()[0], id == ""
}

// oneField is a field of a reading of a node over time, and where it could not
// be read. A failed answer breaks the curve.
func oneField(ctx context.Context, rec *replay.Recording, node string, reading ergo.Reading, from, to time.Time, fields ...string) (out []chart.Curve, errs []error) {
	q := replay.Query{Node: node, Reading: reading, From: from, To: to, Fields: fields}
	q.Damaged = func(err error) { errs = append(errs, err) }
	out, err := ObjectCurves(ctx, rec, q)
	if err != nil {
		errs = append(errs, err)
	}
	return out, errs
}

func heap(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (chart.Curve, []error) {
	cs, errs := oneField(ctx, rec, node, ergo.Runtime, from, to, "heap_alloc")
	return cs[0], errs
}

// processorTime is the CPU time that a node's process took, user and system.
func processorTime(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (chart.Curve, []error) {
	cs, errs := oneField(ctx, rec, node, ergo.Node, from, to, "UserTime", "SystemTime")
	sum := chart.Curve{At: cs[0].At}
	for i := range cs[0].Value {
		sum.Value = append(sum.Value, cs[0].Value[i]+cs[1].Value[i])
	}
	return sum.Rate().Times(1e-7), errs
}

// deepest is the deepest mailbox on a node.
func deepest(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (c chart.Curve, errs []error) {
	q := replay.Query{Node: node, Reading: ergo.Processes, From: from, To: to, Fields: []string{"MessagesMailbox"}, Failures: true}
	q.Damaged = func(err error) { errs = append(errs, err) }
	for t, err := range rec.Tallies(ctx, q) {
		if err != nil {
			return c, append(errs, err)
		}
		deep := math.NaN()
		if t.Failure == nil {
			deep = max(0, t.Most())
		}
		c.Add(t.At, deep)
	}
	return c, errs
}

// Logged is how many errors and panics were logged between samples.
func Logged(ctx context.Context, rec *replay.Recording, node string, from, to time.Time) (c chart.Curve, errs []error) {
	before := int64(-1)
	q := replay.Query{Node: node, Reading: ergo.Node, From: from, To: to, Fields: []string{"LogMessages"}}
	q.Damaged = func(err error) { errs = append(errs, err) }
	for f, err := range rec.Answers(ctx, q) {
		if err != nil {
			return c, append(errs, err)
		}
		slot, ok := f.Object()
		if !ok {
			continue
		}
		n, ok := errorCount(f.Column("LogMessages"), slot)
		if !ok {
			continue
		}
		if before >= 0 && n > before {
			c.Add(f.At, float64(n-before))
		}
		before = n
	}
	return c, errs
}
