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

# Goals in M events per second (docs/benchmarks.md), in the order of the queries.
GOALS = {
    "q0": 5, "q1": 5, "q2": 7, "q3": 6, "tumble_count_sum": 6, "q4": 1, "q5": 3, "q6": 0.8, "q7": 3, "q8": 6, "q9": 0.8,
    "q10": 3, "q11": 2, "q12": 3, "q12_event_time": 3, "q13": 3, "q14": 3.5, "q15": 2, "q16": 1, "q17": 3, "q18": 1.5,
    "q19": 1.2, "q20": 1, "q21": 2.5, "q22": 3,
}

TUMBLE = """SELECT window_start, window_end, auction, COUNT(*) AS n, SUM(price) AS total
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end"""

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


def schema(events, side):
    """The tables and views of the queries, over the given files."""
    with open(os.path.join(HERE, "../nexmark/testdata/schema.sql")) as f:
        text = f.read()
    return text.replace("'events.ndjson.gz'", "'%s'" % events).replace("'side_input.csv'", "'%s'" % side)


def side_input():
    return os.path.join(HERE, "../nexmark/testdata/side_input.csv")


def run(binary, text, parallelism=2):
    """Runs a script as a job; seconds, CPU seconds, memory, and its last progress."""
    work = tempfile.mkdtemp(prefix="bench")
    try:
        script = os.path.join(work, "bench.sql")
        with open(script, "w") as f:
            f.write("SET 'commit.interval' = '1s';\n" + text)
        log = os.path.join(work, "log")
        start = time.monotonic()
        with open(log, "wb") as err:
            p = subprocess.Popen([binary, "run", script, "--data-dir", os.path.join(work, "state"), "--parallelism", str(parallelism), "--progress", "json"], stderr=err)
            _, status, usage = os.wait4(p.pid, 0)
        wall = time.monotonic() - start
        with open(log) as f:
            lines = f.read().splitlines()
        if status != 0:
            return {"error": "\n".join(lines)[-2000:]}
        reports = [json.loads(l) for l in lines if l.startswith("{")]
        return {
            "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024,
            "state": max((r.get("state_bytes", 0) for r in reports), default=0) / 1e6,
            "disk": max((r["disk_bytes"] for r in reports), default=0) / 1e6,
            "stall": max((r["stall_ms"] for r in reports), default=0), "last": reports[-1],
        }
    finally:
        shutil.rmtree(work)


def ours(args, name):
    return run(args.binary, schema(args.file, side_input()) + "CREATE SINK out WITH ('connector' = 'blackhole') AS\n" + query(name) + ";\n")


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


def best(runs, measure):
    """The fastest of several runs, or the error of one."""
    found = None
    for _ in range(runs):
        r = measure()
        if "error" in r:
            return r
        if found is None or r["wall"] < found["wall"]:
            found = r
    return found


