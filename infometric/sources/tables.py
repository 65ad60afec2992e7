"""CSV and Parquet files as tables, through DuckDB.

Counting is one ``GROUP BY`` over cells per column in one pass over the file, under a memory limit
(`sql`). Where pyarrow is installed, Parquet row groups are read column by column and counted by
the numpy kernel instead: the same integers for less work.
"""

from __future__ import annotations

import glob
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from infometric.exceptions import DataError, SourceError
from infometric.sources import sql
from infometric.state.encoders import SAMPLE_SIZE, Column, Encoder, hashed_rows, plain
from infometric.typing import Array
from infometric.validation import HELD_ROWS, Table, array_column

MEMORY_LIMIT = "1GB"
NULL_STRINGS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")
_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst")
_PARQUET = (".parquet", ".pq")
_ROWS = 1 << 21  # rows of one column held at once by the pyarrow reader


class FileTable(Table):
    """A CSV or Parquet file (or a glob of them) as a table.

    Parameters
    ----------
    path : str or path-like
        File; a name with ``*`` is a glob of files with one schema.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.
    memory_limit : str
        Limit of DuckDB's memory; beyond it, it works on disk.
    use_arrow : bool, optional
        Whether Parquet is read through pyarrow; by default where it is installed.

    Raises
    ------
    SourceError
        Where the file is absent, is no table, or ends too early.
    """

    def __init__(
        self,
        path: Any,
        *,
        categorical: Sequence[str] | bool = (),
        memory_limit: str = MEMORY_LIMIT,
        use_arrow: bool | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.where = self.path
        self.one_dimensional = False
        self._categorical = categorical
        self._parquet = check_path(self.path)
        arrow = find_spec("pyarrow") is not None if use_arrow is None else use_arrow
        self._arrow = arrow and self._parquet
        self.queries = not self._arrow
        self._last: dict[tuple[str, int, str], Column] = {}
        self._connection = connect(memory_limit)
        self._types = self._describe()
        self.names = tuple(self._types)
        self.files = sorted(glob.glob(self.path)) if "*" in self.path else [self.path]

    def _describe(self) -> dict[str, str]:
        """Column types; creates the view or, for CSV, the temporary table ``source``."""
        quoted = "'" + self.path.replace("'", "''") + "'"
        if self._parquet:
            make = f"CREATE VIEW source AS SELECT * FROM read_parquet({quoted})"
        else:
            nulls = ", ".join(f"'{s}'" for s in NULL_STRINGS)
            make = (
                f"CREATE TEMP TABLE source AS SELECT * FROM read_csv({quoted}, "
                f"nullstr=[{nulls}], sample_size=100000)"
            )
        self._run(make)
        rows = self._run("DESCRIBE source").fetchall()
        types = {str(row[0]): str(row[1]) for row in rows}
        if not types:
            raise SourceError(f"{self.path} has no column.", hint="give the file a header line")
        return types

    def _run(self, query: str) -> Any:
        try:
            return self._connection.execute(query)
        except (duckdb.Error, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise SourceError(
                f"{self.path} cannot be read as a table: {first}",
                hint="write it anew: frame.to_parquet(path), or a CSV file with a header line",
            ) from error

    @cached_property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return int(self._run("SELECT count(*) FROM source").fetchone()[0])

    def kind(self, name: str) -> str:
        """How a column is counted: "number", "boolean" or "category".

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
                hint=f"leave it out: columns=[...] without {name!r}",
            )
        return kind

    def _chosen(self, name: str) -> bool:
        some = () if isinstance(self._categorical, bool) else self._categorical
        return self._categorical is True or name in some

    def column(self, name: str) -> Column:
        """One whole column."""
        return self._fetch(name, "FROM source")

    def _fetch(self, name: str, rest: str) -> Column:
        kind, quoted = self.kind(name), sql.identifier(name)
        if kind == "category" and sql.kind_of(self._types[name]) == "category":
            quoted = f"CAST({quoted} AS VARCHAR)"
        elif sql.wide(self._types[name]):
            quoted = f"CAST({quoted} AS DOUBLE)"
        values = self._run(f"SELECT {quoted} AS value {rest}").fetchnumpy()["value"]
        column = array_column(name, as_array(values))
        return column.as_levels() if self._chosen(name) else column

    def levels(self, name: str) -> tuple[tuple[Any, ...], bool]:
        """Distinct values of a column, and whether some are missing."""
        quoted = sql.identifier(name)
        text = f"CAST({quoted} AS VARCHAR)" if self.kind(name) == "category" and (
            sql.kind_of(self._types[name]) == "category") else quoted  # fmt: skip
        rows = self._run(f"SELECT DISTINCT {text} FROM source").fetchall()
        values = [plain(row[0]) for row in rows]
        known = [v for v in values if v is not None and v == v]
        return tuple(known), len(known) < len(values)

    def sample(self, names: Sequence[str]) -> Iterator[Column]:
        """A repeatable sample of the rows of each column; categories are complete."""
        self.require(names)
        for name in names:
            kind = self.kind(name)
            if kind == "number":
                yield self._sampled(name)
            elif kind == "boolean":
                yield self.column(name)
            else:
                levels, gone = self.levels(name)
                codes = np.arange(len(levels)) if not gone else np.arange(-1, len(levels))
                yield Column(name, codes, None, levels)

    def _sampled(self, name: str) -> Column:
        if self.n_rows <= SAMPLE_SIZE:
            return self.column(name)
        if self._arrow:
            return self._sampled_arrow(name)
        limit = SAMPLE_SIZE * 2**32 // self.n_rows
        quoted = "'" + self.path.replace("'", "''") + "'"
        if self._parquet and len(self.files) == 1:
            source = f"read_parquet({quoted}, file_row_number=true)"
            row = "file_row_number"
        elif self._parquet:
            source, row = "(SELECT *, row_number() OVER () - 1 AS row_ FROM source)", "row_"
        else:
            source, row = "source", "rowid"
        hashed = f"((({row} % 4294967296) * 2654435761) & 4294967295)"
        return self._fetch(name, f"FROM {source} WHERE {hashed} < {limit}")

    # -- reading through pyarrow ---------------------------------------------------------------

    def _sampled_arrow(self, name: str) -> Column:
        parts, start = [], 0
        for batch in self._arrow_batches([name]):
            column = batch[name]
            size = len(column.values)
            parts.append(column.rows(hashed_rows(start, size, self.n_rows)))
            start += size
        values = np.concatenate([c.known() for c in parts])
        return Column(name, values)

    def _arrow_batches(self, names: Sequence[str]) -> Iterator[Mapping[str, Column]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        text = [n for n in names if sql.kind_of(self._types[n]) == "category"]
        for file in self.files:
            with pq.ParquetFile(file, read_dictionary=text, pre_buffer=False) as source:
                for group in range(source.num_row_groups):
                    try:
                        yield from self._group(source, group, names, file)
                    except (pa.ArrowInvalid, OSError) as error:
                        raise SourceError(
                            f"{file} cannot be read as a table: {error}",
                            hint="write it anew: frame.to_parquet(path)",
                        ) from error

    def _group(
        self, source: Any, group: int, names: Sequence[str], file: str
    ) -> Iterator[Mapping[str, Column]]:
        """Batches of one row group: whole columns read one by one, or slices of a large one."""
        if source.metadata.row_group(group).num_rows <= _ROWS:
            yield _ArrowGroup(self, source, group, names, file)
            return
        for batch in source.iter_batches(
            _ROWS, row_groups=[group], columns=list(names), use_threads=False
        ):
            yield {n: self.arrow_column(n, batch.column(n)) for n in names}

    def remember(self, name: str, file: str, group: int, read: Callable[[str], Column]) -> Column:
        """Column of one row group; the last column stays, to learn and count in one read."""
        key = (file, group, name)
        if key not in self._last:
            if self._last and next(iter(self._last))[2] != name:
                self._last.clear()
            column = read(name)
            if self.n_rows > HELD_ROWS:
                return column
            self._last[key] = column
        return self._last[key]

    def arrow_column(self, name: str, values: Any) -> Column:
        """Column of an arrow array."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = self.kind(name)
        if pa.types.is_dictionary(values.type):
            codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            levels = tuple(str(v) for v in values.dictionary.to_pylist())
            return Column(name, codes.astype(np.int64), None, levels)
        if pa.types.is_boolean(values.type):
            codes = values.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
            return Column(name, codes.astype(np.int64), None, (False, True))
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        missing = None
        if values.null_count:
            missing = pc.is_null(values).to_numpy(zero_copy_only=False)
            values = values.fill_null(0)
        column = Column(name, values.to_numpy(zero_copy_only=False), missing)
        return column.as_levels() if kind == "category" else column

    # -- counting ------------------------------------------------------------------------------

    def batches(self, names: Sequence[str]) -> Iterator[Mapping[str, Column]]:
        """All rows of the named columns, in order."""
        self.require(names)
        if self._arrow:
            yield from self._arrow_batches(names)
        else:
            yield _Fetched(self, names)

    def tabulate(
        self,
        encoders: Mapping[str, Encoder],
        target: str | None,
        classes: tuple[Any, ...] | None,
        weight: str | None,
    ) -> dict[str, tuple[Array, Array | None]]:
        """Tables (n_groups, n_cells) of each column and of squared weights, by one query."""
        types = {n: self._types[n] for n in self.names}
        query = sql.count_query(encoders, types, target, weight)
        rows = self._run(query).fetchall()
        return sql.tables(rows, encoders, target, classes, weighted=weight is not None)


class _Fetched(Mapping[str, Column]):
    """Columns that DuckDB reads when asked for."""

    def __init__(self, table: FileTable, names: Sequence[str]) -> None:
        self._table, self._names = table, names

    def __getitem__(self, name: str) -> Column:
        return self._table.column(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _ArrowGroup(Mapping[str, Column]):
    """Columns of one row group, read when asked for: one column is in memory at a time."""

    def __init__(
        self, table: FileTable, source: Any, group: int, names: Sequence[str], file: str
    ) -> None:
        self._table, self._source, self._group, self._names = table, source, group, names
        self._file = file
        self.n_rows = source.metadata.row_group(group).num_rows

    def __getitem__(self, name: str) -> Column:
        return self._table.remember(name, self._file, self._group, self._read)

    def _read(self, name: str) -> Column:
        read = self._source.read_row_group(self._group, columns=[name], use_threads=False)
        return self._table.arrow_column(name, read.column(0).combine_chunks())

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def as_array(values: Any) -> Array:
    """Numpy array of a column as DuckDB hands it over; categories as objects."""
    if isinstance(values, np.ndarray):
        return values
    return np.asarray(values, dtype=object)  # pandas Categorical of an ENUM


def check_path(path: str) -> bool:
    """Whether a path names Parquet; an error where it names no file or no kind of table.

    Raises
    ------
    SourceError
        Where the file is absent, empty, or of a kind that is not read.
    """
    lower = path.lower()
    parquet, csv = lower.endswith(_PARQUET), lower.endswith(_CSV)
    if not (parquet or csv):
        raise SourceError(
            f"{path} is neither a CSV nor a Parquet file by its name.",
            got=Path(path).suffix or path,
            hint="name it .csv, .csv.gz, .tsv or .parquet, or pass a frame",
        )
    found = glob.glob(path) if "*" in path else [path] * os.path.isfile(path)
    if not found:
        near = _nearest(path)
        raise SourceError(
            f"There is no file {path}.",
            hint=f"use {near}" if near else "check the path: ls " + (os.path.dirname(path) or "."),
        )
    if any(os.path.getsize(f) == 0 for f in found):
        raise SourceError(f"{path} is empty.", got="0 bytes", hint="write the file again")
    return parquet


def _nearest(path: str) -> str | None:
    import difflib

    folder = os.path.dirname(path) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    close = difflib.get_close_matches(os.path.basename(path), names, n=1)
    return os.path.join(os.path.dirname(path), close[0]) if close else None


def connect(memory_limit: str) -> Any:
    """DuckDB in memory, spilling into a folder that goes with the connection."""
    folder = tempfile.TemporaryDirectory(prefix="infometric-", ignore_cleanup_errors=True)
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "temp_directory": folder.name,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    weakref.finalize(connection, folder.cleanup)
    return connection
