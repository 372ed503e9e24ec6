package debezium

import (
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

func newEncoding(cfg format.EncodeConfig) (format.Encoding, error) {
	return ndjson.NewChanges(cfg, func(dst []byte, row ndjson.AppendRow, i int, adds bool) []byte {
		if adds {
			return append(row(append(dst, `{"before":null,"after":`...), i), `,"op":"c"}`...)
		}
		return append(row(append(dst, `{"before":`...), i), `,"after":null,"op":"d"}`...)
	}), nil
}
