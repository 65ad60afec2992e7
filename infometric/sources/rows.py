"""Some rows of a table, held in memory."""

from __future__ import annotations

from collections.abc import Sequence

from infometric.state.encoders import Column, concatenate
from infometric.typing import Array
from infometric.validation import FrameTable, Table, used_levels


class RowsTable(FrameTable):
    """Rows of another table, such as a part that is kept for a test.

    Parameters
    ----------
    table : Table
        The whole; its rows have an order.
    parts : mapping of str to Column
        All of its columns, as `whole_columns` reads them.
    rows : ndarray of int
        Numbers of the rows.
    """

    def __init__(self, table: Table, parts: dict[str, Column], rows: Array) -> None:
        self._parts, self._rows = parts, rows
        self.names = table.names
        self.where = table.where

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self._rows)

    def column(self, name: str) -> Column:
        """One column; a category that none of the rows has is no level of it."""
        column = self._parts[name].rows(self._rows)
        if column.levels is None:
            return column
        used = used_levels(name, column.values, column.levels)
        return Column(name, used.values, None, used.levels, column.dates)

    def integers(self) -> Array | None:
        """The columns lie apart."""
        return None


def whole_columns(table: Table, names: Sequence[str]) -> dict[str, Column]:
    """Columns of a table, all of which are read in one pass.

    Examples
    --------
    >>> import numpy as np
    >>> table = FrameTable(np.array([[1, 5], [2, 6], [3, 7]]))
    >>> columns = whole_columns(table, table.names)
    >>> RowsTable(table, columns, np.array([2, 0])).column("x1").values.tolist()
    [7, 5]
    """
    parts: dict[str, list[Column]] = {name: [] for name in names}
    for batch in table.batches(names):
        for name in names:
            parts[name].append(batch[name])
    return {name: concatenate(name, found) for name, found in parts.items()}
