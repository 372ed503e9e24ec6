package planner_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// inferring is a session whose sources of the format have these columns.
func inferring(fields []catalog.Field, err error) *planner.Session {
	o := options()
	o.Infer = func(connector string, _ catalog.Options) ([]catalog.Field, error) {
		if connector != "events" {
			return nil, nil
		}
		return fields, err
	}
	return planner.New(o)
}

// TestInferredColumns: what SHOW CREATE shows of a source without columns declares
// them, and made again without asking anybody it is the same source.
func TestInferredColumns(t *testing.T) {
	fields := []catalog.Field{{Name: "id", Type: catalog.BigInt, NotNull: true}, {Name: "at", Type: catalog.Timestamp3},
		{Name: "a b", Type: catalog.RowOf(catalog.Field{Name: "order", Type: catalog.ArrayOf(catalog.String)})}}
	for definition, want := range map[string]string{
		"CREATE SOURCE t WITH ('connector'='events')":                          "CREATE SOURCE t (\n  id BIGINT NOT NULL,\n  at TIMESTAMP(3),\n  `a b` ROW<`order` ARRAY<STRING>>\n) WITH ('connector'='events')",
		"CREATE TABLE IF NOT EXISTS t COMMENT 'c' WITH ('connector'='events')": "CREATE TABLE IF NOT EXISTS t (\n  id BIGINT NOT NULL,\n  at TIMESTAMP(3),\n  `a b` ROW<`order` ARRAY<STRING>>\n) COMMENT 'c' WITH ('connector'='events')",
		"CREATE OR REPLACE SOURCE `t` /* ( */ ( -- (\n WATERMARK FOR at AS at, p INT METADATA FROM 'partition', twice AS id * 2, PRIMARY KEY (id) NOT ENFORCED\n) WITH ('connector'='events')": "CREATE OR REPLACE SOURCE `t` /* ( */ (\n  id BIGINT NOT NULL,\n  at TIMESTAMP(3),\n  `a b` ROW<`order` ARRAY<STRING>>,\n  -- (\n WATERMARK FOR at AS at, p INT METADATA FROM 'partition', twice AS id * 2, PRIMARY KEY (id) NOT ENFORCED\n) WITH ('connector'='events')",
	} {
		s := inferring(fields, nil)
		script := run(t, s, definition+"; SHOW CREATE SOURCE t; DESCRIBE t; SELECT `a b`.`order`[1] FROM t WHERE id > 0")
		shown := script.Steps[1].(*planner.Rows).Rows[0][0]
		if shown != want {
			t.Errorf("%s\ngot  %s\nwant %s", definition, shown, want)
		}
		again := run(t, newSession(), shown+"; SHOW CREATE SOURCE t; DESCRIBE t")
		if got := again.Steps[1].(*planner.Rows).Rows[0][0]; got != shown {
			t.Errorf("made again: %s", got)
		}
		cell := func(s *planner.Script) string {
			var b strings.Builder
			for _, r := range s.Steps[2].(*planner.Rows).Rows {
				b.WriteString(strings.Join(r, "|") + "\n")
			}
			return b.String()
		}
		if cell(again) != cell(script) {
			t.Errorf("made again:\n%s\nfirst:\n%s", cell(again), cell(script))
		}
		if kept := s.Catalog().Definitions(); kept[0].SQL != shown {
			t.Errorf("kept: %s", kept[0].SQL)
		}
	}
}

// TestNotInferred: declared columns stay alone, and what can't be had is an error
// that says why.
func TestNotInferred(t *testing.T) {
	s := inferring(nil, errors.New("nobody is there"))
	run(t, s, "CREATE SOURCE t (id INT) WITH ('connector'='events'); CREATE SOURCE u LIKE t")
	for sql, want := range map[string]string{
		"CREATE SOURCE a WITH ('connector'='events')":                                   "nobody is there",
		"CREATE SOURCE a (WATERMARK FOR at AS at) WITH ('connector'='events')":          "nobody is there",
		"CREATE SINK a WITH ('connector'='append')":                                     "has no columns",
		"CREATE SOURCE a (p INT METADATA FROM 'partition') WITH ('connector'='events')": "nobody is there",
	} {
		_, err := s.Analyze(parser.NewSource("s", sql))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
	s = inferring([]catalog.Field{{Name: "p", Type: catalog.Int}}, nil)
	if _, err := s.Analyze(parser.NewSource("s", "CREATE SOURCE a (p INT METADATA FROM 'partition') WITH ('connector'='events')")); err == nil || !strings.Contains(err.Error(), "which its records have too") {
		t.Errorf("a name twice: %v", err)
	}
}
