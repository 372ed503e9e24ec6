package planner

import (
	"errors"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// createTable executes CREATE SOURCE | SINK | TABLE. It says whether it made
// something (IF NOT EXISTS may not).
func (b *binder) createTable(c *parser.CreateTable) (bool, error) {
	name, err := b.newName(c.Name)
	if err != nil {
		return false, err
	}
	if _, taken := b.env.catalog.Lookup(name); taken && c.IfNotExists {
		return false, nil
	}
	if c.Query != nil && c.Kind == parser.ObjectSource {
		return false, hint(b.at(c.Query).errorf("a source is not made of a query"), "CREATE VIEW, or CREATE SINK ... AS SELECT")
	}
	t := &catalog.Table{Name: name, Temporary: c.Temporary, Source: b.src, Span: c.Span, SQL: b.src.Slice(c.Span)}
	t.Role = map[parser.ObjectKind]catalog.Role{parser.ObjectSource: catalog.SourceRole, parser.ObjectSink: catalog.SinkRole}[c.Kind]
	if c.Comment != nil {
		t.Comment = c.Comment.Value
	}
	options := slices.Clone(c.Options)
	if c.Like != nil {
		if options, err = b.like(t, c.Like, options); err != nil {
			return false, err
		}
	}
	if err := b.connector(t, c, options); err != nil {
		return false, err
	}
	if err := b.columns(t, c); err != nil {
		return false, err
	}
	if err := b.keys(t, c); err != nil {
		return false, err
	}
	if c.Watermark != nil {
		t.Watermark, t.WatermarkSource = c.Watermark, b.src
	}
	if t.Watermark != nil && t.Role == catalog.SinkRole {
		return false, b.at(t.Watermark).errorf("WATERMARK belongs to a source, this is a sink")
	}
	before := b.env.uses
	b.env.uses = nil
	err = b.checkTable(t, c)
	t.Uses = b.env.uses
	b.env.uses = before
	if err != nil {
		return false, err
	}
	if c.Query != nil {
		t.SQL = definitionText(t)
	}
	if n := len(inferredColumns(t, c)); n > 0 {
		t.SQL = withColumns(b.src, c, t.Columns[:n])
	}
	return true, b.define(t, c.OrReplace, b.at(c.Name))
}

// definitionText writes the definition of a sink that was made AS SELECT without
// its query: what is kept must not run it again.
func definitionText(t *catalog.Table) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	var cols, options []string
	for _, c := range t.Columns {
		col := catalog.QuoteName(c.Name) + " " + c.Type.String()
		if c.NotNull {
			col += " NOT NULL"
		}
		cols = append(cols, col)
	}
	for _, o := range t.With {
		options = append(options, quote(o.Key.Value)+" = "+quote(o.Value.Value))
	}
	return "CREATE " + t.Role.String() + " " + t.Name.String() + " (" + strings.Join(cols, ", ") + ") WITH (" + strings.Join(options, ", ") + ")"
}

// newName completes the name of an object to be made; its database must exist.
func (b *binder) newName(n *parser.Name) (catalog.Name, error) {
	name, err := b.fullName(n)
	if err != nil {
		return name, err
	}
	if !b.env.catalog.HasNamespace(catalog.Namespace{Catalog: name.Catalog, Database: name.Database}) {
		return name, hint(b.at(n).errorf("there is no database `%s.%s`", name.Catalog, name.Database), "CREATE DATABASE makes one")
	}
	return name, nil
}

// define puts an object into the catalog.
func (b *binder) define(o catalog.Object, replace bool, where place) error {
	err := b.env.catalog.Create(o, replace)
	if err == nil {
		return nil
	}
	bad := where.errorf("%v", err)
	if errors.Is(err, catalog.ErrExists) {
		bad.Hint = "CREATE OR REPLACE, or IF NOT EXISTS"
	}
	return bad
}

