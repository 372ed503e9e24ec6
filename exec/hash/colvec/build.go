package colvec

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/exec/column"
)

// IntColumn makes a column of an integer, date, time, interval or boolean type
// from n values. valid may be nil.
func IntColumn(dt arrow.DataType, n int, valid *memory.Buffer, alloc memory.Allocator, value func(i int) int64) arrow.Array {
	var buf *memory.Buffer
	switch dt.(arrow.FixedWidthDataType).BitWidth() {
	case 1:
		buf = column.NewZeroed(alloc, column.BitmapBytes(n))
		for i := range n {
			if value(i) != 0 {
				column.SetBit(buf.Bytes(), i)
			}
		}
	case 8:
		buf = fill[int8](n, alloc, value)
	case 16:
		buf = fill[int16](n, alloc, value)
	case 32:
		buf = fill[int32](n, alloc, value)
	default:
		buf = fill[int64](n, alloc, value)
	}
	return column.Make(dt, n, -1, []*memory.Buffer{valid, buf})
}

func fill[T int8 | int16 | int32 | int64](n int, alloc memory.Allocator, value func(i int) int64) *memory.Buffer {
	var zero T
	buf := column.NewBuffer(alloc, n*int(unsafe.Sizeof(zero)))
	dst := column.As[T](buf, n)
	for i := range dst {
		dst[i] = T(value(i))
	}
	return buf
}

// FloatColumn makes a FLOAT or DOUBLE column from n values.
func FloatColumn(dt arrow.DataType, n int, valid *memory.Buffer, alloc memory.Allocator, value func(i int) float64) arrow.Array {
	var buf *memory.Buffer
	if dt.ID() == arrow.FLOAT32 {
		buf = column.NewBuffer(alloc, 4*n)
		dst := column.As[float32](buf, n)
		for i := range dst {
			dst[i] = float32(value(i))
		}
	} else {
		buf = column.NewBuffer(alloc, 8*n)
		dst := column.As[float64](buf, n)
		for i := range dst {
			dst[i] = value(i)
		}
	}
	return column.Make(dt, n, -1, []*memory.Buffer{valid, buf})
}

// DecimalColumn makes a DECIMAL column from n unscaled values.
func DecimalColumn(dt arrow.DataType, n int, valid *memory.Buffer, alloc memory.Allocator, value func(i int) decimal128.Num) arrow.Array {
	buf := column.NewBuffer(alloc, 16*n)
	dst := column.As[decimal128.Num](buf, n)
	for i := range dst {
		dst[i] = value(i)
	}
	return column.Make(dt, n, -1, []*memory.Buffer{valid, buf})
}

// BytesColumn makes a STRING or BYTES column of n values, each of which value
// appends to dst.
func BytesColumn(dt arrow.DataType, n int, valid *memory.Buffer, alloc memory.Allocator, value func(i int, dst []byte) []byte) arrow.Array {
	offBuf := column.NewBuffer(alloc, 4*(n+1))
	offs := column.As[int32](offBuf, n+1)
	var data []byte
	offs[0] = 0
	for i := range n {
		data = value(i, data)
		offs[i+1] = int32(len(data))
	}
	dataBuf := column.NewBuffer(alloc, len(data))
	copy(dataBuf.Bytes(), data)
	return column.Make(dt, n, -1, []*memory.Buffer{valid, offBuf, dataBuf})
}
