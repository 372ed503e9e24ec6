package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// source gives the source that a table is, with options that a hint overrides.
// The same table with the same options is one source.
func (b *binder) source(t *catalog.Table, overrides []*parser.Option, where place) (*source, error) {
	if t.Role == catalog.SinkRole {
		return nil, hint(where.errorf("`%s` is a sink: it can't be read", t.Name), "CREATE TABLE makes one that can be both")
	}
	if t.NotRead != nil && len(overrides) == 0 {
		return nil, b.oneUse(t, t.NotRead)
	}
	if t.SourceOptions == nil && t.NotRead == nil {
		return nil, where.errorf("`%s` can't be read: connector '%s' only writes", t.Name, t.Connector.Name)
	}
	options := t.SourceOptions
	// A definition may be replaced within a script, and settings may change.
	key := fmt.Sprintf("%p %s %s %s", t, b.env.zone, b.env.settings.Get(catalog.IdleTimeoutKey), b.env.settings.Get(catalog.ExprOnErrorKey))
	if len(overrides) > 0 {
		var err error
		if options, err = b.override(t, overrides); err != nil {
			return nil, err
		}
		key += "\x00" + optionsText(options)
	}
	if s, ok := b.env.sources[key]; ok {
		return s, nil
	}
	s := &source{table: t, name: t.Name.Object, options: options, delay: -1, at: where}
	if b.sourceNameTaken(s.name) {
		s.name = t.Name.String() + "#" + itoa(len(b.env.sources))
	}
	s.bounded = t.Connector.Source.Bounded != nil && t.Connector.Source.Bounded(options)
	s.changelog = t.Connector.Source.Changelog != nil && t.Connector.Source.Changelog(options)
	s.upserts = comesAsUpserts(t, options)
	s.changelog = s.changelog || s.upserts
	s.validate = options[catalog.ValidateOption] == "all"
	inner := &binder{env: b.env, src: t.Source, ns: b.ns}
	if err := inner.declared(s); err != nil {
		return nil, err
	}
	if err := inner.watermark(s); err != nil {
		return nil, err
	}
	if err := inner.policy(s); err != nil {
		return nil, err
	}
	if err := b.settleStatic(s, where); err != nil {
		return nil, err
	}
	b.env.sources[key] = s
	return s, nil
}

// comesAsUpserts says whether the records of a table are upserts by its PRIMARY KEY.
func comesAsUpserts(t *catalog.Table, o catalog.Options) bool {
	spec := t.Connector.Source
	return spec != nil && spec.Upserts != nil && o != nil && spec.Upserts(o)
}

// sourceNameTaken says whether another source has the name: the same table with
// other options, or one of another database.
func (b *binder) sourceNameTaken(name string) bool {
	for _, s := range b.env.sources {
		if strings.EqualFold(s.name, name) {
			return true
		}
	}
	return false
}

// override checks a table's options anew with those of a hint.
func (b *binder) override(t *catalog.Table, overrides []*parser.Option) (catalog.Options, error) {
	raw := map[string]string{}
	for k, v := range t.SourceOptions {
		raw[k] = v
	}
	if t.NotRead != nil { // the hint may mend it
		for _, o := range t.With {
			raw[o.Key.Value] = o.Value.Value
		}
	}
	for _, o := range overrides {
		raw[o.Key.Value] = o.Value.Value
	}
	options, errs := checkSide(t.Connector, b.env.connectors, raw, true, t.NotRead != nil)
	if len(errs) > 0 {
		return nil, optionError(b.src, overrides, errs[0], b.at(overrides[0]))
	}
	return options, nil
}

func optionsText(o catalog.Options) string {
	keys := make([]string, 0, len(o))
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k + "=" + o[k] + "\x00")
	}
	return b.String()
}

// declared fills in the columns of a source: fields are read, computed columns
// are expressions over them and over the declared columns before them.
func (b *binder) declared(s *source) error {
	t := s.table
	for _, c := range t.Columns {
		switch c.Kind {
		case catalog.PhysicalColumn:
			s.fields = append(s.fields, ScanColumn{Name: c.Name, Type: c.Type, NotNull: c.NotNull})
		case catalog.MetadataColumnKind:
			s.fields = append(s.fields, ScanColumn{Name: c.Name, Type: b.metadataType(t, c), NotNull: c.NotNull, Metadata: c.Metadata})
		}
	}
	field := 0
	for _, c := range t.Columns {
		if c.Kind != catalog.ComputedColumn {
			f := &catalog.ColumnRef{Index: field, Name: c.Name, T: s.fields[field].Type}
			s.exprs = append(s.exprs, b.env.castTo(f, c.Type))
			s.declared = append(s.declared, column{Column: Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}})
			field++
			continue
		}
		of := b.of(c.Source)
		x := &exprBinder{binder: of, scope: tableScope(s.declared, t.Name.Object), clause: "a computed column"}
		e, err := x.bind(c.Expr)
		if err != nil {
			return err
		}
		col := derived(e, s.declared, of.at(c.Expr))
		col.Name = c.Name
		s.exprs = append(s.exprs, inline(e, s.exprs))
		s.declared = append(s.declared, col)
	}
	if s.key = t.PrimaryKey; s.upserts && len(s.key) == 0 {
		return hint(place{t.Source, t.Span}.errorf("the records of `%s` are upserts, and it has no PRIMARY KEY: nobody knows what row each of them replaces", t.Name),
			"PRIMARY KEY (k) NOT ENFORCED, of the columns that are in the key of the records")
	}
	return nil
}

// metadataType is the type in which the connector gives a metadata column; the
// declared one is cast from it.
func (b *binder) metadataType(t *catalog.Table, c catalog.Column) catalog.Type {
	if t.Connector.Source != nil {
		for _, m := range catalog.SourceMetadata(t.Connector, b.env.connectors, t.SourceOptions) {
			if m.Name == c.Metadata {
				return m.Type
			}
		}
	}
	return c.Type
}

