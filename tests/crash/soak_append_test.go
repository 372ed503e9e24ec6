//go:build unix

package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

// appending is a job of queries over inputs that only grow, and over a versioned
// table. A view takes away the rows that end the input, which only make time pass.
const appending = `
SET 'commit.interval' = '300ms';
CREATE SINK letters (branch STRING, ` + "`position`" + ` STRING, error_code STRING, error_column STRING)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'letters', 'format' = 'json');
CREATE SOURCE orders (id BIGINT, user_id BIGINT, kind STRING, cents BIGINT, cur STRING, shop STRING, ms BIGINT,
  part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset',
  ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'orders', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',
    'on-error' = 'dead-letter', 'dead-letter.sink' = 'letters');
CREATE SOURCE clicks (user_id BIGINT, page STRING, ms BIGINT,
  part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset',
  ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '3' SECOND IDLE TIMEOUT INTERVAL '4' SECOND)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'clicks', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',
    'scan.topic-partition-discovery.interval' = '2 s');
CREATE SOURCE rates (cur STRING, rate BIGINT, at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  WATERMARK FOR at AS at - INTERVAL '1' SECOND, PRIMARY KEY (cur) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'rates', 'key.format' = 'raw', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY');
CREATE SOURCE shops (shop STRING, city STRING) WITH ('connector' = 'file', 'path' = 'shops.csv', 'format' = 'csv', 'static.reload-interval' = '3 s');
CREATE VIEW o AS SELECT * FROM orders WHERE id >= 0;
CREATE VIEW c AS SELECT * FROM clicks WHERE user_id >= 0;

CREATE SINK lateTumble (id BIGINT, off BIGINT, window_start TIMESTAMP_LTZ(3)) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateTumble', 'format' = 'json');
CREATE SINK lateHop (id BIGINT, off BIGINT, window_start TIMESTAMP_LTZ(3)) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateHop', 'format' = 'json');
CREATE SINK lateSession (id BIGINT, off BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateSession', 'format' = 'json');
CREATE SINK lateOver (id BIGINT, off BIGINT, watermark TIMESTAMP_LTZ(3)) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateOver', 'format' = 'json');
CREATE SINK lateFirst (id BIGINT, off BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateFirst', 'format' = 'json');
CREATE SINK lateAllowed (id BIGINT, off BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lateAllowed', 'format' = 'json');

CREATE SINK copies WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'copies', 'format' = 'json', 'properties.compression.type' = 'lz4') AS
  SELECT id, part, off, CURRENT_WATERMARK(ts) AS w FROM o;
CREATE SINK views WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'views', 'format' = 'json') AS
  SELECT part, off, CURRENT_WATERMARK(ts) AS w FROM c;
CREATE SINK tumble WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'tumble', 'format' = 'json') AS
  SELECT window_start AS ws, user_id, COUNT(*) AS n, SUM(cents) AS s FROM TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '5' SECOND)
  GROUP BY window_start, window_end, user_id LATE DATA TO lateTumble;
CREATE SINK hop WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'hop', 'format' = 'json') AS
  SELECT window_start AS ws, kind, COUNT(*) AS n, COUNT(DISTINCT user_id) AS users, MAX(id) AS top FROM HOP(TABLE o, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)
  GROUP BY window_start, window_end, kind LATE DATA TO lateHop;
CREATE SINK sessions WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'sessions', 'format' = 'json') AS
  SELECT window_start AS ws, window_end AS we, user_id, COUNT(*) AS n, SUM(cents) AS s
  FROM SESSION(TABLE o PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end, user_id LATE DATA TO lateSession;
CREATE SINK pairs WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'pairs', 'format' = 'json', 'properties.compression.type' = 'zstd') AS
  SELECT o.off AS off, o.part AS part, c.off AS coff, c.part AS cpart FROM o LEFT JOIN c ON o.user_id = c.user_id AND c.ts BETWEEN o.ts - INTERVAL '2' SECOND AND o.ts;
CREATE SINK both WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'both', 'format' = 'json') AS
  SELECT COALESCE(l.window_start, r.window_start) AS ws, COALESCE(l.user_id, r.user_id) AS user_id, l.n AS n, r.n AS m FROM
  (SELECT window_start, window_end, user_id, COUNT(*) AS n FROM TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, window_end, user_id) AS l FULL JOIN
  (SELECT window_start, window_end, user_id, COUNT(*) AS n FROM TUMBLE(TABLE c, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, window_end, user_id) AS r
  ON l.window_start = r.window_start AND l.window_end = r.window_end AND l.user_id = r.user_id;
CREATE SINK priced WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'priced', 'format' = 'json') AS
  SELECT o.part AS part, o.off AS off, o.cents * r.rate AS price FROM o LEFT JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.cur = r.cur;
CREATE SINK firsts WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'firsts', 'format' = 'json') AS
  SELECT id, off FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts) AS rn FROM o) WHERE rn = 1 EMIT ON WINDOW CLOSE LATE DATA TO lateFirst;
CREATE SINK running WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'running', 'format' = 'json') AS
  SELECT part, off, SUM(cents) OVER w AS s, COUNT(*) OVER w AS n FROM o WINDOW w AS (PARTITION BY user_id ORDER BY ts RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW) LATE DATA TO lateOver;
CREATE SINK top WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'top', 'format' = 'json') AS
  SELECT window_start AS ws, rn, cents, id, off FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY cents DESC, id, off) AS rn
    FROM TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '2' SECOND)) WHERE rn <= 3;
CREATE SINK united WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'united', 'format' = 'json') AS
  SELECT window_start AS ws, what, COUNT(*) AS n FROM TUMBLE(TABLE (SELECT 'order' AS what, ts FROM o UNION ALL SELECT 'click', ts FROM c), DESCRIPTOR(ts), INTERVAL '5' SECOND)
  GROUP BY window_start, window_end, what;
CREATE SINK allowed (ws TIMESTAMP_LTZ(3), user_id BIGINT, n BIGINT, s BIGINT, PRIMARY KEY (ws, user_id) NOT ENFORCED) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'allowed', 'format' = 'json');
INSERT INTO allowed SELECT window_start, user_id, COUNT(*), SUM(cents) FROM TUMBLE(TABLE o, DESCRIPTOR(ts), INTERVAL '5' SECOND)
  GROUP BY window_start, window_end, user_id ALLOW LATENESS INTERVAL '10' SECOND LATE DATA TO lateAllowed;
CREATE SINK often (ws TIMESTAMP_LTZ(3), kind STRING, n BIGINT, PRIMARY KEY (ws, kind) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'often', 'format' = 'json');
INSERT INTO often SELECT window_start, kind, COUNT(*) FROM HOP(TABLE o, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND)
  GROUP BY window_start, window_end, kind EMIT EVERY INTERVAL '1' SECOND;
CREATE SINK growing (ws TIMESTAMP_LTZ(3), we TIMESTAMP_LTZ(3), kind STRING, n BIGINT, s BIGINT, PRIMARY KEY (ws, we, kind) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'growing', 'format' = 'json');
INSERT INTO growing SELECT window_start, window_end, kind, COUNT(*), SUM(cents) FROM CUMULATE(TABLE o, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '20' SECOND)
  GROUP BY window_start, window_end, kind EMIT CHANGES;
CREATE SOURCE back (id BIGINT, part INT, off BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'copies', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');
CREATE SINK counts (part INT, n BIGINT, s BIGINT, PRIMARY KEY (part) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'counts', 'format' = 'json');
INSERT INTO counts SELECT part, COUNT(*), SUM(off) FROM back GROUP BY part;
CREATE SINK twice WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'twice', 'format' = 'json', 'sink.delivery-guarantee' = 'at-least-once') AS
  SELECT part, off FROM o;
CREATE SINK kept WITH ('connector' = 'file', 'path' = 'kept', 'format' = 'json', 'sink.rolling-policy.file-size' = '64kb') AS
  SELECT part, off, kind FROM o;
CREATE SINK cities WITH ('connector' = 'file', 'path' = 'cities', 'format' = 'parquet') AS
  SELECT o.part AS part, o.off AS off, o.cents AS cents, t.city AS city FROM o LEFT JOIN shops AS t ON o.shop = t.shop;
`

