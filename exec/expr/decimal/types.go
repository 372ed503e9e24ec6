package decimal

import "github.com/streamsql/streamsql/catalog"

// minScale is what an overlong result type keeps of its scale at least.
const minScale = 6

// AddType is the type of a + b and a - b: one more digit than the wider whole
// part and the longer fraction need.
func AddType(a, b catalog.Type) catalog.Type {
	s := max(a.Scale, b.Scale)
	return adjust(max(a.Precision-a.Scale, b.Precision-b.Scale)+s+1, s)
}

// MultiplyType is the type of a * b: DECIMAL(p1 + p2 + 1, s1 + s2).
func MultiplyType(a, b catalog.Type) catalog.Type {
	return adjust(a.Precision+b.Precision+1, a.Scale+b.Scale)
}

// DivideType is the type of a / b: scale max(6, s1 + p2 + 1).
func DivideType(a, b catalog.Type) catalog.Type {
	s := max(minScale, a.Scale+b.Precision+1)
	return adjust(a.Precision-a.Scale+b.Scale+s, s)
}

// ModType is the type of MOD(a, b).
func ModType(a, b catalog.Type) catalog.Type {
	s := max(a.Scale, b.Scale)
	return adjust(min(a.Precision-a.Scale, b.Precision-b.Scale)+s, s)
}

// adjust cuts a type to 38 digits: the whole part is kept, the fraction gives
// way down to six digits (SQL Server's and Hive's rule).
func adjust(p, s int) catalog.Type {
	const most = catalog.MaxDecimalPrecision
	if p <= most {
		return catalog.Decimal(max(p, 1), s)
	}
	return catalog.Decimal(most, max(most-(p-s), min(s, minScale)))
}
