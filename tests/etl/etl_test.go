package etl

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/streamsql/streamsql"
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/internal/clock"
)

// source declares the transactions. The line of 2031 is taken out by MAX FUTURE
// SKEW: the clock of the test stands in 2024. decode.validate is 'all' because a
// line that Spark could not parse whole is no valid line, whichever columns a
// query reads.
const source = `
CREATE SOURCE transactions (
  id INT, customer_id STRING, amount DOUBLE, transaction_time STRING, category STRING,
  ts AS TO_TIMESTAMP(transaction_time, 'yyyy-MM-dd HH:mm:ss'),
  WATERMARK FOR ts AS ts - INTERVAL '10' MINUTE MAX FUTURE SKEW INTERVAL '1' DAY
) WITH ('connector' = 'file', 'path' = 'transactions.ndjson', 'format' = 'json',
        'decode.validate' = 'all', 'on-error' = '%s' %s);
CREATE VIEW valid AS
SELECT * FROM transactions WHERE amount > 0 AND customer_id IS NOT NULL AND ts IS NOT NULL;
`

// sink declares a directory of JSON lines.
func sink(name, cols string) string {
	return fmt.Sprintf("CREATE SINK %s (%s) WITH ('connector' = 'file', 'path' = '%s', 'format' = 'json');\n", name, cols, name)
}

// run runs a script in a directory with the transactions, and gives the
// directory and the job's last progress.
func run(t *testing.T, text string, settings map[string]string) (string, streamsql.Progress) {
	t.Helper()
	dir := t.TempDir()
	unpack(t, dir)
	return dir, resume(t, dir, text, settings)
}

// unpack puts the transactions into a directory.
func unpack(t *testing.T, dir string) {
	t.Helper()
	packed, err := os.ReadFile("testdata/transactions.ndjson.zst")
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lines, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "transactions.ndjson"), lines, 0o644); err != nil {
		t.Fatal(err)
	}
}

