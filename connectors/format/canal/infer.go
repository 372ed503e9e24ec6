package canal

import (
	stdjson "encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// infer gives the columns of the rows in the first records, with the types that MySQL
// has for them (mysqlType), or else that their values fit.
func infer(cfg format.InferConfig) ([]catalog.Field, error) {
	databases, err := pattern(cfg.Options, optDatabase)
	if err != nil {
		return nil, err
	}
	tables, err := pattern(cfg.Options, optTable)
	if err != nil {
		return nil, err
	}
	matches := func(re *regexp.Regexp, name string) bool { return re == nil || re.MatchString(name) }
	types := map[string]catalog.Type{}
	cfg.Options = quoted(cfg.Options)
	g, err := ndjson.Guess(cfg, func(record []byte) [][]byte {
		var r struct {
			Data            []stdjson.RawMessage
			MySQLType       map[string]string `json:"mysqlType"`
			Database, Table string
			IsDDL           bool `json:"isDdl"`
		}
		if stdjson.Unmarshal(record, &r) != nil || r.IsDDL || !matches(databases, r.Database) || !matches(tables, r.Table) {
			return nil
		}
		for name, text := range r.MySQLType {
			t := columnType(text)
			if before, ok := types[name]; ok {
				t = common(before, t)
			}
			types[name] = t
		}
		rows := make([][]byte, len(r.Data))
		for i, row := range r.Data {
			rows[i] = row
		}
		return rows
	})
	if g == nil {
		return nil, err
	}
	fields := g.Fields()
	for i, f := range fields {
		if t, ok := types[f.Name]; ok {
			fields[i].Type = t
		}
	}
	return fields, nil
}

var mysqlType = regexp.MustCompile(`^([a-z]+)(?: *\( *([0-9]+)(?: *, *([0-9]+))? *\))?`)

// columnType is the type of a column that takes the values of a type of MySQL, as
// Canal writes them. STRING takes any.
func columnType(text string) catalog.Type {
	text = strings.ToLower(strings.TrimSpace(text))
	m := mysqlType.FindStringSubmatch(text)
	if m == nil {
		return catalog.String
	}
	number := func(text string, otherwise int) int {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
		return otherwise
	}
	integers := map[string][2]catalog.Type{ // signed, unsigned
		"tinyint": {catalog.TinyInt, catalog.SmallInt}, "smallint": {catalog.SmallInt, catalog.Int}, "year": {catalog.SmallInt, catalog.SmallInt},
		"mediumint": {catalog.Int, catalog.Int}, "int": {catalog.Int, catalog.BigInt}, "integer": {catalog.Int, catalog.BigInt},
		"bigint": {catalog.BigInt, {Kind: catalog.KindDecimal, Precision: 20}},
	}
	switch m[1] {
	case "float":
		return catalog.Float
	case "double", "real":
		return catalog.Double
	case "decimal", "numeric", "dec", "fixed":
		if p := number(m[2], 10); p <= catalog.MaxDecimalPrecision {
			return catalog.Type{Kind: catalog.KindDecimal, Precision: p, Scale: number(m[3], 0)}
		}
	case "date":
		return catalog.Date
	case "datetime", "timestamp":
		if number(m[2], 0) > 3 {
			return catalog.Timestamp6
		}
		return catalog.Timestamp3
	case "bit":
		if number(m[2], 1) == 1 {
			return catalog.Boolean
		}
	}
	if t, ok := integers[m[1]]; ok {
		if strings.Contains(text, "unsigned") {
			return t[1]
		}
		return t[0]
	}
	return catalog.String
}

// common is the type of a column whose type was changed while the records were
// written.
func common(a, b catalog.Type) catalog.Type {
	switch {
	case a.Equal(b):
		return a
	case a.IsInteger() && b.IsInteger():
		return catalog.BigInt
	}
	return catalog.String
}
