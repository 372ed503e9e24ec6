#!/usr/bin/env bash
# The benchmarks of docs/benchmarks.md over one frozen file of EVENTS Nexmark
# events, into blackhole, with exactly-once commits each second:
#   run.sh BINARY queries   all queries, and DuckDB over the same bytes in turns
#   run.sh BINARY curves    throughput against keys, panes, disorder, skew, cores
#   run.sh BINARY flink     the queries through Flink SQL and streamsql in turns
# EVENTS=10000000 RUNS=3 QUERIES="q0 q1" CURVES=keys,panes choose.
set -euo pipefail
bin=$(realpath "${1:?usage: run.sh STREAMSQL_BINARY queries|curves|flink}")
what=${2:-queries}
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
set -- --binary "$bin" --file "$file" --events "$events" ${QUERIES:+--queries "$QUERIES"} ${CURVES:+--curves "$CURVES"}
if [ "$what" = flink ]; then
  exec "$cache/venv/bin/python" tests/bench/flink.py --cache "$cache" "$@"
fi
exec "$cache/venv/bin/python" tests/bench/bench.py --what "$what" --runs "${RUNS:-3}" "$@"
