"""Counting a file that is larger than memory, by target: CPU seconds and peak memory.

    python benchmarks/out_of_core.py [--rows 1e8] [--columns 10] [--kind float32] [--folder DIR]

The file is made in chunks (two Parquet files of a million rows a group, 4 GB for the default) and
deleted afterwards. Bins are frozen before: quantiles of the first million rows. Each way of
counting is a fresh process; CPU seconds are user and system time of all its threads, imports too,
and peak memory is that of the process. Writes docs/_data/out_of_core.inc.
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
clock = time.perf_counter()
path = folder + "/part-*.parquet"
table = FileTable(path) if engine == "duckdb" else open_table(path)
if engine == "fit":
    found = im.InformationValue(bins=encoders).fit(path, "target").state_
else:
    found = count_table(table, encoders, Split("target", (0, 1)))
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "cpu": usage.ru_utime + usage.ru_stime, "wall": time.perf_counter() - clock,
    "mb": usage.ru_maxrss / 1024, "rows": int(sum(s.table.sum() for s in found.values())),
    "check": [s.table.tolist() for s in found.values()],
}))
"""

WAYS = {
    "pyarrow": "`ParquetTable`: row groups through pyarrow, numpy's kernel",
    "duckdb": "`FileTable`: one query of DuckDB, memory limit 1 GB",
    "fit": "`InformationValue(bins=frozen).fit(path, 'target')`: classes, counts, state",
}


def run(code: str, *arguments: object) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="Counting a file larger than memory.")
    parser.add_argument("--rows", type=float, default=1e8)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--kind", default="float32", choices=["float32", "float64"])
    parser.add_argument("--folder", default=None, help="where the file goes; kept if given")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="infometric-")
    os.makedirs(folder, exist_ok=True)
    rows = int(options.rows)
    try:
        if not os.path.exists(f"{folder}/part-1.parquet"):
            run(MAKE, folder, rows, options.columns, options.kind, GROUP)
        Path(folder, "bins.json").write_text(run(BINS, folder))
        found: dict[str, list[dict]] = {way: [] for way in WAYS}
        for _ in range(options.repeats):
            for way in WAYS:
                time.sleep(1)
                found[way].append(json.loads(run(COUNT, folder, way, f"{folder}/bins.json")))
                print(way, {k: v for k, v in found[way][-1].items() if k != "check"}, flush=True)
        tables = [one.pop("check") for each in found.values() for one in each]
        if any(table != tables[0] for table in tables):
            raise SystemExit("The ways of counting disagree.")
        size = sum(p.stat().st_size for p in Path(folder).glob("*.parquet")) / 1e9
        write(found, rows, options.columns, options.kind, size)
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def write(found: dict[str, list[dict]], rows: int, columns: int, kind: str, size: float) -> None:
    """Write the table of the docs."""
    lines = [
        f"{rows:.0e} rows x {columns} columns of {kind}, {size:.1f} GB in two Parquet files, "
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
    (OUT / "out_of_core.inc").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
