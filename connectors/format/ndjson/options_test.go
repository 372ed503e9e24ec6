package ndjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/format"
	"github.com/streamsql/streamsql/connectors/format/ndjson"
)

// With fail-on-missing-field a member may be null but must be there, within ROWs too.
func TestFailOnMissing(t *testing.T) {
	cols := []catalog.Field{{Name: "i", Type: catalog.Int}, {Name: "r", Type: catalog.RowOf(catalog.Field{Name: "x", Type: catalog.Int})}}
	data := `{"i":null,"r":{"x":1}}
{"r":{"x":null},"i":2,"more":0}
{"i":3,"r":{}}
{"i":4,"r":null}
{"i":5}
{}
`
	_, errs := decode(t, format.DecodeConfig{Options: catalog.Options{"fail-on-missing-field": "true"}, Columns: cols}, data)
	var got []string
	for _, e := range errs {
		got = append(got, string('0'+rune(e.Row))+" "+e.Code+" "+e.Column)
	}
	if want := []string{"2 MISSING_FIELD r.x", "4 MISSING_FIELD r", "5 MISSING_FIELD i", "5 MISSING_FIELD r"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// DECIMAL as text reads back; members that are NULL can be left out.
func TestEncodeOptions(t *testing.T) {
	row := catalog.RowOf(catalog.Field{Name: "a", Type: catalog.Int}, catalog.Field{Name: "d", Type: catalog.Decimal(10, 2)})
	cols := []catalog.Field{{Name: "n", Type: catalog.Int}, {Name: "d", Type: catalog.Decimal(10, 2)}, {Name: "r", Type: row}, {Name: "l", Type: catalog.ArrayOf(row)}}
	data := `{"n":null,"d":"1.5","r":{"a":null,"d":-0.07},"l":[null,{"a":1,"d":null}]}
{"n":null,"d":null,"r":null,"l":null}
{"n":1,"d":null,"r":{"a":null,"d":null},"l":[]}
`
	for _, test := range []struct {
		options catalog.Options
		want    string
	}{
		{catalog.Options{}, `{"n":null,"d":1.50,"r":{"a":null,"d":-0.07},"l":[null,{"a":1,"d":null}]}
{"n":null,"d":null,"r":null,"l":null}
{"n":1,"d":null,"r":{"a":null,"d":null},"l":[]}
`},
		{catalog.Options{"encode.decimal-as-text": "true", "encode.ignore-null-fields": "true"}, `{"d":"1.50","r":{"d":"-0.07"},"l":[null,{"a":1}]}
{}
{"n":1,"r":{},"l":[]}
`},
	} {
		d, err := ndjson.Format().Decode(format.DecodeConfig{Options: catalog.Options{}, Columns: cols})
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := d.Stream(nil)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := s.NewDecoder(memory.DefaultAllocator).Decode([]byte(data), strings.Count(data, "\n"))
		if err != nil || len(recs.Errors) > 0 {
			t.Fatal(err, recs.Errors)
		}
		e, err := ndjson.Format().Encode(format.EncodeConfig{Options: test.options, Columns: cols})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.NewEncoder().Append(nil, &connectors.Batch{N: recs.N, Cols: recs.Cols})
		if err != nil || string(got) != test.want {
			t.Errorf("%v: %v\ngot  %s\nwant %s", test.options, err, got, test.want)
		}
	}
}
