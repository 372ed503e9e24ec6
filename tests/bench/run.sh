#!/usr/bin/env bash
# The benchmark of docs/benchmarks.md: Nexmark queries over one frozen file of
# EVENTS events into blackhole, exactly-once commits each second, and DuckDB over
# the same bytes in the same run.
#   EVENTS=10000000 RUNS=3 QUERIES="q0 q1" run.sh BINARY
set -euo pipefail
bin=$(realpath "${1:?usage: run.sh STREAMSQL_BINARY}")
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/bench
mkdir -p "$cache"
events=${EVENTS:-10000000}
file=$cache/events-$events.ndjson
if [ ! -f "$file" ]; then
  "$bin" nexmark --events "$events" "$file.tmp"
  mv "$file.tmp" "$file"
fi
if [ ! -x "$cache/venv/bin/python" ]; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q duckdb==2.0.0 || echo "no DuckDB: its column stays empty" >&2
fi
exec "$cache/venv/bin/python" tests/bench/bench.py --binary "$bin" --file "$file" --events "$events" --runs "${RUNS:-3}" ${QUERIES:+--queries "$QUERIES"}
