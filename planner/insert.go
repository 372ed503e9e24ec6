package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// output is a bound INSERT or top-level SELECT: a relation and where its rows go.
type output struct {
	// sink is nil for a SELECT, whose rows go to the caller.
	sink *catalog.Table
	in   rel
	// branch names the INSERT in dead letters and progress.
	branch string
	place  place
	// conflict is ON CONFLICT; nil: there is none.
	conflict *conflict
}

// insert binds INSERT INTO.
func (b *binder) insert(s *parser.Insert) (*output, error) {
	o, lerr := b.lookup(s.Table.Name)
	if lerr != nil {
		return nil, lerr
	}
	sink, ok := o.(*catalog.Table)
	if !ok {
		return nil, hint(b.at(s.Table.Name).errorf("`%s` is a view: it can't be written", o.ObjectName()), "INSERT into a sink")
	}
	if sink.NotWritten != nil {
		return nil, b.oneUse(sink, sink.NotWritten)
	}
	if spec := sink.Connector; sink.SinkOptions == nil && sink.Role == catalog.EitherRole && spec.Sink != nil {
		return nil, hint(b.at(s.Table.Name).errorf("`%s` can't be written: connector '%s' does not write format '%s'", sink.Name, spec.Name, sink.SourceOptions[catalog.FormatOption]),
			"it writes %s", strings.Join(spec.Sink.Formats, ", "))
	}
	if sink.SinkOptions == nil {
		return nil, hint(b.at(s.Table.Name).errorf("`%s` is a source: it can't be written", sink.Name), "CREATE SINK makes one that can")
	}
	for _, h := range s.Table.Hints {
		if err := b.otherHint(h); err != nil {
			return nil, err
		}
	}
	targets, err := b.targets(s, sink)
	if err != nil {
		return nil, err
	}
	var r rel
	if v, isValues := s.Query.Body.(*parser.Values); isValues && len(s.Query.OrderBy) == 0 && s.Query.Limit == nil && s.Query.With == nil {
		want := make([]column, len(targets))
		for i, t := range targets {
			c := sink.Columns[t]
			want[i] = column{Column: Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}}
		}
		if len(v.Rows) > 0 && len(v.Rows[0]) == len(targets) {
			r, err = b.values(v, want)
		} else {
			r, err = b.values(v, nil)
		}
	} else {
		r, err = b.query(s.Query)
	}
	if err != nil {
		return nil, err
	}
	if r, err = b.toSink(s, sink, targets, r); err != nil {
		return nil, err
	}
	out := &output{sink: sink, in: r, branch: sink.Name.Object, place: b.at(s.Table)}
	if s.OnConflict != nil {
		out.conflict = &conflict{action: s.OnConflict.Action, place: b.at(s.OnConflict)}
	}
	return out, nil
}

// targets gives the columns that the query's columns go to, in its order: those
// listed, else all that are written.
func (b *binder) targets(s *parser.Insert, sink *catalog.Table) ([]int, error) {
	written := sinkColumns(sink)
	if s.Columns == nil {
		return written, nil
	}
	var targets []int
	for _, id := range s.Columns {
		i, err := b.tableColumn(sink, id)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(written, i) {
			return nil, b.at(id).errorf("column `%s` is not written: it is computed", id.Text)
		}
		if slices.Contains(targets, i) {
			return nil, b.at(id).errorf("column `%s` is listed twice", id.Text)
		}
		targets = append(targets, i)
	}
	return targets, nil
}

// sinkColumns gives the columns of a table that are written: all but computed
// ones and virtual metadata.
func sinkColumns(t *catalog.Table) []int {
	var cols []int
	for i, c := range t.Columns {
		if c.Kind == catalog.PhysicalColumn || c.Kind == catalog.MetadataColumnKind && !c.Virtual {
			cols = append(cols, i)
		}
	}
	return cols
}

// toSink fits the query's columns to the sink's: casts, and NULL for those that
// are not listed.
func (b *binder) toSink(s *parser.Insert, sink *catalog.Table, targets []int, r rel) (rel, error) {
	cols := r.cols()
	if len(cols) != len(targets) {
		err := b.at(s.Query).errorf("the query has %s, %s takes %d", count(len(cols), "column"), "`"+sink.Name.Object+"`", len(targets))
		var names []string
		for _, t := range targets {
			names = append(names, sink.Columns[t].Name)
		}
		return nil, hint(err, "they are %s", joinNames(names))
	}
	where := b.at(s.Query)
	var exprs []catalog.Expr
	var names []string
	for _, i := range sinkColumns(sink) {
		c := sink.Columns[i]
		col := Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		names = append(names, c.Name)
		at := slices.Index(targets, i)
		if at < 0 {
			if c.NotNull {
				return nil, b.at(s.Table).errorf("column `%s` is NOT NULL and not among the columns of the INSERT", c.Name)
			}
			exprs = append(exprs, nullLiteral(c.Type))
			continue
		}
		e, err := b.env.store(constantOf(r, at), col, b.itemPlace(s, at, where))
		if err != nil {
			return nil, err
		}
		exprs = append(exprs, e)
	}
	return project(r, exprs, names, where), nil
}

// constantOf gives column i of a relation, or the constant that it always is.
func constantOf(r rel, i int) catalog.Expr {
	if p, ok := r.(*projectRel); ok {
		if l, ok := p.exprs[i].(*catalog.Literal); ok {
			return l
		}
	}
	return ref(r.cols(), i)
}

// itemPlace is where the query's column i is written, if that is plain to see.
func (b *binder) itemPlace(s *parser.Insert, i int, fallback place) place {
	sel, ok := s.Query.Body.(*parser.Select)
	if !ok || i >= len(sel.Items) || slices.ContainsFunc(sel.Items, func(it *parser.SelectItem) bool { return it.Star }) {
		return fallback
	}
	return b.at(sel.Items[i])
}

func joinNames(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += catalog.QuoteName(n)
	}
	return out
}
