package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// inferred takes the physical columns of a source that declares none from its
// connector: those that it fixes, or those that its records have. They come first.
func (b *binder) inferred(t *catalog.Table, c *parser.CreateTable) error {
	if c.Like == nil && t.NotRead != nil && len(t.Columns) == 0 {
		return b.oneUse(t, t.NotRead)
	}
	if c.Like != nil || t.SourceOptions == nil || slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Kind == catalog.PhysicalColumn }) {
		return nil
	}
	var fields []catalog.Field
	var err error
	switch spec := t.Connector.Source; {
	case spec.Columns != nil && len(t.Columns) == 0:
		fields, err = spec.Columns(t.SourceOptions)
	case spec.Columns == nil && b.env.infer != nil:
		fields, err = b.env.infer(t.Connector.Name, t.SourceOptions)
	}
	if err != nil {
		return hint(b.at(c.Name).errorf("`%s` declares no columns, and they can't be had: %v", t.Name.Object, err), "declare them: CREATE %s %s (id BIGINT, ...)", t.Role, t.Name.Object)
	}
	physical := make([]catalog.Column, len(fields))
	for i, f := range fields {
		if slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == f.Name }) {
			return hint(b.at(c.Name).errorf("`%s` declares a column `%s`, which its records have too", t.Name.Object, f.Name), "give it another name, or declare all columns")
		}
		physical[i] = catalog.Column{Name: f.Name, Type: f.Type, NotNull: f.NotNull}
	}
	t.Columns = append(physical, t.Columns...)
	return nil
}

// inferredColumns gives the columns of a table that its definition does not name
// because its records have them.
func inferredColumns(t *catalog.Table, c *parser.CreateTable) []catalog.Column {
	if t.Connector.Source == nil || t.Connector.Source.Columns != nil || c.Query != nil || c.Like != nil {
		return nil
	}
	n := len(t.Columns) - len(c.Columns)
	return t.Columns[:max(n, 0)]
}

// withColumns writes a definition with its inferred columns: what is kept, and what
// SHOW CREATE shows, declares them.
func withColumns(src *parser.Source, c *parser.CreateTable, columns []catalog.Column) string {
	text := src.Slice(c.Span)
	var lines []string
	for _, col := range columns {
		line := "\n  " + catalog.QuoteName(col.Name) + " " + col.Type.String()
		if col.NotNull {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	list := strings.Join(lines, ",")
	if c.Elements.End > c.Elements.Start {
		at := c.Elements.Start + 1 - c.Span.Start
		return text[:at] + list + ",\n  " + strings.TrimLeft(text[at:], " \t\r\n")
	}
	at := c.Name.End - c.Span.Start
	return text[:at] + " (" + list + "\n)" + text[at:]
}
