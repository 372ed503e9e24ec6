package planner

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// window binds OVER name or OVER (...), and gives the frame that goes with it;
// nil: the default one.
func (o *overs) window(x *exprBinder, e *parser.Over) (*overWindow, *parser.Frame, error) {
	if e.Name != nil {
		def, err := o.lookup(*e.Name)
		if err != nil {
			return nil, nil, err
		}
		return o.spec(x, def.Spec)
	}
	return o.spec(x, e.Spec)
}

// lookup finds a window of the WINDOW clause.
func (o *overs) lookup(name parser.Ident) (*parser.NamedWindow, error) {
	if w := o.named[strings.ToUpper(name.Text)]; w != nil {
		return w, nil
	}
	var names []string
	for _, w := range o.block.sel.Windows {
		names = append(names, w.Name.Text)
	}
	return nil, didYouMean(place{o.block.src, name.Span}.errorf("no window `%s` in the WINDOW clause", name.Text), name.Text, names, "WINDOW w AS (PARTITION BY ... ORDER BY ...) defines one")
}

// spec binds the inside of OVER (...).
func (o *overs) spec(x *exprBinder, s *parser.WindowSpec) (*overWindow, *parser.Frame, error) {
	partition, order, err := o.terms(s, nil)
	if err != nil {
		return nil, nil, err
	}
	w := &overWindow{binder: x}
	var key strings.Builder
	for _, p := range partition {
		e, err := x.bind(p)
		if err != nil {
			return nil, nil, err
		}
		if _, constant := e.(*catalog.Literal); !constant {
			w.partition = append(w.partition, e)
			key.WriteString(exprKey(e) + ",")
		}
	}
	key.WriteString(" order ")
	for _, item := range order {
		e, err := x.bind(item.Expr)
		if err != nil {
			return nil, nil, err
		}
		if _, constant := e.(*catalog.Literal); constant {
			continue
		}
		if err := x.sortable(item, e.Type()); err != nil {
			return nil, nil, err
		}
		t := overTerm{e, item.Desc, item.Nulls == parser.NullsFirst}
		w.order = append(w.order, t)
		fmt.Fprintf(&key, "%s %v %v,", exprKey(e), t.desc, t.nullsFirst)
	}
	w.key = key.String()
	for _, have := range o.windows {
		if have.key == w.key {
			return have, s.Frame, nil
		}
	}
	o.windows = append(o.windows, w)
	return w, s.Frame, nil
}

// terms gives PARTITION BY and ORDER BY of a window with those of the windows
// that it extends. A window that extends another one takes its PARTITION BY, and
// its ORDER BY if it has one.
func (o *overs) terms(s *parser.WindowSpec, through []string) ([]parser.Expr, []*parser.OrderItem, error) {
	if s.Base == nil {
		return s.PartitionBy, s.OrderBy, nil
	}
	where := place{o.block.src, s.Base.Span}
	base, err := o.lookup(*s.Base)
	if err != nil {
		return nil, nil, err
	}
	for _, seen := range through {
		if strings.EqualFold(seen, base.Name.Text) {
			return nil, nil, where.errorf("window `%s` extends itself", base.Name.Text)
		}
	}
	partition, order, err := o.terms(base.Spec, append(through, base.Name.Text))
	switch {
	case err != nil:
		return nil, nil, err
	case len(s.PartitionBy) > 0:
		return nil, nil, o.block.at(s.PartitionBy[0]).errorf("a window that extends `%s` has its PARTITION BY", base.Name.Text)
	case len(s.OrderBy) > 0 && len(order) > 0:
		return nil, nil, o.block.at(s.OrderBy[0]).errorf("window `%s` has an ORDER BY already", base.Name.Text)
	case base.Spec.Frame != nil:
		return nil, nil, hint(where.errorf("window `%s` has a frame: it can't be extended", base.Name.Text), "OVER %s uses it as it is", base.Name.Text)
	}
	if len(s.OrderBy) > 0 {
		order = s.OrderBy
	}
	return partition, order, nil
}

