"""Counts by SQL: cells as CASE expressions, one GROUP BY for all columns.

The expressions follow the encoders to the letter, so that the integers equal numpy's: comparisons
with an integer column use integer bounds, NaN counts as missing, infinite values are reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infometric.exceptions import DataError
from infometric.state.encoders import (
    CategoryEncoder,
    Encoder,
    IntervalEncoder,
    greatest,
    refuse_infinite,
    thresholds,
)
from infometric.typing import Array
from infometric.validation import check_weights, plain_class

SINGLE = ("FLOAT", "REAL")
_FLOATS = ("DOUBLE", *SINGLE)
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
             "UBIGINT", "HUGEINT", "UHUGEINT")  # fmt: skip
INFINITE = -1  # cell number of infinite values: an error


def kind_of(declared: str) -> str | None:
    """Kind of a DuckDB type: "number", "boolean", "category" or "date"; None for others."""
    if declared in _FLOATS or declared in INTEGERS or declared.startswith("DECIMAL"):
        return "number"
    if declared == "BOOLEAN":
        return "boolean"
    if declared == "DATE" or declared.startswith("TIMESTAMP"):
        return "date"
    return "category" if declared in ("VARCHAR", "UUID") or declared.startswith("ENUM") else None


def as_text(column: str, declared: str) -> str:
    """Expression of a category or a date as text (`validation.date_text`), a zone's in UTC."""
    if declared == "TIMESTAMP WITH TIME ZONE":
        column = f"make_timestamp(epoch_us({column}))"
    text = f"CAST({column} AS VARCHAR)"
    dated = kind_of(declared) == "date"
    return f"regexp_replace({text}, ' 00:00:00$', '')" if dated else text


def wide(declared: str) -> bool:
    """Whether numpy has no type of its own for these numbers."""
    return declared.startswith("DECIMAL") or declared.endswith("HUGEINT")


def identifier(name: str) -> str:
    """Quoted column name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any, kind: str = "DOUBLE") -> str:
    """SQL literal of a category or a bound; `kind` is the type of a floating-point number."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, int):
        return str(value)
    return f"CAST('{value!r}' AS {kind})"


def cell_expression(encoder: Encoder, name: str, declared: str) -> str:
    """CASE expression of the cell of one column."""
    if isinstance(encoder, IntervalEncoder):
        return interval_expression(encoder, identifier(name), declared)
    if isinstance(encoder, CategoryEncoder):
        return _category(encoder, identifier(name), declared)
    raise DataError("This encoder has no SQL form.", got=type(encoder).__name__)


def interval_cases(
    encoder: IntervalEncoder, whole: tuple[int, int] | None = None, *, single: bool = False
) -> list[tuple[str, float, int]]:
    """The cells of an interval encoder as cases in order: (test, bound, cell); then the last cell.

    Tests are "missing", "=", "infinite", "<" and ">". Any language of expressions can spell them,
    so that all engines decide alike.

    Parameters
    ----------
    encoder : IntervalEncoder
        Cells.
    whole : tuple of int, optional
        Least and greatest value of a column of integers: bounds are integers then.
    single : bool
        Whether numbers are of single precision; bounds and special codes are then, too.

    Examples
    --------
    >>> interval_cases(IntervalEncoder((0.5,)), whole=(-128, 127))
    [('missing', 0, 2), ('<', 1, 0)]
    """
    cells = len(encoder.edges) + 1
    low: Any = float if whole is None else math.ceil
    high: Any = float if whole is None else math.floor
    if single:
        low, high = _least_single, _greatest_single
    outside: list[tuple[str, float, int]] = []
    if encoder.lower is not None:
        outside.append(("<", low(encoder.lower), cells))
    if encoder.upper is not None:
        outside.append((">", high(encoder.upper), cells + len(outside)))
    first = cells + len(outside)
    cases: list[tuple[str, float, int]] = [("missing", 0, encoder.n_cells - 1)]
    codes = [float(np.float32(v)) if single else float(v) for v in encoder.special]
    cases += [("=", v, first + i) for i, v in enumerate(codes)]
    cases += [] if whole is not None else [("infinite", 0, INFINITE)]
    cases += outside + [("<", low(e), i) for i, e in enumerate(encoder.edges)]
    return cases if whole is None else [_within(case, whole) for case in cases]


def _least_single(edge: float) -> float:
    return float(thresholds([edge], np.dtype("float32"))[0])


def _greatest_single(edge: float) -> float:
    return float(greatest(edge, np.dtype("float32")))


def _within(case: tuple[str, float, int], whole: tuple[int, int]) -> tuple[str, float, int]:
    """The case with a bound that engines have an integer for: beyond the type, one past its end."""
    test, bound, cell = case
    if test in "<>":
        bound = min(max(bound, whole[0] - (test == ">")), whole[1] + (test == "<"))
    return test, bound, cell


@dataclass(frozen=True)
class Dialect:
    """How an engine spells what engines spell unlike.

    Parameters
    ----------
    nan, infinite : str
        Tests of a floating-point number.
    whole : tuple of int
        Least and greatest integer of a literal.
    """

    nan: str
    infinite: str
    whole: tuple[int, int]


# isnan alone is answered from the statistics of a Parquet file, which leave NaN out
DUCKDB = Dialect("NOT (isfinite({0}) OR isinf({0}))", "isinf({0})", (-(10**309), 10**309))
SPARK = Dialect("isnan({0})", "abs({0}) = double('Infinity')", (-(2**63), 2**63 - 1))


