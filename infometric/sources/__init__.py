"""Where tables come from: memory, and files through DuckDB."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
        from infometric.sources.tables import FileTable

        return FileTable(data, categorical=categorical)
    return FrameTable(data, categorical=categorical, name=name)
