package streamsql_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowmem "github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/memory"
)

// A query gives Arrow records while it runs.
func Example() {
	eng, err := streamsql.Open(streamsql.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), "SELECT 1 + 1 AS two, 'text' AS t")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		rec := rows.Record()
		fmt.Println(rec.Schema().Field(0).Name, rec.Column(0), rec.Column(1))
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output: two [2] ["text"]
}

// A script with definitions, over a file. Relative paths are relative to Dir.
func ExampleSession_Query() {
	dir, err := os.MkdirTemp("", "streamsql")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	lines := `{"city": "Ulm", "temp": 21.5}
{"city": "Bonn", "temp": 24.0}
{"city": "Ulm", "temp": 22.5}
`
	if err := os.WriteFile(filepath.Join(dir, "weather.ndjson"), []byte(lines), 0o644); err != nil {
		log.Fatal(err)
	}
	eng, err := streamsql.Open(streamsql.Options{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), `
		CREATE SOURCE weather (city STRING, temp DOUBLE)
		WITH ('connector' = 'file', 'path' = 'weather.ndjson', 'format' = 'json');
		SELECT city, AVG(temp) AS mean FROM weather GROUP BY city ORDER BY city`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		city := rows.Record().Column(0).(*array.String)
		mean := rows.Record().Column(1).(*array.Float64)
		for i := range int(rows.Record().NumRows()) {
			fmt.Println(city.Value(i), mean.Value(i))
		}
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Bonn 24
	// Ulm 22
}

// Tables in memory: what a program sends is read, what a job writes is in the
// table once it is committed.
func ExampleOptions_memory() {
	store := memory.NewStore()
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	store.Table("orders").SendRows(0, []any{"ann", 3}, []any{"bob", 4}, []any{"ann", 5})
	store.Table("orders").End(0)
	err = eng.Script().Exec(context.Background(), `
		CREATE SOURCE orders (name STRING, qty INT) WITH ('connector' = 'memory');
		CREATE SINK big (name STRING, qty INT) WITH ('connector' = 'memory');
		INSERT INTO big SELECT UPPER(name), qty FROM orders WHERE qty > 3`)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range store.Table("big").Rows() {
		fmt.Println(r.Kind, r.Values)
	}
	// Output:
	// +I [BOB 4]
	// +I [ANN 5]
}

// A job that never ends, fed and read by the program: it forgets what has been read
// and taken.
func ExampleSession_Start_live() {
	store := memory.NewStore()
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	job, err := eng.Script().Start(context.Background(), `
		SET 'commit.interval' = '10ms';
		CREATE SOURCE orders (name STRING, qty INT) WITH ('connector' = 'memory', 'bounded' = 'false', 'forget-read' = 'true');
		CREATE SINK big (name STRING, qty INT) WITH ('connector' = 'memory');
		INSERT INTO big SELECT UPPER(name), qty FROM orders WHERE qty > 3`, streamsql.JobOptions{})
	if err != nil {
		log.Fatal(err)
	}
	orders, big := store.Table("orders"), store.Table("big")
	for i, name := range []string{"ann", "bob", "eve"} {
		orders.SendRows(0, []any{name, 1}, []any{name, 4 + i})
		for rows := 0; rows == 0; {
			changed := big.Changed()
			for _, commit := range big.Take() {
				for _, row := range commit.Rows() {
					fmt.Println(row.Kind, row.Values)
					rows++
				}
			}
			if rows == 0 {
				select {
				case <-changed:
				case <-job.Done():
					log.Fatal(job.Wait())
				}
			}
		}
	}
	job.Stop()
	if err := job.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// +I [ANN 4]
	// +I [BOB 5]
	// +I [EVE 6]
}

// The rows of a query that updates are a changelog: -U takes a row back, +U puts
// another in its place.
func ExampleRows_Kinds() {
	store := memory.NewStore()
	eng, err := streamsql.Open(streamsql.Options{Memory: store})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := eng.Script().Query(ctx, `
		CREATE SOURCE orders (name STRING, qty INT) WITH ('connector' = 'memory', 'bounded' = 'false');
		SELECT name, SUM(qty) AS total FROM orders GROUP BY name`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close() // the SELECT itself never ends
	store.Table("orders").SendRows(0, []any{"ann", 3})
	for n := 0; n < 3 && rows.Next(); {
		for i := range int(rows.Record().NumRows()) {
			kind := catalog.Insert
			if rows.Kinds() != nil {
				kind = rows.Kinds()[i]
			}
			fmt.Println(kind, rows.Record().Column(0).ValueStr(i), rows.Record().Column(1).ValueStr(i))
			if n++; n == 1 {
				store.Table("orders").SendRows(0, []any{"ann", 4})
			}
		}
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// +I ann 3
	// -U ann 3
	// +U ann 7
}

// A function written in Go.
func ExampleScalarFunc() {
	reverse := streamsql.ScalarFunc{
		Name: "REVERSE_WORDS", Doc: "The words of a text, last one first.",
		Params: []catalog.Type{catalog.String}, Result: catalog.String,
		Call: func(args []any) (any, error) {
			words := strings.Fields(args[0].(string))
			if len(words) == 0 {
				return nil, errors.New("no words") // an error of the row
			}
			for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
				words[i], words[j] = words[j], words[i]
			}
			return strings.Join(words, " "), nil
		},
	}
	eng, err := streamsql.Open(streamsql.Options{Functions: []streamsql.Function{reverse}})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), "SELECT reverse_words('one two three') AS r")
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		fmt.Println(rows.Record().Column(0))
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output: ["three two one"]
}

