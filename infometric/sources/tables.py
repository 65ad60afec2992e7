"""CSV and Parquet files as tables, through DuckDB.

Counting is one ``GROUP BY`` over cells per column in one pass over the file, under a memory limit
(`sql`).
"""

from __future__ import annotations

import glob
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import duckdb
import numpy as np

from infometric.exceptions import SourceError
from infometric.sources import sql
from infometric.sources.engine import EngineTable
from infometric.sources.paths import check_path, encoding_of, read_header, unlike_line
from infometric.state.encoders import SAMPLE_SIZE, CategoryEncoder, Column, Encoder
from infometric.typing import Array
from infometric.validation import LazyColumns, array_column, refuse_twice

MEMORY_LIMIT = "1GB"
MOST_SPELLED = 200  # categories up to which a query names each of them
_TYPES = "'BIGINT', 'DOUBLE', 'DATE', 'TIME', 'TIMESTAMP', 'VARCHAR'"  # of a CSV file
NULL_STRINGS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")


class FileTable(EngineTable):
    """A CSV or Parquet file (or a glob of them) as a table.

    Parameters
    ----------
    path : str or path-like
        File; a name with ``*`` is a glob of files with one schema.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.
    memory_limit : str
        Limit of DuckDB's memory; beyond it, it works on disk.

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
    ) -> None:
        self.path = os.fspath(path)
        self.where = self.path
        self._categorical = categorical
        self._parquet = check_path(self.path)
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
            delimiter, header = read_header(self.path)
            chosen = ""
            if delimiter:  # null strings would take a name for a missing one: names are given
                self._refuse_names(header)
                self._refuse_unlike(header)
                names = ", ".join(map(sql.literal, header))
                chosen = (
                    f", delim='{delimiter}', header=true, skip=0, names=[{names}], quote='\"', "
                    "escape='\"'"
                )
            make = (
                f"CREATE TEMP TABLE source AS SELECT * FROM read_csv({quoted}, "
                f"nullstr=[{nulls}], sample_size=100000, auto_type_candidates=[{_TYPES}]{chosen})"
            )
        self._run(make, (delimiter, len(header)) if not self._parquet and delimiter else None)
        rows = self._run("DESCRIBE source").fetchall()
        types = {str(row[0]): str(row[1]) for row in rows}
        if not self._parquet:
            types |= dict.fromkeys(self._truth_values(types), "BOOLEAN")
        if not types:
            raise SourceError(f"{self.path} has no column.", hint="give the file a header line")
        return types

    def _refuse_names(self, header: Sequence[str]) -> None:
        """Error for names that DuckDB would quietly change: twice the same, but for case."""
        refuse_twice(header)
        lower = [name.lower() for name in header]
        alike = [name for name in header if lower.count(name.lower()) > 1]
        if alike:
            raise SourceError(
                f"{self.path} has column names that differ in case alone.",
                got=alike,
                hint="rename one of them",
            )

    def _refuse_unlike(self, header: Sequence[str]) -> None:
        """Error where a file of a glob has other columns than the first."""
        for file in sorted(glob.glob(self.path))[1:] if "*" in self.path else ():
            names = read_header(file)[1]
            if names != header:
                raise SourceError(
                    f"{file} has other columns than the first file of {self.path}.",
                    got=sorted(set(names) ^ set(header))[:5] or names,
                    hint="give files of one schema, or read them one by one",
                )

    def _truth_values(self, types: Mapping[str, str]) -> list[str]:
        """Text columns of a CSV file that hold true and false alone, made booleans.

        The reader's own guess takes yes and no for booleans too, which are text in every other
        source.
        """
        texts = [name for name, declared in types.items() if declared == "VARCHAR"]
        if not texts:
            return []
        columns = map(sql.identifier, texts)
        tests = ", ".join(f"bool_and(lower({c}) IN ('true', 'false'))" for c in columns)
        answers = self._run(f"SELECT {tests} FROM source").fetchone()
        found = [name for name, true in zip(texts, answers, strict=True) if true]
        for name in found:
            self._run(f"ALTER TABLE source ALTER {sql.identifier(name)} TYPE BOOLEAN")
        return found

    def _run(self, query: str, csv: tuple[str, int] | None = None) -> Any:
        """Result of a query; `csv` is delimiter and width of a text file that it reads."""
        try:
            return self._connection.execute(query)
        except (duckdb.Error, UnicodeDecodeError) as error:
            lines = [line.strip() for line in str(error).splitlines()]
            alien = next((line for line in lines if "not utf-8 encoded" in line), None)
            uneven = unlike_line(self.path, *csv) if csv and not alien else ""
            raise SourceError(
                f"{self.path} cannot be read as a table: {alien or uneven or lines[0]}",
                hint=f"iconv -f {encoding_of(self.path)} -t utf-8 {self.path} > utf8.csv"
                if alien
                else "write it anew: frame.to_parquet(path), or a CSV file with a header line",
            ) from error

    @cached_property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return int(self._run("SELECT count(*) FROM source").fetchone()[0])

    def column(self, name: str) -> Column:
        """One whole column."""
        return self._fetch(name, "FROM source")

    def _fetch(self, name: str, rest: str) -> Column:
        self.kind(name)
        values = self._run(f"SELECT {self._plain(name)} AS value {rest}").fetchnumpy()["value"]
        column = array_column(name, as_array(values))
        column = replace(column, dates=sql.kind_of(self._types[name]) == "date")
        return column.as_levels() if self._chosen(name) else column

    def _plain(self, name: str) -> str:
        """Expression of a column in a type that numpy has."""
        quoted, declared = sql.identifier(name), self._types[name]
        if sql.kind_of(declared) in ("category", "date"):
            return sql.as_text(quoted, declared)
        return f"CAST({quoted} AS DOUBLE)" if sql.wide(declared) else quoted

    def _value_counts(self, name: str) -> list[tuple[Any, int]]:
        query = f"SELECT {self._plain(name)} AS value, count(*) FROM source GROUP BY value"
        return self._run(query).fetchall()

    def _sampled(self, name: str) -> Column:
        if self.n_rows <= SAMPLE_SIZE:
            return self.column(name)
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

    # -- counting ------------------------------------------------------------------------------

    def batches(self, names: Sequence[str]) -> Iterator[LazyColumns]:
        """All rows of the named columns, in order."""
        self.require(names)
        yield LazyColumns(self.column, names, self.n_rows)

    def tabulate(
        self,
        encoders: Mapping[str, Encoder],
        target: str | None,
        classes: tuple[Any, ...] | None,
        weight: str | None,
    ) -> dict[str, tuple[Array, Array | None]]:
        """Tables (n_groups, n_cells) of each column and of squared weights, by one query."""
        self._require_kinds(encoders, weight)
        types = {n: self._types[n] for n in self.names}
        many = [
            n
            for n, e in encoders.items()
            if isinstance(e, CategoryEncoder) and len(e.categories) > MOST_SPELLED
        ]
        few = {n: e for n, e in encoders.items() if n not in many}
        found: dict[str, tuple[Array, Array | None]] = {}
        if few:
            rows = self._run(sql.count_query(few, types, target, weight)).fetchall()
            found = sql.tables(rows, few, target, classes, weighted=weight is not None)
        for name in many:
            query = sql.level_query(self._plain(name), types, target, weight)
            rows, weighted = self._run(query).fetchall(), weight is not None
            found |= self._by_value(name, encoders[name], rows, target, classes, weighted=weighted)
        return {name: found[name] for name in encoders}


def as_array(values: Any) -> Array:
    """Numpy array of a column as DuckDB hands it over; categories as objects."""
    if isinstance(values, np.ndarray):
        return values
    return np.asarray(values, dtype=object)  # pandas Categorical of an ENUM


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
    connection.execute("SET enable_progress_bar = false")  # it is drawn on the standard output
    weakref.finalize(connection, folder.cleanup)
    return connection
