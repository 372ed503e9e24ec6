//go:build unix

package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamsql/streamsql/internal/testservice"
)

// changing is a job of queries over inputs that update: a topic of upserts, the
// changes of a table of a database; and one of events.
const changing = `
SET 'commit.interval' = '300ms';
CREATE SINK letters (branch STRING, ` + "`position`" + ` STRING, error_code STRING, error_column STRING)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'letters', 'format' = 'json');
CREATE SOURCE payments (pid BIGINT, account BIGINT, amount DECIMAL(10, 2), status STRING, PRIMARY KEY (pid) NOT ENFORCED)
  WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'payments', 'format' = 'json', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'letters');
CREATE SOURCE accounts (id BIGINT, city STRING, balance BIGINT, PRIMARY KEY (id) NOT ENFORCED)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'accounts', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset',
    'on-error' = 'dead-letter', 'dead-letter.sink' = 'letters', 'scan.topic-partition-discovery.interval' = '2 s');
CREATE SOURCE events (account BIGINT, kind STRING, n BIGINT)
  WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'events', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset');

CREATE SINK mirror (pid BIGINT, account BIGINT, amount DECIMAL(10, 2), status STRING, PRIMARY KEY (pid) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'mirror', 'format' = 'json');
INSERT INTO mirror SELECT * FROM payments;
CREATE SINK states (status STRING, n BIGINT, accounts BIGINT, PRIMARY KEY (status) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'states', 'format' = 'json');
INSERT INTO states SELECT status, COUNT(*), COUNT(DISTINCT account) FROM payments GROUP BY status EMIT EVERY INTERVAL '2' SECOND;
CREATE SINK cities (city STRING, n BIGINT, total BIGINT, low BIGINT, high BIGINT, PRIMARY KEY (city) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'cities', 'format' = 'json');
INSERT INTO cities SELECT city, COUNT(*), SUM(balance), MIN(balance), MAX(balance) FROM accounts GROUP BY city;
CREATE SINK joined (city STRING, n BIGINT, total DECIMAL(20, 2), accounts BIGINT, PRIMARY KEY (city) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'joined', 'format' = 'json');
INSERT INTO joined SELECT a.city, COUNT(*), SUM(p.amount), COUNT(DISTINCT p.account) FROM payments AS p JOIN accounts AS a ON p.account = a.id GROUP BY a.city;
CREATE SINK ranked (account BIGINT, rn BIGINT, pid BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (account, rn) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'ranked', 'format' = 'json');
INSERT INTO ranked SELECT account, rn, pid, amount FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY account ORDER BY amount DESC, pid) AS rn FROM payments) WHERE rn <= 3;
CREATE SINK best (pid BIGINT, account BIGINT, PRIMARY KEY (pid) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'best', 'format' = 'json');
INSERT INTO best SELECT pid, account FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY account ORDER BY amount DESC, pid) AS rn FROM payments) WHERE rn <= 2;
CREATE SINK lonely (id BIGINT, city STRING) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'lonely', 'format' = 'debezium-json');
INSERT INTO lonely SELECT id, city FROM accounts AS a WHERE NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.account = a.id);
CREATE SINK sides (pid BIGINT, id BIGINT, status STRING, balance BIGINT) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'sides', 'format' = 'debezium-json');
INSERT INTO sides SELECT p.pid, a.id, p.status, a.balance FROM payments AS p FULL JOIN accounts AS a ON p.account = a.id;
CREATE SINK totals (n BIGINT, s DECIMAL(20, 2), low DECIMAL(10, 2), high DECIMAL(10, 2)) WITH ('connector' = 'kafka', $KAFKA, 'topic' = 'totals', 'format' = 'debezium-json');
INSERT INTO totals SELECT COUNT(*), SUM(amount), MIN(amount), MAX(amount) FROM payments;
CREATE SINK running (pid BIGINT, account BIGINT, s DECIMAL(20, 2), place BIGINT, PRIMARY KEY (account, pid) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'running', 'format' = 'json');
INSERT INTO running SELECT pid, account, SUM(amount) OVER w, ROW_NUMBER() OVER w FROM payments WINDOW w AS (PARTITION BY account ORDER BY pid);
CREATE SINK unpaid (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'unpaid', 'format' = 'json');
INSERT INTO unpaid SELECT id FROM accounts EXCEPT SELECT account FROM payments;
CREATE SINK paid (id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'paid', 'format' = 'json');
INSERT INTO paid SELECT id FROM accounts INTERSECT SELECT account FROM payments;
CREATE SINK rich (account BIGINT, n BIGINT, total DECIMAL(20, 2), PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'rich', 'format' = 'json');
INSERT INTO rich SELECT account, COUNT(*), SUM(amount) FROM payments GROUP BY account HAVING SUM(amount) > 300;
CREATE SINK lists (account BIGINT, list STRING, PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'lists', 'format' = 'json');
INSERT INTO lists SELECT account, LISTAGG(status, ',') WITHIN GROUP (ORDER BY status) FROM payments GROUP BY account;
CREATE SINK local (pid BIGINT, amount DECIMAL(10, 2), PRIMARY KEY (pid) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'local', 'format' = 'json');
INSERT INTO local SELECT pid, amount FROM payments WHERE account IN (SELECT id FROM accounts WHERE city = 'c1');
CREATE SINK newest (account BIGINT, pid BIGINT, status STRING, PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'newest', 'format' = 'json');
INSERT INTO newest SELECT account, pid, status FROM payments ON CONFLICT DO DEDUPLICATE;
CREATE SINK kinds (kind STRING, n BIGINT, accounts BIGINT, PRIMARY KEY (kind) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'kinds', 'format' = 'json');
INSERT INTO kinds SELECT kind, COUNT(*), COUNT(DISTINCT account) FROM events GROUP BY kind;
CREATE SINK lasts (account BIGINT, kind STRING, n BIGINT, city STRING, PRIMARY KEY (account) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', $KAFKA, 'topic' = 'lasts', 'format' = 'json');
INSERT INTO lasts SELECT e.account, e.kind, e.n, a.city FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY account ORDER BY n DESC) AS rn FROM events) AS e
  LEFT JOIN accounts AS a ON e.account = a.id WHERE e.rn = 1;
CREATE SINK threes (city STRING, status STRING, kinds BIGINT, n BIGINT) WITH ('connector' = 'file', 'path' = 'threes', 'format' = 'json', 'sink.kind-column' = 'op', 'sink.rolling-policy.file-size' = '256kb');
INSERT INTO threes SELECT a.city, p.status, COUNT(DISTINCT k.kind), COUNT(*) FROM payments AS p JOIN accounts AS a ON p.account = a.id
  JOIN (SELECT DISTINCT account, kind FROM events) AS k ON k.account = a.id GROUP BY a.city, p.status;
`

