"""Runs the benchmark queries through Apache Flink SQL and through streamsql, on
the same machine and over the same file in turns, and prints the ratios.

Flink is installed from PyPI and Maven into the cache on first use (Java 11 or
later and mvn must be there): one TaskManager with two slots, RocksDB state,
checkpoints every 10 s and mini-batches, which is how it is tuned for throughput.
The time of a query is that of its job, without the start of any JVM; ours is
that of the whole process.
"""
import argparse
import glob
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import bench

VERSION = "2.3.0"
SETTINGS = """
SET 'execution.runtime-mode' = 'streaming';
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '10 s';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '1 s';
SET 'table.exec.mini-batch.size' = '20000';
SET 'table.dml-sync' = 'false';
SET 'table.local-time-zone' = 'UTC';
"""
# Not runnable in a streaming Flink (tests/nexmark/testdata/README.md).
NOT_IN_FLINK = {"q6"}


def free_port():
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


class Cluster:
    """A JobManager and a TaskManager on loopback."""

    def __init__(self, cache):
        venv = os.path.join(cache, "flink")
        if not os.path.exists(os.path.join(venv, "installed")):
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([os.path.join(venv, "bin/pip"), "install", "-q", "--no-deps",
                            "apache-flink==" + VERSION, "apache-flink-libraries==" + VERSION], check=True)
            home = glob.glob(os.path.join(venv, "lib/python3*/site-packages/pyflink"))[0]
            subprocess.run(["mvn", "-q", "-B", "dependency:copy", "-Dartifact=org.apache.flink:flink-sql-gateway:" + VERSION,
                            "-DoutputDirectory=" + os.path.join(home, "opt")], check=True)
            open(os.path.join(venv, "installed"), "w").close()
        self.home = glob.glob(os.path.join(venv, "lib/python3*/site-packages/pyflink"))[0]
        self.work = os.path.join(cache, "flink-run")
        shutil.rmtree(self.work, ignore_errors=True)
        for d in ("conf", "log", "pid", "tmp", "checkpoints"):
            os.makedirs(os.path.join(self.work, d))
        for f in os.listdir(os.path.join(self.home, "conf")):
            shutil.copy(os.path.join(self.home, "conf", f), os.path.join(self.work, "conf"))
        self.port = free_port()
        with open(os.path.join(self.home, "conf/config.yaml")) as f:
            opts = [l for l in f.read().splitlines() if "--add-exports" in l or "--add-opens" in l][0].strip()
        opts = opts.split(":", 1)[1].strip() if opts.startswith("all:") else opts
        with open(os.path.join(self.work, "conf/config.yaml"), "w") as f:
            f.write("""env: {java: {opts: {all: "%s"}}}
jobmanager: {bind-host: localhost, rpc: {address: localhost, port: %d}, memory: {process: {size: 1400m}}}
taskmanager: {bind-host: localhost, host: localhost, numberOfTaskSlots: 2, memory: {process: {size: 6g}, managed: {size: 2g}, network: {min: 64m, max: 64m}}}
parallelism: {default: 2}
rest: {address: localhost, bind-address: localhost, port: %d}
state: {backend: {type: rocksdb, incremental: true}}
execution: {checkpointing: {dir: "file://%s/checkpoints"}}
io: {tmp: {dirs: %s/tmp}}
""" % (opts.strip('"'), free_port(), self.port, self.work, self.work))
        self.env = dict(os.environ, FLINK_HOME=self.home, FLINK_CONF_DIR=self.work + "/conf",
                        FLINK_LOG_DIR=self.work + "/log", FLINK_PID_DIR=self.work + "/pid")

    def script(self, name, *args):
        subprocess.run([os.path.join(self.home, "bin", name), *args], env=self.env, check=True, stdout=subprocess.DEVNULL)

    def __enter__(self):
        self.script("jobmanager.sh", "start")
        self.script("taskmanager.sh", "start")
        for _ in range(600):
            try:
                if self.get("/overview")["slots-available"] == 2:
                    return self
            except OSError:
                pass
            time.sleep(0.2)
        raise RuntimeError("Flink does not start: see %s/log" % self.work)

    def __exit__(self, *_):
        self.script("taskmanager.sh", "stop")
        self.script("jobmanager.sh", "stop")

    def get(self, path, method="GET"):
        req = urllib.request.Request("http://localhost:%d%s" % (self.port, path), method=method)
        with urllib.request.urlopen(req, timeout=30) as r:
            body = r.read()
            return json.loads(body) if body else None

    def run(self, text, limit):
        """Seconds that the job of a script took; None if it was not through after
        limit seconds; an error text if it failed."""
        path = os.path.join(self.work, "query.sql")
        with open(path, "w") as f:
            f.write(text)
        known = {j["jid"] for j in self.get("/jobs/overview")["jobs"]}
        p = subprocess.run([os.path.join(self.home, "bin/sql-client.sh"), "-f", path], env=self.env, capture_output=True, text=True)
        new = [j for j in self.get("/jobs/overview")["jobs"] if j["jid"] not in known]
        if not new:
            return p.stdout[-1500:]
        while True:
            job = self.get("/jobs/" + new[0]["jid"])
            if job["state"] == "FINISHED":
                return job["duration"] / 1000
            if job["state"] in ("FAILED", "CANCELED"):
                return job["state"]
            if job["duration"] > 1000 * limit:
                self.get("/jobs/%s?mode=cancel" % new[0]["jid"], "PATCH")
                while self.get("/jobs/" + new[0]["jid"])["state"] not in ("CANCELED", "FINISHED", "FAILED"):
                    time.sleep(0.5)
                return None
            time.sleep(0.2)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", required=True)
    ap.add_argument("--file", required=True)
    ap.add_argument("--events", type=int, required=True)
    ap.add_argument("--cache", required=True)
    ap.add_argument("--limit", type=float, default=300, help="seconds after which a query of Flink's is given up")
    ap.add_argument("--queries", default=" ".join(bench.GOALS))
    args = ap.parse_args()
    print("%d events, Flink %s with RocksDB, 2 slots, checkpoints every 10 s; streamsql with 2 shards, commits each second" % (args.events, VERSION))
    print("| query | Flink K events/s | streamsql K events/s | ratio |")
    print("|---|---|---|---|")
    ratios = []
    with Cluster(os.path.realpath(args.cache)) as flink:
        for name in args.queries.split():
            r = bench.ours(args, name)
            if "error" in r:
                print("| %s | | failed | |" % name, flush=True)
                print(r["error"], file=sys.stderr)
                continue
            ours = args.events / r["wall"] / 1e3
            if name in NOT_IN_FLINK:
                print("| %s | can't run it | %.0f | |" % (name, ours), flush=True)
                continue
            side = bench.side_input()
            text = SETTINGS + bench.schema(args.file, side) + "CREATE TABLE bench_out WITH ('connector' = 'blackhole') AS\n" + bench.query(name) + ";\n"
            took = flink.run(text, args.limit)
            if isinstance(took, str):
                print("| %s | failed | %.0f | |" % (name, ours), flush=True)
                print(took, file=sys.stderr)
                continue
            below = took is None
            theirs = args.events / (args.limit if below else took) / 1e3
            ratios.append(ours / theirs)
            print("| %s | %s%.0f | %.0f | %s%.0f |" % (name, "below " if below else "", theirs, ours, "over " if below else "", ours / theirs), flush=True)
    if ratios:
        print("geometric mean of the ratios: %.1f, least: %.1f" % (math.exp(sum(map(math.log, ratios)) / len(ratios)), min(ratios)))


if __name__ == "__main__":
    main()
