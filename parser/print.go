package parser

import "strings"

// Print gives the text of a statement, query, table, expression, type or name, and of
// the larger parts of those; of lesser parts, such as a When or an Option, it gives
// nothing. It is in one line and in one spelling - keywords in upper case, every
// window function with named arguments, every cast as CAST - and parses to the same
// tree, spans aside.
func Print(n Node) string {
	p := &printer{}
	p.node(n)
	return p.b.String()
}

// printer writes nodes. Its methods write no blank before or after.
type printer struct {
	b strings.Builder
}

func (p *printer) put(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

// when writes the text if the condition holds.
func (p *printer) when(cond bool, text string) {
	if cond {
		p.b.WriteString(text)
	}
}

// list calls item for 0 to n-1 with a comma between.
func (p *printer) list(n int, item func(i int)) {
	for i := range n {
		p.when(i > 0, ", ")
		item(i)
	}
}

func (p *printer) node(n Node) {
	switch n := n.(type) {
	case Stmt:
		p.stmt(n)
	case Expr:
		p.expr(n, precLowest)
	case *Query: // not in parentheses, as it is as a part of another one
		p.query(n)
	case QueryBody:
		p.body(n, 0)
	case TableRef:
		p.table(n)
	case Pattern:
		p.pattern(n, 0)
	case *DataType:
		p.dataType(n)
	case *Name:
		p.name(n)
	case *Ident:
		p.ident(*n)
	case *ColumnDef:
		p.columnDef(n)
	case *Watermark:
		p.watermark(n)
	case *SelectItem:
		p.selectItem(n)
	case *GroupingElement:
		p.grouping(n)
	case *OrderItem:
		p.orderItem(n)
	case *Output:
		p.output(n)
	case *WindowSpec:
		p.windowSpec(n)
	case *Frame:
		p.frame(n)
	}
}

func (p *printer) ident(id Ident) {
	if id.Quoted {
		p.put(quoteIdent(id.Text))
	} else {
		p.put(id.Text)
	}
}

func (p *printer) idents(list []Ident) {
	p.list(len(list), func(i int) { p.ident(list[i]) })
}

func (p *printer) parenIdents(list []Ident) {
	p.put("(")
	p.idents(list)
	p.put(")")
}

func (p *printer) name(n *Name) {
	for i, part := range n.Parts {
		p.when(i > 0, ".")
		p.ident(part)
	}
}

func (p *printer) str(s *StringLit) { p.put(quoteString(s.Value)) }

func (p *printer) comment(s *StringLit) {
	if s != nil {
		p.put(" COMMENT ")
		p.str(s)
	}
}

func (p *printer) options(list []*Option) {
	p.put("(")
	p.list(len(list), func(i int) {
		p.str(list[i].Key)
		p.put(" = ")
		p.str(list[i].Value)
	})
	p.put(")")
}

func (p *printer) hints(list []*Hint) {
	if len(list) == 0 {
		return
	}
	p.put(" /*+ ")
	p.list(len(list), func(i int) {
		h := list[i]
		p.ident(h.Name)
		switch {
		case len(h.Options) > 0 && len(h.Args) > 0:
			p.put("(")
			p.list(len(h.Args), func(i int) { p.str(h.Args[i]) })
			for _, o := range h.Options {
				p.put(", ", quoteString(o.Key.Value), " = ", quoteString(o.Value.Value))
			}
			p.put(")")
		case len(h.Options) > 0:
			p.options(h.Options)
		case len(h.Args) > 0:
			p.put("(")
			p.list(len(h.Args), func(i int) { p.str(h.Args[i]) })
			p.put(")")
		}
	})
	p.put(" */")
}

func (p *printer) dataType(t *DataType) {
	switch t.Kind {
	case TypeArray:
		p.put("ARRAY<")
		p.dataType(t.Elem)
		p.put(">")
	case TypeMap:
		p.put("MAP<")
		p.dataType(t.Key)
		p.put(", ")
		p.dataType(t.Elem)
		p.put(">")
	case TypeRow:
		p.put("ROW<")
		p.list(len(t.Fields), func(i int) {
			f := t.Fields[i]
			p.ident(f.Name)
			p.put(" ")
			p.dataType(f.Type)
			if f.Comment != nil {
				p.put(" ")
				p.str(f.Comment)
			}
		})
		p.put(">")
	case TypeInterval:
		p.put("INTERVAL")
		p.units(t.From, t.To)
	default:
		p.put(t.Kind.String())
		if t.Precision != Unset {
			p.put("(", itoa(t.Precision))
			if t.Scale != Unset {
				p.put(", ", itoa(t.Scale))
			}
			p.put(")")
		}
	}
	p.when(t.NotNull, " NOT NULL")
}

// units writes what follows INTERVAL or its text, with a blank before.
func (p *printer) units(from, to TimeUnit) {
	if from != UnitNone {
		p.put(" ", from.String())
	}
	if to != UnitNone {
		p.put(" TO ", to.String())
	}
}