// connector finds the connector and checks the options for what the table may
// be used as.
func (b *binder) connector(t *catalog.Table, c *parser.CreateTable, options []*parser.Option) error {
	raw := map[string]string{}
	var connector *parser.Option
	for _, o := range options {
		if _, twice := raw[o.Key.Value]; twice && !inherited(o, c.Options) {
			return b.at(o).errorf("option '%s' is given twice", o.Key.Value)
		}
		raw[o.Key.Value] = o.Value.Value
		if strings.EqualFold(o.Key.Value, catalog.ConnectorOption) {
			connector = o
		}
	}
	if connector == nil {
		return hint(b.at(c.Name).errorf("`%s` has no connector", t.Name.Object), "WITH ('connector' = '...'), one of %s", strings.Join(b.env.connectors.Names(), ", "))
	}
	spec, ok := b.env.connectors.Lookup(connector.Value.Value)
	if !ok {
		return didYouMean(b.at(connector.Value).errorf("unknown connector '%s'", connector.Value.Value), connector.Value.Value,
			b.env.connectors.Names(), "there are "+strings.Join(b.env.connectors.Names(), ", "))
	}
	t.Connector, t.With = spec, options
	either := t.Role == catalog.EitherRole
	check := func(forSource bool, one **catalog.OptionError) (catalog.Options, error) {
		checked, errs := checkSide(spec, b.env.connectors, raw, forSource, either)
		switch {
		case len(errs) == 0:
			return checked, nil
		case either && errs[0].OneUse:
			*one = &errs[0]
			return nil, nil
		}
		return nil, optionError(b.src, options, errs[0], b.at(c.Name))
	}
	var err error
	if t.Role == catalog.SourceRole || either && spec.Source != nil {
		if t.SourceOptions, err = check(true, &t.NotRead); err != nil {
			return err
		}
	}
	if t.Role == catalog.SinkRole || either && spec.Sink != nil && !readOnly(spec, t.SourceOptions) {
		if t.SinkOptions, err = check(false, &t.NotWritten); err != nil {
			return err
		}
	}
	if t.SourceOptions == nil && t.SinkOptions == nil && t.NotRead != nil {
		return b.oneUse(t, t.NotRead)
	}
	return nil
}

// oneUse is the error of a table that is used as its options don't allow.
func (b *binder) oneUse(t *catalog.Table, e *catalog.OptionError) error {
	return optionError(t.Source, t.With, *e, place{t.Source, t.Span})
}

// readOnly says whether the format of a table that is read can't be written.
func readOnly(spec *catalog.ConnectorSpec, source catalog.Options) bool {
	format := source[catalog.FormatOption]
	return format != "" && slices.Contains(spec.Source.Formats, format) && !slices.Contains(spec.Sink.Formats, format)
}

// inherited says whether an option comes from LIKE.
func inherited(o *parser.Option, own []*parser.Option) bool { return !slices.Contains(own, o) }

// checkSide checks options for reading or writing. With lenient (CREATE TABLE)
// options of the other side are left out.
func checkSide(spec *catalog.ConnectorSpec, all catalog.Connectors, raw map[string]string, forSource, lenient bool) (catalog.Options, []catalog.OptionError) {
	checked, errs := catalog.CheckOptions(spec, all, raw, forSource)
	if !lenient || len(errs) == 0 {
		return checked, errs
	}
	fewer := map[string]string{}
	for k, v := range raw {
		if !slices.ContainsFunc(errs, func(e catalog.OptionError) bool { return e.OtherSide && e.Option == k }) {
			fewer[k] = v
		}
	}
	return catalog.CheckOptions(spec, all, fewer, forSource)
}

// optionError points at the option that is wrong.
func optionError(src *parser.Source, options []*parser.Option, e catalog.OptionError, fallback place) *parser.Error {
	where := fallback
	for _, o := range options {
		if o.Key.Value != e.Option {
			continue
		}
		where = place{src, o.Key.Span}
		if e.Value {
			where = place{src, o.Value.Span}
		}
	}
	err := where.errorf("%s", e.Message)
	err.Hint = e.Hint
	return err
}

