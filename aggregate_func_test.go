package streamsql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
)

// path joins its arguments in the order of the rows.
type path struct{ parts []string }

func (p *path) Add(args []any) error {
	p.parts = append(p.parts, fmt.Sprint(args[0], ":", args[1]))
	return nil
}

func (p *path) Result() (any, error) { return strings.Join(p.parts, " "), nil }

func TestAggregateFunc(t *testing.T) {
	eng, err := streamsql.Open(streamsql.Options{Functions: []streamsql.Function{
		streamsql.AggregateFunc{Name: "GEOMEAN", Params: []catalog.Type{catalog.Double}, Result: catalog.Double, New: func() streamsql.Aggregation { return &geometric{} }},
		streamsql.AggregateFunc{Name: "PATH", Params: []catalog.Type{catalog.String, catalog.BigInt}, Result: catalog.String, NullInput: true, Ordered: true, New: func() streamsql.Aggregation { return &path{} }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	one := func(sql string) (string, error) {
		rows, err := eng.Script().Query(context.Background(), sql)
		if err != nil {
			return "", err
		}
		defer rows.Close()
		out := ""
		for rows.Next() {
			rec := rows.Record()
			for i := range int(rec.NumRows()) {
				if s, ok := rec.Column(0).(*array.String); ok {
					out += s.Value(i)
				} else {
					out += rec.Column(0).ValueStr(i)
				}
			}
		}
		return out, rows.Err()
	}
	const t1 = "(VALUES ('a', 1), ('b', 2), ('a', 3), ('a', 1), (NULL, 8)) AS t(k, v)"
	for _, c := range []struct{ sql, want string }{
		// Groups of 3, 1 and 1 rows, whose counts are taken back as they grow.
		{"SELECT GEOMEAN(n * n * n) FROM (SELECT k, COUNT(*) AS n FROM " + t1 + " WHERE k IS NOT NULL GROUP BY k)", "5.196152422706632"},
		{"SELECT PATH(k, v ORDER BY v DESC, k) FROM " + t1, "<nil>:8 a:3 b:2 a:1 a:1"},
		{"SELECT PATH(DISTINCT k, v) FROM (SELECT * FROM " + t1 + " UNION ALL SELECT 'a', 1)", "a:1 a:3 b:2 <nil>:8"},
		{"SELECT PATH(k, v) FILTER (WHERE v > 7) FROM " + t1, "<nil>:8"},
	} {
		if got, err := one(c.sql); err != nil || got != c.want {
			t.Errorf("%s\n got %s, %v\nwant %s", c.sql, got, err, c.want)
		}
	}
	if _, err := one("SELECT GEOMEAN(v - 1) FROM " + t1); err == nil || !strings.Contains(err.Error(), "has no logarithm") {
		t.Errorf("an error of the function gives %v", err)
	}
	if _, err := one("SELECT GEOMEAN(k) FROM " + t1); err == nil || !strings.Contains(err.Error(), "is STRING, not DOUBLE") {
		t.Errorf("a wrong argument gives %v", err)
	}
}
