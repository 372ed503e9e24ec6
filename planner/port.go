package planner

import "github.com/streamsql/streamsql/catalog"

// Columns gives the columns of the rows that come along an edge.
func (e Edge) Columns() []Column {
	switch e.Port {
	case LatePort:
		return lateColumns(e.From)
	case ErrorPort:
		cols := make([]Column, len(catalog.DeadLetterFields))
		for i, f := range catalog.DeadLetterFields {
			cols[i] = Column{Name: f.Name, Type: f.Type, NotNull: f.NotNull}
		}
		return cols
	}
	return e.From.Cols
}

// lateColumns are those of a WindowAgg's late rows: the input's columns LateCols,
// then window_start, window_end and watermark, of the type of the window's
// bounds. The watermark is never NULL: a row is late against one.
func lateColumns(n *Node) []Column {
	op, ok := n.Op.(*WindowAgg)
	if !ok {
		return nil
	}
	var cols []Column
	in := n.Inputs[0].Columns()
	for _, c := range op.LateCols {
		cols = append(cols, in[c])
	}
	t := n.Cols[len(n.Cols)-1].Type
	for _, name := range []string{"window_start", "window_end", "watermark"} {
		cols = append(cols, Column{Name: name, Type: t, NotNull: true})
	}
	return cols
}
