// Package cpu tells what CPU time this process has taken: unlike time by the
// clock it says the same, or nearly, whatever else the machine does.
package cpu

import (
	"syscall"
	"time"
)

// Spent is the CPU time of this process, user and system, of all its threads.
func Spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0 // of oneself it does not fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A Benchmark is what a figure is reported to.
type Benchmark interface {
	ReportMetric(n float64, unit string)
}

// Report reports what each of n turns of a benchmark took since so much was spent.
func Report(b Benchmark, n int, since time.Duration) {
	b.ReportMetric((Spent()-since).Seconds()*1e3/float64(n), "cpu-ms/op")
}
