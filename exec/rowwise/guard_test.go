package rowwise

import (
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// taken notes which rows an operator emits.
type taken struct {
	rows    []int64
	letters int
}

func (o *taken) Emit(port planner.Port, b *op.Batch) error {
	if port == planner.ErrorPort {
		o.letters += b.N
		return nil
	}
	return o.EmitSelected(port, b, nil)
}

func (o *taken) EmitSelected(_ planner.Port, b *op.Batch, sel []int32) error {
	for i, v := range b.Cols[0].(*array.Int64).Int64Values() {
		if sel == nil {
			o.rows = append(o.rows, v)
		}
		for _, r := range sel {
			if int(r) == i {
				o.rows = append(o.rows, v)
			}
		}
	}
	return nil
}

func (*taken) Watermark(int64) error { return nil }
func (*taken) End() error            { return nil }

// TestGuardRecords: a bad record goes with all its rows, and is one dead letter,
// whichever of its rows has the error.
func TestGuardRecords(t *testing.T) {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	b.AppendValues([]int64{0, 1, 2, 3, 4, 5, 6}, nil)
	of := []int32{0, 1, 1, 3, 3, 4, 6} // 2 and 5 have no rows
	recs := &connectors.Records{
		N: 7, Cols: []arrow.Array{b.NewArray()}, Of: of,
		Errors: []connectors.CellError{
			{Row: 1, Col: 0, Code: "A", Column: "x"}, {Row: 2, Col: 0, Code: "B", Column: "x"},
			{Row: 3, Col: 1, Code: "C", Column: "unread"}, {Row: 5, Col: -1, Code: "D"},
		},
		Raw:      func(r int) []byte { return fmt.Append(nil, "record ", r) },
		Position: func(r int) string { return fmt.Sprint("s:", r) },
	}
	ctx := &op.Context{Alloc: memory.DefaultAllocator, Counters: op.Counters{}, Now: func() time.Time { return time.Time{} }}
	batch := &op.Batch{N: 7, Cols: recs.Cols, Origin: &op.Origin{Records: recs, Rows: of, Skewed: []int32{4}}}
	var out taken
	g := NewGuard(&planner.Guard{Source: "s", Reads: []int{0}, OnError: planner.ErrorDeadLetter}, ctx)
	ctx.Counters[op.CountIn] = 7
	if err := g.Process(0, batch, &out); err != nil {
		t.Fatal(err)
	}
	ctx.Counters[op.CountOut] = int64(len(out.rows))
	if fmt.Sprint(out.rows, out.letters) != "[0 6] 3" {
		t.Errorf("rows %v, %d letters; want 0 and 6, and 3", out.rows, out.letters)
	}
	if rule := g.(op.Balanced).Balance(ctx.Counters); rule != "" || ctx.Counters[op.CountBad] != 3 {
		t.Errorf("%s; %v", rule, ctx.Counters)
	}
	// Failing, the message names the record.
	g = NewGuard(&planner.Guard{Source: "s", Reads: []int{0}}, ctx)
	err, ok := g.Process(0, batch, &out).(*op.RowError)
	if !ok || err.Position != "s:1" || err.Row != "record 1" {
		t.Errorf("error %+v", err)
	}
}
