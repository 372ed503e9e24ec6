package kernel

import (
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/streamsql/streamsql/catalog"
)

func size[T any]() uintptr {
	var zero T
	return unsafe.Sizeof(zero)
}

// Scalar gives a literal's value as the Go type that columns of its type are
// read as.
func Scalar[T any](l *catalog.Literal) (v T, ok bool) {
	if l == nil || l.Value == nil {
		return v, false
	}
	if x, ok := l.Value.(T); ok {
		return x, true
	}
	switch p := any(&v).(type) {
	case *int8:
		x, is := l.Value.(int64)
		*p, ok = int8(x), is
	case *int16:
		x, is := l.Value.(int64)
		*p, ok = int16(x), is
	case *int32:
		x, is := l.Value.(int64)
		*p, ok = int32(x), is
	case *float32:
		x, is := l.Value.(float64)
		*p, ok = float32(x), is
	case *decimal128.Num:
		*p, ok = l.Value.(decimal128.Num)
	}
	return v, ok
}

// Text gives a literal's text.
func Text(l *catalog.Literal) (s string, ok bool) {
	if l == nil {
		return "", false
	}
	switch v := l.Value.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}