// frame binds a frame; without one it is the rows up to the current one and
// those equal to it, or all rows where there is no order.
func (x *exprBinder) frame(f *parser.Frame, w *overWindow) (Frame, error) {
	if f == nil {
		if len(w.order) == 0 {
			return Frame{Unit: RangeFrame, Upper: FrameBound{Kind: UnboundedFollowing}}, nil
		}
		return Frame{Unit: RangeFrame, Upper: FrameBound{Kind: CurrentRow}}, nil
	}
	out := Frame{Unit: map[parser.FrameUnit]FrameUnit{parser.FrameRows: RowsFrame, parser.FrameRange: RangeFrame, parser.FrameGroups: GroupsFrame}[f.Unit],
		Exclude: map[parser.FrameExclusion]FrameExclusion{parser.ExcludeCurrentRow: ExcludeCurrentRow, parser.ExcludeGroup: ExcludeGroup, parser.ExcludeTies: ExcludeTies}[f.Exclude],
		Upper:   FrameBound{Kind: CurrentRow}}
	if out.Unit == GroupsFrame && len(w.order) == 0 {
		return out, x.at(f).errorf("GROUPS needs an ORDER BY in its window")
	}
	var err error
	if out.Lower, err = x.frameBound(f.Lower, out.Unit, w); err != nil {
		return out, err
	}
	if f.Upper != nil {
		if out.Upper, err = x.frameBound(f.Upper, out.Unit, w); err != nil {
			return out, err
		}
	}
	switch {
	case out.Lower.Kind == UnboundedFollowing:
		return out, x.at(f).errorf("a frame can't start at UNBOUNDED FOLLOWING")
	case out.Upper.Kind == UnboundedPreceding:
		return out, x.at(f).errorf("a frame can't end at UNBOUNDED PRECEDING")
	case out.Upper.Kind < out.Lower.Kind:
		return out, x.at(f).errorf("this frame ends before it starts")
	}
	return out, nil
}

var boundKinds = map[parser.BoundKind]BoundKind{
	parser.BoundUnboundedPreceding: UnboundedPreceding, parser.BoundPreceding: Preceding, parser.BoundCurrentRow: CurrentRow,
	parser.BoundFollowing: Following, parser.BoundUnboundedFollowing: UnboundedFollowing,
}

func (x *exprBinder) frameBound(b *parser.FrameBound, unit FrameUnit, w *overWindow) (FrameBound, error) {
	out := FrameBound{Kind: boundKinds[b.Kind]}
	if b.Offset == nil {
		return out, nil
	}
	plain := &exprBinder{binder: x.binder, scope: &scope{}, clause: "a frame"}
	e, err := plain.bind(b.Offset)
	if err != nil {
		return out, err
	}
	where := x.at(b.Offset)
	if unit != RangeFrame {
		out.Rows, err = constantCount(e, where, "the bound of a frame", 0)
		return out, err
	}
	if len(w.order) != 1 {
		return out, where.errorf("RANGE with a distance needs an ORDER BY of one term, this window has %d", len(w.order))
	}
	l, ok := e.(*catalog.Literal)
	if !ok || l.Value == nil {
		return out, where.errorf("the bound of a frame must be a constant")
	}
	out.Range, err = x.distance(l, w.order[0].expr.Type(), where)
	return out, err
}

// distance fits the bound of a RANGE frame to the sort key.
func (x *exprBinder) distance(l *catalog.Literal, key catalog.Type, where place) (*catalog.Literal, error) {
	switch {
	case key.IsTimestamp() || key.Kind == catalog.KindDate || key.Kind == catalog.KindTime:
		if !l.T.IsInterval() {
			return nil, hint(where.errorf("the sort key is %s, so the distance must be an interval", article(key)), "INTERVAL '1' HOUR")
		}
		if l.Value.(int64) < 0 {
			return nil, where.errorf("the bound of a frame can't be negative")
		}
		return l, nil
	case key.IsNumeric():
		if !l.T.IsNumeric() {
			return nil, where.errorf("the sort key is %s, so the distance must be a number", article(key))
		}
		folded, err := x.env.fold(&catalog.Cast{Of: l, T: key})
		if err != nil {
			return nil, where.errorf("%v", err)
		}
		out, ok := folded.(*catalog.Literal)
		if !ok {
			return nil, where.errorf("the bound of a frame must be a constant")
		}
		if strings.HasPrefix(literalText(l), "-") {
			return nil, where.errorf("the bound of a frame can't be negative")
		}
		return out, nil
	}
	return nil, where.errorf("RANGE with a distance needs a number or a time to sort by, not %s", article(key))
}

// text prints a frame as SQL.
func (f Frame) text() string {
	bound := func(b FrameBound) string {
		n := itoa(int(b.Rows))
		if b.Range != nil {
			n = literalText(b.Range)
		}
		switch b.Kind {
		case UnboundedPreceding:
			return "UNBOUNDED PRECEDING"
		case Preceding:
			return n + " PRECEDING"
		case CurrentRow:
			return "CURRENT ROW"
		case Following:
			return n + " FOLLOWING"
		}
		return "UNBOUNDED FOLLOWING"
	}
	text := [...]string{RowsFrame: "ROWS", RangeFrame: "RANGE", GroupsFrame: "GROUPS"}[f.Unit] + " BETWEEN " + bound(f.Lower) + " AND " + bound(f.Upper)
	return text + [...]string{ExcludeNone: "", ExcludeCurrentRow: " EXCLUDE CURRENT ROW", ExcludeGroup: " EXCLUDE GROUP", ExcludeTies: " EXCLUDE TIES"}[f.Exclude]
}