// of gives a binder for a part of another text.
func (b *binder) of(src *parser.Source) *binder {
	inner := *b
	inner.src = src
	return &inner
}

// watermark binds the WATERMARK clause over the fields, and marks the time
// attribute.
func (b *binder) watermark(s *source) error {
	w := s.table.Watermark
	if w == nil {
		return b.unaligned(s)
	}
	b = b.of(s.table.WatermarkSource)
	x := &exprBinder{binder: b, scope: tableScope(s.declared, s.table.Name.Object), clause: "WATERMARK"}
	col := &parser.ColumnRef{Span: w.Column.Span, Parts: w.Column.Parts}
	attr, err := x.column(col)
	if err != nil {
		return err
	}
	if !attr.Type().IsTimestamp() {
		err := b.at(w.Column).errorf("WATERMARK is for a TIMESTAMP or TIMESTAMP_LTZ column, `%s` is %s", dotted(w.Column.Parts), article(attr.Type()))
		return hint(err, "declare a computed column: ts AS TO_TIMESTAMP(%s)", dotted(w.Column.Parts))
	}
	if w.Source {
		return hint(b.at(w).errorf("SOURCE_WATERMARK() is not supported: connector '%s' has no watermark of its own", s.table.Connector.Name),
			"WATERMARK FOR ts AS ts - INTERVAL '5' SECOND")
	}
	mark, err := x.bind(w.Expr)
	if err != nil {
		return err
	}
	if mark.Type().Kind != attr.Type().Kind {
		return b.at(w.Expr).errorf("the watermark is %s, its column `%s` is %s", mark.Type(), dotted(w.Column.Parts), attr.Type())
	}
	s.delay = delayOf(mark, attr)
	s.watermark = &Watermark{Expr: inline(mark, s.exprs), Time: inline(attr, s.exprs)}
	s.watermark.IdleTimeout, s.watermark.MaxSkew, err = b.watermarkLimits(s)
	if err != nil {
		return err
	}
	if err := b.align(s); err != nil {
		return err
	}
	markTime(s, attr)
	return nil
}

// align reads how far the splits of a source may be apart in time.
func (b *binder) align(s *source) error {
	drift, group := s.options.Duration(catalog.AlignDriftOption), s.options[catalog.AlignGroupOption]
	if drift == 0 && s.options[catalog.AlignDriftOption] != "" {
		return b.env.optionPlace(s.table, catalog.AlignDriftOption).errorf("'%s' must be above 0", catalog.AlignDriftOption)
	}
	if drift == 0 && group != "" {
		return hint(b.env.optionPlace(s.table, catalog.AlignGroupOption).errorf("'%s' needs '%s'", catalog.AlignGroupOption, catalog.AlignDriftOption),
			"'%s' = '1 min'", catalog.AlignDriftOption)
	}
	s.watermark.MaxDrift, s.watermark.AlignGroup = drift, group
	return nil
}

// unaligned refuses alignment by time of a source that has none.
func (b *binder) unaligned(s *source) error {
	for _, option := range []string{catalog.AlignDriftOption, catalog.AlignGroupOption} {
		if s.options[option] != "" {
			return hint(b.env.optionPlace(s.table, option).errorf("'%s' aligns splits by their watermarks, and `%s` has no WATERMARK", option, s.table.Name),
				"WATERMARK FOR ts AS ts - INTERVAL '5' SECOND")
		}
	}
	return nil
}

// markTime marks the declared column, or the member of one, that is the time
// attribute.
func markTime(s *source, attr catalog.Expr) {
	switch a := attr.(type) {
	case *catalog.ColumnRef:
		s.declared[a.Index].time = eventTime
		s.declared[a.Index].lost = ""
	case *catalog.Member:
		if base, path := memberPath(a); base != nil {
			s.declared[base.Index].timeMember = path
		}
	}
}

// delayOf gives the constant by which the watermark is behind the time
// attribute, in microseconds; -1 if there is none.
func delayOf(mark, attr catalog.Expr) int64 {
	if exprKey(mark) == exprKey(attr) {
		return 0
	}
	c, ok := mark.(*catalog.Call)
	if !ok || c.Fn.Name != "-" || len(c.Args) != 2 || exprKey(c.Args[0]) != exprKey(attr) {
		return -1
	}
	l, ok := c.Args[1].(*catalog.Literal)
	if !ok || l.T.Kind != catalog.KindIntervalDay || l.Value == nil {
		return -1
	}
	return max(0, l.Value.(int64))
}

// watermarkLimits gives IDLE TIMEOUT and MAX FUTURE SKEW: of the clause, else of
// the options, else (idle) of the session.
func (b *binder) watermarkLimits(s *source) (idle, skew time.Duration, err error) {
	idle = s.options.Duration(catalog.IdleTimeoutOption)
	if idle == 0 {
		idle = b.env.settings.Duration(catalog.IdleTimeoutKey)
	}
	skew = s.options.Duration(catalog.FutureSkewOption)
	read := func(i *parser.IntervalLit, what string, into *time.Duration) error {
		if i == nil {
			return nil
		}
		if i.Months != 0 || i.Micros <= 0 {
			return b.at(i).errorf("%s must be a positive time of days or less", what)
		}
		*into = time.Duration(i.Micros) * time.Microsecond
		return nil
	}
	if err = read(s.table.Watermark.IdleTimeout, "IDLE TIMEOUT", &idle); err != nil {
		return 0, 0, err
	}
	err = read(s.table.Watermark.MaxFutureSkew, "MAX FUTURE SKEW", &skew)
	return idle, skew, err
}
