package expr

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/exprtest"
	"github.com/streamsql/streamsql/internal/bufpool"
)

var bidColumns = []catalog.Field{
	{Name: "auction", Type: catalog.BigInt}, {Name: "bidder", Type: catalog.BigInt}, {Name: "price", Type: catalog.BigInt},
	{Name: "channel", Type: catalog.String}, {Name: "url", Type: catalog.String}, {Name: "dateTime", Type: catalog.Timestamp3},
	{Name: "extra", Type: catalog.String},
}

// bids makes n rows with the distributions of Nexmark's bids that matter to
// expressions: half of the channels are four big ones without an id in the url.
func bids(tb testing.TB, n int) []arrow.Array {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([][]any, len(bidColumns))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`\\"[rng.IntN(58)]
		}
		return string(b)
	}
	for i := range n {
		channel := []string{"Google", "Apple", "Facebook", "Baidu"}[rng.IntN(4)]
		url := fmt.Sprintf("https://www.nexmark.com/%s/%s/%s/item.htm?query=1", word(5), word(4), word(4))
		if rng.IntN(2) == 0 {
			id := rng.IntN(10000)
			channel = fmt.Sprint("channel-", id)
			if rng.IntN(10) > 0 {
				url += fmt.Sprintf("&channel_id=%d", id<<16)
			}
		}
		price := int64(1) << rng.IntN(27)
		for k, v := range []any{
			int64(1000 + rng.IntN(3600)), int64(1000 + rng.IntN(2000)), price + rng.Int64N(price), channel, url,
			int64(1709164737002000 + 2000*i), word(60 + rng.IntN(40)),
		} {
			rows[k] = append(rows[k], v)
		}
	}
	cols := make([]arrow.Array, len(rows))
	for k, values := range rows {
		a, err := column.FromValues(values, bidColumns[k].Type, memory.DefaultAllocator)
		if err != nil {
			tb.Fatal(err)
		}
		cols[k] = a
	}
	return cols
}

const q21Case = `CASE LOWER(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
	ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) END`

var benchQueries = []struct {
	name, where string
	selects     []string
}{
	{"q0", "", []string{"auction", "bidder", "price", "`dateTime`", "extra"}},
	{"q0_92%", "auction % 12 <> 0", []string{"auction", "bidder", "price", "channel", "url", "`dateTime`", "extra"}},
	{"q1", "", []string{"auction", "bidder", "0.908 * price", "`dateTime`", "extra"}},
	{"q2", "MOD(auction, 123) = 0", []string{"auction", "price"}},
	{"q10", "", []string{"auction", "DATE_FORMAT(`dateTime`, 'yyyy-MM-dd')", "DATE_FORMAT(`dateTime`, 'HH:mm')"}},
	{"q14", "0.908 * price > 1000000 AND 0.908 * price < 50000000", []string{"auction", "bidder", "0.908 * price",
		"CASE WHEN HOUR(`dateTime`) >= 8 AND HOUR(`dateTime`) <= 18 THEN 'dayTime' WHEN HOUR(`dateTime`) <= 6 OR HOUR(`dateTime`) >= 20 THEN 'nightTime' ELSE 'otherTime' END",
		"`dateTime`", "extra", "CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', ''))"}},
	{"q21", "REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL OR LOWER(channel) IN ('apple', 'google', 'facebook', 'baidu')",
		[]string{"auction", "bidder", "price", "channel", q21Case}},
	{"q22", "", []string{"auction", "bidder", "price", "channel", "SPLIT_INDEX(url, '/', 3)", "SPLIT_INDEX(url, '/', 4)", "SPLIT_INDEX(url, '/', 5)"}},
}

// cpuTime is the processor time that the process has used: it does not depend
// on what else the machine does.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkKernels evaluates single expressions over batches of 8192 rows.
func BenchmarkKernels(b *testing.B) {
	const n = 8192
	cols := bids(b, n)
	for _, sql := range []string{
		"price + bidder", "price + 1", "price * bidder", "auction % 123", "auction % bidder", "price / 7", "price > 10000", "price > bidder",
		"price > 10000 AND bidder < 2000", "price > 10000 OR bidder < 2000", "0.908 * price", "0.908 * price > 1000000", "CAST(price AS DOUBLE)", "CAST(price AS DECIMAL(20, 2))",
		"CAST(price AS STRING)", "CAST(CAST(price AS STRING) AS BIGINT)", "HOUR(`dateTime`)", "DATE_FORMAT(`dateTime`, 'yyyy-MM-dd HH:mm')", "`dateTime` - INTERVAL '4' SECOND",
		"channel = 'Google'", "LOWER(channel)", "channel IN ('Apple', 'Google', 'Facebook', 'Baidu')", "channel LIKE 'channel-%'", "CHAR_LENGTH(extra)", "REPLACE(extra, 'c', '')",
		"SUBSTRING(extra, 3, 10)", "channel || extra", "COALESCE(channel, extra)", "CASE WHEN price > 10000 THEN channel ELSE extra END", "REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2)",
		"REGEXP_EXTRACT(url, 'channel_id=([0-9]+?)$', 1)", "extra ILIKE '%abc%'", "SPLIT_PART(url, '/', 4)", "PARSE_URL(url, 'PATH')", "URL_ENCODE(extra)", "CRC32(extra)", "LEVENSHTEIN(channel, 'Google')",
		"PRINTF('%s: %,d', channel, price)", "JSON_VALUE('{\"a\":' || CAST(price AS STRING) || '}', '$.a' RETURNING BIGINT)", "JSON_QUERY('[' || CAST(price AS STRING) || ',1]', '$')", "JSON_OBJECT('p' VALUE price, 'c' VALUE channel)",
		"ARRAY_CONTAINS(ARRAY[auction, bidder], 1100)", "ARRAY_SORT(ARRAY[price, auction, bidder])[1]", "ARRAY_DISTINCT(SPLIT(url, '/'))", "`dateTime` AT TIME ZONE 'Europe/Berlin'", "DATEDIFF('hour', `dateTime`, LAST_DAY(`dateTime`))", "TRY(CAST(channel AS INT))",
	} {
		b.Run(sql, func(b *testing.B) {
			e, err := (exprtest.Scope{Functions: Functions(), Columns: bidColumns}).Parse(sql)
			if err != nil {
				b.Fatal(err)
			}
			p, err := Compile([]catalog.Expr{e}, Options{})
			if err != nil {
				b.Fatal(err)
			}
			ev := p.NewEvaluator(bufpool.New(64 << 20))
			start := cpuTime()
			for b.Loop() {
				out, _, err := ev.Eval(testNow, cols, n, nil)
				if err != nil {
					b.Fatal(err)
				}
				release(out)
			}
			b.ReportMetric(float64(n)*float64(b.N)/(cpuTime()-start).Seconds()/1e6, "Mrows/cpu-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkNexmark runs the expressions of Nexmark's stateless queries, filter
// and projection, over batches of 8192 bids.
func BenchmarkNexmark(b *testing.B) {
	const n = 8192
	cols := bids(b, n)
	scope := exprtest.Scope{Functions: Functions(), Columns: bidColumns}
	compile := func(list ...string) *Program {
		var exprs []catalog.Expr
		for _, sql := range list {
			e, err := scope.Parse(sql)
			if err != nil {
				b.Fatal(err)
			}
			exprs = append(exprs, e)
		}
		p, err := Compile(exprs, Options{})
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	for _, q := range benchQueries {
		b.Run(q.name, func(b *testing.B) {
			alloc := bufpool.New(64 << 20)
			project := compile(q.selects...).NewEvaluator(alloc)
			var filter *Evaluator
			if q.where != "" {
				filter = compile(q.where).NewEvaluator(alloc)
			}
			b.ReportAllocs()
			start := cpuTime()
			for b.Loop() {
				var sel []int32
				if filter != nil {
					var err error
					if sel, _, err = filter.Filter(testNow, cols, n, nil); err != nil {
						b.Fatal(err)
					}
				}
				out, _, err := project.Eval(testNow, cols, n, sel)
				if err != nil {
					b.Fatal(err)
				}
				release(out)
			}
			b.ReportMetric(float64(n)*float64(b.N)/(cpuTime()-start).Seconds()/1e6, "Mrows/cpu-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
