package parser

// typeWords are the names of types that stand alone. Those of more than one word
// are looked for by simpleType.
var typeWords = map[string]TypeKind{
	"BOOLEAN": TypeBoolean, "BOOL": TypeBoolean,
	"TINYINT": TypeTinyInt, "SMALLINT": TypeSmallInt, "INT": TypeInt, "INTEGER": TypeInt, "BIGINT": TypeBigInt,
	"FLOAT": TypeFloat, "REAL": TypeFloat, "DOUBLE": TypeDouble,
	"DECIMAL": TypeDecimal, "DEC": TypeDecimal, "NUMERIC": TypeDecimal,
	"STRING": TypeString, "TEXT": TypeString, "VARCHAR": TypeVarchar, "CHAR": TypeChar, "CHARACTER": TypeChar,
	"BYTES": TypeBytes, "BYTEA": TypeBytes, "VARBINARY": TypeVarbinary, "BINARY": TypeBinary,
	"DATE": TypeDate, "TIME": TypeTime, "TIMESTAMP": TypeTimestamp, "TIMESTAMP_LTZ": TypeTimestampLTZ, "TIMESTAMPTZ": TypeTimestampLTZ,
	"INTERVAL": TypeInterval, "ARRAY": TypeArray, "MAP": TypeMap, "ROW": TypeRow, "STRUCT": TypeRow, "JSON": TypeJSON,
}

// typeNames are the types by the names that a message may propose.
var typeNames = []string{
	"BOOLEAN", "TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "NUMERIC", "STRING", "VARCHAR",
	"CHAR", "BYTES", "VARBINARY", "BINARY", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ", "INTERVAL", "ARRAY", "MAP", "ROW",
	"STRUCT", "JSON",
}

// foreignTypes are names of types in other systems.
var foreignTypes = map[string]string{
	"MULTISET": "use ARRAY, or MAP<element, INT> with the number of each",
	"RAW":      "use BYTES",
	"VARIANT":  "use JSON",
	"DATETIME": "use TIMESTAMP",
	"LONG":     "use BIGINT",
	"SHORT":    "use SMALLINT",
	"BYTE":     "use TINYINT",
	"INT2":     "use SMALLINT", "INT4": "use INT", "INT8": "use BIGINT", "INT64": "use BIGINT", "INT32": "use INT",
	"FLOAT4": "use FLOAT", "FLOAT8": "use DOUBLE", "FLOAT64": "use DOUBLE", "FLOAT32": "use FLOAT",
	"NVARCHAR": "use VARCHAR", "BLOB": "use BYTES", "CLOB": "use STRING", "JSONB": "use JSON", "SERIAL": "use BIGINT",
	"UNSIGNED": "integers have signs; use the next larger type",
	"UUID":     "use STRING",
}

// dataType reads a type, without the NOT NULL of a column.
func (p *parser) dataType() *DataType {
	p.nest()
	defer p.unnest()
	start := p.peek().Start
	t := p.simpleType()
	for p.err == nil {
		switch {
		case p.acceptWord("ARRAY"):
			t = &DataType{Kind: TypeArray, Precision: Unset, Scale: Unset, Elem: t}
		case p.isOp("[") && p.peekAt(1).isOp("]"):
			p.pos += 2
			t = &DataType{Kind: TypeArray, Precision: Unset, Scale: Unset, Elem: t}
		case p.isWord("MULTISET"):
			p.fail(p.peek().Span, "the type MULTISET is not supported", foreignTypes["MULTISET"])
		default:
			return t
		}
		t.Span = p.from(start)
		if t.depth() > maxNesting {
			p.tooDeep(t.Span)
		}
	}
	return t
}

// depth is the number of ARRAYs around the innermost element.
func (t *DataType) depth() int {
	n := 0
	for ; t.Kind == TypeArray; t = t.Elem {
		n++
	}
	return n
}

