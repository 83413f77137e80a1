#!/bin/sh
# Replay a real incident as a live cluster, record that cluster, and say what
# went wrong. Needs bin/record and bin/analyze (make build) and nothing else.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill "$replay" 2>/dev/null || :; rm -rf "$work"' EXIT INT TERM
replay=

echo "== the incident, as it was captured on a real cluster of three nodes"
bin/record import testdata/stuck.jsonl.gz -o "$work/incident.erg"

echo "== replayed as a live cluster, 20 times as fast"
bin/analyze replay "$work/incident.erg" --listen 127.0.0.1:0 --speed 20 >"$work/endpoint" 2>"$work/log" &
replay=$!
tries=100
until [ -s "$work/endpoint" ]; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] && kill -0 "$replay" 2>/dev/null || { cat "$work/log" >&2; exit 2; }
	sleep 0.1
done
endpoint=$(sed -n '1s/.* //p' "$work/endpoint")
echo "$endpoint"

echo "== recorded from there"
bin/record run --endpoint "$endpoint" --interval 2s -o "$work/recorded.erg"

echo "== what went wrong"
bin/analyze report "$work/recorded.erg"
