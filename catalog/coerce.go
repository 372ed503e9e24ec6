package catalog

// CommonType gives the type to which values of a and b can both be brought
// without losing their meaning: the type of CASE, COALESCE, UNION ALL columns,
// ARRAY[...] elements and GREATEST. The rules are those of Flink's
// LogicalTypeMerging:
//
//   - NULL takes the other type.
//   - Integers take the wider one. An integer and DECIMAL make a DECIMAL that
//     holds both (at most 38 digits; digits after the point give way). Integers
//     and FLOAT make FLOAT; DECIMAL and FLOAT or DOUBLE make DOUBLE.
//   - Texts take the longer length; STRING if one has no limit.
//   - DATE and TIMESTAMP make TIMESTAMP, TIMESTAMP and TIMESTAMP_LTZ make
//     TIMESTAMP_LTZ, with the greater precision.
//   - ARRAY, MAP and ROW go member by member; ROW keeps the names of a.
//
// ok is false if there is none.
func CommonType(a, b Type) (t Type, ok bool) {
	switch {
	case a.Kind == KindNull:
		return b, true
	case b.Kind == KindNull || a.Equal(b):
		return a, true
	case a.IsNumeric() && b.IsNumeric():
		return commonNumeric(a, b), true
	case a.Kind == KindString && b.Kind == KindString:
		if a.Precision == 0 || b.Precision == 0 {
			return String, true
		}
		return Type{Kind: KindString, Precision: max(a.Precision, b.Precision)}, true
	case a.IsText() && b.IsText():
		return String, true
	case a.Kind == b.Kind && (a.Kind == KindTime || a.IsTimestamp() || a.Kind == KindIntervalDay):
		a.Precision = max(a.Precision, b.Precision)
		return a, true
	case a.isInstant() && b.isInstant():
		return commonInstant(a, b), true
	case a.Kind == b.Kind && a.IsNested():
		return commonNested(a, b)
	}
	return Type{}, false
}

// CommonTypeOf is CommonType over a list; of an empty one it is NULL.
func CommonTypeOf(types ...Type) (Type, bool) {
	t, ok := Null, true
	for _, u := range types {
		if t, ok = CommonType(t, u); !ok {
			return Type{}, false
		}
	}
	return t, true
}

// ComparisonType gives the type to which both sides of =, <, IN or BETWEEN are
// cast: CommonType, or, of a text and another simple type, the other one (so
// ts > '2024-02-29 00:00:00' compares times and not letters).
func ComparisonType(a, b Type) (Type, bool) {
	if t, ok := CommonType(a, b); ok {
		return t, true
	}
	if a.IsText() && b.readsText() {
		return b, true
	}
	if b.IsText() && a.readsText() {
		return a, true
	}
	return Type{}, false
}

// CanCast says whether CAST(x AS to) of an x of type from is defined (it may
// still fail on a value). With implicit it says whether the engine may do so
// unasked, as for an argument or a column of INSERT: only where every value
// survives, save that DECIMAL may lose digits after the point and texts are
// cut to a length, as in Flink.
func CanCast(from, to Type, implicit bool) bool {
	switch {
	case from.Kind == KindInvalid || to.Kind == KindInvalid || to.Kind == KindNull && from.Kind != KindNull:
		return false
	case from.Kind == KindNull || from.Equal(to):
		return true
	case from.IsNested() || to.IsNested():
		return canCastNested(from, to, implicit)
	case from.Kind == to.Kind:
		return true
	case implicit:
		return canCastImplicitly(from, to)
	case from.IsText():
		return to.readsText() || to.Kind == KindBytes || to.IsText()
	case to.IsText():
		return true
	case from.Kind == KindBytes || to.Kind == KindBytes:
		return false
	case from.Kind == KindBoolean || to.Kind == KindBoolean:
		return from.IsNumeric() || to.IsNumeric()
	case from.IsNumeric() && to.IsNumeric():
		return true
	case from.IsInterval() || to.IsInterval():
		return false
	case from.isInstant() && to.isInstant():
		return true
	case from.IsTimestamp() && to.Kind == KindTime:
		return true
	}
	return false
}