def queries(args):
    print("| query | M events/s | goal | CPU-s/M | peak MB | state MB | disk MB | allocs/event | stall ms | DuckDB M/s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name in args.queries.split():
        other = None

        def measure():
            nonlocal other
            r = ours(args, name)
            if name in DUCK:
                d = duck(args, name)
                if d is not None:
                    other = d if other is None else min(other, d)
            return r

        r = best(args.runs, measure)
        if "error" in r:
            print("| %s | failed |" % name, flush=True)
            print(r["error"], file=sys.stderr)
            continue
        cols = [name, "%.2f" % (args.events / r["wall"] / 1e6), "%.1f" % GOALS.get(name, 0), "%.2f" % (r["cpu"] / args.events * 1e6),
                "%.0f" % r["mb"], "%.1f" % r["state"], "%.1f" % r["disk"], "%.4f" % (r["last"].get("allocs", 0) / args.events), "%.1f" % r["stall"]]
        if other:
            cols += ["%.2f" % (args.events / other / 1e6), "%.2f" % (other / r["wall"])]
        else:
            cols += ["", ""]
        print("| " + " | ".join(cols) + " |", flush=True)


# The source of the curves: made in the process, so that decoding does not hide
# what is measured, or read from a file of JSON lines, which is what the goals are
# about. `i` counts up, `r` is uniform in 0 to 99, `k` in 0 to 9999999; nobody reads
# `pad`.
CURVE_COLUMNS = "i BIGINT, r BIGINT, k BIGINT, v BIGINT"
CURVE_SOURCE = """
CREATE SOURCE gen (
  {columns},
  ts AS CAST('2024-01-01 00:00:00' AS TIMESTAMP(3)) + i * INTERVAL '0.001' SECOND - CASE WHEN r < {late} THEN r * INTERVAL '0.1' SECOND ELSE INTERVAL '0' SECOND END,
  WATERMARK FOR ts AS ts - INTERVAL '10' SECOND
) WITH ({source});
CREATE SINK out WITH ('connector' = 'blackhole') AS
"""
GENERATOR = """'connector' = 'datagen', 'number-of-rows' = '{rows}', 'rows-per-second' = '1000000000', 'splits' = '1',
  'fields.i.kind' = 'sequence', 'fields.i.start' = '0', 'fields.i.end' = '{rows}', 'fields.r.min' = '0', 'fields.r.max' = '99',
  'fields.k.min' = '0', 'fields.k.max' = '{last_key}', 'fields.v.min' = '0', 'fields.v.max' = '1000'"""
KEYS = 10_000_000
BY_KEY = "SELECT {key} AS k, COUNT(*) AS n, SUM(v) AS s FROM gen GROUP BY {key};"
BY_WINDOW = "SELECT {key} AS k, window_end, {aggs} FROM TABLE({window}) GROUP BY {key}, window_start, window_end;"
COUNT_SUM = "COUNT(*) AS n, SUM(v) AS s"
TUMBLE_60 = "TUMBLE(TABLE gen, DESCRIPTOR(ts), INTERVAL '60' SECOND)"


def panes(kind, n):
    """A window of 60 s in n panes."""
    return "%s(TABLE gen, DESCRIPTOR(ts), INTERVAL '%d' SECOND, INTERVAL '60' SECOND)" % (kind, 60 // n)


def curve_file(args):
    """The rows of the curves as JSON lines, written once."""
    path = os.path.join(os.path.dirname(args.file), "curves-%d.ndjson" % args.events)
    if os.path.exists(path):
        return path
    work = tempfile.mkdtemp(prefix="curves", dir=os.path.dirname(args.file))
    try:
        script = os.path.join(work, "make.sql")
        columns = CURVE_COLUMNS + ", pad STRING"
        with open(script, "w") as f:
            f.write("CREATE SOURCE gen (%s) WITH (%s, 'fields.pad.length' = '64');\n" % (columns, GENERATOR.format(rows=args.events, last_key=KEYS - 1)))
            f.write("CREATE SINK file (%s) WITH ('connector' = 'file', 'path' = '%s/out', 'format' = 'json', 'sink.rolling-policy.file-size' = '100gb');\n" % (columns, work))
            f.write("INSERT INTO file SELECT * FROM gen;\n")
        subprocess.run([args.binary, "run", script, "--data-dir", os.path.join(work, "state"), "--parallelism", "1"], check=True, stderr=subprocess.DEVNULL)
        parts = [os.path.join(work, "out", p) for p in os.listdir(os.path.join(work, "out")) if not p.startswith((".", "_"))]
        if len(parts) != 1:
            sys.exit("the file of the curves came out in %d parts" % len(parts))
        os.rename(parts[0], path)
    finally:
        shutil.rmtree(work)
    return path


def curves(args):
    """Throughput against one property of the data at a time, each curve relative to
    its first point, by wall time and by CPU time."""
    by_key = lambda keys, key="MOD(k, %d)": (0, BY_KEY.format(key=key % keys), 2)
    by_window = lambda window, late=0, parallelism=2, keys=100, aggs=COUNT_SUM: (
        late, BY_WINDOW.format(key="MOD(k, %d)" % keys, window=window, aggs=aggs), parallelism)
    plans = [
        ("keys", [("%d" % k, by_key(k)) for k in (10_000, 100_000, 1_000_000, 10_000_000)]),
        ("panes of a 60 s window", [("TUMBLE", by_window(TUMBLE_60))] +
         [("%s, %d" % (kind, p), by_window(panes(kind, p))) for kind in ("HOP", "CUMULATE") for p in (2, 6, 20, 60)]),
        ("one key: panes without many rows", [("TUMBLE", by_window(TUMBLE_60, keys=1))] +
         [("%s, 60" % kind, by_window(panes(kind, 60), keys=1)) for kind in ("HOP", "CUMULATE")]),
        ("panes of MAX", [("TUMBLE", by_window(TUMBLE_60, aggs="MAX(v) AS m"))] +
         [("%s, 60" % kind, by_window(panes(kind, 60), aggs="MAX(v) AS m")) for kind in ("HOP", "CUMULATE")]),
        ("rows out of order", [("%d %%" % p, by_window(TUMBLE_60, late=p)) for p in (0, 10, 30)]),
        ("skew", [("uniform", by_key(100_000)), ("half of the rows on one key", by_key(100_000, "CASE WHEN r < 50 THEN 0 ELSE MOD(k, %d) END"))]),
        ("cores", [("%d" % p, by_window(TUMBLE_60, parallelism=p)) for p in (1, 2)]),
    ]
    sources = {
        "generator": GENERATOR.format(rows=args.events, last_key=KEYS - 1),
        "file": "'connector' = 'filesystem', 'path' = '%s', 'format' = 'json'" % curve_file(args),
    }
    print("| source | curve | point | M rows/s | of the first | CPU-s/M | of the first | rows out, M | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for source, options in sources.items():
        for name, points in plans:
            if args.curves and not any(c in name for c in args.curves.split(",")):
                continue
            first = None
            for label, (late, text, parallelism) in points:
                columns = CURVE_COLUMNS
                create = CURVE_SOURCE.format(columns=columns, source=options, late=late)
                r = best(args.runs, lambda: run(args.binary, create + text, parallelism))
                if "error" in r:
                    print("| %s | %s | %s | failed |" % (source, name, label), flush=True)
                    print(r["error"], file=sys.stderr)
                    continue
                rate, cpu = args.events / r["wall"] / 1e6, r["cpu"] / args.events * 1e6
                first = first or (rate, cpu)
                print("| %s | %s | %s | %.2f | %.0f %% | %.3f | %.0f %% | %.1f | %.0f |" % (
                    source, name, label, rate, 100 * rate / first[0], cpu, 100 * first[1] / cpu, sum(s["rows"] for s in r["last"]["sinks"]) / 1e6, r["mb"]), flush=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", required=True)
    ap.add_argument("--file", required=True)
    ap.add_argument("--events", type=int, required=True)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--queries", default=" ".join(GOALS))
    ap.add_argument("--curves", default="", help="words in the names of the curves to run, separated by commas")
    ap.add_argument("--what", default="queries", choices=["queries", "curves"])
    args = ap.parse_args()
    size = os.path.getsize(args.file)
    print("%d events, %.0f bytes each, best of %d runs, 2 shards, commits each second" % (args.events, size / args.events, args.runs))
    {"queries": queries, "curves": curves}[args.what](args)


if __name__ == "__main__":
    main()