// resume runs a script in a directory that has what it reads, where it may have
// run before.
func resume(t *testing.T, dir, text string, settings map[string]string) streamsql.Progress {
	t.Helper()
	eng, err := streamsql.Open(streamsql.Options{Dir: dir, DataDir: filepath.Join(dir, ".data"), Clock: clock.NewVirtual(time.Date(2024, 1, 16, 0, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	s := eng.Script()
	for k, v := range settings {
		if _, err := s.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	script, err := s.Analyze("etl.sql", text)
	if err != nil {
		t.Fatal(err)
	}
	step, err := jobOf(script)
	if err != nil {
		t.Fatal(err)
	}
	job, err := s.StartJob(context.Background(), step, streamsql.JobOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	return job.Progress()
}

// rows reads what a file sink has written.
func rows(t *testing.T, dir, name string) []map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, name, "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		for dec.More() {
			m := map[string]any{}
			if err := dec.Decode(&m); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out = append(out, m)
		}
	}
	return out
}

// expected reads a file of expected rows as maps of texts.
func expected(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range recs[1:] {
		m := map[string]string{}
		for i, c := range r {
			m[recs[0][i]] = c
		}
		out = append(out, m)
	}
	return out
}

// compare checks that two multisets of rows are the same in the given columns;
// those in doubles within 1e-9.
func compare(t *testing.T, got []map[string]any, want []map[string]string, cols []string, doubles ...string) {
	t.Helper()
	type row struct {
		key  string
		nums []float64
	}
	text := func(v any) string {
		if v == nil {
			return `\N`
		}
		return fmt.Sprint(v)
	}
	number := func(s string) float64 {
		if s == `\N` {
			return math.NaN()
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	var g, w []row
	for _, m := range got {
		r := row{}
		for _, c := range cols {
			r.key += text(m[c]) + "\x00"
		}
		for _, c := range doubles {
			r.nums = append(r.nums, number(text(m[c])))
		}
		g = append(g, r)
	}
	for _, m := range want {
		r := row{}
		for _, c := range cols {
			r.key += m[c] + "\x00"
		}
		for _, c := range doubles {
			r.nums = append(r.nums, number(m[c]))
		}
		w = append(w, r)
	}
	order := func(a, b row) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return slices.Compare(a.nums, b.nums)
	}
	slices.SortFunc(g, order)
	slices.SortFunc(w, order)
	if len(g) != len(w) {
		t.Errorf("%d rows, want %d", len(g), len(w))
	}
	for i := range min(len(g), len(w)) {
		same := g[i].key == w[i].key
		for k := range g[i].nums {
			a, b := g[i].nums[k], w[i].nums[k]
			same = same && (math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*math.Abs(b))
		}
		if !same {
			t.Fatalf("sorted row %d is %q %v, want %q %v", i, g[i].key, g[i].nums, w[i].key, w[i].nums)
		}
	}
}

// TestSplit: valid and invalid rows, and dead letters for what does not parse.
func TestSplit(t *testing.T) {
	dir, p := run(t, sink("bad", "raw BYTES, error_code STRING, error_column STRING, position STRING")+
		fmt.Sprintf(source, "dead-letter", ", 'dead-letter.sink' = 'bad'")+
		sink("good", "id INT, customer_id STRING, amount DOUBLE, transaction_time STRING, category STRING, ts TIMESTAMP(3)")+
		sink("invalid", "id INT, customer_id STRING, amount DOUBLE, transaction_time STRING, category STRING, error_reason STRING")+
		sink("alerts", "id INT, customer_id STRING, amount DOUBLE, transaction_time STRING, category STRING, ts TIMESTAMP(3), alert_type STRING, risk_score DOUBLE")+`
BEGIN STATEMENT SET;
INSERT INTO good SELECT id, customer_id, amount, transaction_time, category, ts FROM valid;
INSERT INTO invalid SELECT id, customer_id, amount, transaction_time, category,
  CASE WHEN amount IS NULL THEN 'NULL_AMOUNT' WHEN amount <= 0 THEN 'INVALID_AMOUNT' WHEN customer_id IS NULL THEN 'NULL_CUSTOMER' END
  FROM transactions WHERE amount IS NULL OR amount <= 0 OR customer_id IS NULL;
INSERT INTO alerts SELECT id, customer_id, amount, transaction_time, category, ts, 'HIGH_VALUE', amount / 1000
  FROM valid WHERE amount > 10000;
END;`, nil)
	cols := []string{"id", "customer_id", "transaction_time", "category"}
	compare(t, rows(t, dir, "good"), expected(t, "valid_records"), cols, "amount")

	// Spark keeps corrupt lines among the invalid ones, and takes an empty line
	// for a record; here the first are dead letters, the second nothing.
	var invalid []map[string]string
	for _, r := range expected(t, "invalid_records") {
		if r["_corrupt_record"] == `\N` && (r["id"] != `\N` || r["customer_id"] != `\N` || r["amount"] != `\N`) {
			invalid = append(invalid, r)
		}
	}
	compare(t, rows(t, dir, "invalid"), invalid, append(cols, "error_reason"), "amount")
	compare(t, rows(t, dir, "alerts"), expected(t, "high_value_alerts"), append(cols, "alert_type"), "amount", "risk_score")

	// One dead letter per record and INSERT: each of the three reads every line.
	want := map[string]int{"2031": 3}
	for _, r := range expected(t, "corrupt_records") {
		want[r["_corrupt_record"]] += 3
	}
	got := map[string]int{}
	for _, r := range rows(t, dir, "bad") {
		raw := unbase64(t, r["raw"].(string))
		if r["error_code"] == "FUTURE_SKEW" {
			if !strings.HasSuffix(r["position"].(string), ":20353") {
				t.Errorf("beyond MAX FUTURE SKEW: %v", r)
			}
			raw = "2031"
		}
		got[raw]++
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%d dead letters of %q, want %d", got[k], k, n)
		}
	}
	for k, n := range got {
		if want[k] == 0 {
			t.Errorf("%d unexpected dead letters of %q", n, k)
		}
	}
	if p.Bad != 3*77 {
		t.Errorf("%d bad rows counted, want 3 * 77", p.Bad)
	}
}

// TestWindows: HOP, TUMBLE, SESSION and fraud by the strict rule, with every late row.
func TestWindows(t *testing.T) {
	text := fmt.Sprintf(source, "skip", "") +
		sink("hop", "window_start TIMESTAMP(3), window_end TIMESTAMP(3), category STRING, total_amount DOUBLE, transaction_count BIGINT, avg_amount DOUBLE, unique_customers BIGINT") +
		sink("tumble", "window_start TIMESTAMP(3), window_end TIMESTAMP(3), category STRING, total_amount DOUBLE, transaction_count BIGINT, avg_amount DOUBLE, unique_customers BIGINT") +
		sink("fraud", "window_start TIMESTAMP(3), window_end TIMESTAMP(3), customer_id STRING, transaction_count BIGINT, total_amount DOUBLE, category_diversity BIGINT, fraud_score DOUBLE") +
		sink("session", "window_start TIMESTAMP(3), window_end TIMESTAMP(3), customer_id STRING, total_amount DOUBLE, transaction_count BIGINT") +
		sink("late_session", "id INT, ts TIMESTAMP(3), window_start TIMESTAMP(3), window_end TIMESTAMP(3), watermark TIMESTAMP(3)") +
		sink("late_hop", "id INT, ts TIMESTAMP(3), window_start TIMESTAMP(3), window_end TIMESTAMP(3), watermark TIMESTAMP(3)") +
		sink("late_tumble", "id INT, ts TIMESTAMP(3), window_start TIMESTAMP(3), window_end TIMESTAMP(3), watermark TIMESTAMP(3)") +
		sink("late_fraud", "id INT, ts TIMESTAMP(3), window_start TIMESTAMP(3), window_end TIMESTAMP(3), watermark TIMESTAMP(3)") + `
BEGIN STATEMENT SET;
INSERT INTO hop SELECT window_start, window_end, category, SUM(amount), COUNT(*), AVG(amount), COUNT(DISTINCT customer_id)
  FROM HOP(TABLE valid, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)
  GROUP BY window_start, window_end, category EMIT ON WINDOW CLOSE LATE DATA TO late_hop;
INSERT INTO tumble SELECT window_start, window_end, category, SUM(amount), COUNT(*), AVG(amount), COUNT(DISTINCT customer_id)
  FROM TUMBLE(TABLE valid, DESCRIPTOR(ts), INTERVAL '5' MINUTE)
  GROUP BY window_start, window_end, category LATE DATA TO late_tumble;
INSERT INTO session SELECT window_start, window_end, customer_id, SUM(amount), COUNT(*)
  FROM SESSION(TABLE valid PARTITION BY customer_id, DESCRIPTOR(ts), INTERVAL '5' MINUTE)
  GROUP BY window_start, window_end, customer_id LATE DATA TO late_session;
INSERT INTO fraud
  WITH scored AS (
    SELECT window_start, window_end, customer_id, COUNT(*) AS n, SUM(amount) AS total, COUNT(DISTINCT category) AS categories
    FROM TUMBLE(TABLE valid, DESCRIPTOR(ts), INTERVAL '1' MINUTE)
    GROUP BY window_start, window_end, customer_id LATE DATA TO late_fraud)
  SELECT window_start, window_end, customer_id, n, total, categories, n * 0.3e0 + total / 1000 * 0.4e0 + categories * 0.3e0
  FROM scored WHERE n * 0.3e0 + total / 1000 * 0.4e0 + categories * 0.3e0 > 20;
END;`
	for _, v := range []map[string]string{
		{catalog.BatchRowsKey: "8192", catalog.ParallelismKey: "2"},
		{catalog.BatchRowsKey: "1000", catalog.ParallelismKey: "1"},
		{catalog.BatchRowsKey: "7", catalog.ParallelismKey: "3"},
	} {
		t.Run(fmt.Sprintf("batch=%s/parallelism=%s", v[catalog.BatchRowsKey], v[catalog.ParallelismKey]), func(t *testing.T) {
			t.Parallel()
			dir, p := run(t, text, v)
			keys := []string{"window_start", "window_end", "category", "transaction_count", "unique_customers"}
			compare(t, rows(t, dir, "hop"), expected(t, "hop"), keys, "total_amount", "avg_amount")
			compare(t, rows(t, dir, "tumble"), expected(t, "tumble"), keys, "total_amount", "avg_amount")
			compare(t, rows(t, dir, "fraud"), expected(t, "fraud"),
				[]string{"window_start", "window_end", "customer_id", "transaction_count", "category_diversity"}, "total_amount", "fraud_score")
			compare(t, rows(t, dir, "session"), expected(t, "session"), []string{"window_start", "window_end", "customer_id", "transaction_count"}, "total_amount")
			late := map[string][]map[string]string{}
			for _, r := range expected(t, "late_rows") {
				late[r["pipeline"]] = append(late[r["pipeline"]], r)
			}
			total := int64(0)
			for _, name := range []string{"hop", "tumble", "session", "fraud"} {
				got := rows(t, dir, "late_"+name)
				compare(t, got, late[name], []string{"window_start", "window_end"})
				total += int64(len(got))
			}
			if total != 1386+269+119+314 || p.Late != total { // late.json
				t.Errorf("%d late rows delivered, %d counted, want %d", total, p.Late, 1386+269+119+314)
			}
		})
	}
}
