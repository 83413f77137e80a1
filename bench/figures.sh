#!/usr/bin/env bash
# usage: bench/figures.sh [SECTION...]      (make figures SECTION='...')
# Measures again what BENCHMARKS.md says, section by section, each under its heading with
# machine, load and commit. Without a section: all of them, for hours. "list" lists them.
# ERGO_CAPTURES=DIR adds what is measured over captures. COUNT is how often benchmarks run.
# QUICK=1 runs each in its smallest form, to see that it runs: its figures say nothing.
set -uo pipefail
cd "$(dirname "$0")/.."
count=${COUNT:-5}
quick=${QUICK:-}
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

sections=(protocol web recorder cost growth mcp agents compared recheck judging archive peers scans wide import judgement fleet soak)

# head SECTION HEADING: what stands above the figures.
head() {
  printf '\n## %s\n\n%s, commit %s%s, %s cores, %s, %s, load average %s\n\n' "$1" "$(date -u +%Y-%m-%d)" "$(git rev-parse --short HEAD)" \
    "$(git diff --quiet HEAD || echo ' and changes')" "$(nproc)" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | sort -u | tr '\n' ' ' | sed 's/ $//')" \
    "$(go env GOVERSION)" "$(cut -d' ' -f1-3 /proc/loadavg)"
  [ -z "$quick" ] || printf 'QUICK: a smaller case than BENCHMARKS.md states.\n\n'
}

# or FULL QUICK: which of the two is asked for.
or() { [ -z "$quick" ] && echo "$1" || echo "$2"; }

bench() { # PACKAGE REGEXP [ARGS]
  local package=$1 regexp=$2
  shift 2
  [ -z "$quick" ] || set -- "$@" -benchtime "${turns:-1x}" -count 1
  echo "+ go test $package -run '^\$' -bench '$regexp' $*"
  go test "$package" -run '^$' -bench "$regexp" -timeout 4h "$@" | grep -v -e '^goos' -e '^goarch' -e '^pkg' -e '^cpu' -e '^PASS' -e '^ok' -e 'no test files'
}

# took COMMAND...: CPU seconds and the most memory of a command.
took() {
  local out
  out=$({ command time -f '%U + %S s of CPU, %M KiB' "$@" >/dev/null; } 2>&1 | tail -1) && echo "+ ${*##*/}: $out"
}

binaries() { [ -x "$bin/analyze" ] || go build -o "$bin/" ./cmd/record ./cmd/analyze ./internal/scale; }

# shares: what an archive of each capture takes, without and with its profiles, to the
# gzipped JSON, and to JSON and profiles both gzipped.
shares() {
  local c json all without with
  printf '| capture | bytes | share | with profiles | like for like |\n|---|---|---|---|---|\n'
  for c in "$ERGO_CAPTURES"/*.jsonl.gz; do
    rm -f "$bin"/share.erg "$bin"/share-with.erg
    "$bin/record" import - -o "$bin/share.erg" <"$c" >/dev/null 2>&1
    "$bin/record" import "$c" -o "$bin/share-with.erg" >/dev/null 2>&1
    json=$(stat -c %s "$c") without=$(stat -c %s "$bin/share.erg") with=$(stat -c %s "$bin/share-with.erg")
    all=$(cat "${c%.jsonl.gz}".*.pb.gz "$c" 2>/dev/null | wc -c)
    c=${c##*/}
    awk "BEGIN { printf \"| %s | %d | %.3f | %.3f | %.3f |\\n\", \"${c%.jsonl.gz}\", $without, $without/$json, $with/$json, $with/$all }"
  done
}

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
    go test ./recorder -count=1 -short -v -run 'Healthy|Wall|TwoHundred' | grep -v '^=== ' ;;
  growth) make --no-print-directory scale CASE="$(or "${CASE:-}" segments)" ;;
  mcp)
    MCP_BENCH_LENGTH=${MCP_BENCH_LENGTH:-$(or 1h 10m)}
    export MCP_BENCH_LENGTH
    bench ./mcp ReadTool -benchtime 1000x -count "$count"
    bench ./mcp 'Diagnose|ThousandCalls' -benchtime 2x -count "$count" ;;
  agents) captures && go test ./mcp/agentbench -count=1 -run TestAgents -v | grep -v '^=== ' ;;
  compared) captures && LONG=$(or 1 '') go test ./compare -count=1 -timeout 60m -v | grep -v '^=== ' ;;
  recheck) captures && RECHECK_STORIES=$(or 1 '') go test ./analyze/recheck -count=1 -timeout 60m -v | grep -v '^=== ' ;;
  judging) bench ./analyze "$(or "Run/(2|1${RUN:+|$RUN})node|Suspects" 'Run/2node|Suspects/1node')" -benchtime 1x -benchmem -count "$count" ;;
  archive)
    ERGO_BENCH_HOURS=${ERGO_BENCH_HOURS:-$(or 24 0.1)} bench ./archive Day -benchtime 1x
    turns=300x bench ./archive/internal/codec Encode -count "$count"
    bench ./archive "$(or 'Append$|Memory' 'Append$|Memory/10x10000$')" -count "$count"
    captures && binaries && shares ;;
  peers) ERGO_BENCH_HOURS=${ERGO_BENCH_HOURS:-$(or 0.25 0.05)} bench/peers.sh ;;
  scans) ERGO_BENCH_HOURS=${ERGO_BENCH_HOURS:-$(or 1 0.1)} bench ./archive 'Scan$|Seek$|AppendWide' -benchtime 8x -benchmem -count "$count" ;;
  wide)
    binaries
    echo "1 x $(or 100000 10000) x 6 min:"
    "$bin/scale" -append '{"Nodes":1,"Processes":'"$(or 100000 10000)"',"Length":360000000000,"Segments":1}' -o "$bin/wide.erg" >/dev/null
    took "$bin/analyze" info "$bin/wide.erg"
    took "$bin/analyze" ps "$bin/wide.erg" --at -1m
    took "$bin/analyze" call "$bin/wide.erg" process_list limit=5 sort_by=mailbox --at -1m
    took "$bin/analyze" call "$bin/wide.erg" process_state "pid=<00000000.0.1010>" --at -1m
    took "$bin/analyze" report "$bin/wide.erg"
    ERGO_BENCH_WIDE=$bin/wide.erg bench ./replay Wide -benchtime 8x -count "$count" ;;
  import)
    bench ./recorder/ingest Capture -count "$count"
    captures && binaries && took "$bin/record" import "$ERGO_CAPTURES"/*.jsonl* -o "$bin/all.erg" ;;
  judgement)
    if [ -n "$quick" ]; then
      captures && MATRIX=whole MATRIX_ONLY='stuck / (as it is|thin 2)$' go test -count=1 -timeout 1h -run TestWholeMatrix ./internal/metamorph
    else
      captures && make --no-print-directory matrix
    fi ;;
  fleet)
    make --no-print-directory fleet-scale SCALE="$(or "${SCALE:-1}" 0.1)"
    for f in $(or '10,50,40 2,25,40 1,5,1000' 2,2,40); do
      make --no-print-directory fleet-month FLEET="$f" BESIDE="$([ "$f" = 10,50,40 ] && echo 6m || echo 1h)"
    done ;;
  soak) make --no-print-directory soak SEEDS="$(or "${SEEDS:-10000}" 20)" HOURS="$(or "${HOURS:-24}" 0.2)" ;;
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
