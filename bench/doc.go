// Package bench measures the archive beside what a user would take instead:
// one JSON stream with zstd, SQLite, the Prometheus TSDB. It is a module of
// its own, so that the product does not depend on them.
//
//	go test -bench . -benchtime 1x
//
// Every benchmark takes the same rows (archivetest.Workload, 10 nodes of 1,000
// processes), an hour of them or ERGO_BENCH_HOURS, and reports bytes/row, rows/s
// taken in from typed rows or JSON as its name says, and values/s in a scan of
// two columns.
package bench
