package bench

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// A told is a row that changed, as Parquet and DuckDB keep it.
type told struct {
	Node  int32  `parquet:"node,delta"`
	ID    int32  `parquet:"id,delta"`
	At    int64  `parquet:"at,delta"`
	In    int64  `parquet:"mi,delta"`
	Out   int64  `parquet:"mo,delta"`
	Box   int64  `parquet:"mb,dict"`
	Lat   int64  `parquet:"lat,dict"`
	Run   int64  `parquet:"rt,delta"`
	Wake  int64  `parquet:"wk,delta"`
	Since int64  `parquet:"since,delta"`
	State string `parquet:"state,dict"`
}

// A who is a process.
type who struct {
	Node        int32  `parquet:"node,delta"`
	ID          int32  `parquet:"id,delta"`
	PID         string `parquet:"pid,delta"`
	Name        string `parquet:"name,delta"`
	Application string `parquet:"application,dict"`
	Behavior    string `parquet:"behavior,dict"`
	Kind        string `parquet:"kind,dict"`
	Parent      string `parquet:"parent,dict"`
	Leader      string `parquet:"leader,dict"`
	LogLevel    string `parquet:"log_level,dict"`
	InitTime    int64  `parquet:"init_time,delta"`
	Born        int64  `parquet:"born,delta"`
	Seen        int64  `parquet:"seen,delta"`
	Gone        int64  `parquet:"gone,delta"` // never while it lives
}

// never is an instant that is behind all.
const never = 1 << 62

// group is how many rows lie together, sorted by process and time: some ten
// minutes of the workload.
const group = 200_000

// BenchmarkParquet keeps the rows that changed in one file, who there was in
// another, zstd level 3.
func BenchmarkParquet(b *testing.B) {
	dir := b.TempDir()
	var out result
	rows := toParquet(b, dir, &out)
	out.scan = measure(func() {
		readParquet(b, filepath.Join(dir, "p.parquet"), []string{"mi", "rt"}, 0, func(t *told) { out.scanned += t.In + t.Run })
	})
	out.ask(b, moments(b, 10), func(m moment) moment { return stateOfParquet(b, dir, m) })
	out.report(b, rows)
}

func toParquet(b *testing.B, dir string, out *result) (rows int) {
	p, err := os.Create(filepath.Join(dir, "p.parquet"))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	w := parquet.NewGenericWriter[told](p, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}))
	var waiting []told
	flush := func() {
		slices.SortFunc(waiting, func(a, b told) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.At, b.At)) })
		if _, err := w.Write(waiting); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		waiting = waiting[:0]
	}
	lives := map[int]*who{}
	var all []*who
	rows = changes(b, func(c *change) {
		out.taken.add(measure(func() {
			at := c.at.UnixMilli()
			for id, r := range c.known {
				lives[id] = &who{
					Node: int32(c.node), ID: int32(id), PID: r.PID, Name: r.Name, Application: r.Application, Behavior: r.Behavior, Kind: r.Kind,
					Parent: r.Parent, Leader: r.Leader, LogLevel: r.LogLevel, InitTime: r.InitTime, Born: r.born(c.at), Seen: at, Gone: never,
				}
				all = append(all, lives[id])
			}
			for _, id := range c.gone {
				lives[id].Gone = at
				delete(lives, id)
			}
			for i, r := range c.told {
				waiting = append(waiting, told{
					int32(c.node), int32(c.rows[i]), at, r.MessagesIn, r.MessagesOut, r.MessagesMailbox, r.MailboxLatency,
					r.RunningTime, r.Wakeups, r.since(c.at), r.State,
				})
			}
			if len(waiting) >= group {
				flush()
			}
		}))
	})
	out.taken.add(measure(func() {
		flush()
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		slices.SortFunc(all, func(a, b *who) int { return cmp.Compare(a.ID, b.ID) })
		if err := parquet.WriteFile(filepath.Join(dir, "who.parquet"), all, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault})); err != nil {
			b.Fatal(err)
		}
	}))
	out.size = sizeOf(dir)
	return rows
}

// readParquet reads some columns of the groups that begin before until (0: all).
func readParquet(b *testing.B, path string, columns []string, until int64, f func(*told)) {
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	nodes := parquet.Group{}
	full := parquet.SchemaOf(told{})
	for _, field := range full.Fields() {
		if slices.Contains(columns, field.Name()) {
			nodes[field.Name()] = field
		}
	}
	pf, err := parquet.OpenFile(file, sizeOf(path))
	if err != nil {
		b.Fatal(err)
	}
	for _, g := range pf.RowGroups() {
		if until != 0 && first(b, g) > until {
			continue
		}
		r := parquet.NewGenericRowGroupReader[told](g, parquet.NewSchema("told", nodes))
		buf := make([]told, 1024)
		for {
			n, err := r.Read(buf)
			for i := range buf[:n] {
				f(&buf[i])
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		_ = r.Close() // it only read
	}
}

// first is the least instant of a group, by its statistics.
func first(b *testing.B, g parquet.RowGroup) int64 {
	index, err := g.ColumnChunks()[2].ColumnIndex()
	if err != nil {
		b.Fatal(err)
	}
	least := index.MinValue(0).Int64()
	for i := range index.NumPages() {
		least = min(least, index.MinValue(i).Int64())
	}
	return least
}

func stateOfParquet(b *testing.B, dir string, m moment) (got moment) {
	all, err := parquet.ReadFile[who](filepath.Join(dir, "who.parquet"))
	if err != nil {
		b.Fatal(err)
	}
	at := m.At.UnixMilli()
	last := map[int32]told{}
	readParquet(b, filepath.Join(dir, "p.parquet"), []string{"node", "id", "at", "mi", "mo", "mb", "lat", "rt", "wk", "since", "state"}, at, func(t *told) {
		if int(t.Node) == m.Node && t.At <= at && t.At >= last[t.ID].At {
			last[t.ID] = *t
		}
	})
	for _, w := range all {
		if int(w.Node) == m.Node && w.Seen <= at && w.Gone > at {
			got.add(last[w.ID].In, last[w.ID].Run, w.Behavior)
		}
	}
	return got
}