var appended = []string{"letters", "lateTumble", "lateHop", "lateSession", "lateOver", "lateFirst", "lateAllowed", "copies", "views", "tumble", "hop", "sessions",
	"pairs", "both", "priced", "firsts", "running", "top", "united", "allowed", "often", "growing", "counts", "twice"}

const (
	orderParts = 4
	clickParts = 3
	rateParts  = 2
)

var currencies = []string{"CHF", "EUR", "GBP", "JPY", "SEK", "USD"}

// TestSoakAppend runs a job over inputs that only grow while the engine and the
// broker fail, and compares all that it has written with models of its queries.
func TestSoakAppend(t *testing.T) { soakAppend(t, testservice.KafkaConfig{Proxied: true}) }

// TestSoakAppendThree does so on three brokers, one of which fails at a time.
func TestSoakAppendThree(t *testing.T) {
	soakAppend(t, testservice.KafkaConfig{Brokers: 3, Proxied: true})
}

func soakAppend(t *testing.T, cfg testservice.KafkaConfig) {
	d := soakTime(t)
	s := newSoak(t, cfg, appending)
	s.k.CreateTopic(t, "orders", orderParts)
	s.k.CreateTopic(t, "clicks", clickParts)
	s.k.CreateTopic(t, "rates", rateParts, "cleanup.policy=compact")
	for _, topic := range appended {
		s.k.CreateTopic(t, topic, 2)
	}
	s.writeShops(0)
	s.start("--parallelism", "2")

	var silent, parts atomic.Int64 // until when clicks are silent; the partitions of clicks
	parts.Store(clickParts)
	stop, fed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(fed)
		s.feedAppend(stop, &silent, &parts)
	}()
	s.chaos(d, func(rng *rand.Rand) string {
		silent.Store(time.Now().Add(time.Duration(3+rng.IntN(12)) * time.Second).UnixMilli())
		return "clicks are silent"
	}, func(rng *rand.Rand) string {
		if parts.Load() >= 6 {
			return "nothing"
		}
		s.feeding.Lock()
		s.k.AddPartitions(t, "clicks", int(parts.Load())+1)
		s.feeding.Unlock()
		parts.Add(1)
		return "a partition more"
	}, func(rng *rand.Rand) string {
		s.writeShops(rng.IntN(100))
		return "the table of shops is written anew"
	})
	close(stop)
	<-fed
	// Rows of an hour ahead in each partition let time pass all others.
	at := time.Now().Add(time.Hour)
	for p := range orderParts {
		s.send("orders", p, rec{time.Now(), nil, orderLine(-1, 0, "k0", "1", "EUR", "s0", at.UnixMilli())})
	}
	for p := range int(parts.Load()) {
		s.send("clicks", p, rec{time.Now(), nil, fmt.Appendf(nil, `{"user_id":-1,"page":"x","ms":%d}`, at.UnixMilli())})
	}
	for p := range rateParts {
		s.send("rates", p, rec{at, []byte("---"), []byte(`{"rate":1}`)})
	}
	s.settle(func(p progressLine) bool {
		for _, src := range p.Sources {
			if src.Name != "shops" && src.Name != "back" && (src.Watermark == nil || src.Watermark.Before(at.Add(-4*time.Second))) {
				return false
			}
		}
		return true
	})
	p, _ := s.now()
	t.Logf("in the end: state %d rows, late %d, bad %d; peaks %v", p.StateRows, p.Late, p.Bad, s.peak)
	s.atRest()
	s.end(syscall.SIGTERM)
	time.Sleep(2 * time.Second)
	newAppendModel(s).check()
}

