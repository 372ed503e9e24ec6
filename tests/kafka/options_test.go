//go:build unix

package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestOptions: what is wrong with the options of a topic is an error of the statement,
// before a broker is asked. The names and their values are those of Flink's connector
// (its pages "Kafka" and "Upsert Kafka"), and so is what excludes each other.
func TestOptions(t *testing.T) {
	const from = "'topic' = 't', 'scan.startup.mode' = 'earliest-offset'"
	const pk = ", PRIMARY KEY (id) NOT ENFORCED"
	read := func(options, columns string) string {
		return fmt.Sprintf("CREATE SOURCE t (%s) WITH ($KAFKA, %s); INSERT INTO nowhere SELECT 1 FROM t;", columns, options)
	}
	write := func(options, columns, query string) string {
		return fmt.Sprintf("CREATE SINK t (%s) WITH ($KAFKA, %s); INSERT INTO t %s;", columns, options, query)
	}
	table := func(options, columns, use string) string {
		return fmt.Sprintf("CREATE TABLE t (%s) WITH ($KAFKA, %s); %s;", columns, options, use)
	}
	const reads, writes = "INSERT INTO nowhere SELECT 1 FROM t", "INSERT INTO t SELECT id FROM numbers"
	const counted = "SELECT id, COUNT(*) FROM numbers GROUP BY id"
	for _, test := range []struct{ script, want string }{
		// Where to begin and to end.
		{read("'topic' = 't'", "id INT"), "'scan.startup.mode' = 'group-offsets' needs option 'properties.group.id'"},
		{read("'topic' = 't', 'properties.group.id' = 'g'", "id INT"), ""},
		{read("'topic' = 't', 'scan.startup.mode' = 'earliest'", "id INT"), `option 'scan.startup.mode': "earliest" is not one of earliest-offset, latest-offset, group-offsets, timestamp, specific-offsets`},
		{read("'topic' = 't', 'scan.startup.mode' = 'timestamp'", "id INT"), "needs option 'scan.startup.timestamp-millis'"},
		{read("'topic' = 't', 'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '-2'", "id INT"), "option 'scan.startup.timestamp-millis' can't be negative"},
		{read("'topic' = 't', 'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '2024-01-01'", "id INT"), "is not an integer"},
		{read("'topic' = 't', 'scan.startup.mode' = 'specific-offsets'", "id INT"), "needs option 'scan.startup.specific-offsets'"},
		{read("'topic' = 't', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = '0:42'", "id INT"), "'0:42' is not of the form partition:0,offset:42"},
		{read("'topic' = 't', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:x'", "id INT"), "'partition:0,offset:x' is not of the form partition:0,offset:42"},
		{read("'topic' = 't', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:1; partition:0,offset:2'", "id INT"), "partition 0 of 't' is named twice"},
		{read("'topic' = 't;u', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'partition:0,offset:1'", "id INT"), "does not say which topic"},
		{read("'topic' = 't;u', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'topic:u, partition:0, offset:1'", "id INT"), ""},
		{read("'topic' = 't', 'scan.startup.mode' = 'specific-offsets', 'scan.startup.specific-offsets' = 'topic:u,partition:0,offset:1'", "id INT"), "names a topic that is not read"},
		{read(from+", 'scan.startup.specific-offsets' = 'partition:0,offset:1'", "id INT"), "option 'scan.startup.specific-offsets' is for 'scan.startup.mode' = 'specific-offsets'"},
		{read(from+", 'scan.bounded.timestamp-millis' = '1'", "id INT"), "option 'scan.bounded.timestamp-millis' is for 'scan.bounded.mode' = 'timestamp'"},
		{read(from+", 'scan.bounded.mode' = 'earliest-offset'", "id INT"), "is not one of unbounded, latest-offset, group-offsets, timestamp, specific-offsets"},
		{read(from+", 'scan.bounded.mode' = 'group-offsets'", "id INT"), "'scan.bounded.mode' = 'group-offsets' needs option 'properties.group.id'"},
		// Which topics.
		{read("'scan.startup.mode' = 'earliest-offset'", "id INT"), "needs option 'topic' or 'topic-pattern'"},
		{read(from+", 'topic-pattern' = 't.*'", "id INT"), "'topic' and 'topic-pattern' exclude each other"},
		{read("'topic-pattern' = 't(', 'scan.startup.mode' = 'earliest-offset'", "id INT"), "option 'topic-pattern': error parsing regexp"},
		{read("'topic' = 'a,b', 'scan.startup.mode' = 'earliest-offset'", "id INT"), "'a,b' can't be the name of a topic (several are written 'a;b')"},
		// Limits.
		{read(from+", 'scan.max-offsets-per-trigger' = '-1'", "id INT"), "option 'scan.max-offsets-per-trigger' can't be negative"},
		{read(from+", 'scan.max-rate-per-partition' = '-1'", "id INT"), "option 'scan.max-rate-per-partition' can't be negative"},
		{read(from+", 'scan.max-bytes-per-trigger' = '10zz'", "id INT"), `option 'scan.max-bytes-per-trigger': "10zz" is not a size`},
		// Settings of Java's clients: taken, not taken, unknown.
		{read(from+", 'properties.session.timeout.ms' = '45000', 'properties.heartbeat.interval.ms' = '3000'", "id INT"), ""},
		{read(from+", 'properties.fetch.min.bytes' = 'x'", "id INT"), `option 'properties.fetch.min.bytes': "x" is not a size`},
		{read(from+", 'properties.max.poll.records' = '5'", "id INT"), "'scan.max-offsets-per-trigger' bounds a micro-batch"},
		{read(from+", 'properties.group.ids' = 'g'", "id INT"), "did you mean 'properties.group.id'?"},
		{read(from+", 'properties.metrics.recording.level' = 'INFO'", "id INT"), "unknown option 'properties.metrics.recording.level'"},
		{write("'topic' = 't', 'properties.acks' = 'all'", "id INT", "SELECT id FROM numbers"), "option 'properties.acks' is not taken: all replicas in sync acknowledge"},
		{write("'topic' = 't', 'properties.compression.codec' = 'gzip'", "id INT", "SELECT id FROM numbers"), "did you mean 'properties.compression.type'?"},
		{write("'topic' = 't', 'sink.delivery-guarantee' = 'exactly_once'", "id INT", "SELECT id FROM numbers"), "is not one of exactly-once, at-least-once, none"},
		// Keys.
		{read(from+", 'key.format' = 'json'", "id INT"), "'key.format' needs 'key.fields'"},
		{read(from+", 'key.fields' = 'id'", "id INT"), "'key.fields' needs 'key.format'"},
		{read(from+", 'key.format' = 'json', 'key.fields' = 'idd'", "id INT"), "option 'key.fields': there is no column 'idd'"},
		{read(from+", 'key.format' = 'json', 'key.fields' = 'p'", "id INT, p INT METADATA FROM 'partition'"), "option 'key.fields': there is no column 'p'"},
		{read(from+", 'key.format' = 'json', 'key.fields' = 'id', 'key.fields-prefix' = 'k_'", "id INT"), "column 'id' of 'key.fields' does not begin with 'k_'"},
		{read(from+", 'key.format' = 'json', 'key.fields' = 'k_id', 'key.fields-prefix' = 'k_'", "k_id INT"), "'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY'"},
		{write("'topic' = 't', 'key.format' = 'json'", "id INT", "SELECT id FROM numbers"), "'key.format' needs 'key.fields'"},
		{write("'topic' = 't', 'key.format' = 'raw'", "id INT, n BIGINT"+pk, counted), ""},
		{write("'topic' = 't', 'key.format' = 'json', 'key.fields' = 'idd'", "id INT", "SELECT id FROM numbers"), "there is no column 'idd'"},
		{write("'topic' = 't', 'key.format' = 'json', 'key.fields' = 'n'", "id INT, n BIGINT"+pk, counted), "'n' is not in the PRIMARY KEY"},
		{write("'topic' = 't', 'key.format' = 'json', 'key.fields' = 'k_id', 'key.fields-prefix' = 'k_'", "k_id INT", "SELECT id FROM numbers"), "needs 'value.fields-include' = 'EXCEPT_KEY'"},
		{write("'topic' = 't', 'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY'", "id INT, n BIGINT"+pk, counted), "column 'id' of the PRIMARY KEY does not begin with 'k_'"},
		// The partition.
		{write("'topic' = 't', 'sink.partitioner' = 'round-robin'", "id INT", "SELECT id FROM numbers"), ""},
		{write("'topic' = 't', 'sink.partitioner' = 'round-robin', 'key.format' = 'json', 'key.fields' = 'id'", "id INT", "SELECT id FROM numbers"), "would spread rows of the same 'key.fields' over partitions"},
		{write("'topic' = 't', 'sink.partitioner' = 'fixed', 'key.format' = 'json', 'key.fields' = 'id'", "id INT", "SELECT id FROM numbers"), ""},
		{write("'topic' = 't', 'sink.partitioner' = 'fixed'", "id INT, n BIGINT"+pk, counted), "would spread the updates of a key over partitions"},
		// A table is what it is used as.
		{table("'topic' = 't'", "id INT", writes), ""},
		{table("'topic' = 't'", "id INT", reads), "'scan.startup.mode' = 'group-offsets' needs option 'properties.group.id'"},
		{table("'topic' = 't'", "id INT", "INSERT INTO nowhere SELECT 1 FROM t /*+ OPTIONS('scan.startup.mode' = 'earliest-offset') */"), ""},
		{table("'topic' = 't'", "id INT", "INSERT INTO nowhere SELECT 1 FROM t /*+ OPTIONS('scan.startup.mode' = 'earliest') */"), "is not one of earliest-offset"},
		{table("'topic' = 't', 'scan.startup.mode' = 'earliest'", "id INT", writes), "is not one of earliest-offset"},
		{table("'topic' = 'a;b', 'scan.startup.mode' = 'earliest-offset'", "id INT", reads), ""},
		{table("'topic' = 'a;b', 'scan.startup.mode' = 'earliest-offset'", "id INT", writes), "a sink writes to one topic"},
		{table("'topic' = 'a;b'", "id INT", ""), "needs option 'properties.group.id'"},
		{table("'topic-pattern' = 'a.*', 'scan.startup.mode' = 'earliest-offset'", "id INT", reads), ""},
		{table("'topic-pattern' = 'a.*', 'scan.startup.mode' = 'earliest-offset'", "id INT", writes), "needs option 'topic' to write"},
		{table(from+", 'sink.partitioner' = 'fixed'", "id INT", reads), ""},
		{table(from+", 'key.format' = 'json', 'key.json.ignore-parse-errors' = 'true', 'key.fields' = 'id', 'value.json.fail-on-missing-field' = 'false'", "id INT", writes), ""},
		{table(from+", 'value.json.fail-on-missing-fields' = 'false'", "id INT", reads), "unknown option 'value.json.fail-on-missing-fields'"},
		{table(from+", 'value.json.fail-on-missing-field' = 'no'", "id INT", reads), "option 'value.json.fail-on-missing-field': \"no\" is neither true nor false"},
		{write("'topic' = 't', 'value.json.fail-on-missing-field' = 'false'", "id INT", "SELECT id FROM numbers"), "option 'value.json.fail-on-missing-field' of connector 'kafka' is for sources only"},
		// Metadata columns.
		{table(from, "id INT, p INT METADATA FROM 'partition' VIRTUAL, o BIGINT METADATA FROM 'offset' VIRTUAL", writes), ""},
		{table(from, "id INT, o BIGINT METADATA FROM 'offset'", "INSERT INTO t SELECT id, 1 FROM numbers"), "metadata column `o` of `t` can be read but not written: connector 'kafka' takes no 'offset'"},
		{read(from, "id INT, p BIGINT METADATA FROM 'partition', s TIMESTAMP(3) METADATA FROM 'timestamp'"), ""},
		{read(from, "id INT, p INT METADATA FROM 'partion'"), "did you mean `partition`?"},
		{read(from, "id INT, h INT METADATA FROM 'headers'"), "metadata 'headers' is MAP<STRING, BYTES>, it can't be INT"},
		{write("'topic' = 't'", "id INT, s TIMESTAMP(3) METADATA FROM 'timestamp', h MAP<STRING, STRING> METADATA FROM 'headers', k STRING METADATA FROM 'key'", "SELECT id, TIMESTAMP '2024-05-01 00:00:00', MAP['a', 'b'], 'k' FROM numbers"), ""},
		{write("'topic' = 't'", "id INT, p BIGINT METADATA FROM 'partition'", "SELECT id, 1 FROM numbers"), "metadata column `p` of sink `t` is BIGINT, connector 'kafka' takes INT"},
		{write("'topic' = 't'", "id INT, o BIGINT METADATA FROM 'offset'", "SELECT id, 1 FROM numbers"), "it has key, topic, partition, timestamp, headers"},
	} {
		eng, err := streamsql.Open(streamsql.Options{DataDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = eng.Script().Analyze("test", strings.ReplaceAll(`CREATE SOURCE numbers (id INT) WITH ('connector' = 'file', 'path' = 'x', 'format' = 'json');
			CREATE SINK nowhere (id INT) WITH ('connector' = 'blackhole');`+test.script, "$KAFKA", "'connector' = 'kafka', 'properties.bootstrap.servers' = 'localhost:1', 'format' = 'json'"))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(fmt.Sprintf("%+v", err), test.want) && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n\t%v\n\twant %s", test.script, err, test.want)
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestMetadataCast: metadata columns may be declared as what fits, and are written as what
// the record has, updates too. Kafka's own consumer sees them.
func TestMetadataCast(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "cast", 1)
	k.CreateTopic(t, "cast-in", 1)
	produce(t, k.Addr, "cast-in", 0, 7, 1)
	w := newWorld(t, k)
	err := w.start(`
		CREATE SOURCE s (n INT) WITH ($KAFKA, 'topic' = 'cast-in', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');
		CREATE SINK added (n INT, at TIMESTAMP(6) METADATA FROM 'timestamp', h MAP<STRING, STRING> METADATA FROM 'headers', k STRING METADATA FROM 'key') WITH ($KAFKA, 'topic' = 'cast');
		CREATE SINK updated (at TIMESTAMP(3) METADATA FROM 'timestamp', n INT, c BIGINT, PRIMARY KEY (n) NOT ENFORCED) WITH ($KAFKA, 'topic' = 'cast');
		INSERT INTO added SELECT n, TIMESTAMP '2024-05-01 00:00:00.123456', MAP['a', 'b', 'n', NULL], 'k' FROM s;
		INSERT INTO updated SELECT MAX(TIMESTAMP '2024-05-01 00:00:01'), n, COUNT(*) FROM s GROUP BY n;`).wait()
	if err != nil {
		t.Fatal(err)
	}
	out, err := k.Tool("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", "cast", "--from-beginning", "--max-messages", "2", "--timeout-ms", "30000", "--command-property", "isolation.level=read_committed",
		"--formatter-property", "print.key=true", "--formatter-property", "print.timestamp=true", "--formatter-property", "print.headers=true", "--formatter-property", "key.separator= ").Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	want := []string{`CreateTime:1714521600123 a:b,n:null k {"n":7}`, `CreateTime:1714521601000 NO_HEADERS {"n":7} {"n":7,"c":1}`}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("%v: the records are %q, want %q", err, lines, want)
	}
}
