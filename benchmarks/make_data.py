"""Data of the benchmarks, made once under benchmarks/data/ (about 2.6 GB).

python benchmarks/make_data.py [--rows-divided-by N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).parent / "data"
ROWS, COLUMNS = 1_000_000, 50
LONG_ROWS, LONG_COLUMNS = 20_000_000, 10
LEVEL_COLUMNS = 100
_BATCH = 1 << 20


def make(divisor: int = 1, folder: Path = DATA) -> Path:
    """Write what is not there yet; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shift in (("reference", 0.0), ("current", 0.1)):
        for kind, options in (("", {}), ("-plain", {"use_dictionary": False})):
            path = folder / f"{name}{kind}.parquet"
            if not path.exists():
                pq.write_table(normal_table(ROWS // divisor, shift), path, **options)
    if not (folder / "loans.parquet").exists():
        pq.write_table(loans(ROWS // divisor), folder / "loans.parquet")
    if not (folder / "levels.npy").exists():
        np.save(folder / "levels.npy", levels(ROWS // divisor))
    long = folder / "long.parquet"
    if not long.exists():
        write_long(long, LONG_ROWS // divisor)
    return folder


def normal_table(rows: int, shift: float) -> pa.Table:
    """50 columns of float64."""
    rng = np.random.default_rng(int(100 * shift))
    return pa.table({f"f{i}": rng.normal(shift, 1, rows) for i in range(COLUMNS)})


def loans(rows: int) -> pa.Table:
    """20 numeric and 5 categorical columns, and a target with 15 % events."""
    rng = np.random.default_rng(7)
    y = (rng.random(rows) < 0.15).astype(np.int64)
    columns: dict[str, object] = {
        f"n{i}": rng.normal(0.05 * i * y, 1.0, rows) for i in range(20)
    }  # fmt: skip
    for i, levels in enumerate((3, 5, 8, 12, 30)):
        names = np.array([f"level {k:02d}" for k in range(levels)])
        skew = rng.dirichlet(np.full(levels, 5.0), 2)
        drawn = np.where(y == 1, rng.choice(levels, rows, p=skew[1]),
                         rng.choice(levels, rows, p=skew[0]))  # fmt: skip
        columns[f"c{i}"] = names[drawn]
    return pa.table(columns | {"target": y})


def levels(rows: int) -> np.ndarray:
    """100 columns of 2 to 8 levels, each second one related to a common cause."""
    rng = np.random.default_rng(13)
    cause = rng.integers(0, 256, rows)
    table = np.empty((rows, LEVEL_COLUMNS), dtype=np.uint8)
    for k, size in enumerate(rng.integers(2, 9, LEVEL_COLUMNS)):
        column = rng.integers(0, size, rows)
        if k % 2:
            column = np.where(rng.random(rows) < k / 200, cause % size, column)
        table[:, k] = column
    return table


def write_long(path: Path, rows: int) -> None:
    """10 columns of float32, in row groups of pyarrow's default size."""
    rng = np.random.default_rng(11)
    names = [f"f{i}" for i in range(LONG_COLUMNS)]
    schema = pa.schema([(n, pa.float32()) for n in names])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, _BATCH):
            size = min(_BATCH, rows - start)
            part = {n: rng.standard_normal(size, dtype=np.float32) for n in names}
            writer.write_table(pa.table(part, schema=schema))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the data of the benchmarks.")
    parser.add_argument("--rows-divided-by", type=int, default=1)
    print(make(parser.parse_args().rows_divided_by))
