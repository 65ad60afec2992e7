"""Where tables come from: memory, and files through DuckDB, or pyarrow where that is cheaper."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from infometric.validation import FrameTable, Table


def open_table(data: Any, *, categorical: Sequence[str] | bool = (), name: str = "x") -> Table:
    """Table of an array, a frame, or the path of a CSV or Parquet file.

    Parameters
    ----------
    data : array-like, frame, path or Table
        What holds the columns.
    categorical : sequence of str or True
        Columns whose numbers are categories.
    name : str
        Name of a one-dimensional array.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        return _open_file(data, categorical)
    return FrameTable(data, categorical=categorical, name=name)


def _open_file(path: str | os.PathLike[str], categorical: Sequence[str] | bool) -> Table:
    """Table of a file: Parquet through pyarrow where that is installed, all else through DuckDB."""
    from infometric.sources.paths import check_path

    if check_path(os.fspath(path)) and find_spec("pyarrow") is not None:
        from infometric.sources.parquet import ParquetTable

        return ParquetTable(path, categorical=categorical)
    from infometric.sources.tables import FileTable

    return FileTable(path, categorical=categorical)
