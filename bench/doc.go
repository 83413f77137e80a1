// Package bench measures the archive beside what a user would take instead: one
// JSON stream with zstd, SQLite, DuckDB, Parquet, the Prometheus TSDB, and where
// its libraries are, Performance Co-Pilot. It is a module of its own, so that the
// product does not depend on them.
//
//	go test -bench . -benchtime 1x
//	(cd duckdb && npm ci)                  DuckDB too; it needs node
//	go test -tags pcp -bench PCP ...       PCP too; it needs libpcp-import1-dev
//
// Every benchmark takes the same rows (archivetest.Workload, 10 nodes of 1,000
// processes), an hour of them or ERGO_BENCH_HOURS, and keeps all that they tell,
// the texts and who is gone among them; the archive and JSON to the nanosecond,
// the others ages to the millisecond. It reports bytes a row, rows taken in a
// second of CPU, a scan of two columns of the files opened anew, the state of one
// node at moments chosen at random (the median), and how many rows that were there
// at those moments are not in it. What comes back wrong fails the benchmark.
package bench
