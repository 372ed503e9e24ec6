package parser_test

import (
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/parser"
)

func ExampleParse() {
	src := parser.NewSource("job.sql", `
		-- one source, one sink
		CREATE SOURCE orders (id BIGINT, amount DECIMAL(10, 2)) WITH ('connector' = 'file');
		INSERT INTO big SELECT id FROM orders WHERE amount > 1000;`)
	stmts, err := parser.Parse(src)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, stmt := range stmts {
		switch s := stmt.(type) {
		case *parser.CreateTable:
			fmt.Println(src.Position(s.Start), s.Kind, s.Name.Last().Text, len(s.Columns), "columns")
		case *parser.Insert:
			where := s.Query.Body.(*parser.Select).Where
			fmt.Println(src.Position(where.Range().Start), src.Slice(where.Range()))
		}
	}
	// Output:
	// job.sql:3:3 SOURCE orders 2 columns
	// job.sql:4:47 amount > 1000
}

func ExampleError_Format() {
	_, err := parser.Parse(parser.NewSource("job.sql", "SELECT id FROM orders WHER amount > 1000"))
	var e *parser.Error
	if errors.As(err, &e) {
		fmt.Println(e.Format())
	}
	// Output:
	// job.sql:1:23: error: unexpected WHER
	//   SELECT id FROM orders WHER amount > 1000
	//                         ^^^^
	// hint: did you mean WHERE? (an alias that looks like a keyword needs AS)
}

func ExamplePrint() {
	e, err := parser.ParseExpr(parser.NewSource("", "(a or b) and x :: int between 1 and (2)"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(parser.Print(e))
	// Output:
	// (a OR b) AND CAST(x AS INT) BETWEEN 1 AND 2
}

func ExampleComplete() {
	fmt.Println(parser.Complete("SELECT ';'"))
	fmt.Println(parser.Complete("SELECT ';';"))
	fmt.Println(parser.Complete("BEGIN STATEMENT SET; INSERT INTO a SELECT 1;"))
	// Output:
	// false
	// true
	// false
}
