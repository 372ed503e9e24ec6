package debezium_test

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/canal"
	"github.com/streamsql/streamsql/connectors/format/debezium"
)

// Expected: by hand, from the rules of the page on columns.
func TestInfer(t *testing.T) {
	schema := func(fields string) string {
		return `{"schema":{"type":"struct","fields":[{"type":"struct","field":"before","optional":true,"fields":[` + fields + `]},{"type":"string","field":"op"}]},"payload":{"after":{"id":1},"op":"c"}}`
	}
	for _, test := range []struct {
		name    string
		format  *format.Format
		options catalog.Options
		records []string
		want    string
	}{
		{name: "images", format: debezium.Format(), records: []string{`{"before":null,"after":{"id":1,"at":"2024-05-01 10:00:00"},"op":"c","source":{"no":"column"}}`,
			`{"before":{"id":1.5,"gone":true},"after":null,"op":"d"}`, `not JSON`, `[]`, `{"op":"m"}`},
			want: "id DOUBLE, at TIMESTAMP(6), gone BOOLEAN"},
		{name: "payload", format: debezium.Format(), options: catalog.Options{"schema-include": "true"},
			records: []string{`{"schema":null,"payload":{"after":{"id":1},"op":"c"}}`, `{"payload":null}`}, want: "id BIGINT"},
		{name: "payload, not said", format: debezium.Format(), records: []string{`{"schema":null,"payload":{"after":{"id":1},"op":"c"}}`}, want: "error: set 'debezium-json.schema-include' = 'true'"},
		{name: "schema", format: debezium.Format(), options: catalog.Options{"schema-include": "true"},
			records: []string{`{"schema":{"type":"string"},"payload":null}`, schema(`{"type":"int32","field":"id"},{"type":"boolean","field":"b"},{"type":"int8","field":"i1"},{"type":"int16","field":"i2"},{"type":"int64","name":"io.debezium.time.Timestamp","field":"i8"},` +
				`{"type":"float","field":"f"},{"type":"float32","field":"g"},{"type":"double","field":"d"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","field":"y"},` +
				`{"type":"string","name":"io.debezium.time.ZonedTimestamp","field":"z"},{"type":"array","items":{"type":"string"},"field":"a"},{"type":"map","keys":{"type":"string"},"values":{"type":"int32"},"field":"m"},` +
				`{"type":"map","keys":{"type":"int32"},"values":{"type":"int32"},"field":"n"},{"type":"struct","fields":[{"type":"double","field":"x"}],"field":"p"},{"field":"q"}`)},
			want: "id INT, b BOOLEAN, i1 TINYINT, i2 SMALLINT, i8 BIGINT, f FLOAT, g FLOAT, d DOUBLE, y BYTES, z STRING, a ARRAY<STRING>, m MAP<STRING, INT>, n STRING, p ROW<x DOUBLE>, q STRING"},
		{name: "schema, ISO", format: debezium.Format(), options: catalog.Options{"schema-include": "true", "timestamp-format.standard": "ISO-8601"},
			records: []string{schema(`{"type":"string","name":"io.debezium.time.ZonedTimestamp","field":"z"}`)}, want: "z TIMESTAMP_LTZ(6)"},
		{name: "no record", format: debezium.Format(), records: []string{`{"op":"m"}`}, want: "error: no JSON object"},

		{name: "canal by types", format: canal.Format(), options: catalog.Options{"table.include": "items"},
			records: []string{`{"data":[{"no":"1"}],"type":"INSERT","table":"orders"}`, `{"data":null,"isDdl":true,"type":"ALTER","table":"items","mysqlType":{"id":"text"}}`,
				`{"data":[{"id":"1","u":"2","b":"3","n":"1.50","wide":"1","d":"2024-05-01","t":"2024-05-01 10:00:00","t6":"2024-05-01 10:00:00.123456","c":"10:00:00","f":"1","g":"2","bit":"1","bits":"12","name":"a","tiny":"1","y":"2024"}],"type":"INSERT","table":"items",` +
					`"mysqlType":{"id":"int(11)","u":"int(10) unsigned","b":"BIGINT UNSIGNED","n":"decimal(10,2)","wide":"decimal(65,30)","d":"date","t":"datetime","t6":"timestamp(6)","c":"time","f":"float","g":"double","bit":"bit(1)","bits":"bit(8)","name":"varchar(255)","tiny":"tinyint(1)","y":"year"}}`},
			want: "id INT, u BIGINT, b DECIMAL(20, 0), n DECIMAL(10, 2), wide STRING, d DATE, t TIMESTAMP(3), t6 TIMESTAMP(6), c STRING, f FLOAT, g DOUBLE, bit BOOLEAN, bits STRING, name STRING, tiny TINYINT, y SMALLINT"},
		{name: "canal by values", format: canal.Format(), records: []string{`{"data":[{"id":"1","n":"1.5","zip":"00123"}],"type":"INSERT"}`, `{"data":[{"id":"2","n":null}],"type":"DELETE"}`},
			want: "id BIGINT, n DOUBLE, zip STRING"},
		{name: "canal, a type that was changed", format: canal.Format(), records: []string{`{"data":[{"id":"1","x":"1"}],"mysqlType":{"id":"int","x":"int"}}`, `{"data":[{"id":"1","x":"a"}],"mysqlType":{"id":"bigint","x":"text"}}`},
			want: "id BIGINT, x STRING"},
		{name: "canal, no record", format: canal.Format(), records: []string{`{"data":null,"type":"TRUNCATE"}`}, want: "error: no JSON object"},
	} {
		if test.options == nil {
			test.options = catalog.Options{}
		}
		fields, err := test.format.Infer(format.InferConfig{Options: test.options, Rows: 100, Messages: true, Samples: func(yield func(format.Sample, error) bool) {
			for _, r := range test.records {
				if !yield(format.Sample{Data: []byte(r), Whole: true}, nil) {
					return
				}
			}
		}})
		got := strings.TrimSuffix(strings.TrimPrefix(catalog.RowOf(fields...).String(), "ROW<"), ">")
		if want, isError := strings.CutPrefix(test.want, "error: "); isError {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %s, %v, want an error with %q", test.name, got, err, want)
			}
		} else if err != nil || got != want {
			t.Errorf("%s: got %s (%v)\nwant %s", test.name, got, err, want)
		}
	}
}
