package agg

import (
	"fmt"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name     string
		args     []catalog.Type
		distinct bool
		want     string // type of the result; "" is an error
	}{
		{"COUNT", nil, false, "BIGINT"},
		{"COUNT", nil, true, ""},
		{"COUNT", []catalog.Type{catalog.ArrayOf(catalog.Int)}, false, "BIGINT"},
		{"COUNT", []catalog.Type{catalog.ArrayOf(catalog.Int)}, true, "BIGINT"},
		{"COUNT", []catalog.Type{catalog.Int, catalog.Int}, false, ""},
		{"SUM", []catalog.Type{catalog.TinyInt}, false, "BIGINT"},
		{"SUM", []catalog.Type{catalog.Float}, true, "DOUBLE"},
		{"SUM", []catalog.Type{catalog.Decimal(10, 2)}, false, "DECIMAL(38, 2)"},
		{"SUM", []catalog.Type{catalog.String}, false, ""},
		{"SUM", nil, false, ""},
		{"AVG", []catalog.Type{catalog.BigInt}, false, "DOUBLE"},
		{"AVG", []catalog.Type{catalog.Decimal(10, 2)}, false, "DECIMAL(38, 6)"},
		{"AVG", []catalog.Type{catalog.Decimal(38, 10)}, false, "DECIMAL(38, 10)"},
		{"AVG", []catalog.Type{catalog.Timestamp3}, false, ""},
		{"MIN", []catalog.Type{catalog.Timestamp3}, false, "TIMESTAMP(3)"},
		{"MAX", []catalog.Type{catalog.MapOf(catalog.String, catalog.Int)}, false, ""},
		{"MEDIAN", []catalog.Type{catalog.Int}, false, "DOUBLE"},
		{"NOTHING", []catalog.Type{catalog.Int}, false, ""},
	} {
		s, err := Resolve(c.name, c.args, c.distinct)
		if got := s.Result.String(); err == nil && got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s%v: %s, %v; want %q", c.name, c.args, got, err, c.want)
		}
	}
}

// The catalog's functions say of themselves what the Aggregator then does.
func TestFunctions(t *testing.T) {
	for _, f := range Functions() {
		for _, typ := range append(dataTypes, catalog.ArrayOf(catalog.Int)) {
			for _, distinct := range []bool{false, true} {
				o, err := f.Resolve([]catalog.Arg{{Type: typ, Distinct: distinct}})
				if err != nil {
					continue
				}
				s := o.Aggregate.Impl.(Spec)
				if !o.Result.Equal(s.Result) || !o.Aggregate.Mergeable {
					t.Errorf("%s(%s): %+v", f.Name, typ, o)
				}
				_, err = New(Config{Calls: []Call{{Spec: s, Filter: -1}}, Retract: true})
				if (err == nil) != o.Aggregate.Retractable {
					t.Errorf("%s(%s): retractable %v, New says %v", f.Name, typ, o.Aggregate.Retractable, err)
				}
			}
		}
	}
}

// Resolve settles the function with a name on argument types; see Functions for
// what each takes and gives.
func Resolve(name string, args []catalog.Type, distinct bool) (Spec, error) {
	if distinct && len(args) == 0 {
		return Spec{}, fmt.Errorf("%s(DISTINCT) needs an argument", name)
	}
	known := make([]catalog.Arg, len(args))
	for i, t := range args {
		known[i] = catalog.Arg{Type: t, Distinct: distinct && i == 0}
	}
	return ResolveArgs(name, known)
}

// ResolveArgs is Resolve for arguments some of which may be constants.
func ResolveArgs(name string, args []catalog.Arg) (Spec, error) {
	for _, f := range families {
		for _, n := range append([]string{f.name}, f.aliases...) {
			if n == name {
				s, _, err := f.settle(args)
				return s, err
			}
		}
	}
	return Spec{}, fmt.Errorf("no aggregate function %s", name)
}
