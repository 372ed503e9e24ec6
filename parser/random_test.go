package parser

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// maker makes random trees of every kind of node, so that what the printer writes is
// put to the test where no text of testdata leads: an OR within a LIKE within a
// subscript.
type maker struct {
	*rand.Rand
	depth int
}

func pick[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func (m *maker) coin() bool { return m.IntN(2) == 0 }

// some makes one to three items.
func some[T any](m *maker, item func() T) []T {
	list := make([]T, 1+m.IntN(3))
	for i := range list {
		list[i] = item()
	}
	return list
}

// maybe makes an item or none.
func maybe[T any](m *maker, item func() T) T {
	var none T
	if m.coin() {
		return none
	}
	return item()
}

func (m *maker) ident() Ident {
	return pick(m,
		Ident{Text: "a"}, Ident{Text: "key"}, Ident{Text: "final"}, Ident{Text: "größe"}, Ident{Text: "array"}, Ident{Text: "map"},
		Ident{Text: "date"}, Ident{Text: "timestamp"}, Ident{Text: "value"}, Ident{Text: "partition"}, Ident{Text: "x$1"},
		Ident{Text: "select", Quoted: true}, Ident{Text: `a "b" c`, Quoted: true}, Ident{Text: "`", Quoted: true}, Ident{Text: "a", Quoted: true})
}

func (m *maker) identPtr() *Ident {
	id := m.ident()
	return &id
}

func (m *maker) name() *Name { return &Name{Parts: some(m, m.ident)} }

func (m *maker) str() *StringLit {
	return &StringLit{Value: pick(m, "", "a", "it's", `\d+\`, "line\nline", "-- no", `"`, "ünï")}
}

func (m *maker) interval() *IntervalLit {
	return pick(m,
		&IntervalLit{Text: "5", From: UnitMinute, Micros: 300e6},
		&IntervalLit{Text: "5", From: UnitMinute, Micros: -300e6, Negative: true},
		&IntervalLit{Text: "1-6", From: UnitYear, To: UnitMonth, Months: 18},
		&IntervalLit{Text: "1 day", Micros: 86400e6})
}

func (m *maker) dataType() *DataType {
	t := &DataType{Precision: Unset, Scale: Unset}
	t.Kind = pick(m, TypeInt, TypeString, TypeDecimal, TypeTimestamp, TypeVarchar, TypeInterval, TypeArray, TypeMap, TypeRow, TypeJSON)
	switch t.Kind {
	case TypeDecimal:
		t.Precision, t.Scale = 10, pick(m, 2, Unset)
	case TypeTimestamp, TypeVarchar:
		t.Precision = pick(m, 3, Unset)
	case TypeInterval:
		t.From = pick(m, UnitNone, UnitDay)
		if t.From != UnitNone {
			t.To = pick(m, UnitNone, UnitSecond)
		}
	case TypeArray, TypeMap:
		t.Elem = m.dataType()
		t.Elem.NotNull = m.coin()
		if t.Kind == TypeMap {
			t.Key = m.dataType()
		}
	case TypeRow:
		t.Fields = some(m, func() *TypeField {
			return &TypeField{Name: m.ident(), Type: m.dataType(), Comment: maybe(m, m.str)}
		})
	}
	return t
}

// literal makes an expression without parts.
func (m *maker) literal() Expr {
	return pick[Expr](m,
		&NumberLit{Text: "1", Kind: NumberInteger}, &NumberLit{Text: "1.5", Kind: NumberDecimal}, &NumberLit{Text: "1e3", Kind: NumberFloat},
		m.str(), &BytesLit{Value: []byte{0xca, 0xfe}}, &BoolLit{Value: m.coin()}, &NullLit{}, m.interval(),
		&DatetimeLit{Kind: TypeDate, Text: "2024-01-01"}, &DatetimeLit{Kind: TypeTimestampLTZ, Text: "x"},
		&ColumnRef{Parts: some(m, m.ident)}, &ColumnRef{Parts: []Ident{m.ident()}},
		&Call{Name: &Name{Parts: []Ident{{Text: "CURRENT_DATE"}}}})
}

func (m *maker) expr() Expr {
	m.depth++
	defer func() { m.depth-- }()
	if m.depth > 5 || m.IntN(6) == 0 {
		return m.literal()
	}
	x := m.expr
	switch m.IntN(31) {
	case 0, 1:
		return &Unary{Op: pick(m, Negate, Plus, Not), X: x()}
	case 2, 3, 4, 5, 6:
		return &Binary{Op: Or + BinaryOp(m.IntN(int(Concat))), Left: x(), Right: x()}
	case 7:
		return &Is{X: x(), Not: m.coin(), Test: IsNull + IsTest(m.IntN(int(IsJSONScalar)))}
	case 8, 9:
		l := &Like{Op: OpLike + LikeOp(m.IntN(int(OpRLike))), Not: m.coin(), X: x(), Pattern: x()}
		if l.Op != OpRLike && m.coin() {
			l.Escape = &StringLit{Value: "!"}
		}
		return l
	case 10, 11:
		return &Between{Not: m.coin(), Symmetric: m.coin(), X: x(), Low: x(), High: x()}
	case 12, 13:
		in := &In{Not: m.coin(), X: x(), List: some(m, x)}
		if _, ok := in.List[0].(*Subquery); ok && len(in.List) == 1 || m.coin() {
			in.List, in.Query = nil, m.query()
		}
		return in
	case 14:
		return &Exists{Query: m.query()}
	case 15:
		return &Quantified{X: x(), Op: pick(m, Eq, Less), All: m.coin(), Query: m.query()}
	case 16:
		return &Subquery{Query: m.query()}
	case 17:
		return &Case{Operand: maybe(m, x), Whens: some(m, func() *When { return &When{Cond: x(), Result: x()} }), Else: maybe(m, x)}
	case 18:
		return &Cast{Try: m.coin(), X: x(), Type: m.dataType()}
	case 19:
		return &AtTimeZone{X: x(), Zone: maybe(m, x)}
	case 20:
		return &FieldAccess{X: x(), Field: m.ident()}
	case 21, 22:
		return &Index{X: x(), Index: x()}
	case 23:
		return &ArrayLit{Elems: some(m, x)}
	case 24:
		keys := some(m, x)
		values := make([]Expr, len(keys))
		for i := range values {
			values[i] = x()
		}
		if m.coin() {
			return &MapLit{Keys: keys, Values: values}
		}
		return &JSONObject{Keys: keys, Values: values, Nulls: pick(m, JSONNullsDefault, NullOnNull, AbsentOnNull)}
	case 25:
		return &RowExpr{Elems: some(m, x)}
	case 26:
		return pick[Expr](m, &Extract{Unit: UnitDay, X: x()}, &RoundTime{Ceil: m.coin(), X: x(), Unit: UnitHour},
			&Trim{Side: pick(m, TrimBoth, TrimLeading), Chars: maybe(m, x), X: x()}, &JSONArray{Elems: some(m, x), Nulls: NullOnNull})
	case 27:
		f := &JSONFunc{Kind: JSONValue, X: x(), Path: x(), Returning: maybe(m, m.dataType)}
		if m.coin() {
			f.OnEmpty = &JSONBehavior{Kind: JSONDefault, Default: x()}
			f.OnError = &JSONBehavior{Kind: JSONError}
		}
		return f
	}
	return m.call()
}

func (m *maker) call() Expr {
	c := &Call{Name: &Name{Parts: []Ident{pick(m, Ident{Text: "f"}, Ident{Text: "COUNT"}, Ident{Text: "LEFT"}, Ident{Text: "POSITION"}, Ident{Text: "FLOOR"}, Ident{Text: "CAST", Quoted: true})}}}
	switch c.Name.Parts[0].Text {
	case "POSITION":
		c.Args = []Expr{m.expr(), m.expr()}
		return c
	case "FLOOR":
		c.Args = []Expr{m.expr()}
		return c
	}
	if c.Star = m.IntN(5) == 0; !c.Star {
		c.Args = some(m, m.expr)
		c.Distinct = m.coin()
		if m.IntN(4) == 0 {
			c.Args = append(c.Args, &NamedArg{Name: m.ident(), Value: m.expr()})
		}
	}
	if !c.Star && m.IntN(3) == 0 {
		c.OrderBy = some(m, m.orderItem)
	}
	if m.IntN(3) == 0 {
		c.WithinGroup = some(m, m.orderItem)
	}
	if m.IntN(3) == 0 {
		c.Filter = m.expr()
	}
	c.Nulls = pick(m, NullsUnspecified, NullsUnspecified, IgnoreNulls, RespectNulls)
	switch m.IntN(4) {
	case 0:
		c.Over = &Over{Name: m.identPtr()}
	case 1:
		c.Over = &Over{Spec: m.windowSpec()}
	}
	return c
}

func (m *maker) orderItem() *OrderItem {
	return &OrderItem{Expr: m.expr(), Desc: m.coin(), Nulls: pick(m, NullsDefault, NullsFirst, NullsLast)}
}

func (m *maker) windowSpec() *WindowSpec {
	w := &WindowSpec{}
	if m.coin() {
		w.Base = &Ident{Text: "w"}
	}
	if m.coin() {
		w.PartitionBy = some(m, m.expr)
	}
	if m.coin() {
		w.OrderBy = some(m, m.orderItem)
	}
	if m.coin() {
		w.Frame = &Frame{Unit: pick(m, FrameRows, FrameRange, FrameGroups), Lower: &FrameBound{Kind: BoundPreceding, Offset: m.expr()},
			Exclude: pick(m, ExcludeNone, ExcludeTies)}
		if m.coin() {
			w.Frame.Upper = pick(m, &FrameBound{Kind: BoundCurrentRow}, &FrameBound{Kind: BoundFollowing, Offset: m.expr()})
		}
	}
	return w
}

func (m *maker) query() *Query {
	m.depth++
	defer func() { m.depth-- }()
	q := &Query{Body: m.body()}
	if m.depth < 6 && m.IntN(4) == 0 {
		q.With = &With{CTEs: some(m, func() *CTE { return &CTE{Name: m.ident(), Query: m.query()} })}
	}
	if m.IntN(4) == 0 {
		q.OrderBy = some(m, m.orderItem)
	}
	if m.IntN(4) == 0 {
		q.Limit = m.expr()
	}
	if m.IntN(4) == 0 {
		q.Offset = m.expr()
	}
	if inner, ok := q.Body.(*Query); ok && q.bare() {
		return inner
	}
	return q
}

func (m *maker) body() QueryBody {
	m.depth++
	defer func() { m.depth-- }()
	switch n := m.IntN(8); {
	case m.depth > 6 || n > 3:
		return m.selectBlock()
	case n == 0:
		row := some(m, m.expr)
		return &Values{Rows: [][]Expr{row, row}}
	case n == 1:
		q := m.query() // without clauses of its own it would not be kept apart
		if q.Limit == nil {
			q.Limit = m.expr()
		}
		return q
	}
	return &SetOp{Op: pick(m, Union, Intersect, Except), All: m.coin(), Left: m.body(), Right: m.body()}
}

func (m *maker) selectBlock() *Select {
	s := &Select{Distinct: m.coin(), Items: some(m, m.selectItem)}
	if m.coin() {
		s.From = some(m, m.table)
	}
	if m.IntN(4) == 0 {
		s.Where = m.expr()
	}
	if m.IntN(4) == 0 {
		s.GroupBy = some(m, func() *GroupingElement { return m.grouping(true) })
	}
	if m.IntN(4) == 0 {
		s.Having = m.expr()
	}
	if m.IntN(6) == 0 {
		s.Windows = []*NamedWindow{{Name: m.ident(), Spec: m.windowSpec()}}
	}
	if m.IntN(6) == 0 {
		s.Qualify = m.expr()
	}
	if m.IntN(4) == 0 {
		s.Output = &Output{Emit: pick(m, &Emit{Kind: EmitChanges}, &Emit{Kind: EmitEvery, Every: m.interval()}), LateTo: maybe(m, m.name), Lateness: maybe(m, m.interval)}
	}
	return s
}

func (m *maker) selectItem() *SelectItem {
	switch m.IntN(6) {
	case 0:
		return &SelectItem{Star: true}
	case 1:
		return &SelectItem{Star: true, Qualifier: m.name()}
	}
	return &SelectItem{Expr: m.expr(), Alias: maybe(m, m.identPtr)}
}

func (m *maker) grouping(sets bool) *GroupingElement {
	if sets && m.IntN(3) == 0 {
		kind := pick(m, GroupRollup, GroupCube, GroupSets)
		return &GroupingElement{Kind: kind, Elements: some(m, func() *GroupingElement { return m.grouping(kind == GroupSets && m.coin()) })}
	}
	if m.coin() {
		return &GroupingElement{Kind: GroupExprs, Exprs: some(m, m.expr)}
	}
	return &GroupingElement{Kind: GroupExprs}
}

func (m *maker) alias() *TableAlias {
	a := &TableAlias{Name: m.ident()}
	if m.coin() {
		a.Columns = some(m, m.ident)
	}
	return a
}

func (m *maker) table() TableRef {
	m.depth++
	defer func() { m.depth-- }()
	alias := maybe(m, m.alias)
	if m.depth > 6 {
		return &TableName{Name: m.name(), Alias: alias}
	}
	switch m.IntN(8) {
	case 0:
		return &DerivedTable{Lateral: m.coin(), Query: m.query(), Alias: alias}
	case 1:
		w := &WindowTable{Kind: WindowTumble, Input: &TableName{Name: m.name()}, TimeColumn: m.name(), Size: m.expr(), Offset: maybe(m, m.expr), Alias: alias}
		if m.coin() {
			w.Input = &DerivedTable{Query: m.query()}
		}
		if m.coin() {
			w.Kind, w.Size, w.Offset, w.Gap, w.PartitionBy = WindowSession, nil, nil, m.expr(), some(m, m.expr)
		}
		return w
	case 2:
		return &TableFunction{Lateral: m.coin(), Name: m.name(), Alias: alias, Args: some(m, func() *TableFunctionArg {
			return pick(m, &TableFunctionArg{Expr: &Unary{Op: Negate, X: m.expr()}, Name: maybe(m, m.identPtr)}, &TableFunctionArg{Descriptor: some(m, m.ident)},
				&TableFunctionArg{Table: &TableName{Name: m.name()}, PartitionBy: some(m, m.expr), OrderBy: some(m, m.orderItem)})
		})}
	case 3:
		return &Unnest{Exprs: some(m, m.expr), WithOrdinality: m.coin(), Alias: alias}
	case 4, 5:
		j := &Join{Kind: JoinInner + JoinKind(m.IntN(int(JoinAsofLeft))), Left: m.table(), Right: m.table()}
		if j.Kind != JoinCross {
			j.On = m.expr()
		}
		return j
	}
	return &TableName{Name: m.name(), SystemTime: maybe(m, m.expr), Alias: alias}
}

// TestRandomTrees prints random trees and reads them again.
func TestRandomTrees(t *testing.T) {
	n := uint64(500)
	if testing.Short() {
		n = 200
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &maker{Rand: rand.New(rand.NewPCG(1, seed))}
			stmt := &QueryStmt{Query: m.query()}
			text := Print(stmt)
			src := NewSource("random", text)
			got, err := Parse(src)
			if err != nil {
				t.Fatalf("%s\ndoes not parse: %s", text, format(err))
			}
			if want, got := shapeOf(stmt), shapeOf(got[0]); want != got {
				t.Fatalf("%s\nparses to another tree, %s", text, difference(want, got))
			}
			checkSpans(t, src, got[0])
		})
	}
}
