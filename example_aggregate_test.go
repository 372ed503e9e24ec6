package streamsql_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"math"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
)

// geometric is the geometric mean of numbers.
type geometric struct {
	logs float64
	n    int
}

func (g *geometric) Add(args []any) error {
	x := args[0].(float64)
	if x <= 0 {
		return fmt.Errorf("%g has no logarithm", x)
	}
	g.logs += math.Log(x)
	g.n++
	return nil
}

func (g *geometric) Result() (any, error) {
	if g.n == 0 {
		return nil, nil
	}
	return math.Exp(g.logs / float64(g.n)), nil
}

// An aggregate function in Go. It needs no code to merge, store or take back rows.
func ExampleAggregateFunc() {
	eng, err := streamsql.Open(streamsql.Options{Functions: []streamsql.Function{streamsql.AggregateFunc{
		Name: "geomean", Doc: "The geometric mean of positive numbers.",
		Params: []catalog.Type{catalog.Double}, Result: catalog.Double,
		New: func() streamsql.Aggregation { return &geometric{} },
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), `
		SELECT k, GEOMEAN(x) AS mean FROM (VALUES ('a', 2), ('a', 8), ('b', 5), ('b', NULL)) AS t(k, x) GROUP BY k ORDER BY k`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		rec := rows.Record()
		for i := range int(rec.NumRows()) {
			fmt.Printf("%s %.3f\n", rec.Column(0).(*array.String).Value(i), rec.Column(1).(*array.Float64).Value(i))
		}
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// a 4.000
	// b 5.000
}

// total is a sum in cents that the engine stores in place of the rows, and from which
// it takes rows out.
type total struct{ cents int64 }

func (t *total) Add(args []any) error {
	t.cents += args[0].(int64)
	return nil
}

func (t *total) Retract(args []any) error {
	t.cents -= args[0].(int64)
	return nil
}

func (t *total) Merge(other streamsql.Aggregation) error {
	t.cents += other.(*total).cents
	return nil
}

func (t *total) Result() (any, error) {
	return fmt.Sprintf("%d.%02d", t.cents/100, t.cents%100), nil
}

func (t *total) MarshalBinary() ([]byte, error) { return binary.AppendVarint(nil, t.cents), nil }

func (t *total) UnmarshalBinary(state []byte) error {
	t.cents, _ = binary.Varint(state)
	return nil
}

var _ streamsql.Retracting = (*total)(nil)

// An aggregate function in Go with a state: a number for each group, however many
// rows it has.
func ExampleAggregateFunc_incremental() {
	eng, err := streamsql.Open(streamsql.Options{Functions: []streamsql.Function{streamsql.AggregateFunc{
		Name: "total", Doc: "The sum of amounts in cents, as text.",
		Params: []catalog.Type{catalog.BigInt}, Result: catalog.String,
		New: func() streamsql.Aggregation { return &total{} },
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), `
		SELECT k, TOTAL(x) AS total FROM (VALUES ('a', 150), ('a', 275), ('b', 9)) AS t(k, x) GROUP BY k ORDER BY k`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		rec := rows.Record()
		for i := range int(rec.NumRows()) {
			fmt.Println(rec.Column(0).(*array.String).Value(i), rec.Column(1).(*array.String).Value(i))
		}
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// a 4.25
	// b 0.09
}
