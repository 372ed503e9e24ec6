package catalog

import "testing"

func TestCommonType(t *testing.T) {
	row := func(t Type) Type { return RowOf(Field{Name: "a", Type: t}) }
	for _, c := range []struct{ a, b, want Type }{
		{Null, Int, Int},
		{TinyInt, BigInt, BigInt},
		{Int, Float, Float},
		{BigInt, Double, Double},
		{Decimal(5, 2), Float, Double},
		{Decimal(5, 2), Double, Double},
		{Decimal(5, 2), Int, Decimal(12, 2)},
		{Decimal(10, 0), Decimal(5, 5), Decimal(15, 5)},
		{Decimal(38, 0), Decimal(38, 38), Decimal(38, 0)},
		{Type{Kind: KindString, Precision: 3, Fixed: true}, Type{Kind: KindString, Precision: 5}, Type{Kind: KindString, Precision: 5}},
		{Type{Kind: KindString, Precision: 3}, String, String},
		{Date, Timestamp3, Timestamp3},
		{Timestamp3, Timestamp6, Timestamp6},
		{Timestamp6, TimestampLTZ3, Type{Kind: KindTimestampLTZ, Precision: 6}},
		{ArrayOf(Int), ArrayOf(Null), ArrayOf(Int)},
		{MapOf(Int, Int), MapOf(BigInt, Double), MapOf(BigInt, Double)},
		{row(Int), row(BigInt), row(BigInt)},
	} {
		for _, pair := range [][2]Type{{c.a, c.b}, {c.b, c.a}} {
			got, ok := CommonType(pair[0], pair[1])
			if !ok || !got.Equal(c.want) {
				t.Errorf("CommonType(%v, %v) = %v, %v; want %v", pair[0], pair[1], got, ok, c.want)
			}
		}
	}
	for _, c := range [][2]Type{{Int, String}, {Boolean, Int}, {Date, Time}, {ArrayOf(Int), MapOf(Int, Int)}, {Bytes, String}} {
		if got, ok := CommonType(c[0], c[1]); ok {
			t.Errorf("CommonType(%v, %v) = %v; want none", c[0], c[1], got)
		}
	}
}

func TestComparisonType(t *testing.T) {
	for _, c := range []struct{ a, b, want Type }{
		{Timestamp3, String, Timestamp3},
		{String, Date, Date},
		{String, BigInt, BigInt},
		{Int, BigInt, BigInt},
	} {
		if got, ok := ComparisonType(c.a, c.b); !ok || !got.Equal(c.want) {
			t.Errorf("ComparisonType(%v, %v) = %v, %v", c.a, c.b, got, ok)
		}
	}
	if _, ok := ComparisonType(Date, BigInt); ok {
		t.Error("DATE and BIGINT compare")
	}
}

func TestCanCast(t *testing.T) {
	for _, c := range []struct {
		from, to           Type
		explicit, implicit bool
	}{
		{Int, BigInt, true, true},
		{BigInt, Int, true, false},
		{BigInt, Decimal(19, 0), true, true},
		{Decimal(5, 2), BigInt, true, false},
		{Decimal(5, 2), Double, true, true},
		{Double, Float, true, false},
		{String, Int, true, false},
		{Int, String, true, false},
		{String, Timestamp3, true, false},
		{Date, Timestamp3, true, true},
		{Timestamp3, Date, true, false},
		{Timestamp3, TimestampLTZ3, true, true},
		{Timestamp3, Time, true, false},
		{Timestamp3, BigInt, false, false},
		{Boolean, Int, true, false},
		{Date, Int, false, false},
		{IntervalDay, BigInt, false, false},
		{ArrayOf(Int), ArrayOf(BigInt), true, true},
		{ArrayOf(BigInt), ArrayOf(Int), true, false},
		{ArrayOf(Int), String, true, false},
		{Null, Int, true, true},
		{Int, Null, false, false},
		{Bytes, String, true, false},
		{String, Bytes, true, false},
	} {
		if got := CanCast(c.from, c.to, false); got != c.explicit {
			t.Errorf("CanCast(%v, %v, false) = %v", c.from, c.to, got)
		}
		if got := CanCast(c.from, c.to, true); got != c.implicit {
			t.Errorf("CanCast(%v, %v, true) = %v", c.from, c.to, got)
		}
	}
}

func TestFunctionSet(t *testing.T) {
	a, b := &Function{Name: "A", Aliases: []string{"AA"}}, &Function{Name: "B"}
	s, err := NewFunctionSet(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := s.Lookup("aa"); !ok || f != a {
		t.Error("alias not found")
	}
	if _, err := NewFunctionSet(a, &Function{Name: "aa"}); err == nil {
		t.Error("a name taken twice was accepted")
	}
	own := &Function{Name: "B"}
	user, _ := NewFunctionSet(own)
	l := LayeredFunctions{user, s}
	if f, _ := l.Lookup("b"); f != own {
		t.Error("the first layer does not win")
	}
	if got := l.Names(); len(got) != 3 {
		t.Errorf("Names() = %v", got)
	}
}