// IsText says whether values of t are texts: STRING, VARCHAR, CHAR, JSON.
func (t Type) IsText() bool { return t.Kind == KindString || t.Kind == KindJSON }

// IsComparable says whether <, ORDER BY, MIN and MAX are defined on t.
func (t Type) IsComparable() bool {
	switch t.Kind {
	case KindMap, KindInvalid:
		return false
	case KindArray:
		return t.Elem.IsComparable()
	case KindRow:
		for _, f := range t.Fields {
			if !f.Type.IsComparable() {
				return false
			}
		}
	}
	return true
}

// isInstant says whether t is a day or a point in time.
func (t Type) isInstant() bool { return t.Kind == KindDate || t.IsTimestamp() }

// readsText says whether a text can be cast to t.
func (t Type) readsText() bool {
	return t.Kind == KindBoolean || t.IsNumeric() || t.Kind == KindTime || t.isInstant()
}

// AsDecimal gives the DECIMAL that holds every value of an integer type
// (BIGINT: DECIMAL(19, 0)); of a DECIMAL it is the type itself.
func (t Type) AsDecimal() Type {
	switch t.Kind {
	case KindTinyInt:
		return Decimal(3, 0)
	case KindSmallInt:
		return Decimal(5, 0)
	case KindInt:
		return Decimal(10, 0)
	case KindBigInt:
		return Decimal(19, 0)
	default:
		return t
	}
}

func commonNumeric(a, b Type) Type {
	if a.Kind > b.Kind {
		a, b = b, a // b is of the later kind
	}
	switch {
	case b.IsInteger():
		return b
	case b.IsFloating():
		return b
	case a.IsFloating(): // b is DECIMAL
		return Double
	}
	a, b = a.AsDecimal(), b.AsDecimal()
	scale := max(a.Scale, b.Scale)
	whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
	return Decimal(min(MaxDecimalPrecision, whole+scale), max(0, min(scale, MaxDecimalPrecision-whole)))
}

func commonInstant(a, b Type) Type {
	if a.Kind > b.Kind {
		a, b = b, a // DATE < TIMESTAMP < TIMESTAMP_LTZ
	}
	if a.Kind != KindDate {
		b.Precision = max(a.Precision, b.Precision)
	}
	return b
}

func commonNested(a, b Type) (Type, bool) {
	t := Type{Kind: a.Kind}
	if a.Key != nil {
		k, ok := CommonType(*a.Key, *b.Key)
		if !ok {
			return Type{}, false
		}
		t.Key = &k
	}
	if a.Elem != nil {
		e, ok := CommonType(*a.Elem, *b.Elem)
		if !ok {
			return Type{}, false
		}
		t.Elem = &e
	}
	if len(a.Fields) != len(b.Fields) {
		return Type{}, false
	}
	for i, f := range a.Fields {
		c, ok := CommonType(f.Type, b.Fields[i].Type)
		if !ok {
			return Type{}, false
		}
		t.Fields = append(t.Fields, Field{Name: f.Name, Type: c, NotNull: f.NotNull && b.Fields[i].NotNull})
	}
	return t, true
}

func canCastImplicitly(from, to Type) bool {
	switch {
	case from.IsInteger():
		return to.IsNumeric() && to.Kind > from.Kind
	case from.Kind == KindDecimal:
		return to.IsFloating()
	case from.Kind == KindFloat:
		return to.Kind == KindDouble
	case from.IsText():
		return to.IsText()
	case from.isInstant():
		return to.isInstant() && (to.Kind > from.Kind || from.Kind == KindTimestampLTZ && to.Kind == KindTimestamp)
	}
	return false
}

func canCastNested(from, to Type, implicit bool) bool {
	if from.Kind != to.Kind {
		return !implicit && to.IsText() && from.IsNested()
	}
	if from.Key != nil && !CanCast(*from.Key, *to.Key, implicit) {
		return false
	}
	if from.Elem != nil && !CanCast(*from.Elem, *to.Elem, implicit) {
		return false
	}
	if len(from.Fields) != len(to.Fields) {
		return false
	}
	for i, f := range from.Fields {
		if !CanCast(f.Type, to.Fields[i].Type, implicit) {
			return false
		}
	}
	return true
}
