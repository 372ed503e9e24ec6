#!/bin/sh
# From a Kafka topic to numbers that move: starts a broker from its jars, writes
# sample orders, runs the job of job.sql, and shows what it writes.
#
#   run.sh STREAMSQL_BINARY [DIRECTORY]
#
# Needs java (17 or later). The jars are taken from STREAMSQL_KAFKA_JARS, else from
# the user's cache, which Maven (mvn) fills once: 54 MB from Maven Central, or from the
# mirror that Maven is set to. Nothing is left running; DIRECTORY (a new one by
# default) keeps logs, data and the job's state. KEEP=1 leaves the broker and the job
# running until Ctrl-C; DIRECTORY/broker.sh and DIRECTORY/job.sh start them again.
set -eu
[ $# -ge 1 ] || { echo "usage: run.sh STREAMSQL_BINARY [DIRECTORY]" >&2; exit 2; }
bin=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
dir=${2:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
port=${PORT:-9092}
version=4.3.1
command -v java >/dev/null || { echo "java is not in PATH: install a JRE, 17 or later" >&2; exit 3; }

jars=${STREAMSQL_KAFKA_JARS:-${XDG_CACHE_HOME:-$HOME/.cache}/streamsql/kafka-$version}
if [ -z "${STREAMSQL_KAFKA_JARS:-}" ] && [ ! -e "$jars/complete" ]; then
  command -v mvn >/dev/null || { echo "Kafka's jars are not in $jars: install Maven (mvn), or set STREAMSQL_KAFKA_JARS" >&2; exit 3; }
  echo "== fetching Kafka $version (54 MB, once)"
  mkdir -p "$jars"
  mvn -B -q -f "$here/kafka.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars"
  touch "$jars/complete"
fi

broker= job=
stop() {
  trap - EXIT INT TERM
  [ -z "$job" ] || { kill "$job" 2>/dev/null || true; wait "$job" 2>/dev/null || true; }
  [ -z "$broker" ] || { kill -9 "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true; }
}
trap stop EXIT
trap 'stop; exit 130' INT TERM

cat > "$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/broker
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=4194304
P
export CLASSPATH="$jars/*"
java="java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
if [ ! -e "$dir/broker/meta.properties" ]; then
  $java kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$dir/server.properties" > "$dir/format.log" 2>&1
fi
cat > "$dir/broker.sh" <<S
#!/bin/sh
CLASSPATH="$jars/*" exec $java kafka.Kafka "$dir/server.properties"
S
cat > "$dir/job.sh" <<S
#!/bin/sh
cd "$dir" && exec "$bin" run job.sql --data-dir state "\$@"
S
chmod +x "$dir/broker.sh" "$dir/job.sh"
echo "== a broker on 127.0.0.1:$port"
"$dir/broker.sh" > "$dir/broker.log" 2>&1 &
broker=$!
kafka() { command=$1; shift; "$bin" kafka "$command" -b "127.0.0.1:$port" "$@"; }
tries=0
until kafka topics > /dev/null 2>&1; do
  kill -0 "$broker" 2>/dev/null || { echo "the broker has ended:" >&2; tail -n 20 "$dir/broker.log" >&2; exit 1; }
  tries=$((tries + 1))
  [ $tries -lt 120 ] || { echo "the broker does not answer, see $dir/broker.log" >&2; exit 1; }
  sleep 1
done
for topic in orders per_minute; do
  kafka topics --create "$topic" --partitions 2 > /dev/null 2>&1 || true # it is there from an earlier run
done

echo "== 5000 orders of ten minutes"
awk 'BEGIN { srand(7); for (i = 0; i < 5000; i++) {
  s = i * 600 / 5000; printf "{\"id\": %d, \"customer\": \"c%d\", \"amount\": %.2f, \"ts\": \"2024-05-01 10:%02d:%06.3f\"}\n", i, rand() * 40, 1 + i % 100, int(s / 60), s % 60 } }' > "$dir/orders.ndjson"
kafka produce orders < "$dir/orders.ndjson"

echo "== the job: totals by minute, exactly once, to the topic per_minute"
sed "s/127.0.0.1:9092/127.0.0.1:$port/" "$here/job.sql" > "$dir/job.sql"
"$dir/job.sh" --progress json 2> "$dir/progress" &
job=$!
tries=0
until [ "$(kafka tail per_minute --from-beginning --committed 2>/dev/null | wc -l)" -ge 9 ]; do
  kill -0 "$job" 2>/dev/null || { echo "the job has ended:" >&2; cat "$dir/progress" >&2; exit 1; }
  tries=$((tries + 1))
  [ $tries -lt 120 ] || { echo "no output, see $dir/progress" >&2; exit 1; }
  sleep 1
done
echo "== what the dashboard reads: streamsql kafka tail per_minute --from-beginning --committed"
kafka tail per_minute --from-beginning --committed | cut -f 4 | sort
echo "== how the job goes: the last line of its progress"
tail -n 1 "$dir/progress" | cut -c 1-300
if [ -n "${KEEP:-}" ]; then
  echo "== until Ctrl-C the broker and the job run on; their logs are in $dir"
  echo "   broker: process $broker, again by $dir/broker.sh"
  echo "   job: process $job, again by $dir/job.sh"
  while :; do sleep 1; done
fi
