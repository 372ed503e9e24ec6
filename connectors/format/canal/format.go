package canal

import (
	"fmt"
	"regexp"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

const (
	optDatabase = "database.include"
	optTable    = "table.include"
)

// Format gives the format.
func Format() *format.Format {
	return &format.Format{
		Suffix:    ".ndjson",
		Changelog: true,
		Spec: &catalog.ConnectorSpec{
			Name: "canal-json",
			Doc: "Changes of MySQL tables as Canal writes them in JSON: an object with the members data, old and type (INSERT, UPDATE, DELETE); in files one per line. " +
				"Reading, the source is a changelog, and numbers and BOOLEAN may stand in strings; writing, a row that enters the table is an INSERT, one that leaves it a DELETE.",
			Options: append([]catalog.OptionSpec{
				{Name: optDatabase, Source: true, Doc: "Take the changes of databases only whose name matches this regular expression as a whole (member database)."},
				{Name: optTable, Source: true, Doc: "Take the changes of tables only whose name matches this regular expression as a whole (member table)."},
			}, ndjson.RowOptions()...),
			Metadata: metadataColumns(),
		},
		Decode: newDecoding,
		Infer:  infer,
		Encode: func(cfg format.EncodeConfig) (format.Encoding, error) {
			return ndjson.NewChanges(cfg, func(dst []byte, row ndjson.AppendRow, i int, adds bool) []byte {
				dst = row(append(dst, `{"data":[`...), i)
				if adds {
					return append(dst, `],"type":"INSERT"}`...)
				}
				return append(dst, `],"type":"DELETE"}`...)
			}), nil
		},
	}
}

// pattern compiles an option that must match a whole name; nil: any.
func pattern(o catalog.Options, name string) (*regexp.Regexp, error) {
	text := o[name]
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(`^(?:` + text + `)$`)
	if err != nil {
		return nil, fmt.Errorf("option 'canal-json.%s': %w", name, err)
	}
	return re, nil
}
