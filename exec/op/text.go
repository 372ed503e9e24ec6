package op

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/planner"
)

// rowText shows row i of a batch for a message or a dead letter: a JSON object of
// its values by the names of the columns.
func (c *Context) rowText(b *Batch, i int) string {
	cols := c.columnsOf(b)
	if cols == nil {
		return RowText(b, i)
	}
	var s strings.Builder
	s.WriteByte('{')
	for k, col := range b.Cols {
		if k > 0 {
			s.WriteByte(',')
		}
		// Neither a text nor what Arrow gives for JSON can't be written.
		name, _ := json.Marshal(cols[k].Name)
		value, err := json.Marshal(col.GetOneForMarshal(i))
		if err != nil {
			value, _ = json.Marshal(col.ValueStr(i)) // NaN
		}
		s.Write(name)
		s.WriteByte(':')
		s.Write(value)
	}
	s.WriteByte('}')
	return s.String()
}

// columnsOf gives the columns of a batch of the operator's own or of its input; nil:
// it is neither.
func (c *Context) columnsOf(b *Batch) []planner.Column {
	if c.Node == nil {
		return nil
	}
	var all [][]planner.Column
	for _, in := range c.Node.Inputs {
		all = append(all, in.Columns())
	}
	if _, ok := c.Node.Op.(planner.Stateful); ok { // what fails there is its result
		all = append([][]planner.Column{c.Node.Cols}, all...)
	} else {
		all = append(all, c.Node.Cols)
	}
	for _, cols := range all {
		if fits(cols, b) {
			return cols
		}
	}
	return nil
}

// fits says whether a batch may be one of these columns.
func fits(cols []planner.Column, b *Batch) bool {
	if len(cols) != len(b.Cols) {
		return false
	}
	for i, c := range cols {
		if c.Type.Arrow().ID() != b.Cols[i].DataType().ID() {
			return false
		}
	}
	return true
}

// RowText shows row i of a batch for a message: a JSON array of its values.
func RowText(b *Batch, i int) string {
	var s strings.Builder
	s.WriteByte('[')
	for k, c := range b.Cols {
		if k > 0 {
			s.WriteString(", ")
		}
		if c.IsNull(i) {
			s.WriteString("null")
		} else {
			fmt.Fprintf(&s, "%q", c.ValueStr(i))
		}
	}
	s.WriteByte(']')
	return s.String()
}
