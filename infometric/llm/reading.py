"""Token scores and counts out of Parquet, through DuckDB: flat arrays, without a loop over rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from infometric.exceptions import ColumnError, DataError, SourceError, and_list
from infometric.llm.columns import ALIGNED, APART, MOST_TOKENS
from infometric.sources.paths import is_parquet_name, refuse_no_file
from infometric.sources.sql import INTEGERS, identifier
from infometric.sources.tables import MEMORY_LIMIT, connect
from infometric.state.ragged import Ragged, spans
from infometric.typing import Array

CHUNK = 1 << 23  # tokens of a file that are in memory at a time
FLOATS = ("DOUBLE", "FLOAT")
LISTS = ("ids", "logprob", *ALIGNED, *APART)
PLAIN = ("text", "zlib", "bytes", "name")
FACTS = ("tokenizer", "model", "context", "vocabulary_size")


class TokenFile:
    """A Parquet file with a row per text.

    Parameters
    ----------
    path : str or path-like
        File, or a pattern of files.

    Raises
    ------
    SourceError
        Where it is absent or no Parquet file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        if not is_parquet_name(self.path):
            raise SourceError(
                f"{self.path} is no Parquet file by its name.",
                got=self.path,
                hint="tokens.to_parquet('scores.parquet'), or TokenScores.load of an .npz file",
            )
        refuse_no_file(self.path, "parquet")
        self._connection = connect(MEMORY_LIMIT)
        quoted = self.path.replace("'", "''")
        self._source = f"read_parquet('{quoted}')"
        described = self._run(f"DESCRIBE SELECT * FROM {self._source}").fetchall()
        self.types = {str(row[0]): str(row[1]) for row in described}

    def _run(self, query: str) -> Any:
        import duckdb

        try:
            return self._connection.execute(query)
        except duckdb.Error as error:
            raise SourceError(
                f"{self.path} cannot be read: {str(error).splitlines()[0]}",
                hint="write the file again: tokens.to_parquet(path)",
            ) from error

    def __len__(self) -> int:
        return int(self._run(f"SELECT count(*) FROM {self._source}").fetchone()[0])

    def require(self, name: str) -> None:
        """Error where a column is absent, naming the nearest."""
        if name not in self.types:
            raise ColumnError.missing(name, self.types, where=self.path)

    def lists(self, name: str, rows: tuple[int, int] | None) -> Ragged:
        """Column of lists as one ragged array; of lists of lists, the means of the inner ones."""
        kind, column = self.types[name], identifier(name)
        inner, depth = kind.split("[")[0], kind.count("[")
        allowed = (1, 2) if name == "neighbors" else (1,)
        fits = inner in INTEGERS or (name != "ids" and inner in FLOATS)
        if depth not in allowed or not fits:
            raise DataError(
                f"Column {name!r} of {self.path} holds {kind}, not one list of "
                f"{'whole ' * (name == 'ids')}numbers per text.",
                got=kind,
                hint="a column of lists, as tokens.to_parquet(path) writes it",
            )
        part = self._part(rows)
        if depth > 1:
            self._refuse_holes(column, part, name)
            column = f"[list_avg(one) for one in {column}]"
        found = self._run(
            f"SELECT coalesce(len({column}), -1) AS size, "
            f"coalesce(list_count({column}), 0) AS known FROM {part}"
        ).fetchnumpy()
        sizes = np.asarray(found["size"], np.int64)
        bad = sizes != np.asarray(found["known"], np.int64)
        if bad.any():
            raise DataError(
                f"A value of {name!r} in row {int(np.flatnonzero(bad)[0])} of {self.path} is "
                "missing.",
                got=None,
                hint="leave out the first token of a server that gives it no log-probability",
            )
        wide = column if name == "ids" else f"CAST({column} AS FLOAT[])"
        values = self._run(f"SELECT unnest({wide}) AS v FROM {part}").fetchnumpy()["v"]
        return Ragged(np.ma.getdata(values), np.concatenate([[0], np.cumsum(sizes)]))

    def _refuse_holes(self, column: str, part: str, name: str) -> None:
        """Error where a copy of a text lacks a value, which a mean would pass over."""
        copies = f"SELECT unnest({column}) AS copy FROM {part}"
        query = (
            f"SELECT count(*) FROM ({copies}) WHERE list_count(copy) < len(copy) OR len(copy) = 0"
        )
        if self._run(query).fetchone()[0]:
            raise DataError(
                f"A value of {name!r} of {self.path} is missing.",
                got=None,
                hint="leave out the copies that were not scored",
            )

    def plain(self, name: str, rows: tuple[int, int] | None) -> list[Any]:
        """Column of one value per text."""
        found = self._run(f"SELECT {identifier(name)} FROM {self._part(rows)}").fetchall()
        return [row[0] for row in found]

    def columns(self, rows: tuple[int, int] | None = None) -> dict[str, Any]:
        """Arguments of `TokenScores.from_lists` that some rows hold; all by default.

        Raises
        ------
        ColumnError
            Where there are no log-probabilities.
        """
        self.require("logprob")
        parts: dict[str, Any] = {n: self.lists(n, rows) for n in LISTS if n in self.types}
        plain = {n: self.plain(n, rows) for n in PLAIN if n in self.types}
        if "name" in plain:
            plain["names"] = plain.pop("name")
        if "text" in plain and "zlib" in plain:
            del plain["text"]
        return parts | plain | self.facts

    def parts(self, column: str) -> Iterator[tuple[int, int]]:
        """Ranges of rows whose lists of a column hold some million values together."""
        self.require(column)
        query = f"SELECT coalesce(len({identifier(column)}), 0) AS n FROM {self._source}"
        sizes = np.asarray(self._run(query).fetchnumpy()["n"], np.int64)
        return spans(np.concatenate([[0], np.cumsum(sizes)]), CHUNK)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the file says of all texts."""
        found = {name: self.fact(name) for name in FACTS if name in self.types}
        return {name: value for name, value in found.items() if value is not None}

    def fact(self, name: str) -> Any:
        """The one value of a column that says the same of every text.

        Raises
        ------
        DataError
            Where there are several: the texts do not belong together.
        """
        query = f"SELECT DISTINCT {identifier(name)} FROM {self._source} LIMIT 3"
        found = [row[0] for row in self._run(query).fetchall()]
        if len(found) > 1:
            raise DataError(
                f"{self.path} holds scores of several {name}s, which do not belong together.",
                got=found,
                hint=f"one file for each {name}",
            )
        return found[0] if found else None

    def _part(self, rows: tuple[int, int] | None) -> str:
        if rows is None:
            return self._source
        start, stop = rows
        return f"(SELECT * FROM {self._source} LIMIT {stop - start} OFFSET {start})"


def parquet_counts(
    path: str | os.PathLike[str], column: str, count: str, most: int | None
) -> tuple[Array, int]:
    """Counts of the tokens of a column of lists, by one GROUP BY of DuckDB, and the documents."""
    file = TokenFile(path)
    file.require(column)
    name = identifier(column)
    cut = name if most is None else f"list_slice({name}, 1, {most})"
    kinds = f"list_distinct({cut})" if count == "document" else cut
    rows = file._run(
        f"SELECT id, count(*) AS n FROM (SELECT unnest({kinds}) AS id FROM {file._source}) "
        "GROUP BY id"
    ).fetchnumpy()
    return by_number(rows["id"], rows["n"]), len(file)


def by_number(kinds: Any, counts: Any) -> Array:
    """Counts in the order of the numbers of the tokens.

    Raises
    ------
    DataError
        Where a number or a count is missing, negative, not whole, or larger than any vocabulary.
    """
    numbered, found = (whole_numbers(v, what) for v, what in ((kinds, "Numbers of tokens"),
                                                             (counts, "Counts")))  # fmt: skip
    if len(numbered) and numbered.max() >= MOST_TOKENS:
        raise DataError(
            f"No vocabulary has more than {MOST_TOKENS:,} tokens.",
            got=int(numbered.max()),
            hint="the column of token numbers first, then their counts",
        )
    out = np.zeros(int(numbered.max(initial=-1)) + 1, np.int64)
    np.add.at(out, numbered, found)
    return out


def whole_numbers(values: Any, what: str) -> Array:
    """Whole numbers that are not negative, as int64.

    Raises
    ------
    DataError
        Where one is missing or of another kind.
    """
    gone = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else np.zeros(1, bool)
    plain = np.asarray(np.ma.getdata(values))
    right = plain.dtype.kind in "iuf" and not gone.any()
    if right and plain.dtype.kind == "f":
        right = bool((plain == np.rint(plain)).all())
    if not right or (len(plain) and plain.min() < 0):
        bad = plain[plain < 0][:3] if right else plain[:5]
        raise DataError(
            f"{what} are whole and not negative.",
            got=None if gone.any() else bad.tolist(),
            hint="SELECT id, count(*) AS count FROM tokens GROUP BY id, with id the number of a "
            "token: tokenizer.convert_tokens_to_ids(token)",
        )
    return plain.astype(np.int64)


def column_numbers(column: Any) -> Any:
    """Values of a column of a table that is of numbers, missing ones masked.

    Raises
    ------
    DataError
        Where it holds texts.
    """
    if not column.numeric:
        raise DataError(
            f"Column {column.name!r} holds texts, and tokens are counted by number.",
            got=list(column.levels or ())[:3],
            hint="tokenizer.convert_tokens_to_ids(tokens) for the column of tokens",
        )
    values = np.asarray(column.values)
    if column.missing is not None:
        return np.ma.masked_array(values, column.missing)
    return values


def counted_rows(counts: Any) -> Any:
    """Counts in the order of token numbers, of the rows of a GROUP BY wherever they lie."""
    if isinstance(counts, Mapping):
        return counts
    if isinstance(counts, str | os.PathLike) or hasattr(counts, "columns"):
        return of_frame(counts)
    if isinstance(counts, list | tuple) and len(counts) and np.ndim(counts[0]) == 1:
        pairs = [tuple(row) for row in counts]
        if any(len(row) != 2 for row in pairs):
            raise DataError(
                "Rows of counts are pairs: the number of a token, and its count.",
                got=pairs[0],
                hint="connection.execute('SELECT id, count(*) FROM tokens GROUP BY id').fetchall()",
            )
        kinds, found = (np.array(part) for part in zip(*pairs, strict=True))
        return by_number(kinds, found)
    return counts


def of_frame(frame: Any) -> Array:
    """Counts of a frame, a relation of DuckDB, a frame of Spark or a file."""
    from infometric.sources import open_table

    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and isinstance(frame, duckdb.DuckDBPyRelation):
        columns = frame.fetchnumpy()
        chosen = pair_of(list(columns))
        return by_number(*(columns[name] for name in chosen))
    if type(frame).__module__.startswith("pyspark.sql."):
        chosen = pair_of(list(frame.columns))
        rows = frame.select(*chosen).collect()
        return by_number(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
    table = open_table(frame)
    return by_number(*(column_numbers(table.column(name)) for name in pair_of(table.names)))


def pair_of(names: Any) -> tuple[str, str]:
    """Columns of the numbers and of the counts.

    Raises
    ------
    DataError
        Where there are fewer than two columns.
    """
    lower = {str(name).lower(): name for name in names}
    kinds = next((lower[k] for k in ("id", "token", "token_id", "ids") if k in lower), None)
    found = next((lower[k] for k in ("count", "n", "counts", "frequency") if k in lower), None)
    if kinds is not None and found is not None:
        return kinds, found
    if len(list(names)) < 2:
        raise DataError(
            "Counts need two columns: the number of a token, and how often it occurs.",
            got=and_list(list(names)),
            hint="SELECT id, count(*) AS count FROM tokens GROUP BY id",
        )
    first, second = list(names)[:2]
    return first, second


def token_scores(data: Any) -> Any:
    """Token scores of what a user has: themselves, a file, a frame, or lists of log-probabilities.

    Raises
    ------
    DataError
        Where it is none of these.
    """
    from infometric.llm.tokens import TokenScores

    if isinstance(data, TokenScores):
        return data
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        npz = path.lower().endswith(".npz")
        return TokenScores.load(path) if npz else TokenScores.from_parquet(path)
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return TokenScores.from_lists(**frame_parts(data))
    return TokenScores.from_lists(logprob=data)


def token_parts(data: Any) -> Any:
    """Token scores in parts: a Parquet file some million tokens at a time, all else in one."""
    if isinstance(data, str | os.PathLike) and is_parquet_name(os.fspath(data)):
        from infometric.llm.tokens import TokenScores

        file = TokenFile(data)
        for rows in file.parts("logprob"):
            yield TokenScores.from_lists(**file.columns(rows))
        if not len(file):
            yield TokenScores.from_lists(**file.columns())
        return
    yield token_scores(data)


def frame_parts(frame: Any) -> dict[str, Any]:
    """Arguments of `TokenScores.from_lists` that a frame of pandas, polars or pyarrow holds.

    Raises
    ------
    ColumnError
        Where it has no log-probabilities.
    """
    names = [str(n) for n in getattr(frame, "column_names", frame.columns)]
    if "logprob" not in names:
        raise ColumnError.missing("logprob", names, where="the frame")

    def column(name: str) -> Any:
        found = frame[name]
        return found if hasattr(found, "to_pylist") else found.to_list()

    parts: dict[str, Any] = {n: column(n) for n in (*LISTS, *PLAIN) if n in names}
    if "name" in parts:
        found = parts.pop("name")
        parts["names"] = found.to_pylist() if hasattr(found, "to_pylist") else found
    for name in FACTS:
        if name in names:
            values = column(name)
            values = values.to_pylist() if hasattr(values, "to_pylist") else values
            distinct = list(dict.fromkeys(values))
            if len(distinct) > 1:
                raise DataError(
                    f"The frame holds scores of several {name}s, which do not belong together.",
                    got=distinct[:3],
                    hint=f"one frame for each {name}",
                )
            if distinct and distinct[0] is not None:
                parts[name] = distinct[0]
    return parts


def some_ids(data: str | os.PathLike[str], most: int) -> Any:
    """Token numbers of some texts of a file, the same each time; None where it has none."""
    if not is_parquet_name(os.fspath(data)):
        tokens = token_scores(data)
        if tokens.ids is None or len(tokens) <= most:
            return None if tokens.ids is None else tokens
        return tokens[np.sort(np.random.default_rng(0).choice(len(tokens), most, replace=False))]
    file = TokenFile(data)
    if "ids" not in file.types:
        return None
    size = len(file)
    wanted = np.arange(size)
    if size > most:
        wanted = np.sort(np.random.default_rng(0).choice(size, most, replace=False))
    parts = []
    for start, stop in file.parts("ids"):
        mine = wanted[(wanted >= start) & (wanted < stop)] - start
        if len(mine):
            parts.append(file.lists("ids", (start, stop)).take(mine))
    return [list(p.values[a:b]) for p in parts for a, b in pairwise(p.offsets)]
