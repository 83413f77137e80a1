package codec_test

import (
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/archive/internal/codec"
)

// BenchmarkEncode measures what follows the scan of the text, on a node of the
// design workload: cells that changed to streams, and streams to blocks. "once" lays
// out a block for each run; "chunks" is the recorder's way, which writes each
// sample as a chunk first, and makes the block of those.
func BenchmarkEncode(b *testing.B) {
	for _, round := range []bool{true, false} {
		name := "exact"
		if round {
			name = "ms"
		}
		b.Run(name+"/once", func(b *testing.B) { benchmarkEncode(b, round, encodeOnce) })
		b.Run(name+"/chunks", func(b *testing.B) { benchmarkEncode(b, round, encodeChunks) })
	}
}

func benchmarkEncode(b *testing.B, round bool, way func(*codec.Encoder, *codec.Zip) func(last bool) (size int)) {
	const rows = 1000
	load := archivetest.NewWorkload(1, rows, 1)
	d := codec.Desc{Archive: 1, Stream: 1, Form: codec.FormTable, Key: []string{"PID"}, Round: round, Columns: map[string]codec.ColumnKind{}}
	for n, k := range archivetest.ProcessSchema().Columns {
		d.Columns[n] = codec.ColumnKind(k)
	}
	e, z := codec.NewEncoder(d, codec.DefaultLimits(), &codec.Scratch{}), codec.NewZip()
	finish := way(e, z)
	var took time.Duration
	size, samples := 0, 0
	for b.Loop() {
		r := load.Next(0)
		samples++
		rec := codec.Record{Seq: uint64(samples), At: r.At.UnixNano(), Took: int64(r.Took), Args: r.Args, Text: r.Text}
		kind := e.Scan(&rec)
		start := time.Now()
		e.Encode(&rec, kind)
		size += finish(samples%runSamples == 0)
		took += time.Since(start)
	}
	if size == 0 {
		b.Fatal("too few samples for a block")
	}
	b.ReportMetric(float64(samples)*rows/took.Seconds()/1e6, "Mrows/s")
	b.ReportMetric(float64(size)/(float64(samples/runSamples*runSamples)*rows), "bytes/row")
	b.ReportMetric(0, "ns/op")
}

// runSamples is how many samples make a run here.
const runSamples = 150

func encodeOnce(e *codec.Encoder, z *codec.Zip) func(last bool) (size int) {
	return func(last bool) (size int) {
		if last {
			e.Cut()
			for _, c := range e.Take(nil) {
				size += len(c.Block(z))
			}
		}
		return size
	}
}

func encodeChunks(e *codec.Encoder, z *codec.Zip) func(last bool) (size int) {
	var chunks [][]byte
	merge := func() int {
		block, err := codec.Merge(z, nil, chunks...)
		if err != nil {
			panic(err)
		}
		chunks = nil
		return len(block)
	}
	return func(last bool) (size int) {
		if last {
			e.Cut()
		}
		for _, c := range e.Take(nil) {
			if c.Chunk == 0 && len(chunks) > 0 { // the encoder ended the run
				size += merge()
			}
			chunks = append(chunks, c.Bytes(z))
		}
		if last {
			size += merge()
		}
		return size
	}
}
