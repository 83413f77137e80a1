#!/usr/bin/env bash
# usage: bench/compare.sh REF [BENCH] [COUNT]
# Runs the benchmarks of REF and of this tree in turns and hands both to benchstat.
set -euo pipefail
ref=${1:?usage: bench/compare.sh REF [BENCH] [COUNT]}
bench=${2:-.}
count=${3:-6}
dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/old" >/dev/null 2>&1; rm -rf "$dir"' EXIT
git worktree add -q "$dir/old" "$ref"
for _ in $(seq "$count"); do
  (cd "$dir/old" && go test -run '^$' -bench "$bench" -benchmem ./... >>"$dir/old.txt") || true
  go test -run '^$' -bench "$bench" -benchmem ./... >>"$dir/new.txt"
done
go run golang.org/x/perf/cmd/benchstat@latest "$dir/old.txt" "$dir/new.txt"
