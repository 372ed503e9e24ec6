package sql

import (
	"encoding/binary"
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/agg"
)

// squares is the sum of the squares of numbers, of which none may be negative.
type squares struct{ sum int64 }

func (s *squares) Add(args []any) error {
	x := args[0].(int64)
	if x < 0 {
		return fmt.Errorf("%d is negative", x)
	}
	s.sum += x * x
	return nil
}

func (s *squares) Result() (any, error) { return s.sum, nil }

// squaresState is squares with a state of its own.
type squaresState struct{ squares }

func (s *squaresState) Merge(other agg.Aggregation) error {
	s.sum += other.(interface{ total() int64 }).total()
	return nil
}

func (s *squaresState) total() int64 { return s.sum }

func (s *squaresState) MarshalBinary() ([]byte, error) {
	return binary.AppendVarint(nil, s.sum), nil
}

func (s *squaresState) UnmarshalBinary(state []byte) error {
	s.sum, _ = binary.Varint(state)
	return nil
}

// squaresBack is squaresState that takes rows back.
type squaresBack struct{ squaresState }

func (s *squaresBack) Retract(args []any) error {
	x := args[0].(int64)
	if x < 0 {
		return fmt.Errorf("%d is negative", x)
	}
	s.sum -= x * x
	return nil
}

// longest is the longest text, of several such the greatest, and the number of rows.
type longest struct {
	text string
	rows int64
}

func (l *longest) Add(args []any) error {
	l.offer(args[0].(string))
	l.rows++
	return nil
}

func (l *longest) offer(s string) {
	if len(s) > len(l.text) || len(s) == len(l.text) && s > l.text {
		l.text = s
	}
}

func (l *longest) Result() (any, error) { return fmt.Sprint(l.text, "/", l.rows), nil }

func (l *longest) Merge(other agg.Aggregation) error {
	o := other.(*longest)
	l.offer(o.text)
	l.rows += o.rows
	return nil
}

func (l *longest) MarshalBinary() ([]byte, error) {
	return append(binary.AppendVarint(nil, l.rows), l.text...), nil
}

func (l *longest) UnmarshalBinary(state []byte) error {
	var n int
	l.rows, n = binary.Varint(state)
	l.text = string(state[n:])
	return nil
}

// goAggregates are aggregate functions in Go, one of each form.
func goAggregates() []*catalog.Function {
	var out []*catalog.Function
	for _, f := range []agg.AggregateFunc{
		{Name: "GO_SQUARES", Params: []catalog.Type{catalog.BigInt}, Result: catalog.BigInt, New: func() agg.Aggregation { return &squares{} }},
		{Name: "GO_SQUARES_STATE", Params: []catalog.Type{catalog.BigInt}, Result: catalog.BigInt, New: func() agg.Aggregation { return &squaresState{} }},
		{Name: "GO_SQUARES_BACK", Params: []catalog.Type{catalog.BigInt}, Result: catalog.BigInt, New: func() agg.Aggregation { return &squaresBack{} }},
		{Name: "GO_LONGEST", Params: []catalog.Type{catalog.String}, Result: catalog.String, New: func() agg.Aggregation { return &longest{} }},
	} {
		fn, err := f.Function()
		if err != nil {
			panic(err)
		}
		out = append(out, fn)
	}
	return out
}
