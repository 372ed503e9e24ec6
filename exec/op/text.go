package op

import (
	"fmt"
	"strings"
)

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
