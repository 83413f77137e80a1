#!/usr/bin/env bash
# usage: bench/figures.sh [SECTION...]      (make figures SECTION='...')
# Measures again what BENCHMARKS.md says, section by section, each under its heading with
# machine, load and commit. Without a section: all of them, for hours. "list" lists them.
# ERGO_CAPTURES=DIR adds what is measured over captures. COUNT is how often benchmarks run.
set -uo pipefail
cd "$(dirname "$0")/.."
count=${COUNT:-5}
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

sections=(protocol web recorder cost growth mcp agents compared recheck judging archive peers scans wide import judgement fleet soak)

# head SECTION HEADING: what stands above the figures.
head() {
  printf '\n## %s\n\n%s, commit %s%s, %s cores, %s, %s, load average %s\n\n' "$1" "$(date -u +%Y-%m-%d)" "$(git rev-parse --short HEAD)" \
    "$(git diff --quiet HEAD || echo ' and changes')" "$(nproc)" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | sort -u | tr '\n' ' ' | sed 's/ $//')" \
    "$(go env GOVERSION)" "$(cut -d' ' -f1-3 /proc/loadavg)"
}

bench() { # PACKAGE REGEXP [ARGS]
  local package=$1 regexp=$2
  shift 2
  echo "+ go test $package -run '^\$' -bench '$regexp' $*"
  go test "$package" -run '^$' -bench "$regexp" -timeout 4h "$@" | grep -v -e '^goos' -e '^goarch' -e '^pkg' -e '^cpu' -e '^PASS' -e '^ok'
}

# took COMMAND...: CPU seconds and the most memory of a command.
took() {
  local out
  out=$({ command time -f '%U + %S s of CPU, %M KiB' "$@" >/dev/null; } 2>&1 | tail -1) && echo "+ ${*##*/}: $out"
}

binaries() { [ -x "$bin/analyze" ] || go build -o "$bin/" ./cmd/record ./cmd/analyze ./internal/scale; }

captures() {
  [ -n "${ERGO_CAPTURES:-}" ] || { echo "ERGO_CAPTURES names no captures: left out"; return 1; }
}

section() {
  head "$1"
  case $1 in
  protocol) bench ./ergo/wire/... . -benchtime 1s -count "$count" ;;
  web) bench ./web 'Slider|TenThousand|Report|FirstView' -benchmem -count "$count" ;;
  recorder)
    bench ./recorder 'Rows$|FiftyNodes' -benchtime 2s -count "$count"
    captures && go test ./recorder -count=1 -run CostOfPresets -v ;;
  cost) # what real nodes pay takes a real cluster, and is measured by hand as the section says
    go test ./recorder -count=1 -short -v -run 'Healthy|Wall|TwoHundred' ;;
  growth) make --no-print-directory scale ;;
  mcp)
    bench ./mcp ReadTool -benchtime 1000x -count "$count"
    bench ./mcp 'Diagnose|ThousandCalls' -benchtime 2x -count "$count" ;;
  agents) captures && go test ./mcp/agentbench -count=1 -run TestAgents -v ;;
  compared) captures && go test ./compare -count=1 -timeout 60m -v ;;
  recheck) captures && RECHECK_STORIES=1 go test ./analyze/recheck -count=1 -timeout 60m -v ;;
  judging) bench ./analyze 'Run/(2|1node)|Suspects' -benchtime 1x -benchmem -count "$count" ;;
  archive)
    ERGO_BENCH_HOURS=${ERGO_BENCH_HOURS:-24} bench ./archive Day -benchtime 1x
    bench ./archive/... 'Encode|Append$|Memory' -count "$count"
    captures && go test ./archive -count=1 -run Captures -v ;;
  peers) bench/peers.sh ;;
  scans) ERGO_BENCH_HOURS=${ERGO_BENCH_HOURS:-1} bench ./archive 'Scan$|Seek$|AppendWide' -benchtime 8x -benchmem -count "$count" ;;
  wide)
    binaries
    "$bin/scale" -append '{"Nodes":1,"Processes":100000,"Length":360000000000,"Segments":1}' -o "$bin/wide.erg" >/dev/null
    took "$bin/analyze" info "$bin/wide.erg"
    took "$bin/analyze" ps "$bin/wide.erg" --at -1m
    took "$bin/analyze" call "$bin/wide.erg" process_list limit=5 sort_by=mailbox --at -1m
    took "$bin/analyze" report "$bin/wide.erg"
    bench ./replay Wide -benchtime 8x -count "$count" ;;
  import)
    bench ./recorder/ingest Capture -count "$count"
    captures && binaries && took "$bin/record" import "$ERGO_CAPTURES"/*.jsonl* -o "$bin/all.erg" ;;
  judgement) captures && make --no-print-directory matrix ;;
  fleet) make --no-print-directory fleet-scale ;;
  soak) make --no-print-directory soak ;;
  *)
    echo "there is no section $1; there are: ${sections[*]}" >&2
    return 2 ;;
  esac
}

case ${1:-} in
list) printf '%s\n' "${sections[@]}" ;;
'') for s in "${sections[@]}"; do section "$s"; done ;;
*) for s in "$@"; do section "$s" || exit; done ;;
esac
