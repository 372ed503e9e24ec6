package random

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	_ "modernc.org/sqlite"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/parser"
)

// settings say how a query is run here; the answer must not depend on them.
type settings struct {
	parallelism, batchRows, splits int
}

func randomSettings(r *rand.Rand) settings {
	return settings{1 + r.IntN(3), []int{1, 2, 7, 1000}[r.IntN(4)], 1 + r.IntN(3)}
}

func (s settings) String() string {
	return fmt.Sprintf("parallelism %d, batch rows %d, splits %d", s.parallelism, s.batchRows, s.splits)
}

// lookupCaches are the caches of the table lk, by the number of rows of a batch.
var lookupCaches = map[int]string{
	2: ", 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '3'",
	7: ", 'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '1000'",
}

// errNotPlanned says that a query uses what can't be planned yet.
var errNotPlanned = errors.New("not planned yet")

// ours runs a query here and gives its rows as texts.
func ours(query string, rows []row, s settings) ([]string, error) {
	store := memory.NewStore()
	table, versions := store.Table("r"), store.Table("v")
	for i := range s.splits {
		for k := i; k < len(rows); k += s.splits {
			table.SendRows(i, rows[k])
			versions.SendRows(i, version(rows[k]))
		}
		table.End(i)
		versions.End(i)
	}
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	session := eng.Script()
	for k, v := range map[string]int{"parallelism": s.parallelism, "batch.rows": s.batchRows} {
		if _, err := session.Set(k, strconv.Itoa(v)); err != nil {
			return nil, err
		}
	}
	res, err := session.Query(context.Background(), fmt.Sprintf(declaration, s.splits, "r")+
		fmt.Sprintf(declarationTables, s.splits, s.splits, lookupCaches[s.batchRows])+
		fmt.Sprintf(declarationVersions, "", "", s.splits)+fmt.Sprintf(declarationVersions, "k", ", PRIMARY KEY (k) NOT ENFORCED", s.splits)+
		fmt.Sprintf(declarationVersions, "a", ", PRIMARY KEY (a) NOT ENFORCED", s.splits)+query)
	if err != nil {
		var list parser.ErrorList
		if errors.As(err, &list) && notPlanned(list) {
			return nil, fmt.Errorf("%w: %s", errNotPlanned, list.Format())
		}
		if errors.As(err, &list) {
			return nil, errors.New(list.Format())
		}
		return nil, err
	}
	var out []string
	for res.Next() {
		rec := res.Record()
		for i := range int(rec.NumRows()) {
			line := ""
			for _, col := range rec.Columns() {
				line += cell(col, i) + "|"
			}
			out = append(out, line)
		}
	}
	return out, res.Close()
}

// cell gives a value as text, the same for equal values of either side: numbers
// by value, timestamps as milliseconds, booleans as 0 and 1.
func cell(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Int32:
		return strconv.Itoa(int(a.Value(i)))
	case *array.Int64:
		return strconv.FormatInt(a.Value(i), 10)
	case *array.Float64:
		return number(a.Value(i))
	case *array.String:
		return strconv.Quote(a.Value(i))
	case *array.Boolean:
		if a.Value(i) {
			return "1"
		}
		return "0"
	case *array.Timestamp:
		return strconv.FormatInt(int64(a.Value(i))/1000, 10)
	}
	return fmt.Sprintf("%T %s", a, a.ValueStr(i))
}

// number gives a double as text: an integer as one, since SQLite gives integers
// where only some branches of an expression are doubles.
func number(f float64) string {
	if f == float64(int64(f)) {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// sqlite is a database with the base table.
type sqlite struct{ *sql.DB }

func openSQLite() (*sqlite, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, q := range []string{"PRAGMA case_sensitive_like = ON", declarationSQLite, "CREATE VIEW st AS SELECT * FROM r", "CREATE VIEW lk AS SELECT * FROM r",
		"CREATE VIEW v AS SELECT id, a, b, n, x, d, s, k, f, ts - ((ts % 100) + 100) % 100 + id AS ts FROM r"} {
		if _, err := db.Exec(q); err != nil {
			return nil, err
		}
	}
	return &sqlite{db}, nil
}

// fill makes rows the contents of the base table.
func (db *sqlite) fill(rows []row) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec("DELETE FROM r"); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := tx.Exec("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sqliteRow(r)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// theirs runs a query there.
func (db *sqlite) theirs(query string) ([]string, error) {
	rows, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		cells, ptrs := make([]any, len(cols)), make([]any, len(cols))
		for i := range cells {
			ptrs[i] = &cells[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, err
		}
		line := ""
		for _, c := range cells {
			switch c := c.(type) {
			case nil:
				line += "NULL"
			case int64:
				line += strconv.FormatInt(c, 10)
			case float64:
				line += number(c)
			case string:
				line += strconv.Quote(c)
			default:
				line += fmt.Sprintf("%T %v", c, c)
			}
			line += "|"
		}
		out = append(out, line)
	}
	return out, rows.Err()
}
