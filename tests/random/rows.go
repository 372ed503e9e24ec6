package random

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// row is a row of the base table: int64, float64, string, bool, time.Time, nil.
type row []any

// makeRows makes rows with NULLs, duplicates and extremes.
func makeRows(r *rand.Rand) []row {
	pick := func(list ...any) any { return list[r.IntN(len(list))] }
	letters := []string{"a", "b", "A", " ", "é", "%", "_", "日", "'", "\\"}
	n := []int{0, 1, 2, 7, 20, maxRows}[r.IntN(6)]
	nulls := []int{2, 5, 1000}[r.IntN(3)]
	start := time.Date(2024, 2, 29, 23, 59, 0, 0, time.UTC)
	if r.IntN(4) == 0 {
		start = time.Date(1969, 12, 31, 23, 59, 50, 0, time.UTC)
	}
	var rows []row
	for i := range n {
		if len(rows) > 0 && r.IntN(8) == 0 {
			again := append(row{int64(i)}, rows[r.IntN(len(rows))][1:]...)
			rows = append(rows, again)
			continue
		}
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteString(letters[r.IntN(len(letters))])
		}
		cells := row{
			int64(i),
			r.Int64N(25) - 12,
			pick(r.Int64N(2001)-1000, int64(0), int64(1), int64(1000)),
			pick(r.Int64N(1<<31)-1<<30, int64(0), int64(-1)),
			pick(r.Int64N(100), int64(math.MaxInt64), int64(math.MinInt64), int64(1)<<53+1, int64(-1)<<53-1, int64(r.Uint64())),
			pick(float64(r.Int64N(41)-20)/4, 0.0, float64(1<<20), -float64(1<<20), 0.25),
			b.String(),
			pick("x", "y", "Z", "zz"),
			r.IntN(2) == 0,
			start.Add(time.Duration(r.Int64N(100_000)) * time.Millisecond),
		}
		if r.IntN(3) == 0 {
			cells[9] = start.Add(time.Duration(r.Int64N(10)) * 10 * time.Second) // on the edge of windows
		}
		for c := 1; c < len(cells); c++ {
			if r.IntN(nulls) == 0 {
				cells[c] = nil
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

// version gives the row of the table v for one of the base table: its time is its own.
func version(r row) row {
	v := slices.Clone(r)
	if t, ok := v[9].(time.Time); ok {
		const unit = 100 // ms: more than there are rows
		ms := t.UnixMilli()
		v[9] = time.UnixMilli(ms - (ms%unit+unit)%unit + v[0].(int64)).UTC()
	}
	return v
}

// sqliteRow gives a row as SQLite stores it.
func sqliteRow(r row) []any {
	out := make([]any, len(r))
	for i, v := range r {
		switch v := v.(type) {
		case bool:
			out[i] = int64(0)
			if v {
				out[i] = int64(1)
			}
		case time.Time:
			out[i] = v.UnixMilli()
		default:
			out[i] = v
		}
	}
	return out
}
