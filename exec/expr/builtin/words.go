package builtin

// Loops that compare columns of numbers and give one bit a row.

type integer interface {
	~int8 | ~int16 | ~int32 | ~int64
}

type floating interface{ ~float32 | ~float64 }

func bit(b bool) uint64 {
	var x uint64
	if b {
		x = 1
	}
	return x
}

func eqVV[T integer](dst []uint64, a, b []T) {
	for i := range dst {
		from, to := 64*i, min(64*i+64, len(a))
		x, y := a[from:to], b[from:to]
		y = y[:len(x)]
		var w uint64
		for k := range x {
			w |= bit(x[k] == y[k]) << (k & 63)
		}
		dst[i] = w
	}
}

func ltVV[T integer](dst []uint64, a, b []T) {
	for i := range dst {
		from, to := 64*i, min(64*i+64, len(a))
		x, y := a[from:to], b[from:to]
		y = y[:len(x)]
		var w uint64
		for k := range x {
			w |= bit(x[k] < y[k]) << (k & 63)
		}
		dst[i] = w
	}
}

func gtVV[T integer](dst []uint64, a, b []T) { ltVV(dst, b, a) }

func eqVC[T integer](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(x == b) << (k & 63)
		}
		dst[i] = w
	}
}

func ltVC[T integer](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(x < b) << (k & 63)
		}
		dst[i] = w
	}
}

func gtVC[T integer](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(x > b) << (k & 63)
		}
		dst[i] = w
	}
}

// Floating point: NaN equals NaN and is greater than all else, as in ORDER BY
// and GROUP BY, so that = and < agree with them.

func floatEq[T floating](x, y T) bool { return x == y || x != x && y != y }
func floatLt[T floating](x, y T) bool { return x < y || y != y && x == x }

func floatEqVV[T floating](dst []uint64, a, b []T) {
	for i := range dst {
		var w uint64
		for k := 64 * i; k < min(64*i+64, len(a)); k++ {
			w |= bit(floatEq(a[k], b[k])) << (k & 63)
		}
		dst[i] = w
	}
}

func floatLtVV[T floating](dst []uint64, a, b []T) {
	for i := range dst {
		var w uint64
		for k := 64 * i; k < min(64*i+64, len(a)); k++ {
			w |= bit(floatLt(a[k], b[k])) << (k & 63)
		}
		dst[i] = w
	}
}

func floatGtVV[T floating](dst []uint64, a, b []T) { floatLtVV(dst, b, a) }

func floatEqVC[T floating](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(floatEq(x, b)) << (k & 63)
		}
		dst[i] = w
	}
}

func floatLtVC[T floating](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(floatLt(x, b)) << (k & 63)
		}
		dst[i] = w
	}
}

func floatGtVC[T floating](dst []uint64, a []T, b T) {
	for i := range dst {
		var w uint64
		for k, x := range a[64*i : min(64*i+64, len(a))] {
			w |= bit(floatLt(b, x)) << (k & 63)
		}
		dst[i] = w
	}
}
