package builtin

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// watermarkFunctions read the watermark that the row met. Which rows have one is the
// planner's affair.
func watermarkFunctions() []*catalog.Function {
	const name = "CURRENT_WATERMARK"
	return []*catalog.Function{{
		Name: name, Category: temporals, Volatility: catalog.Volatile,
		Signatures: []string{name + "(t TIMESTAMP) -> TIMESTAMP", name + "(t TIMESTAMP_LTZ) -> TIMESTAMP_LTZ"},
		Doc: "The watermark that the row met: the greatest one of the earlier rows of its split; NULL before the first. `t` is a time attribute, and of rows as sources give them: " +
			"through filters, projections, UNION ALL, windows but SESSION, UNNEST and joins with static or looked up tables. See [windows](windows.md#current_watermark).",
		Resolve: func(args []catalog.Arg) (*catalog.Overload, error) {
			if err := argCount(name, args, 1, 1); err != nil {
				return nil, err
			}
			t := args[0].Type
			if !t.IsTimestamp() {
				return nil, fmt.Errorf("%s takes a time attribute, not %s", name, t)
			}
			out := t
			out.Precision = max(out.Precision, 3)
			return &catalog.Overload{Params: []catalog.Type{t}, Result: out, Kernel: kernel.Func(
				func(c *catalog.EvalContext, _ []arrow.Array, n int, _ []int32) (arrow.Array, error) {
					if len(c.W) != n {
						return nil, fmt.Errorf("%d watermarks of %d rows", len(c.W), n)
					}
					valid := kernel.NewNullable(c.Alloc, n)
					buf := column.NewBuffer(c.Alloc, n*8)
					copy(column.As[int64](buf, n), c.W)
					for i, w := range c.W {
						if w == math.MinInt64 {
							valid.SetNull(i)
						}
					}
					return column.Make(out.Arrow(), n, -1, []*memory.Buffer{valid.Buffer(), buf}), nil
				})}, nil
		},
	}}
}
