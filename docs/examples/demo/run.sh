#!/usr/bin/env bash
# The main job on a file of events: run it, kill it with -9 in the middle, run it
# again, and compare with a run that nobody killed.
set -euo pipefail
bin=$(realpath "${1:?usage: run.sh STREAMSQL_BINARY [EVENTS]}")
events=${2:-4000000}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/killed" "$dir/whole"

echo "== $events events of an auction site, as JSON lines"
"$bin" nexmark --events "$events" "$dir/events.ndjson"
ln "$dir/events.ndjson" "$dir/killed/events.ndjson"
ln "$dir/events.ndjson" "$dir/whole/events.ndjson"
head -c 300 "$dir/events.ndjson"; echo " ..."

echo; echo "== the job, from the SQL in demo.sql: windows as they close; kill -9 after 0.4 seconds"
cd "$dir/killed"
"$bin" run "$here/demo.sql" --data-dir state --progress json 2>progress.1 &
pid=$!
sleep 0.4
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
done=$(grep -c '^{' progress.1 || true)
echo "killed after $done commits; finished files: $(ls per_channel 2>/dev/null | wc -l), being written: $(ls -A per_channel 2>/dev/null | grep -c '^[._]' || true)"

echo; echo "== the same command again: it goes on from the last commit"
echo "(a screen can't take rows back: windows that closed after that commit show again. Files are exactly once.)"
"$bin" run "$here/demo.sql" --data-dir state --progress json 2>progress.2
echo "the first run committed $(tail -n 1 progress.1 | grep -o '"run_records":[0-9]*' | cut -d: -f2) records, the second read $(tail -n 1 progress.2 | grep -o '"run_records":[0-9]*' | cut -d: -f2)"

echo; echo "== without a kill, for comparison"
cd "$dir/whole"
time "$bin" run "$here/demo.sql" --data-dir state --progress off >/dev/null
cat per_channel/* | sort > "$dir/whole.rows"
cat "$dir/killed/per_channel/"* | sort > "$dir/killed.rows"
if cmp -s "$dir/whole.rows" "$dir/killed.rows"; then
  echo; echo "== the same answer: $(wc -l < "$dir/whole.rows") rows, byte for byte"
else
  echo; echo "== DIFFERENT ANSWERS"; diff "$dir/whole.rows" "$dir/killed.rows" | head; exit 1
fi
"$bin" run "$here/show.sql"
