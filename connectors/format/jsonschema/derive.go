package jsonschema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	rowjson "github.com/streamsql/streamsql/connectors/format/json"
)

// The formats of texts that columns are written as. The first two are of JSON
// Schema; times without an offset have no format there.
const (
	formatDate      = "date"
	formatInstant   = "date-time"
	formatLocal     = "local-date-time"
	formatLocalTime = "local-time"
)

// SchemaOf gives the JSON Schema (draft 7) of objects with the given columns as
// members, as the format json writes them. What may be NULL may be null or not be
// there; there are no other members. times is how timestamps are written.
func SchemaOf(columns []catalog.Field, times rowjson.TimestampFormat) (string, error) {
	d := deriver{times: times}
	d.object(columns, `"$schema":"http://json-schema.org/draft-07/schema#","title":"record",`, false)
	if d.err != nil {
		return "", d.err
	}
	return d.text.String(), nil
}

type deriver struct {
	text  bytes.Buffer
	times rowjson.TimestampFormat
	err   error
}

// object writes the schema of an object, whose members keep their order.
func (d *deriver) object(fields []catalog.Field, head string, nullable bool) {
	typ := `"type":"object"`
	if nullable {
		typ = `"type":["object","null"]`
	}
	d.text.WriteString("{" + head + typ + `,"properties":{`)
	var required []string
	for i, f := range fields {
		if i > 0 {
			d.text.WriteByte(',')
		}
		d.text.Write(quoted(f.Name))
		d.text.WriteByte(':')
		d.value(f.Type, !f.NotNull)
		if f.NotNull {
			required = append(required, f.Name)
		}
	}
	d.text.WriteByte('}')
	if required != nil {
		names, _ := json.Marshal(required)
		d.text.WriteString(`,"required":` + string(names))
	}
	d.text.WriteString(`,"additionalProperties":false}`)
}

// quoted writes a text as JSON.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // which no string gives
		return []byte(`""`)
	}
	return bytes.TrimSpace(b.Bytes())
}

// value writes the schema of a value.
func (d *deriver) value(t catalog.Type, nullable bool) {
	open := func(typ string) {
		if nullable {
			d.text.WriteString(`{"type":["` + typ + `","null"]`)
		} else {
			d.text.WriteString(`{"type":"` + typ + `"`)
		}
	}
	plain := func(typ, more string) {
		open(typ)
		d.text.WriteString(more + "}")
	}
	text := func(format string) { plain("string", `,"format":"`+format+`"`) }
	switch t.Kind {
	case catalog.KindBoolean:
		plain("boolean", "")
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt, catalog.KindBigInt:
		// The names are those of Kafka Connect's types, which other tools know.
		plain("integer", `,"connect.type":"`+map[catalog.Kind]string{catalog.KindTinyInt: "int8", catalog.KindSmallInt: "int16", catalog.KindInt: "int32", catalog.KindBigInt: "int64"}[t.Kind]+`"`)
	case catalog.KindFloat:
		d.number(nullable, "float32")
	case catalog.KindDouble:
		d.number(nullable, "float64")
	case catalog.KindDecimal:
		plain("number", "")
	case catalog.KindString, catalog.KindIntervalDay, catalog.KindIntervalMonth:
		plain("string", "")
	case catalog.KindJSON:
		d.text.WriteString("{}")
	case catalog.KindBytes:
		plain("string", `,"contentEncoding":"base64"`)
	case catalog.KindDate:
		text(formatDate)
	case catalog.KindTime:
		text(formatLocalTime)
	case catalog.KindTimestamp:
		d.moment(text, plain, formatLocal)
	case catalog.KindTimestampLTZ:
		d.moment(text, plain, formatInstant)
	case catalog.KindArray:
		open("array")
		d.text.WriteString(`,"items":`)
		d.value(*t.Elem, true)
		d.text.WriteByte('}')
	case catalog.KindMap:
		if t.Key.Kind != catalog.KindString {
			d.err = fmt.Errorf("the keys of a MAP must be STRING, not %s", t.Key)
		}
		open("object")
		d.text.WriteString(`,"additionalProperties":`)
		d.value(*t.Elem, true)
		d.text.WriteByte('}')
	case catalog.KindRow:
		d.object(t.Fields, "", nullable)
	default:
		d.err = fmt.Errorf("JSON has no form for %s", t)
	}
}

// moment writes the schema of a timestamp; one with a blank in it has no format.
func (d *deriver) moment(text func(string), plain func(typ, more string), format string) {
	switch d.times {
	case rowjson.TimestampSQL:
		plain("string", "")
	case rowjson.TimestampOffset:
		text("date-time")
	default:
		text(format)
	}
}

// number writes the schema of a FLOAT or DOUBLE, which may be NaN or infinite: then
// it is a text.
func (d *deriver) number(nullable bool, connect string) {
	null := ""
	if nullable {
		null = `,{"type":"null"}`
	}
	d.text.WriteString(`{"connect.type":"` + connect + `","oneOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity"]}` + null + `]}`)
}
