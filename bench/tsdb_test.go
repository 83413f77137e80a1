package bench

import (
	"context"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"ergorecorder/archive"
)

// BenchmarkTSDB keeps a series for each process and metric in a Prometheus
// block, without the names that are text. Decoding the JSON is not counted.
func BenchmarkTSDB(b *testing.B) {
	dir := b.TempDir()
	opts := tsdb.DefaultOptions()
	opts.MinBlockDuration, opts.MaxBlockDuration = 24*3600_000, 24*3600_000
	opts.RetentionDuration = 0
	db, err := tsdb.Open(dir, nil, nil, opts, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	refs := map[string]*[5]storage.SeriesRef{}
	var taken time.Duration
	rows := samples(b, func(node int, r *archive.Record) {
		var list []row
		if err := json.Unmarshal(r.Text, &list); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		app := db.Appender(context.Background())
		for _, p := range list {
			appendRow(b, app, refs, node, r.At, p)
		}
		if err := app.Commit(); err != nil {
			b.Fatal(err)
		}
		taken += time.Since(start)
	})
	start := time.Now()
	if err := db.CompactHead(tsdb.NewRangeHead(db.Head(), db.Head().MinTime(), db.Head().MaxTime())); err != nil {
		b.Fatal(err)
	}
	taken += time.Since(start)
	start = time.Now()
	if n := scanTSDB(b, db); n < rows {
		b.Fatalf("%d values of %d rows", n, rows)
	}
	scanned := time.Since(start)
	size := int64(0)
	for _, block := range db.Blocks() {
		_ = filepath.WalkDir(block.Dir(), func(_ string, e fs.DirEntry, _ error) error {
			if in, err := e.Info(); err == nil && !e.IsDir() {
				size += in.Size()
			}
			return nil
		})
	}
	b.ReportMetric(float64(size)/float64(rows), "bytes/row")
	b.ReportMetric(float64(rows)/taken.Seconds(), "rows-taken/s")
	b.ReportMetric(2*float64(rows)/scanned.Seconds(), "values-scanned/s")
	b.ReportMetric(0, "ns/op")
}

var metrics = [...]string{"messages_in", "messages_out", "running_time", "wakeups", "state_time"}

func appendRow(b *testing.B, app storage.Appender, refs map[string]*[5]storage.SeriesRef, node int, at time.Time, p row) {
	ref := refs[p.PID]
	if ref == nil {
		ref = &[5]storage.SeriesRef{}
		refs[p.PID] = ref
	}
	for i, v := range [...]int64{p.MessagesIn, p.MessagesOut, p.RunningTime, p.Wakeups, p.StateTime / 1e6} {
		lset := labels.EmptyLabels()
		if ref[i] == 0 {
			lset = labels.FromStrings("__name__", metrics[i], "node", strconv.Itoa(node), "pid", p.PID)
		}
		var err error
		if ref[i], err = app.Append(ref[i], lset, at.UnixMilli(), float64(v)); err != nil {
			b.Fatal(err)
		}
	}
}

func scanTSDB(b *testing.B, db *tsdb.DB) (n int) {
	q, err := db.Querier(0, 1<<62)
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	for _, name := range []string{"messages_in", "running_time"} {
		set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", name))
		var it chunkenc.Iterator
		for set.Next() {
			it = set.At().Iterator(it)
			for it.Next() != chunkenc.ValNone {
				n++
			}
		}
		if err := set.Err(); err != nil {
			b.Fatal(err)
		}
	}
	return n
}
