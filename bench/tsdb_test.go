package bench

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"ergorecorder/archive"
)

// BenchmarkTSDB keeps a series for each process and metric in a Prometheus
// block, the texts as labels, deaths as its marks of staleness. It takes every
// row of every sample, as Prometheus does.
func BenchmarkTSDB(b *testing.B) {
	opts := tsdb.DefaultOptions()
	opts.MinBlockDuration, opts.MaxBlockDuration = 24*3600_000, 24*3600_000
	opts.RetentionDuration = 0
	db, err := tsdb.Open(b.TempDir(), nil, nil, opts, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	t := &series{db: db, refs: map[string]*[len(metrics)]storage.SeriesRef{}}
	for i := range t.lives {
		t.lives[i] = map[string]row{}
	}
	var out result
	rows := samples(b, func(node int, r *archive.Record) {
		list := rowsOf(b, r)
		out.taken.add(measure(func() { err = t.append(node, r.At, list) }))
		if err != nil {
			b.Fatal(err)
		}
	})
	out.taken.add(measure(func() { err = db.CompactHead(tsdb.NewRangeHead(db.Head(), db.Head().MinTime(), db.Head().MaxTime())) }))
	if err != nil {
		b.Fatal(err)
	}
	for _, block := range db.Blocks() {
		out.size += sizeOf(block.Dir())
	}
	out.scan = measure(func() { out.scanned = scanTSDB(b, db) })
	out.ask(b, moments(b, 20), func(m moment) moment { return stateOfTSDB(b, db, m) })
	out.report(b, rows)
}

var metrics = [...]string{"messages_in", "running_time", "messages_out", "messages_mailbox", "mailbox_latency", "wakeups", "state_time", "init_time", "uptime", "state"}

// values are what the metrics tell of a process: to a double's 53 bits.
func (r row) values() [len(metrics)]float64 {
	state := 0.0
	if r.State != "sleep" {
		state = 1
	}
	return [...]float64{
		float64(r.MessagesIn), float64(r.RunningTime), float64(r.MessagesOut), float64(r.MessagesMailbox), float64(r.MailboxLatency),
		float64(r.Wakeups), float64(r.StateTime / 1e6), float64(r.InitTime), float64(r.Uptime), state,
	}
}

// series are what is written, with what is known of who lives.
type series struct {
	db    *tsdb.DB
	refs  map[string]*[len(metrics)]storage.SeriesRef
	lives [nodes]map[string]row
}

func (t *series) append(node int, at time.Time, list []row) error {
	app := t.db.Appender(context.Background())
	now := make(map[string]row, len(list))
	for _, p := range list {
		now[p.PID] = p
		if err := t.put(app, node, at, p, p.values()); err != nil {
			return err
		}
	}
	stale := math.Float64frombits(value.StaleNaN)
	var gone [len(metrics)]float64
	for i := range gone {
		gone[i] = stale
	}
	for pid, p := range t.lives[node] {
		if _, ok := now[pid]; !ok {
			if err := t.put(app, node, at, p, gone); err != nil {
				return err
			}
			delete(t.refs, pid)
		}
	}
	t.lives[node] = now
	return app.Commit()
}

func (t *series) put(app storage.Appender, node int, at time.Time, p row, values [len(metrics)]float64) error {
	ref := t.refs[p.PID]
	if ref == nil {
		ref = &[len(metrics)]storage.SeriesRef{}
		t.refs[p.PID] = ref
	}
	for i, v := range values {
		lset := labels.EmptyLabels()
		if ref[i] == 0 {
			lset = labels.FromStrings("__name__", metrics[i], "node", strconv.Itoa(node), "pid", p.PID, "name", p.Name, "application", p.Application,
				"behavior", p.Behavior, "kind", p.Kind, "parent", p.Parent, "leader", p.Leader, "log_level", p.LogLevel)
		}
		var err error
		if ref[i], err = app.Append(ref[i], lset, at.UnixMilli(), v); err != nil {
			return err
		}
	}
	return nil
}

func scanTSDB(b *testing.B, db *tsdb.DB) (sum int64) {
	q, err := db.Querier(0, 1<<62)
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	for _, name := range metrics[:2] {
		set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", name))
		var it chunkenc.Iterator
		for set.Next() {
			it = set.At().Iterator(it)
			for it.Next() != chunkenc.ValNone {
				if _, v := it.At(); !value.IsStaleNaN(v) {
					sum += int64(v)
				}
			}
		}
		if err := set.Err(); err != nil {
			b.Fatal(err)
		}
	}
	return sum
}

// stateOfTSDB is all metrics of a node's processes: the last value within 6 s, if
// the process did not go since.
func stateOfTSDB(b *testing.B, db *tsdb.DB, m moment) (got moment) {
	q, err := db.Querier(m.At.UnixMilli()-6000, m.At.UnixMilli())
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "node", strconv.Itoa(m.Node)))
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		last := math.Float64frombits(value.StaleNaN)
		for it.Next() != chunkenc.ValNone {
			if t, v := it.At(); t <= m.At.UnixMilli() {
				last = v
			}
		}
		if value.IsStaleNaN(last) {
			continue
		}
		switch l := set.At().Labels(); l.Get("__name__") {
		case "messages_in":
			got.add(int64(last), 0, l.Get("behavior"))
		case "running_time":
			got.Running += int64(last)
		}
	}
	if err := set.Err(); err != nil {
		b.Fatal(err)
	}
	return got
}
