"""Parquet files through pyarrow: row groups read column by column, counted by the numpy kernel.

The same integers as DuckDB's for less work; used where pyarrow is installed.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infometric.exceptions import DataError, SourceError
from infometric.state.encoders import SAMPLE_SIZE, Column, concatenate, hashed_rows, plain
from infometric.typing import Array
from infometric.validation import (
    HELD_ROWS,
    LazyColumns,
    Table,
    census_of,
    date_column,
    refuse_twice,
)

_ROWS = 1 << 21  # rows of one column held at once


class ParquetTable(Table):
    """A Parquet file, or a glob of files with one schema, as a table.

    Parameters
    ----------
    path : str or path-like
        File; a name with ``*`` is a glob.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.

    Raises
    ------
    SourceError
        Where a file is no Parquet, ends too early, or has other columns than the first.
    """

    def __init__(self, path: Any, *, categorical: Sequence[str] | bool = ()) -> None:
        self.path = os.fspath(path)
        self.where = self.path
        self._categorical = categorical
        self.files = sorted(glob.glob(self.path)) if "*" in self.path else [self.path]
        schemas = [self._guard(file, partial(pq.read_schema, file)) for file in self.files]
        self._schema = schemas[0]
        self.names = tuple(map(str, self._schema.names))
        refuse_twice(self.names)
        for file, schema in zip(self.files, schemas, strict=True):
            if schema.names != self._schema.names:
                raise SourceError(
                    f"{file} has other columns than {self.files[0]}.",
                    got=sorted(set(schema.names) ^ set(self._schema.names))[:5],
                    hint="give files of one schema, or read them one by one",
                )
        self._last: dict[tuple[str, int, str], Column] = {}
        self._open: dict[str, Any] = {}

    def _guard(self, file: str, read: Callable[[], Any]) -> Any:
        """What `read` gives; pyarrow's errors as errors of the source."""
        try:
            return read()
        except (pa.ArrowException, OSError) as error:
            first = str(error).splitlines()[0]
            raise SourceError(
                f"{file} cannot be read as a table: {first}",
                hint="write it anew: frame.to_parquet(path)",
            ) from error

    def _file(self, file: str) -> Any:
        """Open file; its text columns come as codes and levels."""
        if file not in self._open:
            text = [f.name for f in self._schema if _is_text(f.type)]
            self._open[file] = self._guard(
                file, lambda: pq.ParquetFile(file, read_dictionary=text, pre_buffer=False)
            )
        return self._open[file]

    @cached_property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return sum(self._file(file).metadata.num_rows for file in self.files)

    def sample(self, names: Sequence[str]) -> Iterator[Column]:
        """A repeatable sample of the rows of each column; categories are complete."""
        self.require(names)
        for name in names:
            parts, start = [], 0
            for batch in self.batches([name]):
                column = batch[name]
                size = len(column.values)
                if column.numeric and self.n_rows > SAMPLE_SIZE:
                    column = column.rows(hashed_rows(start, size, self.n_rows))
                parts.append(column)
                start += size
            yield concatenate(name, parts)

    def column(self, name: str) -> Column:
        """One whole column."""
        return concatenate(name, [batch[name] for batch in self.batches([name])])

    def census(self, name: str) -> tuple[Column, Array]:
        """Distinct values of a column as a column, and how many rows have each: by batches."""
        parts = [census_of(batch[name]) for batch in self.batches([name])]
        seen = concatenate(name, [column for column, _ in parts]).as_levels()
        return census_of(seen, np.concatenate([counts for _, counts in parts]))

    def batches(self, names: Sequence[str]) -> Iterator[LazyColumns]:
        """All rows of the named columns, in order."""
        self.require(names)
        for file in self.files:
            for group in range(self._file(file).num_row_groups):
                yield from self._group(file, group, names)

    def _group(self, file: str, group: int, names: Sequence[str]) -> Iterator[LazyColumns]:
        """Batches of one row group: whole columns read one by one, or slices of a large one."""
        source = self._file(file)
        rows = source.metadata.row_group(group).num_rows
        if rows <= _ROWS:
            yield LazyColumns(partial(self.read, file, group), names, rows)
            return
        slices = source.iter_batches(
            _ROWS, row_groups=[group], columns=list(names), use_threads=False
        )
        while (batch := self._guard(file, lambda: next(slices, None))) is not None:
            columns = {n: self.converted(n, batch.column(n)) for n in names}
            yield LazyColumns(columns.__getitem__, names, batch.num_rows)

    def read(self, file: str, group: int, name: str) -> Column:
        """Column of one row group; the last column stays, to learn and count in one read."""
        key = (file, group, name)
        if key not in self._last:
            if self._last and next(iter(self._last))[2] != name:
                self._last.clear()
            source = self._file(file)
            values = self._guard(
                file, lambda: source.read_row_group(group, columns=[name], use_threads=False)
            ).column(0)
            whole = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
            column = self.converted(name, whole)
            if self.n_rows > HELD_ROWS:
                return column
            self._last[key] = column
        return self._last[key]

    def converted(self, name: str, values: Any) -> Column:
        """Column of an arrow array.

        Raises
        ------
        DataError
            Where the values are neither numbers, truth values nor text.
        """
        chosen = self._categorical is True or (
            not isinstance(self._categorical, bool) and name in self._categorical
        )
        column = arrow_column(name, values)
        return column.as_levels() if chosen else column


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def arrow_column(name: str, values: Any) -> Column:
    """Column of an arrow array.

    Raises
    ------
    DataError
        Where the values are neither numbers, truth values nor text.
    """
    kind = values.type
    if _is_text(kind) or pa.types.is_string_view(kind):
        values = values.dictionary_encode()
        kind = values.type
    if pa.types.is_dictionary(kind):
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        levels = tuple(plain(v) for v in values.dictionary.to_pylist())
        return Column(name, codes.astype(np.int64), None, levels)
    if pa.types.is_boolean(kind):
        codes = values.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
        return Column(name, codes.astype(np.int64), None, (False, True))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = pc.local_timestamp(values)
        kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return date_column(name, values.to_numpy(zero_copy_only=False))
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        values = values.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise DataError(
            f"Column {name!r} holds {kind}, which is neither number nor text.",
            got=str(kind),
            hint=f"exclude=[{name!r}] to leave it out, or convert it to a number or a text",
        )
    missing = None
    if values.null_count:
        missing = pc.is_null(values).to_numpy(zero_copy_only=False)
        values = values.fill_null(0)
    return Column(name, values.to_numpy(zero_copy_only=False), missing)