var changed = []string{"letters", "mirror", "states", "cities", "joined", "ranked", "best", "lonely", "sides", "totals", "running", "unpaid", "paid", "rich", "lists", "local", "newest", "kinds", "lasts"}

// TestSoakChange is TestSoakAppend for queries over inputs that update.
func TestSoakChange(t *testing.T) { soakChange(t, testservice.KafkaConfig{Proxied: true}) }

// TestSoakChangeThree does so on three brokers.
func TestSoakChangeThree(t *testing.T) {
	soakChange(t, testservice.KafkaConfig{Brokers: 3, Proxied: true})
}

func soakChange(t *testing.T, cfg testservice.KafkaConfig) {
	d := soakTime(t)
	s := newSoak(t, cfg, changing)
	s.k.CreateTopic(t, "payments", 3, "cleanup.policy=compact")
	s.k.CreateTopic(t, "accounts", 3)
	s.k.CreateTopic(t, "events", 2)
	for _, topic := range changed {
		s.k.CreateTopic(t, topic, 2)
	}
	s.start("--parallelism", "2")
	stop, fed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(fed)
		s.feedChange(stop)
	}()
	s.chaos(d)
	close(stop)
	<-fed
	s.settle(func(progressLine) bool { return true })
	p, _ := s.now()
	t.Logf("in the end: state %d rows, bad %d; peaks %v", p.StateRows, p.Bad, s.peak)
	s.atRest()
	s.end(syscall.SIGTERM)
	time.Sleep(2 * time.Second)
	newChangeModel(s).check()
}

// feedChange makes payments and accounts that come, change and go.
func (s *soak) feedChange(stop chan struct{}) {
	rng := rand.New(rand.NewPCG(s.seed, 3))
	table := map[int64]string{}
	serial := 0
	for {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		now := time.Now()
		for p := range int64(3) {
			var list []rec
			for range rng.IntN(12) {
				pid := skewed(rng, 200)*3 + p
				key := fmt.Appendf(nil, `{"pid":%d}`, pid)
				value := fmt.Appendf(nil, `{"pid":%d,"account":%d,"amount":%d.%02d,"status":"s%d"}`, pid, skewed(rng, 130), rng.IntN(100), rng.IntN(100), rng.IntN(4))
				switch rng.IntN(120) {
				case 0:
					value = value[:len(value)-1]
				case 1:
					value = []byte(strings.Replace(string(value), `"amount":`, `"amount":"x`, 1))
					value = []byte(strings.Replace(string(value), `,"status"`, `","status"`, 1))
				}
				if rng.IntN(6) == 0 {
					value = nil
				}
				list = append(list, rec{now, key, value})
			}
			s.send("payments", int(p), list...)
			list = nil
			for range rng.IntN(4) {
				id := skewed(rng, 40)*3 + p
				before, ok := table[id]
				after := fmt.Sprintf(`{"id":%d,"city":"c%d","balance":%d}`, id, rng.IntN(7), rng.IntN(1000))
				serial++
				switch {
				case !ok:
					table[id] = after
					list = append(list, rec{now, nil, fmt.Appendf(nil, `{"before":null,"after":%s,"op":"c","ts_ms":%d}`, after, serial)})
				case rng.IntN(5) == 0:
					delete(table, id)
					list = append(list, rec{now, nil, fmt.Appendf(nil, `{"before":%s,"after":null,"op":"d","ts_ms":%d}`, before, serial)}, rec{now, []byte("x"), nil})
				default:
					table[id] = after
					list = append(list, rec{now, nil, fmt.Appendf(nil, `{"before":%s,"after":%s,"op":"u","ts_ms":%d}`, before, after, serial)})
				}
				if rng.IntN(60) == 0 {
					list = append(list, rec{now, nil, fmt.Appendf(nil, `{"before":null,"after":%s,"op":"c"`, after)}) // torn
				}
			}
			s.send("accounts", int(p), list...)
		}
		for p := range 2 {
			var list []rec
			for range rng.IntN(8) {
				serial++
				list = append(list, rec{now, nil, fmt.Appendf(nil, `{"account":%d,"kind":"e%d","n":%d}`, skewed(rng, 130), skewed(rng, 12), serial)})
			}
			s.send("events", p, list...)
		}
	}
}
