package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// BenchmarkArchive is ours: it takes JSON and keeps every text.
func BenchmarkArchive(b *testing.B) {
	for _, c := range []struct {
		name string
		opts archive.Options
	}{{"ms", archive.Options{RoundStateTime: true}}, {"exact", archive.Options{}}} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "a.erg")
			w, err := archive.OpenWriter(path, &c.opts)
			if err != nil {
				b.Fatal(err)
			}
			var out result
			rows := samples(b, func(_ int, r *archive.Record) {
				out.taken.add(measure(func() { _, err = w.Append(r) }))
				if err != nil {
					b.Fatal(err)
				}
			})
			out.taken.add(measure(func() { err = w.Close() }))
			if err != nil {
				b.Fatal(err)
			}
			out.size = sizeOf(path)
			var r *archive.Reader
			out.opened = measure(func() { r, err = archive.Open(path) })
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			out.scan = measure(func() { out.scanned = scanArchive(b, r) })
			out.ask(b, moments(b, 100), func(m moment) moment { return stateOfArchive(b, r, m) })
			out.report(b, rows)
		})
	}
}

// scanArchive adds up the cells that are told of two columns.
func scanArchive(b *testing.B, r *archive.Reader) (sum int64) {
	for _, s := range r.Streams() {
		for c, err := range r.Cells(context.Background(), s.StreamKey, time.Time{}, time.Time{}, []string{"MessagesIn", "RunningTime"}) {
			if err != nil {
				b.Fatal(err)
			}
			for i := range c.Parts {
				for j := range c.Parts[i].Columns {
					cells := &c.Parts[i].Columns[j]
					for _, row := range cells.Rows {
						sum += cells.Ints[row]
					}
				}
			}
		}
	}
	return sum
}

// stateOfArchive is the whole answer of a node at a moment, as the text that it gave.
func stateOfArchive(b *testing.B, r *archive.Reader, m moment) (got moment) {
	rec, err := r.Last(archivetest.NewWorkload(nodes, 1, 1).Stream(m.Node), "", m.At)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range rowsOf(b, rec) {
		got.add(r.MessagesIn, r.RunningTime, r.Behavior)
	}
	return got
}

// BenchmarkJSON keeps the answers as they come, one stream, zstd level 3. The
// state at a moment is found by reading from the beginning.
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
	var out result
	var order []int
	rows := samples(b, func(node int, r *archive.Record) {
		order = append(order, node)
		out.taken.add(measure(func() { _, err = z.Write(r.Text) }))
		if err != nil {
			b.Fatal(err)
		}
	})
	out.taken.add(measure(func() { err = z.Close() }))
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	out.size = sizeOf(path)
	out.scan = measure(func() {
		readJSON(b, path, func(_ int, list []row) bool {
			for _, r := range list {
				out.scanned += r.MessagesIn + r.RunningTime
			}
			return true
		})
	})
	at := map[int64]int{}
	n := 0
	samples(b, func(_ int, r *archive.Record) { at[r.At.Add(time.Millisecond).UnixNano()] = n; n++ })
	out.ask(b, moments(b, 3), func(m moment) (got moment) {
		readJSON(b, path, func(i int, list []row) bool {
			if i < at[m.At.UnixNano()] {
				return true
			}
			for _, r := range list {
				got.add(r.MessagesIn, r.RunningTime, r.Behavior)
			}
			return false
		})
		return got
	})
	out.report(b, rows)
}

// readJSON reads answers until f has enough.
func readJSON(b *testing.B, path string, f func(i int, list []row) bool) {
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	d := json.NewDecoder(bufio.NewReaderSize(z, 1<<20))
	for i := 0; ; i++ {
		var list []row
		if err := d.Decode(&list); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
		if !f(i, list) {
			return
		}
	}
}
