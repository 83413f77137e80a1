package export

import (
	"io"
	"slices"
	"testing"
	"time"

	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
)

// BenchmarkExport writes ten minutes of the design workload: 1,000 processes, 120,000 rows.
func BenchmarkExport(b *testing.B) {
	w := sim.Standard(1, 10*time.Minute)
	rec := fixture.Recorded(b, slices.Collect(w.Records()))
	rows := float64(w.Processes * w.Samples())
	for _, form := range []struct {
		name  string
		write func() error
	}{
		{"capture", func() error { return Capture(b.Context(), io.Discard, rec, Options{}) }},
		{"openmetrics", func() error { return OpenMetrics(b.Context(), io.Discard, rec, Options{}) }},
	} {
		b.Run(form.name, func(b *testing.B) {
			for b.Loop() {
				if err := form.write(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
