"""Where tables come from: memory, files through DuckDB or pyarrow, Spark and warehouses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from infometric.validation import FrameTable, Table


def open_table(data: Any, *, categorical: Sequence[str] | bool = (), name: str = "x") -> Table:
    """Table of an array, a frame, a path of CSV or Parquet, a frame of Spark or a table of Ibis.

    Parameters
    ----------
    data : array-like, frame, path or Table
        What holds the columns. Frames of Spark and tables of Ibis are counted where they lie.
    categorical : sequence of str or True
        Columns whose numbers are categories.
    name : str
        Name of a one-dimensional array.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        return _open_file(data, categorical)
    return _open_warehouse(data, categorical) or FrameTable(
        data, categorical=categorical, name=name
    )


def _open_warehouse(data: Any, categorical: Sequence[str] | bool) -> Table | None:
    """Table of a frame of Spark or a table of Ibis; None of anything else."""
    ibis = sys.modules.get("ibis")
    spark = type(data).__module__.startswith("pyspark.sql.") and hasattr(data, "sparkSession")
    if not spark and (ibis is None or not isinstance(data, ibis.Table)):
        return None
    from infometric.sources.warehouse import IbisTable, SparkTable

    kind = SparkTable if spark else IbisTable
    return kind(data, categorical=categorical)


def _open_file(path: str | os.PathLike[str], categorical: Sequence[str] | bool) -> Table:
    """Table of a file: Parquet through pyarrow where that is installed, all else through DuckDB."""
    from infometric.sources.paths import check_path

    if check_path(os.fspath(path)) and find_spec("pyarrow") is not None:
        from infometric.sources.parquet import ParquetTable

        return ParquetTable(path, categorical=categorical)
    from infometric.sources.tables import FileTable

    return FileTable(path, categorical=categorical)
