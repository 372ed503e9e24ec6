#!/usr/bin/env python3
"""Asks DuckDB (pip install duckdb) and PostgreSQL (psql, as PGHOST and its like say; time zone UTC) for the
results of oracles.tsv, and prints those that differ. Numbers are compared as numbers, midnight of a day is the
day, and NULL of psql is the text NULL."""
import os
import re
import subprocess

import duckdb


def plain(x):
    x = "NULL" if x is None else str(x).strip()
    x = {"t": "true", "f": "false", "nan": "NaN"}.get(x, x)
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", x):
        return repr(float(x))
    x = re.sub(r"(:\d\d)\.0+$", r"\1", x)
    x = re.sub(r"(:\d\d\.\d*[1-9])0+$", r"\1", x)
    return re.sub(r"^(\d{4}-\d\d-\d\d) 00:00:00$", r"\1", x)


def postgres(asked):
    script = "".join(f"\\echo @@{i}\nSELECT coalesce(({sql})::text, 'NULL');\n" for i, sql in asked)
    out = subprocess.run(["psql", "-XqAt"], input=script, capture_output=True, text=True, check=True).stdout
    return {int(n): text.rstrip("\n") for n, text in re.findall(r"^@@(\d+)\n((?:(?!@@).*\n?)*)", out, re.M)}


con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
lines = open(os.path.join(os.path.dirname(__file__), "oracles.tsv"), encoding="utf-8").read().splitlines()
rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
asked = [(i, r[0] if r[3] == "=" else r[3]) for i, r in enumerate(rows) if r[3] != "-"]
of_postgres = postgres(asked)
for i, (sql, want, duck, _) in enumerate(rows):
    answers = {}
    if duck != "-":
        answers["DuckDB"] = con.execute(f"SELECT CAST(({sql if duck == '=' else duck}) AS VARCHAR)").fetchone()[0]
    if i in of_postgres:
        answers["PostgreSQL"] = of_postgres[i]
    for name, got in answers.items():
        if plain(got) != plain(want):
            print(f"{sql}: {want}, {name}: {got}")
