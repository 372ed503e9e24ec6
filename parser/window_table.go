package parser

import (
	"slices"
	"strings"
)

var windowKinds = map[string]WindowKind{
	"TUMBLE": WindowTumble, "HOP": WindowHop, "CUMULATE": WindowCumulate, "SESSION": WindowSession,
}

// windowParams are the arguments of the window table functions in their order; the
// last one of all but SESSION may be left out.
var windowParams = map[WindowKind][]string{
	WindowTumble:   {"DATA", "TIMECOL", "SIZE", "OFFSET"},
	WindowHop:      {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"},
	WindowCumulate: {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"},
	WindowSession:  {"DATA", "TIMECOL", "GAP"},
}

// windowTable reads a window table function in any of its spellings.
func (p *parser) windowTable(kind WindowKind) TableRef {
	name := p.next()
	w := &WindowTable{Kind: kind}
	open := p.peek()
	args := p.tableArgs()
	w.Span = p.from(name.Start)
	if p.err != nil {
		return w
	}
	params := windowParams[kind]
	usage := kind.String() + " takes " + strings.Join(params, ", ")
	given := map[string]*TableFunctionArg{}
	for i, a := range args {
		param := ""
		switch {
		case a.Name != nil:
			param = strings.ToUpper(a.Name.Text)
			if !slices.Contains(params, param) {
				hint := usage
				if s := suggest(param, params); s != "" {
					hint = "did you mean " + s + "? " + usage
				}
				p.fail(a.Name.Span, kind.String()+" has no argument "+shorten(a.Name.Text), hint)
				return w
			}
		case i > 0 && args[i-1].Name != nil:
			p.fail(a.Span, "an argument without a name after one with a name", usage)
			return w
		case i < len(params):
			param = params[i]
		default:
			p.fail(a.Span, "too many arguments of "+kind.String(), usage)
			return w
		}
		if given[param] != nil {
			p.fail(a.Span, "the argument "+param+" is given twice", usage)
			return w
		}
		given[param] = a
		p.windowArg(w, param, a)
	}
	for _, param := range params {
		if given[param] == nil && param != "OFFSET" {
			p.fail(name.To(open.Span), kind.String()+" lacks its argument "+param, usage)
			break
		}
	}
	return w
}

// windowArg puts one argument into its place.
func (p *parser) windowArg(w *WindowTable, param string, a *TableFunctionArg) {
	if param == "DATA" {
		p.windowInput(w, a)
		return
	}
	if len(a.PartitionBy) > 0 || len(a.OrderBy) > 0 {
		p.fail(a.Span, "PARTITION BY and ORDER BY belong to the table", "")
		return
	}
	if param == "TIMECOL" {
		p.windowTime(w, a)
		return
	}
	if a.Expr == nil {
		p.fail(a.Span, "the argument "+param+" is an interval", "write INTERVAL '10' MINUTE")
		return
	}
	switch param {
	case "SIZE":
		w.Size = a.Expr
	case "SLIDE":
		w.Slide = a.Expr
	case "STEP":
		w.Step = a.Expr
	case "GAP":
		w.Gap = a.Expr
	case "OFFSET":
		w.Offset = a.Expr
	}
}

func (p *parser) windowInput(w *WindowTable, a *TableFunctionArg) {
	w.Input = a.Table
	if w.Input == nil {
		w.Input = p.asTable(a.Expr)
	}
	switch w.Input.(type) {
	case *TableName, *DerivedTable, *WindowTable:
	default:
		p.fail(a.Span, "the first argument of "+w.Kind.String()+" is a table", "write TABLE t, or a query in parentheses")
		return
	}
	w.PartitionBy = a.PartitionBy
	switch {
	case len(a.OrderBy) > 0:
		p.fail(a.OrderBy[0].Span, "the rows of a window have no order here", "leave ORDER BY out")
	case len(a.PartitionBy) > 0 && w.Kind != WindowSession:
		p.fail(a.PartitionBy[0].Range(), "only SESSION has PARTITION BY", "the windows of "+w.Kind.String()+" are the same for all rows; use GROUP BY")
	}
}

func (p *parser) windowTime(w *WindowTable, a *TableFunctionArg) {
	ref, isRef := a.Expr.(*ColumnRef)
	switch {
	case len(a.Descriptor) == 1:
		col := a.Descriptor[0]
		w.TimeColumn = &Name{Span: col.Span, Parts: []Ident{col}}
	case isRef:
		w.TimeColumn = &Name{Span: ref.Span, Parts: ref.Parts}
	default:
		p.fail(a.Span, "the second argument of "+w.Kind.String()+" is a column of time", "write DESCRIPTOR(ts)")
	}
}