// A job without end: its progress, and how it is stopped. What it has done is
// committed; started again under the same name and data directory it goes on.
func ExampleSession_Start() {
	dir, err := os.MkdirTemp("", "streamsql")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	eng, err := streamsql.Open(streamsql.Options{DataDir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	reached := make(chan struct{})
	seen := false
	job, err := eng.Script().Start(context.Background(), `
		SET 'commit.interval' = '10ms';
		CREATE SOURCE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000',
			'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
		CREATE SINK none (n BIGINT) WITH ('connector' = 'blackhole');
		INSERT INTO none SELECT n FROM ticks WHERE n % 2 = 0`,
		streamsql.JobOptions{Name: "counts", Progress: func(p streamsql.Progress) {
			if p.Sources[0].Records > 1000 && !seen {
				seen = true
				close(reached)
			}
		}})
	if err != nil {
		log.Fatal(err)
	}
	<-reached
	job.Stop() // finishes the micro-batch and commits
	if err := job.Wait(); err != nil {
		log.Fatal(err)
	}
	p := job.Progress()
	fmt.Println(job.Name(), p.Finished, p.Sources[0].Records == 2*p.Sinks[0].Rows || p.Sources[0].Records == 2*p.Sinks[0].Rows+1)
	// Output: counts false true
}

// A source of one's own: the squares of 1 to the option 'to'.
func ExampleOptions_connectors() {
	squares := connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name: "squares", Doc: "Squares.",
			Options: []catalog.OptionSpec{{Name: "to", Type: catalog.OptionInt, Required: true, Source: true, Doc: "The last number."}},
			Source: &catalog.SourceSpec{
				Bounded: func(catalog.Options) bool { return true },
				Columns: func(catalog.Options) ([]catalog.Field, error) {
					return []catalog.Field{{Name: "n", Type: catalog.BigInt, NotNull: true}, {Name: "square", Type: catalog.BigInt, NotNull: true}}, nil
				},
			},
		},
		OpenSource: func(cfg connectors.SourceConfig, _ connectors.Env) (connectors.Source, error) {
			return &squareSource{columns: cfg.Columns, to: cfg.Options.Int("to")}, nil
		},
	}
	eng, err := streamsql.Open(streamsql.Options{Connectors: []connectors.Connector{squares}})
	if err != nil {
		log.Fatal(err)
	}
	defer eng.Close()
	rows, err := eng.Script().Query(context.Background(), `
		CREATE SOURCE s WITH ('connector' = 'squares', 'to' = '1000');
		SELECT COUNT(*) AS n, SUM(square) AS total FROM s WHERE n <= 10`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		fmt.Println(rows.Record().Column(0), rows.Record().Column(1))
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output: [10] [385]
}

// squareSource implements connectors.Source: one split, whose offset is the last
// number that was read.
type squareSource struct {
	columns []connectors.ScanColumn // which of n and square the plan reads
	to      int64
}

func (s *squareSource) Splits(context.Context) ([]connectors.Split, error) {
	return []connectors.Split{{ID: "0", Bounded: true}}, nil
}

func (s *squareSource) Open(_ context.Context, _ connectors.Split, from connectors.Offset) (connectors.SplitReader, error) {
	r := &squareReader{source: s}
	if from != nil {
		if _, err := fmt.Sscan(string(from), &r.last); err != nil {
			return nil, fmt.Errorf("squares: offset %q: %w", from, err)
		}
	}
	return r, nil
}

func (s *squareSource) Close() error { return nil }

type squareReader struct {
	source *squareSource
	last   int64
}

// Fetch only claims a stretch of numbers; Decode, on any goroutine, makes them.
func (r *squareReader) Fetch(_ context.Context, max connectors.Limits) (connectors.Chunk, error) {
	n := min(int64(max.Records), r.source.to-r.last)
	if n == 0 {
		return nil, io.EOF
	}
	r.last += n
	return squareChunk{columns: r.source.columns, first: r.last - n + 1, n: int(n)}, nil
}

func (r *squareReader) Ready() <-chan struct{} { return nil }
func (r *squareReader) Close() error           { return nil }

type squareChunk struct {
	columns []connectors.ScanColumn
	first   int64
	n       int
}

func (c squareChunk) Records() int { return c.n }
func (c squareChunk) Bytes() int   { return 16 * c.n }
func (c squareChunk) Release()     {}
func (c squareChunk) End() connectors.Offset {
	return connectors.Offset(fmt.Sprint(c.first + int64(c.n) - 1))
}

func (c squareChunk) Decode(alloc arrowmem.Allocator) (*connectors.Records, error) {
	recs := &connectors.Records{
		N: c.n, Cols: make([]arrow.Array, len(c.columns)),
		Raw:      func(row int) []byte { return []byte(fmt.Sprint(c.first + int64(row))) },
		Position: func(row int) string { return fmt.Sprint("squares:", c.first+int64(row)) },
	}
	for i, col := range c.columns {
		b := array.NewInt64Builder(alloc)
		for row := range c.n {
			v := c.first + int64(row)
			if col.Name == "square" {
				v *= v
			}
			b.Append(v)
		}
		recs.Cols[i] = b.NewArray()
		b.Release()
	}
	return recs, nil
}
