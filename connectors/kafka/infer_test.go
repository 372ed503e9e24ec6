//go:build unix

package kafka

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/kafka/batch"
	"github.com/streamsql/streamsql/internal/clock"
	"github.com/streamsql/streamsql/internal/testservice"
)

// TestInfer: the columns of topics by their first records, of each partition the
// same share.
func TestInfer(t *testing.T) {
	k := testservice.SharedKafka(t, testservice.KafkaConfig{})
	k.CreateTopic(t, "infer", 2)
	k.CreateTopic(t, "infer-empty", 1)
	produce(t, k, "infer", 0, batch.Codec(0), `a=>{"id":1,"x":{"y":"2024-05-01 10:00:00"}}`, "b=>NULL", `c=>{"id":2}`)
	produce(t, k, "infer", 1, batch.Codec(2), `not json`, `a=>{"id":2.5,"late":true}`)
	k.CreateTopic(t, "infer-keys", 1)
	produce(t, k, "infer-keys", 0, batch.Codec(0), `{"id":1}=>{"v":1}`, `NULL=>{"v":2}`, `{"id":1.5,"more":true}=>NULL`)
	for _, test := range []struct {
		options string
		want    string
	}{
		{"topic=infer", "id DOUBLE, x ROW<y TIMESTAMP(6)>, late BOOLEAN"},
		{"topic-pattern=inf.r;scan.startup.mode=latest-offset;scan.max-offsets-per-trigger=1", "id DOUBLE, x ROW<y TIMESTAMP(6)>, late BOOLEAN"},
		{"topic=infer;schema.infer.rows=2", "id BIGINT, x ROW<y TIMESTAMP(6)>"},
		{"topic=infer-empty", "no JSON object"},
		{"topic=infer-none", "does not exist"},
		{"topic=infer;format=raw", ""},
		{"topic=infer;format=csv", "only in the header"},
		{"topic=infer;key.format=json;key.fields=id", "id DOUBLE, x ROW<y TIMESTAMP(6)>, late BOOLEAN"},
		{"topic=infer;key.format=json;key.fields=id;value.fields-include=EXCEPT_KEY", "the key: there is no JSON object"},
		{"topic=infer-keys;key.format=json;key.fields=k_id;key.fields-prefix=k_;value.fields-include=EXCEPT_KEY", "k_id DOUBLE, v BIGINT"},
		{"topic=infer-keys;key.format=json;key.fields=x;value.fields-include=EXCEPT_KEY", "keys have no 'x'"},
		{"topic=infer-keys;key.format=raw;key.fields=id;value.fields-include=EXCEPT_KEY", "columns of keys"},
	} {
		var options []string
		for _, o := range strings.Split(test.options, ";") {
			name, value, _ := strings.Cut(o, "=")
			options = append(options, name, value)
		}
		fields, err := infer(formats, config(t, nil, k.Addr, options...).Options, connectors.Env{Clock: clock.System{}})
		got := strings.TrimSuffix(strings.TrimPrefix(catalog.RowOf(fields...).String(), "ROW<"), ">")
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want)) {
			t.Errorf("%s: got %s, want %s", test.options, got, test.want)
		}
	}
}
