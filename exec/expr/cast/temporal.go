package cast

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/calendar"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// temporal converts between DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ.
func temporal(from, to catalog.Type) catalog.Kernel {
	unit := precisionUnit(to.Precision)
	cut := func(us int64) int64 { return us - calendar.FloorMod(us, unit) }
	switch {
	case from.Kind == to.Kind:
		if to.Precision >= from.Precision || from.Kind == catalog.KindIntervalDay || unit == 1 {
			return nil
		}
		return mapped(to, cut)
	case from.Kind == catalog.KindDate && to.Kind == catalog.KindTimestamp:
		return &kernel.Unary[int32, int64]{Out: to.Arrow(), Loop: func(dst []int64, a []int32) bool {
			for i, d := range a[:len(dst)] {
				dst[i] = int64(d) * calendar.Day
			}
			return false
		}}
	case from.Kind == catalog.KindTimestamp && to.Kind == catalog.KindDate:
		return &kernel.Unary[int64, int32]{Out: to.Arrow(), Loop: func(dst []int32, a []int64) bool {
			for i, us := range a[:len(dst)] {
				dst[i] = int32(calendar.FloorDiv(us, calendar.Day))
			}
			return false
		}}
	case from.Kind == catalog.KindTimestamp && to.Kind == catalog.KindTime:
		return mapped(to, func(us int64) int64 { return cut(calendar.FloorMod(us, calendar.Day)) })
	}
	return zoned{from, to, unit}
}

func mapped(to catalog.Type, f func(int64) int64) catalog.Kernel {
	return &kernel.Unary[int64, int64]{Out: to.Arrow(), Loop: func(dst, a []int64) bool {
		for i, x := range a[:len(dst)] {
			dst[i] = f(x)
		}
		return false
	}}
}

// zoned converts where one side is TIMESTAMP_LTZ: by way of the wall clock of
// the session's zone.
type zoned struct {
	from, to catalog.Type
	unit     int64
}

// Eval implements catalog.Kernel.
func (k zoned) Eval(c *catalog.EvalContext, args []arrow.Array, n int, sel []int32) (arrow.Array, error) {
	valid, nulls := kernel.Validity(c.Alloc, n, args[0])
	local := calendar.NewLocal(c.Zone)
	var read func(i int) int64
	if k.from.Kind == catalog.KindDate {
		days := column.Fixed[int32](args[0])
		read = func(i int) int64 { return int64(days[i]) * calendar.Day }
	} else {
		us := column.Fixed[int64](args[0])
		read = func(i int) int64 { return us[i] }
	}
	width := k.to.Arrow().(arrow.FixedWidthDataType).BitWidth() / 8
	buf := column.NewZeroed(c.Alloc, n*width)
	rows := kernel.Nullable{}
	kernel.ForEach(n, sel, &rows, func(i int) {
		us := read(i)
		if k.from.Kind == catalog.KindTimestampLTZ {
			us = local.FromUTC(us)
		}
		switch k.to.Kind {
		case catalog.KindDate:
			column.As[int32](buf, n)[i] = int32(calendar.FloorDiv(us, calendar.Day))
			return
		case catalog.KindTime:
			us = calendar.FloorMod(us, calendar.Day)
		case catalog.KindTimestampLTZ:
			us = local.ToUTC(us)
		}
		column.As[int64](buf, n)[i] = us - calendar.FloorMod(us, k.unit)
	})
	return column.Make(k.to.Arrow(), n, nulls, []*memory.Buffer{valid, buf}), nil
}