// columns fills in the declared columns; a connector that fixes them gives them
// where none are declared.
func (b *binder) columns(t *catalog.Table, c *parser.CreateTable) error {
	for _, d := range c.Columns {
		col := catalog.Column{Name: d.Name.Text, NotNull: d.NotNull}
		if d.Comment != nil {
			col.Comment = d.Comment.Value
		}
		if slices.ContainsFunc(t.Columns, func(o catalog.Column) bool { return o.Name == col.Name }) {
			return b.at(d.Name).errorf("`%s` has two columns `%s`", t.Name.Object, col.Name)
		}
		if d.Default != nil {
			return b.at(d.Default).errorf("DEFAULT is not supported yet")
		}
		var err error
		switch d.Kind {
		case parser.ColumnComputed:
			col.Kind, col.Expr, col.Source = catalog.ComputedColumn, d.Expr, b.src
		case parser.ColumnMetadata:
			err = b.metadata(t, &col, d)
		default:
			col.Type, err = asError(dataType(b.src, d.Type))
		}
		if err != nil {
			return err
		}
		t.Columns = append(t.Columns, col)
	}
	if len(t.Columns) == 0 && c.Query != nil {
		return b.columnsOf(t, c.Query)
	}
	if err := b.inferred(t, c); err != nil {
		return err
	}
	if len(t.Columns) == 0 {
		return hint(b.at(c.Name).errorf("`%s` has no columns", t.Name.Object), "declare them: CREATE %s %s (id BIGINT, ...)", t.Role, t.Name.Object)
	}
	return nil
}

