"""Tables that another engine counts: what DuckDB, Spark and a warehouse have in common.

Columns are described by DuckDB's names of types, whatever the engine calls them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from infometric.exceptions import DataError
from infometric.sources import sql
from infometric.sources.refusals import Refusals
from infometric.state.encoders import (
    CategoryEncoder,
    Column,
    Encoder,
    IntervalEncoder,
    plain,
    refuse_text,
)
from infometric.typing import Array
from infometric.validation import Table, refuse_text_weights

Tables = dict[str, tuple[Array, Array | None]]
Rows = list[tuple[Any, ...]]


class EngineTable(Table):
    """A table whose own engine groups and counts its rows."""

    queries = True
    _types: dict[str, str]
    _categorical: Sequence[str] | bool = ()

    # -- what an engine defines ------------------------------------------------------------

    def _value_counts(self, name: str) -> list[tuple[Any, int]]:
        """Distinct values of a column, dates as texts, and how many rows have each."""
        raise NotImplementedError

    def _sampled(self, name: str) -> Column:
        """A sample of the rows of a column of numbers; all rows of a small table."""
        raise NotImplementedError

    # -- kinds -----------------------------------------------------------------------------

    def kind(self, name: str) -> str:
        """How a column is counted: "number", "boolean", "category" or "date".

        Raises
        ------
        DataError
            Where its type is none of these.
        """
        declared = self._types[name]
        if self._chosen(name) and sql.kind_of(declared) == "number":
            return "category"
        kind = sql.kind_of(declared)
        if kind is None:
            raise DataError(
                f"Column {name!r} holds {declared}, which is neither number nor text.",
                got=declared,
                hint=f"exclude=[{name!r}] to leave it out",
            )
        return kind

    def _chosen(self, name: str) -> bool:
        some = () if isinstance(self._categorical, bool) else self._categorical
        return self._categorical is True or name in some

    def _numeric(self, name: str) -> bool:
        return sql.kind_of(self._types[name]) == "number"

    def _require_kinds(self, encoders: Mapping[str, Encoder], weight: str | None) -> None:
        """Error where columns are not of the kinds that their encoders know, or weights no numbers.

        Raises
        ------
        DataError
            Naming all such columns.
        """
        if weight is not None and self.kind(weight) != "number":
            refuse_text_weights(weight, self._types[weight])
        refusals = Refusals(list(encoders))
        for name, encoder in encoders.items():
            with refusals.of(name):
                self._require_kind(encoder, name)
        refusals.settle()

    def _require_kind(self, encoder: Encoder, name: str) -> None:
        textual = self.kind(name) in ("category", "date") and not self._numeric(name)
        if isinstance(encoder, CategoryEncoder) and textual != encoder.textual:
            encoder.require_kind(name, self.levels(name)[0])
        elif isinstance(encoder, IntervalEncoder) and not self._numeric(name):
            refuse_text(name, self.levels(name)[0])

    # -- distinct values -------------------------------------------------------------------

    def levels(self, name: str) -> tuple[tuple[Any, ...], bool]:
        """Distinct values of a column, and whether some are missing."""
        column, _ = self.census(name)
        return tuple(column.levels or ()), bool((column.values < 0).any())

    def census(self, name: str) -> tuple[Column, Array]:
        """Distinct values of a column as a column, and how many rows have each."""
        kind = self.kind(name)
        gone = 0
        found: dict[Any, int] = {}
        for value, count in self._value_counts(name):
            if value is None or value != value:
                gone += count
            else:
                found[plain(value)] = found.get(plain(value), 0) + count
        levels = (False, True) if kind == "boolean" else tuple(found)
        codes = [i for i, level in enumerate(levels) if level in found] + [-1] * (gone > 0)
        counts = [found[level] for level in levels if level in found] + [gone] * (gone > 0)
        column = Column(name, np.array(codes, np.int64), None, levels, dates=kind == "date")
        return column, np.array(counts, np.int64)

    def sample(self, names: Sequence[str]) -> Iterator[Column]:
        """A repeatable sample of the rows of each column; categories are complete."""
        self.require(names)
        for name in names:
            yield self._sampled(name) if self.kind(name) == "number" else self.census(name)[0]

    def _by_value(
        self,
        name: str,
        encoder: Encoder,
        rows: Rows,
        target: str | None,
        classes: tuple[Any, ...] | None,
        *,
        weighted: bool,
    ) -> Tables:
        """Table of one column from rows (group, value, n, sums): the encoder maps each value."""
        rows = [(g, None if v != v else v, *rest) for g, v, *rest in rows]
        levels = tuple(dict.fromkeys(plain(row[1]) for row in rows if row[1] is not None))
        codes = np.arange(-1, len(levels))
        cells = encoder.encode(Column(name, codes, None, levels)).tolist()
        place = dict(zip((None, *levels), cells, strict=True))
        mapped = [(0, group, place[plain(level)], *rest) for group, level, *rest in rows]
        return sql.tables(mapped, {name: encoder}, target, classes, weighted=weighted)
