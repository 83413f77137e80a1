package promtest

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"ergorecorder/export"
	"ergorecorder/internal/fixture"
)

// captures are the bundled ones, and those of ERGO_CAPTURES where it is set.
func captures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/*.jsonl.gz")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d captures: %v", len(files), err)
	}
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	return files
}

// TestBlocks: the parser of Prometheus takes every line, its database makes
// blocks of them, and these hold as many samples, and the same ones.
func TestBlocks(t *testing.T) {
	for _, capture := range captures(t) {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			rec := fixture.Open(t, fixture.Bare(t, strings.TrimSuffix(capture, ".jsonl.gz")))
			from, to := rec.Window()
			var text bytes.Buffer
			if err := export.OpenMetrics(t.Context(), &text, rec, export.Options{From: from, To: to}); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			written, sum := write(t, dir, text.Bytes())
			read, again := readBack(t, dir)
			if written == 0 || read != written || math.Abs(again-sum) > 1e-9*math.Abs(sum) {
				t.Errorf("%d samples written, %d read; sums %g and %g", written, read, sum, again)
			}
			t.Logf("%d bytes, %d samples", text.Len(), written)
		})
	}
}

// write makes blocks of the text, as promtool does.
func write(t *testing.T, dir string, text []byte) (samples int, sum float64) {
	t.Helper()
	p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
	w, err := tsdb.NewBlockWriter(slog.New(slog.DiscardHandler), dir, 24*3600*1000)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	app := w.Appender(t.Context())
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, at, v := p.Series()
		var l labels.Labels
		p.Labels(&l)
		if at == nil {
			t.Fatalf("%s has no time", l)
		}
		if _, err := app.Append(0, l, *at, v); err != nil {
			t.Fatalf("%s at %d: %v", l, *at, err)
		}
		samples++
		sum += v
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return samples, sum
}

// readBack opens the blocks and counts what is in them.
func readBack(t *testing.T, dir string) (samples int, sum float64) {
	t.Helper()
	db, err := tsdb.OpenDBReadOnly(dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	blocks, err := db.Blocks()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		n, s := count(t, b)
		samples, sum = samples+n, sum+s
	}
	return samples, sum
}

func count(t *testing.T, b tsdb.BlockReader) (samples int, sum float64) {
	t.Helper()
	q, err := tsdb.NewBlockQuerier(b, math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "ergo_.+"))
	for set.Next() {
		it := set.At().Iterator(nil)
		for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
			_, v := it.At()
			samples++
			sum += v
		}
		if err := it.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return samples, sum
}
