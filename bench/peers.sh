#!/usr/bin/env bash
# The archive beside others: ERGO_BENCH_HOURS of the workload, for Prometheus a quarter of
# that and for PCP a tenth, for they take every row of every sample. What is not installed
# is left out and said.
set -uo pipefail
cd "$(dirname "$0")"
hours=${ERGO_BENCH_HOURS:-1}
[ -d duckdb/node_modules ] || (cd duckdb && npm ci --no-audit --no-fund) || echo "DuckDB cannot be had: left out"
run() { # HOURS REGEXP [ARGS]
  echo "+ $1 h: $2"
  local of=$1 regexp=$2
  shift 2
  ERGO_BENCH_HOURS=$of go test "$@" -run '^$' -bench "$regexp" -benchtime 1x -timeout 2h . | grep ^Benchmark
}
part() { awk "BEGIN { print $hours / $1 }"; }
run "$hours" 'Archive|JSON|SQLite|Parquet|DuckDB'
run "$(part 4)" TSDB
if [ -e /usr/include/pcp/import.h ]; then
  run "$(part 10)" PCP -tags pcp
else
  echo "libpcp-import1-dev is not installed: PCP is left out"
fi
