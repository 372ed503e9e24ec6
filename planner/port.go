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

// lateColumns are those of an operator's late rows: the columns LateCols of its
// input (of its inputs), then window_start, window_end and watermark, of the type
// of the window's bounds; the watermark alone of one that judges rows by their own
// time. The watermark is never NULL: a row is late against one.
func lateColumns(n *Node) []Column {
	var carried []int
	names := []string{"window_start", "window_end", "watermark"}
	t := n.Cols[len(n.Cols)-1].Type
	switch op := n.Op.(type) {
	case *WindowAgg:
		carried = op.LateCols
	case *Over:
		carried, names = op.LateCols, names[2:]
		if t = n.Cols[max(0, op.WindowEnd)].Type; op.ByTime {
			t = n.Cols[op.Order[0].Col].Type
		}
	case *Rank:
		carried = op.LateCols
		if op.WindowEnd >= 0 {
			t = n.Cols[op.WindowEnd].Type
		}
	case *TemporalJoin:
		carried, names = op.LateCols, names[2:]
		t = n.Inputs[0].Columns()[op.Time[0]].Type
		if len(op.LateRight) > 0 {
			return append(carriedColumns(n.Inputs[0], carried), append(carriedColumns(n.Inputs[1], op.LateRight), addedColumns(names, t)...)...)
		}
	case *Sort:
		carried, names = op.LateCols, names[2:]
		t = n.Cols[op.Keys[0].Col].Type
	case *SessionAssign:
		carried = op.LateCols
	case *WindowJoin:
		if op.LateCols == nil {
			return nil
		}
		t = n.Inputs[0].Columns()[op.Start[0]].Type
		return append(carriedColumns(n.Inputs[0], op.LateCols[0]), append(carriedColumns(n.Inputs[1], op.LateCols[1]), addedColumns(names, t)...)...)
	default:
		return nil
	}
	return append(carriedColumns(n.Inputs[0], carried), addedColumns(names, t)...)
}

func carriedColumns(e Edge, carried []int) []Column {
	var cols []Column
	in := e.Columns()
	for _, c := range carried {
		cols = append(cols, in[c])
	}
	return cols
}

// addedColumns are the times that an operator adds to a late row.
func addedColumns(names []string, t catalog.Type) []Column {
	t.Precision = 3
	var cols []Column
	for _, name := range names {
		cols = append(cols, Column{Name: name, Type: t, NotNull: true})
	}
	return cols
}
