package control

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"ergorecorder/escape"
	"ergorecorder/recorder"
	"ergorecorder/recorder/share"
)

// A collector reads the recorder's status whenever metrics are asked for.
type collector struct {
	r       *recorder.Recorder
	whole   []metric[recorder.Status]
	perNode []metric[recorder.NodeStatus]
	waiting []metric[share.Backlog]
}

// A metric is one figure of a status.
type metric[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*S) float64
}

func newCollector(r *recorder.Recorder) *collector {
	const (
		gauge   = prometheus.GaugeValue
		counter = prometheus.CounterValue
	)
	type st = recorder.Status
	type ns = recorder.NodeStatus
	type bl = share.Backlog
	all := func(name, help string, kind prometheus.ValueType, value func(*st) float64) metric[st] {
		return metric[st]{prometheus.NewDesc("ergo_recorder_"+name, help, nil, nil), kind, value}
	}
	each := func(name, help string, kind prometheus.ValueType, value func(*ns) float64) metric[ns] {
		return metric[ns]{prometheus.NewDesc("ergo_recorder_node_"+name, help, []string{"node"}, nil), kind, value}
	}
	left := func(name, help string, kind prometheus.ValueType, value func(*bl) float64) metric[bl] {
		return metric[bl]{prometheus.NewDesc("ergo_recorder_backlog_"+name, help, []string{"to"}, nil), kind, value}
	}
	return &collector{
		r: r,
		waiting: []metric[bl]{
			left("bytes", "What is stored here and not there yet.", gauge, func(b *bl) float64 { return float64(b.Bytes) }),
			left("pieces", "Segments or blocks of it.", gauge, func(b *bl) float64 { return float64(b.Pieces) }),
			left("oldest_timestamp_seconds", "When the oldest of it was recorded; 0 if there is none.", gauge, func(b *bl) float64 {
				if b.Since.IsZero() {
					return 0
				}
				return float64(b.Since.UnixMilli()) / 1000
			}),
			left("taken_total", "Segments or blocks that were taken there.", counter, func(b *bl) float64 { return float64(b.Taken) }),
			left("lost_total", "Segments or blocks that were dropped here before they were there.", counter, func(b *bl) float64 { return float64(b.Lost) }),
		},
		whole: []metric[st]{
			all("records_total", "Records stored.", counter, func(s *st) float64 { return float64(s.Records) }),
			all("archive_bytes", "Size of the archive.", gauge, func(s *st) float64 { return float64(s.Bytes) }),
			all("keeping_failed", "1 if segments were last not rotated or dropped as they should.", gauge, func(s *st) float64 {
				if s.Keeping == "" {
					return 0
				}
				return 1
			}),
			all("accepted_total", "Records and marks taken.", counter, func(s *st) float64 { return float64(s.Storage.Accepted) }),
			all("durable_total", "Records and marks that are on disk.", counter, func(s *st) float64 { return float64(s.Storage.Durable) }),
			all("storage_failing", "1 while nothing can be stored.", gauge, func(s *st) float64 {
				if s.Storage.Failing == "" {
					return 0
				}
				return 1
			}),
			all("storage_faults_total", "Errors of the storage.", counter, func(s *st) float64 { return float64(s.Storage.Faults) }),
			all("nodes", "Nodes known.", gauge, func(s *st) float64 { return float64(len(s.Nodes)) }),
			all("nodes_lost", "Nodes that do not answer.", gauge, func(s *st) float64 { return float64(s.Lost()) }),
			all("incidents_total", "Incidents opened.", counter, func(s *st) float64 { return float64(s.Incidents) }),
			all("fleet_backlog_bytes", "Of blocks that are not shipped to the fleet's engine.", gauge, fleet(func(f *share.Standing) float64 { return float64(f.Backlog) })),
			all("fleet_backlog_blocks", "Blocks that are not shipped.", gauge, fleet(func(f *share.Standing) float64 { return float64(f.Blocks) })),
			all("fleet_backlog_age_seconds", "Since the end of the oldest block that is not shipped.", gauge, fleet(func(f *share.Standing) float64 { return f.Age.Seconds() })),
			all("fleet_shipped_bytes_total", "Of blocks that the engine acknowledged.", counter, fleet(func(f *share.Standing) float64 { return float64(f.Shipped) })),
			all("fleet_lost_blocks_total", "Blocks that retention dropped before they were shipped.", counter, fleet(func(f *share.Standing) float64 { return float64(f.Lost) })),
			all("fleet_engine_away", "1 while the engine does not answer.", gauge, fleet(func(f *share.Standing) float64 {
				if f.Away.IsZero() {
					return 0
				}
				return 1
			})),
			all("triggers_refused_total", "Triggers on which nothing was done: too many within the hour.", counter, func(s *st) float64 { return float64(s.Refused) }),
		},
		perNode: []metric[ns]{
			each("calls_total", "Calls made.", counter, func(n *ns) float64 { return float64(n.Calls) }),
			each("errors_total", "Calls that failed.", counter, func(n *ns) float64 { return float64(n.Errors) }),
			each("lines_lost_total", "Log lines and events lost to ring buffers.", counter, func(n *ns) float64 { return float64(n.LinesLost) }),
			each("lag_seconds", "How late the last call began.", gauge, func(n *ns) float64 { return n.Lag.Seconds() }),
			each("spent_ratio", "Share of the node's time that went into our calls.", gauge, func(n *ns) float64 { return n.Spent }),
			each("stretch_ratio", "By which the budget lengthens intervals, at most.", gauge, func(n *ns) float64 { return n.Stretch }),
			each("processes", "Processes of the node.", gauge, func(n *ns) float64 { return float64(n.Total) }),
			each("processes_seen", "Processes in the last listing.", gauge, func(n *ns) float64 { return float64(n.Seen) }),
		},
	}
}

// fleet is a figure of a recorder's fleet, 0 where it is of none.
func fleet(value func(*share.Standing) float64) func(*recorder.Status) float64 {
	return func(s *recorder.Status) float64 {
		if s.Fleet == nil {
			return 0
		}
		return value(s.Fleet)
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.whole {
		ch <- m.desc
	}
	for _, m := range c.perNode {
		ch <- m.desc
	}
	for _, m := range c.waiting {
		ch <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.r.Status()
	for _, m := range c.whole {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
	names := labels(s.Nodes)
	for _, m := range c.perNode {
		for i := range s.Nodes {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s.Nodes[i]), names[i])
		}
	}
	for _, m := range c.waiting {
		for i := range s.Backlogs {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s.Backlogs[i]), escape.Line(s.Backlogs[i].To))
		}
	}
}

// labels are names of nodes as labels. Two that are spelled alike are told apart:
// Prometheus refuses all of what names a series twice.
func labels(nodes []recorder.NodeStatus) []string {
	out, taken := make([]string, len(nodes)), map[string]bool{}
	for i := range nodes {
		name := escape.Line(nodes[i].Node)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", escape.Line(nodes[i].Node), n)
		}
		out[i], taken[name] = name, true
	}
	return out
}
