#!/usr/bin/env bash
# The archive beside others: ERGO_BENCH_HOURS of the workload, a quarter of an hour
# without it. PCP takes four tenths of that, and the archive beside it the same. What is not
# installed is left out and said.
set -uo pipefail
cd "$(dirname "$0")"
hours=${ERGO_BENCH_HOURS:-0.25}
[ -d duckdb/node_modules ] || (cd duckdb && npm ci --no-audit --no-fund) || echo "DuckDB cannot be had: left out"
run() { # HOURS REGEXP [ARGS]
  local of=$1 regexp=$2
  shift 2
  echo "+ $of h: $regexp"
  ERGO_BENCH_HOURS=$of go test "$@" -run '^$' -bench "$regexp" -benchtime 1x -timeout 2h . | grep ^Benchmark
}
run "$hours" 'Archive|JSON|SQLite|Parquet|DuckDB|TSDB'
if [ -e /usr/include/pcp/import.h ]; then
  run "$(awk "BEGIN { print $hours * 0.4 }")" 'PCP|Archive' -tags pcp
else
  echo "libpcp-import1-dev is not installed: PCP is left out"
fi
