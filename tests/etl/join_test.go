package etl

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

// TestJoins: transactions with the orders of the same customer within two minutes,
// inner and left outer, by the strict rule. Some runs stop and go on.
func TestJoins(t *testing.T) {
	for _, v := range []struct {
		minutes            int
		batch, parallelism string
		maxRows            string // of each run; "0": all in one
	}{
		{5, "8192", "2", "0"}, {10, "8192", "1", "0"}, {10, "100", "3", "0"}, {5, "1000", "2", "9000"}, {10, "1000", "1", "17000"},
	} {
		t.Run(fmt.Sprintf("%dm/batch=%s/parallelism=%s/max=%s", v.minutes, v.batch, v.parallelism, v.maxRows), func(t *testing.T) {
			t.Parallel()
			delay := fmt.Sprintf("INTERVAL '%d' MINUTE", v.minutes)
			text := strings.Replace(fmt.Sprintf(source, "skip", ""), "INTERVAL '10' MINUTE", delay, 1) + `
CREATE SOURCE orders (customer_id STRING, order_id STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - ` + delay + `)
WITH ('connector' = 'file', 'path' = 'orders.ndjson', 'format' = 'json');` +
				sink("pairs", "id INT, customer_id STRING, \"timestamp\" TIMESTAMP(3), order_id STRING, order_timestamp TIMESTAMP(3)") +
				sink("outer_rows", "id INT, customer_id STRING, \"timestamp\" TIMESTAMP(3), order_id STRING, order_timestamp TIMESTAMP(3)") + `
BEGIN STATEMENT SET;
INSERT INTO pairs SELECT v.id, v.customer_id, v.ts, o.order_id, o.ts FROM valid AS v JOIN orders AS o
  ON v.customer_id = o.customer_id AND o.ts BETWEEN v.ts - INTERVAL '2' MINUTE AND v.ts + INTERVAL '2' MINUTE;
INSERT INTO outer_rows SELECT v.id, v.customer_id, v.ts, o.order_id, o.ts FROM valid AS v LEFT JOIN orders AS o
  ON v.customer_id = o.customer_id AND v.ts >= o.ts - INTERVAL '2' MINUTE AND v.ts - INTERVAL '2' MINUTE <= o.ts;
END;`
			settings := map[string]string{catalog.JobNameKey: "joins", catalog.BatchRowsKey: v.batch, catalog.ParallelismKey: v.parallelism, catalog.MaxRowsKey: v.maxRows}
			dir := t.TempDir()
			unpack(t, dir)
			unpackOrders(t, dir)
			p := resume(t, dir, text, settings)
			for runs := 1; v.maxRows != "0" && !p.Finished; runs++ {
				if runs > 20 {
					t.Fatal("the job does not end")
				}
				// Other shards and batches, too.
				settings[catalog.ParallelismKey] = fmt.Sprint(1 + runs%3)
				p = resume(t, dir, text, settings)
			}
			want := expected(t, fmt.Sprintf("join_left_outer_%dm", v.minutes))
			cols := []string{"id", "customer_id", "timestamp", "order_id", "order_timestamp"}
			compare(t, rows(t, dir, "outer_rows"), want, cols)
			var pairs []map[string]string
			for _, r := range want {
				if r["order_id"] != `\N` {
					pairs = append(pairs, r)
				}
			}
			compare(t, rows(t, dir, "pairs"), pairs, cols)
			if lost := map[int]int{5: 28846, 10: 28966}[v.minutes]; len(pairs) != lost { // late.json
				t.Errorf("%d pairs are expected, late.json says %d", len(pairs), lost)
			}
		})
	}
}

// unpackOrders puts the second stream into a directory.
func unpackOrders(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open("testdata/orders.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders.ndjson"), lines, 0o644); err != nil {
		t.Fatal(err)
	}
}
