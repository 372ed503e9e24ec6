"""Runs the benchmark queries and prints a table, one row per query.

Each figure is the best of --runs runs: on a shared machine the fastest run is
the one that was disturbed least. Our runs and DuckDB's take turns.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# Goals in events per second (docs/benchmarks.md).
GOALS = {
    "q0": 5e6, "q1": 5e6, "q2": 7e6, "tumble_count_sum": 6e6, "q10": 3e6, "q12_event_time": 3e6, "q14": 3.5e6,
    "q15": 2e6, "q16": 1e6, "q17": 3e6, "q21": 2.5e6, "q22": 3e6,
}

SCHEMA = """
CREATE SOURCE events (
  event_type INT,
  person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING,
             `dateTime` TIMESTAMP(3), extra STRING>,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT,
              `dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING>,
  `dateTime` AS CASE event_type WHEN 0 THEN person.`dateTime` WHEN 1 THEN auction.`dateTime` ELSE bid.`dateTime` END,
  WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND
) WITH ('connector' = 'file', 'path' = '%s', 'format' = 'json');
CREATE VIEW bid AS
SELECT e.bid.auction, e.bid.bidder, e.bid.price, e.bid.channel, e.bid.url, e.`dateTime`, e.bid.extra
FROM events AS e WHERE e.event_type = 2;
"""

BID = "a BIGINT, b BIGINT, p BIGINT, t TIMESTAMP(3), e STRING"
RANKS = ", ".join("c%d BIGINT" % i for i in range(12))
SINKS = {
    "q0": BID, "q1": BID.replace("p BIGINT", "p DECIMAL(23, 3)"), "q2": "a BIGINT, p BIGINT",
    "q10": BID + ", dt STRING, hm STRING",
    "q12_event_time": "b BIGINT, n BIGINT, s TIMESTAMP(3), e TIMESTAMP(3)",
    "q14": "a BIGINT, b BIGINT, p DECIMAL(23, 3), bt STRING, t TIMESTAMP(3), e STRING, c BIGINT",
    "q15": "d STRING, " + RANKS, "q16": "ch STRING, d STRING, m STRING, " + RANKS,
    "q17": "a BIGINT, d STRING, n BIGINT, r1 BIGINT, r2 BIGINT, r3 BIGINT, mi BIGINT, ma BIGINT, av BIGINT, su BIGINT",
    "q21": "a BIGINT, b BIGINT, p BIGINT, c STRING, i STRING",
    "q22": "a BIGINT, b BIGINT, p BIGINT, c STRING, d1 STRING, d2 STRING, d3 STRING",
    "tumble_count_sum": "s TIMESTAMP(3), e TIMESTAMP(3), a BIGINT, n BIGINT, p BIGINT",
}
TUMBLE = """SELECT window_start, window_end, auction, COUNT(*), SUM(price)
FROM TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND) GROUP BY auction, window_start, window_end"""

# What DuckDB is given. Counting a column makes it decode the column and costs
# next to nothing itself.
DUCK = {
    "q0": "SELECT count(bid.auction), count(bid.bidder), count(bid.price), count(bid.dateTime), count(bid.extra) FROM events WHERE event_type = 2",
    "q1": "SELECT count(bid.auction), count(bid.bidder), sum(0.908 * bid.price), count(bid.dateTime), count(bid.extra) FROM events WHERE event_type = 2",
    "q2": "SELECT count(bid.auction), count(bid.price) FROM events WHERE event_type = 2 AND bid.auction % 123 = 0",
    "tumble_count_sum": "SELECT count(*), sum(n), sum(s) FROM (SELECT time_bucket(INTERVAL 10 SECOND, bid.dateTime) w, bid.auction a, count(*) n, sum(bid.price) s FROM events WHERE event_type = 2 GROUP BY w, a)",
}
DUCK_COLUMNS = """{event_type: 'INTEGER',
 person: 'STRUCT(id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR, dateTime TIMESTAMP, extra VARCHAR)',
 auction: 'STRUCT(id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, dateTime TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR)',
 bid: 'STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, dateTime TIMESTAMP, extra VARCHAR)'}"""


def query(name):
    if name == "tumble_count_sum":
        return TUMBLE
    with open(os.path.join(HERE, "../nexmark/testdata/queries", name + ".sql")) as f:
        return f.read().strip().rstrip(";")


def ours(args, name):
    work = tempfile.mkdtemp(prefix="bench")
    try:
        script = os.path.join(work, name + ".sql")
        with open(script, "w") as f:
            f.write("SET 'commit.interval' = '1s';\n" + SCHEMA % args.file)
            f.write("CREATE SINK out (%s) WITH ('connector' = 'blackhole');\nINSERT INTO out %s;\n" % (SINKS[name], query(name)))
        log = os.path.join(work, "log")
        start = time.monotonic()
        with open(log, "wb") as err:
            p = subprocess.Popen([args.binary, "run", script, "--data-dir", os.path.join(work, "state"), "--parallelism", "2", "--progress", "json"], stderr=err)
            _, status, usage = os.wait4(p.pid, 0)
        wall = time.monotonic() - start
        with open(log) as f:
            text = f.read()
        if status != 0:
            sys.exit("%s failed:\n%s" % (name, text[-2000:]))
        last = json.loads([l for l in text.splitlines() if l.startswith("{")][-1])
        return {
            "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024,
            "allocs": last.get("allocs", 0) / args.events, "commits": last["epoch"], "disk": last["disk_bytes"] / 1e6,
            "stall": max((json.loads(l)["stall_ms"] for l in text.splitlines() if l.startswith("{")), default=0),
        }
    finally:
        shutil.rmtree(work)


def duck(args, name):
    code = """
import duckdb, time
con = duckdb.connect(); con.execute("SET threads=2; SET enable_progress_bar=false")
con.execute('''CREATE VIEW events AS SELECT * FROM read_json('%s', format='newline_delimited', columns=%s)''')
t = time.monotonic(); con.execute('''%s''').fetchall(); print(time.monotonic() - t)
""" % (args.file, DUCK_COLUMNS, DUCK[name])
    p = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if p.returncode != 0:
        return None
    return float(p.stdout.split()[-1])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", required=True)
    ap.add_argument("--file", required=True)
    ap.add_argument("--events", type=int, required=True)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--queries", default=" ".join(GOALS))
    args = ap.parse_args()
    size = os.path.getsize(args.file)
    print("%d events, %.0f bytes each, best of %d runs, 2 shards, commits each second" % (args.events, size / args.events, args.runs))
    print("| query | M events/s | goal | CPU-s/M | peak MB | allocs/event | stall ms | DuckDB M/s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in args.queries.split():
        best, other = None, None
        for _ in range(args.runs):
            r = ours(args, name)
            if best is None or r["wall"] < best["wall"]:
                best = r
            if name in DUCK:
                d = duck(args, name)
                if d is not None:
                    other = d if other is None else min(other, d)
        rate = args.events / best["wall"] / 1e6
        cols = [name, "%.2f" % rate, "%.1f" % (GOALS[name] / 1e6), "%.2f" % (best["cpu"] / args.events * 1e6),
                "%.0f" % best["mb"], "%.4f" % best["allocs"], "%.1f" % best["stall"]]
        if other:
            cols += ["%.2f" % (args.events / other / 1e6), "%.2f" % (other / best["wall"])]
        else:
            cols += ["", ""]
        print("| " + " | ".join(cols) + " |", flush=True)


if __name__ == "__main__":
    main()
