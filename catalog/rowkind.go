package catalog

// RowKind says what a row of a changelog does to the table that the changelog
// describes.
type RowKind uint8

// The row kinds. A delete may carry the whole row or its key columns only; the
// edge's properties say which.
const (
	Insert       RowKind = iota // +I
	UpdateBefore                // -U: takes back the old row of an update
	UpdateAfter                 // +U: the new row of an update
	Delete                      // -D
)

// Adds says whether the row enters the table (+I, +U) rather than leaves it.
func (k RowKind) Adds() bool { return k == Insert || k == UpdateAfter }

// String gives the short sign: +I, -U, +U or -D.
func (k RowKind) String() string {
	switch k {
	case Insert:
		return "+I"
	case UpdateBefore:
		return "-U"
	case UpdateAfter:
		return "+U"
	default:
		return "-D"
	}
}
