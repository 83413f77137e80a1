//go:build pcp

package bench

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/bench/pcp"
)

// BenchmarkPCP keeps an archive a node, by Performance Co-Pilot's import library,
// which takes every row of every sample: numbers as metrics, texts once, in the
// name of the process's instance; a death is that there is no value any more.
//
//	go test -tags pcp -bench PCP -benchtime 1x
//
// Taking in is quadratic in the processes of a node, so ERGO_BENCH_HOURS should be
// 0.1.
func BenchmarkPCP(b *testing.B) {
	runtime.LockOSThread() // its contexts are a thread's own
	defer runtime.UnlockOSThread()
	dir := b.TempDir()
	path := func(node int) string { return filepath.Join(dir, fmt.Sprint("node", node)) }
	var writers [nodes]*pcp.Writer
	for n := range writers {
		var err error
		if writers[n], err = pcp.NewWriter(path(n), fmt.Sprint("node", n), metrics[:]); err != nil {
			b.Fatal(err)
		}
	}
	var out result
	rows := samples(b, func(node int, r *archive.Record) {
		list := rowsOf(b, r)
		out.taken.add(measure(func() {
			w := writers[node]
			for _, p := range list {
				// A name ends at its first space, by PCP's rules: it must be unique.
				name := strings.Join([]string{p.PID, p.Name, p.Application, p.Behavior, p.Kind, p.Parent, p.Leader, p.LogLevel}, " ")
				var values []int64
				for _, v := range p.values() {
					values = append(values, int64(v))
				}
				if err := w.Put(name, values); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Write(r.At); err != nil {
				b.Fatal(err)
			}
		}))
	})
	out.taken.add(measure(func() {
		for _, w := range writers {
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}))
	out.size = sizeOf(dir)
	out.scan = measure(func() {
		for n := range writers {
			r, err := pcp.Open(path(n), metrics[:2])
			if err != nil {
				b.Fatal(err)
			}
			sums, err := r.Scan()
			if err != nil {
				b.Fatal(err)
			}
			out.scanned += sums[0] + sums[1]
			r.Close()
		}
	})
	var readers [nodes]*pcp.Reader
	for n := range readers {
		var err error
		if readers[n], err = pcp.Open(path(n), metrics[:]); err != nil {
			b.Fatal(err)
		}
	}
	out.ask(b, moments(b, 20), func(m moment) (got moment) {
		sums, names, err := readers[m.Node].State(m.At)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range names {
			got.add(0, 0, strings.Split(name, " ")[3])
		}
		got.In, got.Running = sums[0], sums[1]
		return got
	})
	out.report(b, rows)
}
