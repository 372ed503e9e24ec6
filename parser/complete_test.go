package parser

import "testing"

func TestComplete(t *testing.T) {
	for text, want := range map[string]bool{
		"":                     true,
		" \n-- x\n":            true,
		";":                    true,
		"SELECT 1":             false,
		"SELECT 1;":            true,
		"SELECT 1; -- x":       true,
		"SELECT 1 -- ;":        false,
		"SELECT 1 /* ; */":     false,
		"SELECT 1; /* open":    false,
		"SELECT ';'":           false,
		"SELECT '; ":           false,
		"SELECT ';';":          true,
		"SELECT \";":           false,
		"SELECT \";\";":        true,
		"SELECT `;":            false,
		"SELECT 'it''s;":       false,
		"SELECT 1; SELECT 2":   false,
		"SELECT 1; SELECT 2;":  true,
		"BEGIN STATEMENT SET;": false,
		"begin statement set;": false,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1;":                           false,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END":                       false,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;":                      true,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1 END;":                       true,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN x THEN y END;":      false,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT CASE WHEN x THEN y END; END;": true,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;":                    false,
		"EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END;":               true,
		"EXPLAIN STATEMENT SET BEGIN INSERT INTO a SELECT 1;":                    false,
		"EXPLAIN VERBOSE BEGIN STATEMENT SET; INSERT INTO a SELECT 1;":           false,
		"EXPLAIN VERBOSE BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END;":      true,
		"EXPLAIN SELECT 1;":                                           true,
		"EXPLAIN SELECT begin FROM statement;":                        true,
		"BEGIN TRANSACTION;":                                          true,
		"SELECT CASE WHEN a THEN b END;":                              true,
		"SELECT 'a\n;\n' , \n 2\n;\n":                                 true,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END; SELECT 1":  false,
		"BEGIN STATEMENT SET; INSERT INTO a SELECT 1; END; SELECT 1;": true,
		"SELECT ( ;": true, // wrong, and more text would not mend it
	} {
		if got := Complete(text); got != want {
			t.Errorf("Complete(%q) = %t", text, got)
		}
	}
}