// elementType reads a type within another one, which may have a NOT NULL.
func (p *parser) elementType() *DataType {
	t := p.dataType()
	if p.acceptWord("NOT", "NULL") {
		t.NotNull = true
		t.Span = p.from(t.Start)
	} else {
		p.acceptWord("NULL")
	}
	return t
}

func (p *parser) simpleType() *DataType {
	word := p.peek()
	t := &DataType{Span: word.Span, Precision: Unset, Scale: Unset}
	if t.Kind = typeWords[word.upper]; t.Kind == 0 {
		p.unknownType(word)
		return t
	}
	p.next()
	switch t.Kind {
	case TypeDouble:
		p.acceptWord("PRECISION")
	case TypeChar:
		if p.acceptWord("VARYING") {
			t.Kind = TypeVarchar
		}
		p.length(t)
	case TypeVarchar, TypeVarbinary:
		p.length(t)
	case TypeBinary:
		if p.acceptWord("VARYING") {
			t.Kind = TypeVarbinary
		}
		p.length(t)
	case TypeDecimal:
		if p.acceptOp("(") {
			t.Precision = p.smallInt("the precision")
			if p.acceptOp(",") {
				t.Scale = p.smallInt("the scale")
			}
			p.expectOp(")")
		}
	case TypeTime:
		p.length(t)
		p.acceptWord("WITHOUT", "TIME", "ZONE")
		if p.isWord("WITH", "TIME", "ZONE") {
			p.fail(p.from(t.Start).To(p.peekAt(2).Span), "the type TIME WITH TIME ZONE is not supported", "use TIME or TIMESTAMP_LTZ")
		}
	case TypeTimestamp:
		p.length(t)
		switch {
		case p.acceptWord("WITHOUT", "TIME", "ZONE"):
		case p.acceptWord("WITH", "LOCAL", "TIME", "ZONE"), p.acceptWord("WITH", "TIME", "ZONE"):
			t.Kind = TypeTimestampLTZ
		}
	case TypeTimestampLTZ:
		p.length(t)
	case TypeInterval:
		t.From, t.To = p.intervalUnits()
	case TypeArray:
		p.expectOp("<")
		t.Elem = p.elementType()
		p.expectOp(">")
	case TypeMap:
		p.expectOp("<")
		t.Key = p.elementType()
		p.expectOp(",")
		t.Elem = p.elementType()
		p.expectOp(">")
	case TypeRow:
		p.rowType(t)
	}
	t.Span = p.from(t.Start)
	return t
}

func (p *parser) unknownType(word *token) {
	if hint := foreignTypes[word.upper]; hint != "" {
		p.fail(word.Span, "the type "+word.upper+" is not supported", hint)
	}
	if word.kind == tokWord {
		hint := ""
		if s := suggest(word.text, typeNames); s != "" {
			hint = "did you mean " + s + "?"
		}
		if !reserved[word.upper] {
			p.fail(word.Span, "unknown type "+shorten(word.text), hint)
		}
	}
	p.unexpected("a type", typeNames...)
}

// length reads (n) if it is there.
func (p *parser) length(t *DataType) {
	if p.acceptOp("(") {
		t.Precision = p.smallInt("the length or precision")
		p.expectOp(")")
	}
}

// rowType reads ROW<a INT 'comment', ...>, ROW(a INT, ...) or STRUCT<a: INT>.
func (p *parser) rowType(t *DataType) {
	closing := ">"
	if p.acceptOp("(") {
		closing = ")"
	} else {
		p.expectOp("<")
	}
	p.commaList(func() {
		start := p.peek().Start
		f := &TypeField{Name: p.ident("the name of a field")}
		p.acceptOp(":")
		f.Type = p.elementType()
		if p.peek().kind == tokString {
			f.Comment = p.stringLit("the comment")
		} else {
			f.Comment = p.comment()
		}
		f.Span = p.from(start)
		t.Fields = append(t.Fields, f)
	})
	p.expectOp(closing)
}
