"""Counting a file that is larger than memory, by target: CPU seconds and peak memory.

    python benchmarks/out_of_core.py [--rows 1e8] [--columns 10] [--kind float32] [--folder DIR]
    python benchmarks/out_of_core.py --rows 1e7 --ways pyarrow duckdb ibis spark --name engines

The file is made in chunks (two Parquet files of a million rows a group, 4 GB for the default) and
deleted afterwards. Bins are frozen before: quantiles of the first million rows. Each way of
counting is a fresh process; CPU seconds are user and system time of all its threads, imports too,
and peak memory is that of the process (of Spark: of Java's). Writes docs/_data/NAME.inc.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / "docs" / "_data"
GROUP = 1_000_000

MAKE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
folder, kind = sys.argv[1], sys.argv[4]
rows, columns, group = (int(sys.argv[k]) for k in (2, 3, 5))
fields = [(f"f{k}", pa.from_numpy_dtype(kind)) for k in range(columns)] + [("target", pa.int8())]
schema = pa.schema(fields)
done = 0
for part in range(2):
    path = f"{folder}/part-{part}.parquet"
    with pq.ParquetWriter(path, schema, use_dictionary=["target"]) as out:
        while done < rows * (part + 1) // 2:
            size = min(group, rows * (part + 1) // 2 - done)
            rng = np.random.default_rng([5, done])
            y = (rng.random(size, dtype=np.float32) < 0.15).astype(np.int8)
            made = []
            for k in range(columns):
                x = rng.standard_normal(size, dtype=np.float32)
                x += 0.05 * k * y
                x[rng.integers(0, size, size // 50)] = np.nan
                made.append(pa.array(x.astype(kind)))
            out.write_table(pa.table([*made, pa.array(y)], schema=schema), row_group_size=group)
            done += size
"""

BINS = """
import json, sys
import pyarrow.parquet as pq
import infometric as im
first = pq.ParquetFile(sys.argv[1] + "/part-0.parquet").read_row_group(0)
fitted = im.InformationValue().fit(first, "target")
print(json.dumps({name: e.to_dict() for name, e in fitted.encoders_.items()}))
"""

COUNT = """
import json, os, resource, sys, time
import infometric as im
from infometric.sources import open_table
from infometric.sources.counting import Split, count_table
from infometric.sources.tables import FileTable
from infometric.state.encoders import encoder_from_dict
folder, engine, bins = sys.argv[1:4]
encoders = {n: encoder_from_dict(d) for n, d in json.load(open(bins)).items()}
path = folder + "/part-*.parquet"
java = None
if engine == "spark":
    from pyspark.sql import SparkSession
    build = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    build = build.config("spark.ui.showConsoleProgress", "false")
    session = build.config("spark.driver.memory", "2g").getOrCreate()
    java = session.sparkContext._gateway.proc.pid
    data = session.read.parquet(path)
elif engine == "ibis":
    import ibis
    data = ibis.duckdb.connect().read_parquet(path)
else:
    data = FileTable(path) if engine == "duckdb" else path
def spent():
    if java is None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime
    return sum(map(int, open(f"/proc/{java}/stat").read().split()[13:15])) / os.sysconf(2)
clock, before = time.perf_counter(), spent() if java else 0.0
if engine == "fit":
    found = im.InformationValue(bins=encoders).fit(data, "target").state_
else:
    found = count_table(open_table(data), encoders, Split("target", (0, 1)))
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if java:
    lines = open(f"/proc/{java}/status").read().splitlines()
    kilobytes = next(int(x.split()[1]) for x in lines if x.startswith("VmHWM"))
print(json.dumps({
    "cpu": spent() - before, "wall": time.perf_counter() - clock, "mb": kilobytes / 1024,
    "rows": int(sum(s.table.sum() for s in found.values())),
    "check": [s.table.tolist() for s in found.values()],
}))
"""

WAYS = {
    "pyarrow": "`ParquetTable`: row groups through pyarrow, numpy's kernel",
    "duckdb": "`FileTable`: one query of DuckDB, memory limit 1 GB",
    "fit": "`InformationValue(bins=frozen).fit(path, 'target')`: classes, counts, state",
    "ibis": "`IbisTable` on DuckDB: records unnested from an array",
    "spark": "`SparkTable`, Spark in local mode: records exploded from an array",
}


def run(code: str, *arguments: object) -> str:
    """Last line that a fresh process prints; DuckDB draws a bar before it."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1] if done.stdout else ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Counting a file larger than memory.")
    parser.add_argument("--rows", type=float, default=1e8)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--kind", default="float32", choices=["float32", "float64"])
    parser.add_argument("--folder", default=None, help="where the file goes; kept if given")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=["pyarrow", "duckdb", "fit"])
    parser.add_argument("--name", default="out_of_core", help="of the table of the docs")
    options = parser.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="infometric-")
    os.makedirs(folder, exist_ok=True)
    rows = int(options.rows)
    try:
        if not os.path.exists(f"{folder}/part-1.parquet"):
            run(MAKE, folder, rows, options.columns, options.kind, GROUP)
        Path(folder, "bins.json").write_text(run(BINS, folder))
        found: dict[str, list[dict]] = {way: [] for way in options.ways}
        for _ in range(options.repeats):
            for way in options.ways:
                time.sleep(1)
                found[way].append(json.loads(run(COUNT, folder, way, f"{folder}/bins.json")))
                print(way, {k: v for k, v in found[way][-1].items() if k != "check"}, flush=True)
        tables = [one.pop("check") for each in found.values() for one in each]
        if any(table != tables[0] for table in tables):
            raise SystemExit("The ways of counting disagree.")
        size = sum(p.stat().st_size for p in Path(folder).glob("*.parquet")) / 1e9
        write(found, rows, options, size)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def write(
    found: dict[str, list[dict]], rows: int, options: argparse.Namespace, size: float
) -> None:
    """Write the table of the docs."""
    columns = options.columns
    lines = [
        f"{rows:.0e} rows x {columns} columns of {options.kind}, {size:.1f} GB in two files, "
        "counted by a binary target with frozen bins; all ways give the same integers.",
        "",
        "| way | CPU s, least | CPU s, median | wall s, least | values per CPU-s | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for way, runs in found.items():
        cpu = sorted(r["cpu"] for r in runs)
        rate = rows * columns / cpu[0]
        lines.append(
            f"| {WAYS[way]} | {cpu[0]:.1f} | {cpu[len(cpu) // 2]:.1f} | "
            f"{min(r['wall'] for r in runs):.1f} | {rate:.2g} | {max(r['mb'] for r in runs):.0f} |"
        )
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{options.name}.inc").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
