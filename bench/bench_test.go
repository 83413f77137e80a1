package bench

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

const nodes, processes = 10, 1000

// samples calls f with every sample of the workload.
func samples(b *testing.B, f func(node int, r *archive.Record)) (rows int) {
	hours := 1.0
	if s := os.Getenv("ERGO_BENCH_HOURS"); s != "" {
		var err error
		if hours, err = strconv.ParseFloat(s, 64); err != nil {
			b.Fatal(err)
		}
	}
	load := archivetest.NewWorkload(nodes, processes, 1)
	for range int(hours * 3600 / 5) {
		for node := range nodes {
			f(node, load.Next(node))
			rows += processes
		}
	}
	return rows
}

// report reports the three figures that are compared.
func report(b *testing.B, path string, rows int, taken, scanned time.Duration) {
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(st.Size())/float64(rows), "bytes/row")
	b.ReportMetric(float64(rows)/taken.Seconds(), "rows-taken/s")
	b.ReportMetric(2*float64(rows)/scanned.Seconds(), "values-scanned/s")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkArchive(b *testing.B) {
	for name, opts := range map[string]*archive.Options{"ms": {RoundStateTime: true}, "exact": {}} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "a.erg")
			w, err := archive.OpenWriter(path, opts)
			if err != nil {
				b.Fatal(err)
			}
			var taken time.Duration
			rows := samples(b, func(_ int, r *archive.Record) {
				start := time.Now()
				if _, err := w.Append(r); err != nil {
					b.Fatal(err)
				}
				taken += time.Since(start)
			})
			start := time.Now()
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			taken += time.Since(start)
			start = time.Now()
			scanArchive(b, path)
			report(b, path, rows, taken, time.Since(start))
		})
	}
}

func scanArchive(b *testing.B, path string) {
	r, err := archive.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	var sum int64
	for _, s := range r.Streams() {
		for f, err := range r.Scan(context.Background(), s.StreamKey, time.Time{}, time.Time{}, []string{"MessagesIn", "RunningTime"}) {
			if err != nil {
				b.Fatal(err)
			}
			for _, slot := range f.Changed {
				sum += f.Columns[0].Ints[slot] + f.Columns[1].Ints[slot]
			}
		}
	}
	if sum == 0 {
		b.Fatal("nothing was scanned")
	}
}

// BenchmarkJSON keeps the answers as they come, one stream, zstd level 3.
func BenchmarkJSON(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.zst")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	var taken time.Duration
	rows := samples(b, func(_ int, r *archive.Record) {
		start := time.Now()
		if _, err := z.Write(r.Text); err != nil {
			b.Fatal(err)
		}
		taken += time.Since(start)
	})
	start := time.Now()
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	taken += time.Since(start)
	start = time.Now()
	if scanJSON(b, path) == 0 {
		b.Fatal("nothing was scanned")
	}
	report(b, path, rows, taken, time.Since(start))
}

type row struct {
	PID                     string
	MessagesIn, MessagesOut int64
	RunningTime, Wakeups    int64
	MessagesMailbox         int64
	StateTime, Uptime       int64
	State                   string
}

func scanJSON(b *testing.B, path string) (sum int64) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	d := json.NewDecoder(bufio.NewReaderSize(z, 1<<20))
	for {
		var rows []struct{ MessagesIn, RunningTime int64 }
		if err := d.Decode(&rows); err == io.EOF {
			return sum
		} else if err != nil {
			b.Fatal(err)
		}
		for _, r := range rows {
			sum += r.MessagesIn + r.RunningTime
		}
	}
}

// BenchmarkSQLite keeps the rows that changed, StateTime as an instant to the
// millisecond: what a careful user would do. Decoding the JSON is not counted.
func BenchmarkSQLite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`create table p (node int, pid int, at int, mi int, mo int, rt int, wk int, mb int, since int, born int, state int, primary key (node, pid, at)) without rowid`); err != nil {
		b.Fatal(err)
	}
	last := make([]map[string]row, nodes)
	ids := map[string]int{}
	var taken time.Duration
	rows := samples(b, func(node int, r *archive.Record) {
		var list []row
		if err := json.Unmarshal(r.Text, &list); err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		storeChanged(b, db, node, r.At, list, last, ids)
		taken += time.Since(start)
	})
	start := time.Now()
	if _, err := db.Exec("pragma wal_checkpoint(truncate)"); err != nil {
		b.Fatal(err)
	}
	taken += time.Since(start)
	start = time.Now()
	var sum int64
	if err := db.QueryRow("select sum(mi) + sum(rt) from p").Scan(&sum); err != nil || sum == 0 {
		b.Fatal(sum, err)
	}
	report(b, path, rows, taken, time.Since(start))
}

func storeChanged(b *testing.B, db *sql.DB, node int, at time.Time, list []row, last []map[string]row, ids map[string]int) {
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	insert, err := tx.Prepare("insert into p values (?,?,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		b.Fatal(err)
	}
	now := make(map[string]row, len(list))
	for _, r := range list {
		since, born := at.UnixMilli()-r.StateTime/1e6, at.Unix()-r.Uptime
		kept := r
		kept.StateTime, kept.Uptime = 0, 0
		now[r.PID] = kept
		if last[node][r.PID] == kept {
			continue
		}
		id, ok := ids[r.PID]
		if !ok {
			id = len(ids)
			ids[r.PID] = id
		}
		if _, err := insert.Exec(node, id, at.UnixMilli(), r.MessagesIn, r.MessagesOut, r.RunningTime, r.Wakeups, r.MessagesMailbox, since, born, len(r.State)); err != nil {
			b.Fatal(err)
		}
	}
	last[node] = now
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