// columnsOf takes the columns of a sink from the query that is to fill it.
func (b *binder) columnsOf(t *catalog.Table, q *parser.Query) error {
	r, err := b.query(q)
	if err != nil {
		return err
	}
	for _, c := range r.cols() {
		if slices.ContainsFunc(t.Columns, func(o catalog.Column) bool { return o.Name == c.Name }) {
			return hint(b.at(q).errorf("the query has two columns `%s`", c.Name), "give one an alias")
		}
		t.Columns = append(t.Columns, catalog.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
	}
	return nil
}

// metadata binds name TYPE METADATA [FROM 'key'].
func (b *binder) metadata(t *catalog.Table, col *catalog.Column, d *parser.ColumnDef) error {
	typ, err := asError(dataType(b.src, d.Type))
	if err != nil {
		return err
	}
	col.Kind, col.Type, col.Virtual, col.Metadata = catalog.MetadataColumnKind, typ, d.Virtual, d.Name.Text
	where := b.at(d.Name)
	if d.MetadataKey != nil {
		col.Metadata, where = d.MetadataKey.Value, b.at(d.MetadataKey)
	}
	var known []catalog.MetadataColumn
	if t.Connector.Source != nil && t.Role != catalog.SinkRole {
		known = catalog.SourceMetadata(t.Connector, b.env.connectors, t.SourceOptions)
	}
	if t.Connector.Sink != nil && t.Role == catalog.SinkRole {
		known = t.Connector.Sink.Metadata
	}
	var names []string
	for _, m := range known {
		if m.Name == col.Metadata {
			if !catalog.CanCast(m.Type, typ, false) {
				return b.at(d.Type).errorf("metadata '%s' is %s, it can't be %s", m.Name, m.Type, typ)
			}
			return nil
		}
		names = append(names, m.Name)
	}
	what := "connector '" + t.Connector.Name + "'"
	if format := t.SourceOptions[catalog.FormatOption]; format != "" && strings.HasPrefix(col.Metadata, catalog.FormatMetadata) {
		what = "format '" + format + "'"
	}
	return didYouMean(where.errorf("%s has no metadata '%s'", what, col.Metadata), col.Metadata, names,
		map[bool]string{true: "it has none", false: "it has " + strings.Join(names, ", ")}[len(names) == 0])
}

// keys fills in the primary key and the partition columns.
func (b *binder) keys(t *catalog.Table, c *parser.CreateTable) error {
	var idents []parser.Ident
	for _, d := range c.Columns {
		if d.PrimaryKey {
			idents = append(idents, d.Name)
		}
	}
	if c.PrimaryKey != nil {
		if len(idents) > 0 {
			return b.at(c.PrimaryKey).errorf("two PRIMARY KEYs")
		}
		idents = c.PrimaryKey.Columns
	}
	if len(idents) > 0 {
		t.PrimaryKey = nil
	}
	for _, id := range idents {
		i, err := b.tableColumn(t, id)
		if err != nil {
			return err
		}
		if t.Columns[i].Kind == catalog.ComputedColumn {
			return b.at(id).errorf("computed column `%s` can't be part of a PRIMARY KEY", id.Text)
		}
		if slices.Contains(t.PrimaryKey, i) {
			return b.at(id).errorf("column `%s` is twice in the PRIMARY KEY", id.Text)
		}
		t.PrimaryKey = append(t.PrimaryKey, i)
		t.Columns[i].NotNull = true
	}
	for _, id := range c.PartitionedBy {
		i, err := b.tableColumn(t, id)
		if err != nil {
			return err
		}
		t.PartitionedBy = append(t.PartitionedBy, i)
	}
	return nil
}

func (b *binder) tableColumn(t *catalog.Table, id parser.Ident) (int, error) {
	found := matching(id, len(t.Columns), func(i int) string { return t.Columns[i].Name })
	if len(found) == 1 {
		return found[0], nil
	}
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return 0, didYouMean(b.at(id).errorf("`%s` has no column `%s`", t.Name.Object, id.Text), id.Text, names, "")
}

// checkTable binds the computed columns and the watermark once, so that a
// definition that can't work is refused where it is made, and notes the types
// of computed columns.
func (b *binder) checkTable(t *catalog.Table, c *parser.CreateTable) error {
	s := &source{table: t, name: t.Name.Object, options: t.SourceOptions, upserts: comesAsUpserts(t, t.SourceOptions), delay: -1, at: b.at(c.Name)}
	if err := b.declared(s); err != nil {
		return err
	}
	if t.SinkOptions != nil && t.Connector.Sink.NeedsKey && len(t.PrimaryKey) == 0 {
		return hint(place{t.Source, t.Span}.errorf("'%s' writes rows by their key, and `%s` has no PRIMARY KEY", t.Connector.Name, t.Name),
			"PRIMARY KEY (k) NOT ENFORCED, of the columns that are to be the key of the records")
	}
	if err := b.checkKeys(t, c); err != nil {
		return err
	}
	if t.SourceOptions != nil {
		if err := b.watermark(s); err != nil {
			return err
		}
	}
	for i := range t.Columns {
		if t.Columns[i].Kind == catalog.ComputedColumn {
			t.Columns[i].Type, t.Columns[i].NotNull = s.declared[i].Type, s.declared[i].NotNull
		}
	}
	return nil
}

// checkKeys has the connector look at the options beside the columns.
func (b *binder) checkKeys(t *catalog.Table, c *parser.CreateTable) error {
	check := t.Connector.CheckTable
	if check == nil {
		return nil
	}
	var key []string
	for _, k := range t.PrimaryKey {
		key = append(key, t.Columns[k].Name)
	}
	for _, forSource := range []bool{true, false} {
		o := t.SinkOptions
		if forSource {
			o = t.SourceOptions
		}
		if o == nil {
			continue
		}
		if e := check(o, t.Physical(), key, forSource); e != nil {
			return optionError(b.src, t.With, *e, b.at(c.Name))
		}
	}
	return nil
}

// like takes over the parts of another table that LIKE names: all but its
// computed columns, watermark and options may be excluded.
func (b *binder) like(t *catalog.Table, l *parser.LikeClause, own []*parser.Option) ([]*parser.Option, error) {
	o, err := b.lookup(l.Table)
	if err != nil {
		return nil, err
	}
	base, ok := o.(*catalog.Table)
	if !ok {
		return nil, b.at(l.Table).errorf("LIKE copies a table, `%s` is a view", base.Name)
	}
	excluded := map[parser.LikeFeature]bool{}
	for _, opt := range l.Options {
		excluded[opt.What] = opt.Mode == parser.LikeExcluding
	}
	out := func(f parser.LikeFeature) bool {
		if v, said := excluded[f]; said {
			return v
		}
		return excluded[parser.LikeAll]
	}
	for _, c := range base.Columns {
		if c.Kind == catalog.ComputedColumn && out(parser.LikeGenerated) || c.Kind == catalog.MetadataColumnKind && out(parser.LikeMetadata) {
			continue
		}
		t.Columns = append(t.Columns, c)
	}
	if !out(parser.LikeConstraints) && len(t.Columns) == len(base.Columns) {
		t.PrimaryKey = slices.Clone(base.PrimaryKey)
	}
	if base.Watermark != nil && !out(parser.LikeWatermarks) && t.Role != catalog.SinkRole {
		t.Watermark, t.WatermarkSource = base.Watermark, base.WatermarkSource
	}
	if out(parser.LikeOptions) {
		return own, nil
	}
	return mergeOptions(base, own), nil
}

// mergeOptions gives the options of a table with those written in their place.
func mergeOptions(base *catalog.Table, own []*parser.Option) []*parser.Option {
	var merged []*parser.Option
	for _, o := range base.With {
		if !slices.ContainsFunc(own, func(n *parser.Option) bool { return n.Key.Value == o.Key.Value }) {
			merged = append(merged, o)
		}
	}
	return append(merged, own...)
}

// createView executes CREATE VIEW.
func (b *binder) createView(c *parser.CreateView) (bool, error) {
	if c.Materialized {
		return false, require(b.at(c.Name), featureMaterializedView)
	}
	name, err := b.newName(c.Name)
	if err != nil {
		return false, err
	}
	if _, taken := b.env.catalog.Lookup(name); taken && c.IfNotExists {
		return false, nil
	}
	before := b.env.uses
	b.env.uses = nil
	r, err := b.query(c.Query)
	uses := b.env.uses
	b.env.uses = before
	if err != nil {
		return false, err
	}
	v := &catalog.View{Name: name, Temporary: c.Temporary, Query: c.Query, Namespace: b.ns, Uses: uses, Source: b.src, Span: c.Span, SQL: b.src.Slice(c.Span)}
	if c.Comment != nil {
		v.Comment = c.Comment.Value
	}
	cols := r.cols()
	if len(c.Columns) > 0 && len(c.Columns) != len(cols) {
		return false, b.at(c.Columns[0]).errorf("%s for %s", count(len(c.Columns), "column name"), count(len(cols), "column"))
	}
	for i, col := range cols {
		f := catalog.Field{Name: col.Name, Type: col.Type, NotNull: col.NotNull}
		if len(c.Columns) > 0 {
			f.Name = c.Columns[i].Name.Text
		}
		if slices.ContainsFunc(v.Columns, func(o catalog.Field) bool { return o.Name == f.Name }) {
			return false, hint(b.at(c.Name).errorf("view `%s` has two columns `%s`", name.Object, f.Name), "give one an alias: AS %s2", f.Name)
		}
		v.Columns = append(v.Columns, f)
	}
	return true, b.define(v, c.OrReplace, b.at(c.Name))
}

// drop executes DROP. It says whether there was something to drop.
func (b *binder) drop(d *parser.Drop) (bool, error) {
	switch d.Kind {
	case parser.ObjectTable, parser.ObjectSource, parser.ObjectSink, parser.ObjectView:
	case parser.ObjectFunction:
		return b.dropFunction(d)
	default:
		return false, b.at(d).errorf("DROP %s is not supported yet", d.Kind)
	}
	name, err := b.fullName(d.Name)
	if err != nil {
		return false, err
	}
	o, ok := b.env.catalog.Lookup(name)
	if !ok {
		if d.IfExists {
			return false, nil
		}
		return false, b.noObject(d.Name)
	}
	if (d.Kind == parser.ObjectView) != (o.Kind() == "VIEW") || d.Kind == parser.ObjectSource && o.Kind() == "SINK" || d.Kind == parser.ObjectSink && o.Kind() == "SOURCE" {
		return false, hint(b.at(d.Name).errorf("`%s` is a %s", name, strings.ToLower(o.Kind())), "DROP %s %s", o.Kind(), name)
	}
	if d.Cascade {
		return false, b.at(d).errorf("DROP ... CASCADE is not supported yet")
	}
	if err := b.env.catalog.Drop(name); err != nil {
		return false, b.at(d.Name).errorf("%v", err)
	}
	return true, nil
}