def interval_expression(
    encoder: IntervalEncoder, column: str, declared: str, dialect: Dialect = DUCKDB
) -> str:
    """CASE expression of the cell of a column of numbers.

    Parameters
    ----------
    encoder : IntervalEncoder
        Cells.
    column : str
        Quoted name.
    declared : str
        Type of the column, as DuckDB calls it.
    dialect : Dialect
        The engine.
    """
    integers = declared in INTEGERS
    single = declared in SINGLE  # compared as it is: a cast costs a sixth of the whole query
    x = column if integers or single else f"CAST({column} AS DOUBLE)"
    nan = "" if integers else " OR " + dialect.nan.format(x)
    spelled = {"missing": f"{column} IS NULL{nan}", "infinite": dialect.infinite.format(x)}
    cases = [
        (spelled.get(test) or f"{x} {test} {literal(bound, 'FLOAT' if single else 'DOUBLE')}", cell)
        for test, bound, cell in interval_cases(
            encoder, dialect.whole if integers else None, single=single
        )
    ]
    return _case(cases, len(encoder.edges))


def _category(encoder: CategoryEncoder, column: str, declared: str) -> str:
    text = kind_of(declared) in ("category", "date")
    x = as_text(column, declared) if text else column
    nan = f" OR {DUCKDB.nan.format(column)}" if declared in _FLOATS else ""
    gone = f"{column} IS NULL{nan}"
    number = encoder.n_known
    members: dict[int, list[str]] = {}
    for category, cell in encoder.position.items():
        if isinstance(category, str) == text:
            members.setdefault(cell, []).append(literal(category))
    same = [
        (f"{x} = {names[0]}" if len(names) == 1 else f"{x} IN ({', '.join(names)})", cell)
        for cell, names in members.items()
    ]
    return _case([(gone, number + 1), *same], number)


def _case(cases: Sequence[tuple[str, int]], otherwise: int) -> str:
    whens = " ".join(f"WHEN {condition} THEN {cell}" for condition, cell in cases)
    return f"CASE {whens} ELSE {otherwise} END"


def count_query(
    encoders: Mapping[str, Encoder],
    types: Mapping[str, str],
    target: str | None,
    weight: str | None,
    source: str = "source",
) -> str:
    """One query that counts all columns in one pass: (column, group, cell, n, sum w, sum w^2)."""
    names = list(encoders)
    cells = [
        f"{cell_expression(encoder, name, types[name])} AS c{i}"
        for i, (name, encoder) in enumerate(encoders.items())
    ]
    group, w, sums = _beside(types, target, weight)
    by = [f"(c{i}{'' if target is None else ', g'})" for i in range(len(names))]
    which = "CASE " + " ".join(
        f"WHEN grouping(c{i}) = 0 THEN {i}" for i in range(len(names))
    ) + " END"  # fmt: skip
    cell = "coalesce(" + ", ".join(f"c{i}" for i in range(len(names))) + ")"
    key = "0" if target is None else "g"
    return (
        f"SELECT {which}, {key}, {cell}, count(*){sums} "
        f"FROM (SELECT {', '.join(cells)}{group}{w} FROM {source}) "
        f"GROUP BY GROUPING SETS ({', '.join(by)})"
    )


def _beside(
    types: Mapping[str, str], target: str | None, weight: str | None
) -> tuple[str, str, str]:
    """Columns g and w of the inner query, and the sums of weights of the outer one."""
    group = ""
    if target is not None:
        column = identifier(target)
        dated = kind_of(types[target]) == "date"
        group = f", {as_text(column, types[target]) if dated else column} AS g"
    if weight is None:
        return group, "", ""
    sums = ", sum(w), sum(w * w), min(w), count(*) FILTER (w IS NULL OR NOT isfinite(w))"
    return group, f", CAST({identifier(weight)} AS DOUBLE) AS w", sums


def level_query(
    column: str, types: Mapping[str, str], target: str | None, weight: str | None
) -> str:
    """Counts of each distinct value: (group, value, n, sum w, sum w^2), for many categories."""
    group, w, sums = _beside(types, target, weight)
    key = "0" if target is None else "g"
    return (
        f"SELECT {key}, value, count(*){sums} "
        f"FROM (SELECT {column} AS value{group}{w} FROM source) "
        f"GROUP BY value{'' if target is None else ', g'}"
    )


def tables(
    rows: Sequence[tuple[Any, ...]],
    encoders: Mapping[str, Encoder],
    target: str | None,
    classes: tuple[Any, ...] | None,
    *,
    weighted: bool,
) -> dict[str, tuple[Array, Array | None]]:
    """Tables of each column from the rows of `count_query`."""
    names = list(encoders)
    position = {c: i for i, c in enumerate(classes or (0,))}
    dtype = float if weighted else np.int64
    shapes = {n: (len(position), encoders[n].n_cells) for n in names}
    out = {n: np.zeros(shapes[n], dtype) for n in names}
    squares = {n: np.zeros(shapes[n]) for n in names}
    for which, group, cell, count, *sums in rows:
        name = names[which]
        if cell == INFINITE:
            refuse_infinite(name, count)
        row = 0 if target is None else plain_class(group, position, target)
        if weighted:
            total, square, least, odd = sums
            check_weights([float("nan") if odd else least], 1)
            out[name][row, cell] += total
            squares[name][row, cell] += square
        else:
            out[name][row, cell] += count
    return {n: (out[n], squares[n] if weighted else None) for n in names}
