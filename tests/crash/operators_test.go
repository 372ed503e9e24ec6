package crash

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// operators are queries that hold state of every kind, over views of Nexmark's
// events. All give new rows only, so that their output is a multiset. State is
// forgotten by event time.
var operators = []struct{ name, query string }{
	{"sessions", `SELECT bidder, window_start, window_end, COUNT(*) AS n, MAX(price) AS m FROM SESSION(TABLE bids PARTITION BY bidder, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY bidder, window_start, window_end`},
	{"hops", `SELECT window_start, channel, COUNT(DISTINCT bidder) AS n, APPROX_COUNT_DISTINCT(auction) AS a FROM HOP(TABLE bids, DESCRIPTOR(ts), INTERVAL '30' SECOND, INTERVAL '2' MINUTE) GROUP BY window_start, window_end, channel`},
	{"spans", `SELECT a.id, b.price FROM auctions AS a LEFT JOIN bids AS b ON a.id = b.auction AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '2' MINUTE`},
	{"running", `SELECT bidder, ts, SUM(price) OVER (PARTITION BY bidder ORDER BY ts RANGE BETWEEN INTERVAL '5' MINUTE PRECEDING AND CURRENT ROW) AS s, LEAD(price) OVER (PARTITION BY bidder ORDER BY ts) AS nx FROM bids`},
	{"highest", `SELECT window_start, auction, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, auction) AS r FROM (SELECT window_start, window_end, auction, COUNT(*) AS n FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end, auction)) WHERE r <= 5`},
	{"different", `SELECT DISTINCT bidder, channel FROM bids`},
	{"chain", `SELECT p.name, a.id, b.price FROM persons AS p JOIN auctions AS a ON a.seller = p.id JOIN bids AS b ON b.auction = a.id`},
	{"window_join", `SELECT COALESCE(l.auction, r.id) AS k, l.n, r.seller FROM (SELECT window_start, window_end, auction, COUNT(*) AS n FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end, auction) AS l FULL JOIN (SELECT window_start, window_end, id, seller FROM TUMBLE(TABLE auctions, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS r ON l.window_start = r.window_start AND l.window_end = r.window_end AND l.auction = r.id`},
	{"as_of", `SELECT b.auction, b.price, a.category FROM bids AS b ASOF JOIN auctions AS a ON b.bidder = a.seller AND b.ts >= a.ts`},
	{"cumulated", `SELECT window_start, COUNT(*) AS n, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY price) AS med FROM CUMULATE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '10' MINUTE) GROUP BY window_start, window_end`},
	{"firsts", `SELECT auction, bidder, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY ts) AS r FROM bids) WHERE r = 1`},
	{"known", `SELECT ts, auction, price FROM bids WHERE price > 1000000 AND auction IN (SELECT id FROM auctions)`},
	{"in_both", `SELECT window_start, window_end, bidder FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE) INTERSECT SELECT window_start, window_end, seller FROM TUMBLE(TABLE auctions, DESCRIPTOR(ts), INTERVAL '1' MINUTE)`},
}

// nexmarkJob is all of them at once. Beside them are groups that the clock forgets, so
// that operators are told the time; they must not mistake it for that of the events,
// which is years before it.
func nexmarkJob(events, rate int) string {
	text := `
SET 'commit.interval' = '50ms';
SET 'state.ttl' = '2 min';
CREATE SOURCE ev (event_type INT,
  person ROW<id BIGINT, name STRING, "dateTime" TIMESTAMP(3)>,
  auction ROW<id BIGINT, "dateTime" TIMESTAMP(3), seller BIGINT, category BIGINT>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, "dateTime" TIMESTAMP(3)>,
  ts AS CASE event_type WHEN 0 THEN person."dateTime" WHEN 1 THEN auction."dateTime" ELSE bid."dateTime" END,
  WATERMARK FOR ts AS ts - INTERVAL '4' SECOND
) WITH ('connector' = 'nexmark', 'first-event.rate' = '50', 'splits' = '2', 'out-of-order-group-size' = '50', 'events.num' = '` + strconv.Itoa(events) + `', 'rows-per-second' = '` + strconv.Itoa(rate) + `');
CREATE VIEW bids AS SELECT ts, bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel FROM ev WHERE event_type = 2;
CREATE VIEW auctions AS SELECT ts, auction.id AS id, auction.seller AS seller, auction.category AS category FROM ev WHERE event_type = 1;
CREATE VIEW persons AS SELECT ts, person.id AS id, person.name AS name FROM ev WHERE event_type = 0;
CREATE SINK clocked WITH ('connector' = 'blackhole') AS SELECT a.category, COUNT(*) AS n FROM auctions AS a JOIN bids AS b ON a.id = b.auction GROUP BY a.category;
`
	for _, o := range operators {
		text += fmt.Sprintf("CREATE SINK %s WITH ('connector' = 'file', 'path' = '%[1]s', 'format' = 'json') AS\n%s;\n", o.name, o.query)
	}
	return text
}

// TestKillOperators runs operators of every kind over events that come at a rate, is
// killed at every place, and compares with a run at once, on one shard, that nobody
// killed.
func TestKillOperators(t *testing.T) {
	const events = 30_000
	if _, err := binary(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := func(rate int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "job.sql"), []byte(nexmarkJob(events, rate)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script(0)
	cmd, msg := start(t, dir, "", "--parallelism", "1", "--batch-rows", "1000")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	want := map[string][]string{}
	for _, o := range operators {
		if want[o.name] = output(t, dir, o.name); len(want[o.name]) == 0 {
			t.Fatalf("sink %s is empty", o.name)
		}
	}
	script(20_000)
	kills, rng := 0, chance(t)
	for round := range max(2, rounds()/50) {
		forget(t, dir, slices.Collect(maps.Keys(want))...)
		history := survive(t, dir, func(try int) life {
			l := life{args: []string{"--parallelism", strconv.Itoa(1 + rng.IntN(3)), "--batch-rows", strconv.Itoa([]int{97, 1000, 4096}[rng.IntN(3)])}}
			if try < 2*len(points) {
				l.fault = fmt.Sprintf("%s:%d", points[try%len(points)], 1+rng.IntN(5))
			}
			return l
		})
		kills += len(history) - 1
		holds(t, dir, want, round, history)
	}
	t.Logf("%d kills", kills)
	if kills < 10 {
		t.Errorf("only %d kills: the test does not test", kills)
	}
}
