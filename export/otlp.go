package export

import (
	"context"
	"maps"
	"math"
	"slices"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"ergorecorder/archive"
	"ergorecorder/replay"
)

// A Signal is a kind of OTLP data; its value is the last step of the path at
// which a receiver takes it.
type Signal string

// The signals that are written.
const (
	Metrics Signal = "metrics"
	Logs    Signal = "logs"
)

// A Sink takes OTLP data, a batch at a time: protobuf, which is a MetricsData or
// LogsData, and what a receiver takes as an export request. Several batches one
// behind the other are one batch, for that is how protobuf joins lists.
type Sink interface {
	Take(ctx context.Context, s Signal, batch []byte) error
}

// batchPoints is how many points or lines a batch has at most, and about how
// much is held.
const batchPoints = 5000

// OTLP hands every number, as metrics with timestamps, and every log line to a
// sink. Metrics are named ergo.TOOL.FIELD; counters are cumulative sums whose
// start is not known. The resource is the node.
func OTLP(ctx context.Context, to Sink, rec *replay.Recording, o Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	for _, tool := range Tools(rec) {
		for _, node := range nodes(rec, tool, o.Node) {
			b := &metricBatch{ctx: ctx, to: to, tool: tool, node: node, o: &o, by: map[string]*metrics.Metric{}}
			if err := o.frames(ctx, rec, node, tool, nil, b.frame); err != nil {
				return err
			}
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	return o.logLines(ctx, to, rec)
}

// A metricBatch gathers the points of one tool on one node.
type metricBatch struct {
	ctx        context.Context
	to         Sink
	tool, node string
	o          *Options
	by         map[string]*metrics.Metric // by field
	points     int
}

func (b *metricBatch) frame(f *archive.Frame) error {
	ids := identities(b.tool)
	at := uint64(f.At.UnixNano())
	for _, slot := range f.Live {
		if !fits(b.o.Process, textAt(column(f, "Name"), slot)) {
			continue
		}
		var attributes []*common.KeyValue
		for _, id := range ids {
			if text := textAt(column(f, id), slot); text != "" {
				attributes = append(attributes, attribute(labelName(id), text))
			}
		}
		for i := range f.Columns {
			c := &f.Columns[i]
			if p := pointOf(c, slot); p != nil && !slices.Contains(ids, c.Name) {
				p.TimeUnixNano, p.Attributes = at, attributes
				b.add(c.Name, p)
			}
		}
	}
	if b.points >= batchPoints {
		return b.flush()
	}
	return nil
}

// pointOf is a value as a point; nil where it is no number.
func pointOf(c *archive.Column, slot int32) *metrics.NumberDataPoint {
	if n, ok := c.Int(slot); ok {
		return &metrics.NumberDataPoint{Value: &metrics.NumberDataPoint_AsInt{AsInt: n}}
	}
	if v := c.Float(slot); !math.IsNaN(v) {
		return &metrics.NumberDataPoint{Value: &metrics.NumberDataPoint_AsDouble{AsDouble: v}}
	}
	return nil
}

func (b *metricBatch) add(field string, p *metrics.NumberDataPoint) {
	b.points++
	m := b.by[field]
	if m == nil {
		m = &metrics.Metric{Name: "ergo." + snake(b.tool) + "." + snake(field), Description: field + " of " + b.tool}
		if cumulative(b.tool, field) {
			m.Data = &metrics.Metric_Sum{Sum: &metrics.Sum{
				IsMonotonic: true, AggregationTemporality: metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
			}}
		} else {
			m.Data = &metrics.Metric_Gauge{Gauge: &metrics.Gauge{}}
		}
		b.by[field] = m
	}
	switch d := m.Data.(type) {
	case *metrics.Metric_Sum:
		d.Sum.DataPoints = append(d.Sum.DataPoints, p)
	case *metrics.Metric_Gauge:
		d.Gauge.DataPoints = append(d.Gauge.DataPoints, p)
	}
}

func (b *metricBatch) flush() error {
	if b.points == 0 {
		return nil
	}
	scope := &metrics.ScopeMetrics{Scope: scopeOf()}
	for _, field := range slices.Sorted(maps.Keys(b.by)) {
		scope.Metrics = append(scope.Metrics, b.by[field])
	}
	batch, err := proto.Marshal(&metrics.MetricsData{ResourceMetrics: []*metrics.ResourceMetrics{{
		Resource: resourceOf(b.node), ScopeMetrics: []*metrics.ScopeMetrics{scope},
	}}})
	if err != nil {
		return err
	}
	b.by, b.points = map[string]*metrics.Metric{}, 0
	return b.to.Take(b.ctx, Metrics, batch)
}

// logLines hands on the log lines.
func (o *Options) logLines(ctx context.Context, to Sink, rec *replay.Recording) error {
	var lines []*logs.LogRecord
	node := ""
	flush := func() error {
		if len(lines) == 0 {
			return nil
		}
		batch, err := proto.Marshal(&logs.LogsData{ResourceLogs: []*logs.ResourceLogs{{
			Resource: resourceOf(node), ScopeLogs: []*logs.ScopeLogs{{Scope: scopeOf(), LogRecords: lines}},
		}}})
		if err != nil {
			return err
		}
		lines = nil
		return to.Take(ctx, Logs, batch)
	}
	err := o.logs(ctx, rec, func(l replay.LogLine) error {
		if l.Node != node || len(lines) == batchPoints {
			if err := flush(); err != nil {
				return err
			}
		}
		node = l.Node
		lines = append(lines, recordOf(l))
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func recordOf(l replay.LogLine) *logs.LogRecord {
	r := &logs.LogRecord{
		TimeUnixNano: uint64(l.At.UnixNano()), ObservedTimeUnixNano: uint64(l.Seen.UnixNano()),
		SeverityText: l.Level, SeverityNumber: severityOf(l.Level), Body: text(l.Message),
	}
	for _, a := range []struct{ key, value string }{{"ergo.source", l.Source}, {"ergo.source.type", l.Type}} {
		if a.value != "" {
			r.Attributes = append(r.Attributes, attribute(a.key, a.value))
		}
	}
	return r
}

// severityOf is a level as OTLP counts severities.
func severityOf(level string) logs.SeverityNumber {
	switch level {
	case "trace":
		return logs.SeverityNumber_SEVERITY_NUMBER_TRACE
	case "debug":
		return logs.SeverityNumber_SEVERITY_NUMBER_DEBUG
	case "info":
		return logs.SeverityNumber_SEVERITY_NUMBER_INFO
	case "warning":
		return logs.SeverityNumber_SEVERITY_NUMBER_WARN
	case "error":
		return logs.SeverityNumber_SEVERITY_NUMBER_ERROR
	case "panic":
		return logs.SeverityNumber_SEVERITY_NUMBER_FATAL
	}
	return logs.SeverityNumber_SEVERITY_NUMBER_UNSPECIFIED
}

func resourceOf(node string) *resource.Resource {
	return &resource.Resource{Attributes: []*common.KeyValue{attribute("service.name", "ergo"), attribute("service.instance.id", node)}}
}

func scopeOf() *common.InstrumentationScope {
	return &common.InstrumentationScope{Name: "ergo-record"}
}

func attribute(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: text(value)}
}

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: validUTF8(s)}}
}
