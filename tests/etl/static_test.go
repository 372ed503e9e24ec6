package etl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

// TestStaticTable: transactions, and the windows over them, joined with a table of
// categories; above the join the stream's time is still one to make windows of.
// Spark's batch results know of no late rows, so the watermark waits for all.
func TestStaticTable(t *testing.T) {
	categories, err := filepath.Abs("testdata/categories.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(categories); err != nil {
		t.Fatal(err)
	}
	hop := "window_start TIMESTAMP(3), window_end TIMESTAMP(3), category STRING, total_amount DOUBLE, transaction_count BIGINT, avg_amount DOUBLE, unique_customers BIGINT, category_description STRING, category_multiplier DOUBLE"
	text := strings.Replace(fmt.Sprintf(source, "skip", ""), "INTERVAL '10' MINUTE MAX", "INTERVAL '45' MINUTE MAX", 1) +
		fmt.Sprintf("CREATE SOURCE categories (category STRING, category_description STRING, category_multiplier DOUBLE) WITH ('connector' = 'file', 'path' = '%s', 'format' = 'csv', 'csv.header' = 'true');\n", categories) +
		sink("enriched", "category STRING, id INT, customer_id STRING, amount DOUBLE, transaction_time STRING, category_description STRING, category_multiplier DOUBLE") +
		sink("above", hop) + sink("below", hop) + `
BEGIN STATEMENT SET;
INSERT INTO enriched
  SELECT v.category, id, customer_id, amount, transaction_time, category_description, category_multiplier
  FROM valid AS v JOIN categories AS c ON v.category = c.category;
INSERT INTO above
  WITH hop AS (
    SELECT window_start, window_end, category, SUM(amount) AS total, COUNT(*) AS n, AVG(amount) AS mean, COUNT(DISTINCT customer_id) AS customers
    FROM HOP(TABLE valid, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE) GROUP BY window_start, window_end, category)
  SELECT window_start, window_end, hop.category, total, n, mean, customers, category_description, category_multiplier
  FROM hop JOIN categories AS c ON hop.category = c.category;
INSERT INTO below
  WITH enriched AS (
    SELECT v.ts, v.category, amount, customer_id, category_description, category_multiplier FROM categories AS c, valid AS v WHERE v.category = c.category)
  SELECT window_start, window_end, category, SUM(amount), COUNT(*), AVG(amount), COUNT(DISTINCT customer_id), category_description, category_multiplier
  FROM HOP(TABLE enriched, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)
  GROUP BY window_start, window_end, category, category_description, category_multiplier;
END;`
	for _, v := range []map[string]string{
		{catalog.BatchRowsKey: "8192", catalog.ParallelismKey: "2"},
		{catalog.BatchRowsKey: "100", catalog.ParallelismKey: "3"},
	} {
		t.Run(fmt.Sprintf("batch=%s/parallelism=%s", v[catalog.BatchRowsKey], v[catalog.ParallelismKey]), func(t *testing.T) {
			t.Parallel()
			dir, p := run(t, text, v)
			compare(t, rows(t, dir, "enriched"), expected(t, "enriched"),
				[]string{"category", "id", "customer_id", "transaction_time", "category_description"}, "amount", "category_multiplier")
			for _, name := range []string{"above", "below"} {
				compare(t, rows(t, dir, name), expected(t, "example1_analytics"),
					[]string{"window_start", "window_end", "category", "transaction_count", "unique_customers", "category_description"},
					"total_amount", "avg_amount", "category_multiplier")
			}
			if p.Late != 0 {
				t.Errorf("%d late rows", p.Late)
			}
		})
	}
}