func (s *soak) writeShops(more int) {
	var b strings.Builder
	for i := range 5 {
		fmt.Fprintf(&b, "s%d,city%d\n", i, i)
	}
	for i := range more {
		fmt.Fprintf(&b, "x%d,nowhere\n", i)
	}
	path := filepath.Join(s.dir, ".shops")
	err := os.WriteFile(path, []byte(b.String()), 0o644)
	if err == nil {
		err = os.Rename(path, filepath.Join(s.dir, "shops.csv"))
	}
	if err != nil {
		s.t.Error(err)
	}
}

func orderLine(id, user int64, kind, cents, cur, shop string, ms int64) []byte {
	return fmt.Appendf(nil, `{"id":%d,"user_id":%d,"kind":%q,"cents":%s,"cur":%q,"shop":%q,"ms":%d}`, id, user, kind, cents, cur, shop, ms)
}

// skewed is one of n numbers, small ones more often.
func skewed(rng *rand.Rand, n int64) int64 {
	return int64(float64(n) * rng.Float64() * rng.Float64())
}

// feedAppend makes rows of now, some of them out of order, late, doubled or bad.
// All rows of a user and of a currency are in one partition.
func (s *soak) feedAppend(stop chan struct{}, silent, parts *atomic.Int64) {
	rng := rand.New(rand.NewPCG(s.seed, 2))
	id := int64(0)
	for {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		now := time.Now()
		for p := range orderParts {
			var list []rec
			for range 1 + rng.IntN(20) {
				user := skewed(rng, 100)*orderParts + int64(p)
				ms := now.UnixMilli() - int64(rng.IntN(2300))
				if rng.IntN(50) == 0 {
					ms -= int64(rng.IntN(25_000))
				}
				cents := fmt.Sprint(rng.IntN(10_000))
				shop := fmt.Sprintf("s%d", rng.IntN(6))
				if rng.IntN(200) == 0 {
					cents = `"much"`
				}
				id++
				line := orderLine(id, user, fmt.Sprintf("k%d", rng.IntN(6)), cents, currencies[rng.IntN(len(currencies))], shop, ms)
				switch rng.IntN(300) {
				case 0:
					line = line[:len(line)-1-rng.IntN(20)] // torn
				case 1:
					line = []byte(strings.Replace(string(line), `"ms":`, `"ms":"now`, 1) + "") // a string that is not closed
				case 2:
					line = []byte(strings.Replace(string(line), `"ms":`, `"ms":true,"was":`, 1)) // well-formed, of another type
				case 3:
					line = nil
				}
				list = append(list, rec{now, nil, line})
				if rng.IntN(20) == 0 && line != nil {
					list = append(list, rec{now, nil, line}) // the same once more
				}
			}
			s.send("orders", p, list...)
		}
		if now.UnixMilli() >= silent.Load() {
			for p := range int(parts.Load()) {
				var list []rec
				for range rng.IntN(16) {
					user := skewed(rng, 100)*orderParts + int64(p)
					if p >= clickParts {
						user = 1000 + int64(p) + 10*int64(rng.IntN(20)) // nobody who was elsewhere before
					}
					ms := now.UnixMilli() - int64(rng.IntN(3500))
					if rng.IntN(100) == 0 {
						ms -= int64(rng.IntN(20_000))
					}
					list = append(list, rec{now, nil, fmt.Appendf(nil, `{"user_id":%d,"page":"p%d","ms":%d}`, user, rng.IntN(9), ms)})
				}
				s.send("clicks", p, list...)
			}
		}
		for p := range rateParts {
			if rng.IntN(3) > 0 {
				continue
			}
			cur := currencies[rng.IntN(3)*rateParts+p]
			at := now.Add(-time.Duration(rng.IntN(1500)) * time.Millisecond)
			value := fmt.Appendf(nil, `{"rate":%d}`, 50+rng.IntN(100))
			if rng.IntN(8) == 0 {
				value = nil
			}
			s.send("rates", p, rec{at, []byte(cur), value})
		}
	}
}

// stamp reads a time as sinks write it; ok is false of NULL.
func stamp(text *string) (ms int64, ok bool) {
	if text == nil {
		return 0, false
	}
	at, err := time.Parse("2006-01-02 15:04:05.000Z", *text)
	return at.UnixMilli(), err == nil
}

// text writes a time as sinks do.
func text(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000Z") }

// fields decodes a JSON object of numbers and texts.
func fields(line string) map[string]any {
	var m map[string]any
	if json.Unmarshal([]byte(line), &m) != nil {
		return nil
	}
	return m
}
