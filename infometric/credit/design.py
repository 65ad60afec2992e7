"""What a scorecard is made from: rows as bins, and bins that leak the target or say nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from infometric.credit.discrimination import grouped_rows
from infometric.credit.leakage import leaks_of
from infometric.exceptions import DataError
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import (
    CategoryEncoder,
    Column,
    Encoder,
    IntervalEncoder,
)
from infometric.typing import Array

_EXACT = 2**53
_ACCIDENT = np.log(1e-3)  # chance of bins with one class, above which they say nothing


class Design(NamedTuple):
    """Rows of a fit: the bin of each in each column, the event, the weights, the SQL types."""

    codes: dict[str, Array]
    event: Array
    weights: Array | None
    types: dict[str, str]


def read_design(
    X: Any, y: Any, sample_weight: Any, encoders: Mapping[str, Encoder], event: Any, options: Any
) -> Design:
    """Rows of a table in the bins of each column.

    Parameters
    ----------
    X, y, sample_weight : array-like, frame, path or str
        As of `Scorecard.fit`.
    encoders : mapping of str to Encoder
        Bins of each column.
    event : object
        Class of the target that counts as the event.
    options : object
        The binning, of which `categorical` is read.
    """
    table = open_table(X, categorical=getattr(options, "categorical", ()))
    rows, weights = grouped_rows(y, table, event, sample_weight, X)
    happened = np.zeros(table.n_rows, dtype=np.int64)
    happened[rows[1]] = 1
    codes: dict[str, list[Array]] = {n: [] for n in encoders}
    types: dict[str, str] = {}
    for batch in table.batches(list(encoders)):
        for name, encoder in encoders.items():
            types[name] = sql_type(batch[name], encoder)
            codes[name].append(encoder.encode(batch[name]))
    joined = {n: np.concatenate(parts) for n, parts in codes.items()}
    return Design(joined, happened, weights, types)


def refuse_record(X: Any, names: Collection[str]) -> None:
    """Error where a single record stands in place of a table: its labels are the columns.

    Parameters
    ----------
    X : object
        What was given as a table.
    names : collection of str
        Columns that it should have.

    Raises
    ------
    DataError
        With the line that makes a table of one row.
    """
    labels = getattr(X, "index", None)
    if getattr(X, "ndim", None) != 1 or labels is None or callable(labels):
        return
    if len(names) > 1 and set(names) <= set(map(str, labels)):
        raise DataError(
            "One record was given where a table is needed: its labels are the columns.",
            got=type(X).__name__,
            hint="X.iloc[[0]], a table of one row, in place of X.iloc[0]",
        )


def sql_type(column: Column, encoder: Encoder) -> str:
    """Type of a column as DuckDB calls it.

    Integers are BIGINT where a bound lies beyond 2^53, whatever type the bound has. All other
    numbers are DOUBLE: that is exact too, since whole numbers on both sides of such a bound are,
    and it holds where the same column has fractions or missing values elsewhere.

    Examples
    --------
    >>> sql_type(Column("x", np.array([1, 2])), IntervalEncoder((2.0,)))
    'DOUBLE'
    >>> sql_type(Column("x", np.array([1, 2**60])), IntervalEncoder((2.0**60,)))
    'BIGINT'
    """
    levels = column.levels or ()
    if levels and all(isinstance(v, bool) for v in levels):
        return "BOOLEAN"
    if any(isinstance(v, str) for v in levels):
        return "VARCHAR"
    bounds: tuple[Any, ...] = ()
    if isinstance(encoder, IntervalEncoder):
        ends = (encoder.lower, encoder.upper)
        bounds = (*encoder.edges, *encoder.special, *(v for v in ends if v is not None))
    elif isinstance(encoder, CategoryEncoder):
        bounds = encoder.categories
    large = any(not isinstance(v, str) and abs(v) >= _EXACT for v in bounds)
    whole = column.values.dtype.kind in "iu" if not levels else not any(v % 1 for v in levels)
    return "BIGINT" if large and whole else "DOUBLE"


def says_nothing(s: Counts, woe: Array) -> bool:
    """Whether one bin holds all that is known of a column.

    Bins with one class beside it, of so few records that chance makes them, have no coefficient of
    their own: their evidence would be without bound.

    Examples
    --------
    >>> from infometric import Counts
    >>> says_nothing(Counts.from_counts([[800, 1], [200, 0]]), np.array([0.0, 0.4]))
    True
    """
    here = s.occupied
    if int(here.sum()) < 2 or not np.ptp(woe[here]) > 0:
        return True
    mixed = (s.table > 0).all(0)
    if int(mixed.sum()) != 1:
        return False
    records = s.table * (s.n_eff / s.n)[:, None]
    share = records.sum(1) / records.sum()
    chance = (records[:, ~mixed].sum(1) * np.log(share)).sum()
    return bool(chance > _ACCIDENT)


def leaky_bins(binning: Any) -> dict[str, str]:
    """Columns with a bin of one class that is too large for an accident, and that bin in words.

    A binning that asks for both classes in every bin hides such bins: it says what its fine cells
    were.
    """
    if hasattr(binning, "leaks_"):  # it has looked at its fine cells
        return dict(binning.leaks_)
    return leaks_of(binning.encoders_, binning.state_)
