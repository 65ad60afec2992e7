"""The boundary: parameters, arrays and frames are checked here, once.

Parameter constraints are data, and the messages are generated from them. Frames of any library
that narwhals knows are read column by column into `Column`; nothing behind this module sees a
frame.
"""

from __future__ import annotations

import copy
import difflib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Self

import numpy as np

from infometric.exceptions import (
    ColumnError,
    DataError,
    InvalidParameterError,
    Shown,
    UnsupportedError,
    and_list,
)
from infometric.state.counts import Counts
from infometric.state.encoders import Column, plain, refuse_dates, sample_rows
from infometric.typing import Array


@dataclass(frozen=True)
class Span:
    """Constraint: a number between two bounds; an open end without a bound leaves infinity out."""

    kind: Any
    low: float | None = None
    high: float | None = None
    closed: str = "both"

    def holds(self, value: Any) -> bool:
        """Whether `value` satisfies the constraint."""
        if isinstance(value, bool | np.bool_) or not isinstance(value, self.kind):
            return False
        above = self.low is None or value > self.low or (value == self.low and self._has("left"))
        high = float("inf") if self.high is None else self.high
        below = value < high or (value == high and self._has("right"))
        return bool(above and below)

    def _has(self, side: str) -> bool:
        return self.closed in ("both", side)

    def __str__(self) -> str:
        noun = "an integer" if issubclass(self.kind, Integral) else "a number"
        left = "(-inf" if self.low is None else f"{'[' if self._has('left') else '('}{self.low:g}"
        right = (
            ("inf]" if self._has("right") and not issubclass(self.kind, Integral) else "inf)")
            if self.high is None
            else f"{self.high:g}{']' if self._has('right') else ')'}"
        )
        return f"{noun} in {left}, {right}"


@dataclass(frozen=True)
class OneOf:
    """Constraint: one of a few values."""

    options: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether `value` satisfies the constraint."""
        return any(value is o or (isinstance(value, str) and value == o) for o in self.options)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(repr, self.options))


@dataclass(frozen=True)
class Having:
    """Constraint: an instance of a type, or an object with a method."""

    what: Any
    text: str

    def holds(self, value: Any) -> bool:
        """Whether `value` satisfies the constraint."""
        if isinstance(self.what, str):
            return hasattr(value, self.what) and not isinstance(value, type)
        return isinstance(value, self.what)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Increasing:
    """Constraint: so many numbers, each above the last."""

    size: int

    def holds(self, value: Any) -> bool:
        """Whether `value` satisfies the constraint."""
        if not isinstance(value, list | tuple) or len(value) != self.size:
            return False
        numbers = all(isinstance(v, Real) and not isinstance(v, bool) for v in value)
        return numbers and all(a < b for a, b in pairwise(value))

    def __str__(self) -> str:
        return f"{self.size} increasing numbers"


Constraint = Span | OneOf | Having | Increasing
PROBABILITY = Span(Real, 0, 1, closed="neither")


def check_parameters(
    caller: str, values: Mapping[str, Any], constraints: Mapping[str, Sequence[Constraint]]
) -> None:
    """Error for the first parameter that satisfies none of its constraints.

    Examples
    --------
    >>> check_parameters("PSI", {"bins": 5}, {"bins": [Span(Integral, 2)]})
    >>> str(Span(Integral, 2))
    'an integer in [2, inf)'
    """
    for name, allowed in constraints.items():
        value = values[name]
        if not any(constraint.holds(value) for constraint in allowed):
            text = " or ".join(map(str, allowed))
            raise InvalidParameterError(
                f"The {name!r} parameter of {caller} must be {text}.",
                got=value,
                hint=_DEFAULT_HINTS.get(name) or _nearest_option(name, value, allowed),
            )


def _nearest_option(name: str, value: Any, allowed: Sequence[Constraint]) -> str | None:
    """Line that sets a parameter to the named value most like the one seen, else to the first."""
    options = [o for c in allowed if isinstance(c, OneOf) for o in c.options]
    near = difflib.get_close_matches(str(value), [o for o in options if isinstance(o, str)], n=1)
    return f"{name}={(near or options)[0]!r}" if options else None


_DEFAULT_HINTS = {
    "every": "every=100",
    "batch_size": "batch_size=256",
    "uncertainty": "uncertainty='auto' of an estimator, method='auto' of a function",
    "special": "special=[-1, 999]",
    "chance": "chance=0.95",
    "pdo": "pdo=20",
    "base_score": "base_score=600",
    "base_odds": "base_odds=50",
    "ridge": "ridge=1.0",
    "min_iv": "min_iv=0.02",
    "texts": "texts={'amount': 'No amount was given'}",
    "thresholds": "thresholds=(0.1, 0.25)",
    "limit": "limit=0.05",
    "weight": "weight=0.5",
    "psi": "psi=0.1",
    "n_reference": "n_reference=1000",
    "n_current": "n_current=1000",
    "alpha": "alpha=0.05",
    "power": "power=0.8",
    "ratio": "ratio=1.0",
    "bins": "bins=10",
    "level": "level=0.95",
    "k": "k=0.2",
    "gamma": "gamma=0.5",
    "cap": "cap='adaptive', or cap=0.01",
    "cap_quantile": "cap_quantile=0.1",
    "quantile": "quantile=0.4",
    "max_entropy": "max_entropy=2.0",
    "smoothing": "smoothing=1.0",
    "vocabulary_size": "vocabulary_size=50_257",
    "most_tokens": "most_tokens=512",
    "units": "units='nats'",
    "order": "order=2",
    "q": "q=2",
    "t": "t=1",
    "delta": "delta=1e-4",
    "n_neighbors": "n_neighbors=3",
    "lag": "lag=1",
    "source_history": "source_history=1",
    "target_history": "target_history=1",
}


LARGEST_WEIGHT = 1e100
DOUBLE = 2**53  # integers up to here are told apart in double precision
HELD_ROWS = 1 << 22  # rows up to which a column and the group rows are held in memory

# --- tables ---------------------------------------------------------------------------------


class LazyColumns(Mapping[str, Column]):
    """A batch of rows whose columns are read when asked for."""

    def __init__(self, read: Callable[[str], Column], names: Sequence[str], n_rows: int) -> None:
        self._read, self._names = read, names
        self.n_rows = n_rows

    def __getitem__(self, name: str) -> Column:
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Table:
    """Columns of data, read in batches of rows; the one way data reach an encoder."""

    names: tuple[str, ...]
    where: str = "the table"
    queries: bool = False  # whether `tabulate` counts in the source's own engine
    crosses: bool = False  # whether `tabulate` takes two columns, crossed, for the groups
    ordered: bool = True  # whether rows have an order, so that arrays can stand beside them
    one_dimensional: bool = False  # one variable rather than a table of one column
    named: bool = True  # whether columns have names of their own, or positions only

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        raise NotImplementedError

    def sample(self, names: Sequence[str]) -> Iterator[Column]:
        """A repeatable sample of the rows of each column; categories are complete."""
        raise NotImplementedError

    def batches(self, names: Sequence[str]) -> Iterator[LazyColumns]:
        """All rows of the named columns, in order."""
        raise NotImplementedError

    def column(self, name: str) -> Column:
        """One whole column."""
        raise NotImplementedError

    def expect(self, names: Sequence[str]) -> None:
        """Say which columns will be learned from, so that one pass can serve them all."""

    def ranged(self, name: str, special: Sequence[float] = ()) -> Column:
        """Values of a column among which are its extremes, but for special codes."""
        return self.column(name)

    def census(self, name: str) -> tuple[Column, Array]:
        """Distinct values of a column as a column, and how many rows have each.

        A row that is missing has code -1.
        """
        return census_of(self.column(name))

    def integers(self) -> Array | None:
        """All columns as one array of integers or truth values, where they lie in one."""
        return None

    def tabulate(
        self,
        encoders: Mapping[str, Any],
        target: str | None,
        classes: tuple[Any, ...] | None,
        weight: str | None,
    ) -> dict[str, tuple[Array, Array | None]]:
        """Tables (n_groups, n_cells) of each column and of squared weights, by one query."""
        raise NotImplementedError

    def select(self, names: Sequence[str]) -> Self:
        """The same table with some of its columns."""
        self.require(names)
        if twice := repeated(names):
            raise DataError("A column is named twice.", got=twice, hint="name each column once")
        table = copy.copy(self)
        table.names = tuple(names)
        return table

    def without(self, name: str) -> Self:
        """The same table without one column."""
        return self.select([n for n in self.names if n != name])

    def require(self, names: Sequence[str]) -> None:
        """Error for the first name that is not a column, naming the nearest that is."""
        for name in names:
            if name not in self.names:
                raise ColumnError.missing(name, self.names, where=self.where)

    def require_order(self, what: str, hint: str = "") -> None:
        """Error where an array stands beside a table whose rows have no order to pair it by."""
        if not self.ordered:
            raise DataError(
                f"The rows of {self.where} have no order, so an array of {what} cannot be paired "
                "with them.",
                hint=hint or f"make it a column of the table, and pass its name: {what}='name'",
            )

    def require_width(self, width: int, caller: str) -> None:
        """Error where columns go by position and there are not as many as in `fit`."""
        if not self.named and len(self.names) != width:
            raise DataError(
                f"X has {len(self.names)} features, but {caller} is expecting {width} features as "
                "input. Reshape your data.",
                got={"columns": len(self.names)},
                hint=f"pass the {width} column(s) seen in fit, in their order",
            )

    def require_rows(self) -> None:
        """Error where there is no row or no column."""
        if not self.names or self.n_rows == 0:
            raise DataError(
                f"There is nothing to estimate from in {self.where}: {self.n_rows} sample(s), "
                f"{len(self.names)} feature(s) (shape=({self.n_rows}, {len(self.names)})) while "
                "a minimum of 1 is required.",
                hint="check the filter that made the table",
            )


def census_of(column: Column, counts: Array | None = None) -> tuple[Column, Array]:
    """Distinct values of a column as a column of levels, and how many rows have each.

    Parameters
    ----------
    column : Column
        Values.
    counts : ndarray of int, optional
        Rows that each value stands for; one by default.

    Examples
    --------
    >>> seen, counts = census_of(Column("x", np.array([3.0, np.nan, 3.0, 1.0])))
    >>> seen.levels, seen.values.tolist(), counts.tolist()
    ((1, 3), [-1, 0, 1], [1, 1, 2])
    """
    column = column.as_levels()
    levels = column.levels or ()
    rows = np.bincount(column.values.astype(np.int64) + 1, counts, minlength=len(levels) + 1)
    here = np.flatnonzero(rows)
    census = Column(column.name, here - 1, None, levels, dates=column.dates)
    return census, rows[here].astype(np.int64)


class FrameTable(Table):
    """A table in memory: a numpy array, or a frame of any library narwhals knows.

    Parameters
    ----------
    data : array-like or frame
        ``(n_rows,)``, ``(n_rows, n_columns)`` or a frame.
    categorical : sequence of str or True
        Columns whose numbers are categories; True for all.
    """

    def __init__(
        self, data: Any, *, categorical: Sequence[str] | bool = (), name: str = "x"
    ) -> None:
        self._frame, self._array = _as_frame_or_array(data)
        self.named = self._array is None
        if self._array is not None:
            self.one_dimensional = self._array.ndim == 1
            width = 1 if self.one_dimensional else self._array.shape[1]
            self.names = (name,) if self.one_dimensional else tuple(f"x{i}" for i in range(width))
        elif hasattr(self._frame, "columns"):
            self.names = tuple(map(str, self._frame.columns))  # pandas numbers them by default
        else:
            self.one_dimensional = True
            self.names = (str(self._frame.name) if self._frame.name else name,)
        self._positions = {n: i for i, n in enumerate(self.names)}
        self._categorical = categorical

    @cached_property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self._frame) if self._array is None else len(self._array)

    def column(self, name: str) -> Column:
        """One whole column."""
        if self._array is not None:
            position = self._positions[name]
            raw = self._array if self.one_dimensional else self._array[:, position]
            column = array_column(name, raw)
        else:
            whole = self.one_dimensional
            series = self._frame if whole else self._frame[:, self._positions[name]]
            column = series_column(name, series)
        chosen = self._categorical is True or (
            not isinstance(self._categorical, bool) and name in self._categorical
        )
        return column.as_levels() if chosen else column

    def integers(self) -> Array | None:
        """The array itself, or some of its columns."""
        values = self._array
        if values is None or values.dtype.kind not in "iub" or np.ma.isMaskedArray(values):
            return None
        positions = [self._positions[name] for name in self.names]
        whole = positions == list(range(values.shape[-1]))
        return values[:, positions] if values.ndim == 2 and not whole else np.atleast_2d(values.T).T

    def sample(self, names: Sequence[str]) -> Iterator[Column]:
        """A repeatable sample of the rows of each column; categories are complete."""
        self.require(names)
        index = sample_rows(self.n_rows)
        for name in names:
            column = self.column(name)
            yield column.rows(index) if column.numeric and index is not None else column

    def batches(self, names: Sequence[str]) -> Iterator[LazyColumns]:
        """One batch: all rows."""
        self.require(names)
        yield LazyColumns(self.column, names, self.n_rows)


def _as_frame_or_array(data: Any) -> tuple[Any, Any]:
    """(narwhals frame or series, None), or (None, numpy array)."""
    if isinstance(data, np.ndarray):
        return None, _check_array(data)
    if isinstance(data, Counts):
        raise DataError(
            "Counts are no table: their cells are counted already.",
            got={"groups": data.n_groups, "cells": data.n_cells},
            hint="jeffreys_divergence(counts) for PSI or IV of two groups, entropy(counts)",
        )
    if isinstance(data, str | bytes) or data is None or np.isscalar(data):
        raise DataError(
            "Expected 2D array, 1D array or frame. Reshape your data.",
            got=data,
            hint="pass an array, a frame, or the path of a CSV or Parquet file",
        )
    if "scipy.sparse" in sys.modules and sys.modules["scipy.sparse"].issparse(data):
        raise DataError(
            "Sparse data was passed, but dense data is required.",
            got=type(data).__name__,
            hint="X.toarray() to convert to a dense numpy array",
        )
    frame = _native(data)
    if frame is not None:
        return frame, None
    return None, _check_array(_to_array(data))


def _native(data: Any) -> Any:
    """Narwhals frame or series of `data`, or None where it is none."""
    if isinstance(data, list | tuple | Mapping):
        return None
    import narwhals.stable.v2 as nw

    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.api.extensions.ExtensionArray):
        data = pandas.Series(data)  # what pandas.cut gives for an array
    try:
        native = nw.from_native(data, allow_series=True)
    except TypeError:
        return None
    except Exception as error:  # a frame narwhals refuses, with a reason of its own
        refuse_twice(list(map(str, getattr(data, "columns", ()))))
        raise DataError(
            f"The frame cannot be read: {error}",
            got=type(data).__name__,
            hint="pandas.DataFrame(x)",
        ) from error
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    if isinstance(native, nw.DataFrame):
        refuse_twice(list(map(str, native.columns)))
    return native


def refuse_twice(names: Sequence[str]) -> None:
    """Error where two columns share a name."""
    if twice := repeated(names):
        raise DataError("Column names must be unique.", got=twice, hint="rename the columns")


def repeated(names: Sequence[str]) -> list[str]:
    """Names that stand more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _to_array(data: Any) -> Array:
    if isinstance(data, Mapping):
        raise DataError(
            "A dictionary is not a table.", got=list(data)[:5], hint="pandas.DataFrame(data)"
        )
    try:
        return np.asarray(data)
    except ValueError as error:
        raise DataError(
            "The data are not rectangular.", got=data, hint="give every row the same length"
        ) from error


def _check_array(array: Array) -> Array:
    if array.dtype.kind == "c":
        raise DataError(
            "Complex data not supported.", got=array.dtype, hint="pass real and imaginary parts"
        )
    if array.ndim == 0:
        raise DataError(
            "Expected 2D array or 1D array. One object is no sample.",
            got=array.item(),
            hint="pass list(x), or an array",
        )
    if array.ndim not in (1, 2):
        raise DataError(
            "Expected 2D array or 1D array. Reshape your data.",
            got=array.shape,
            hint="X.reshape(len(X), -1)",
        )
    return array


def array_column(name: str, values: Array) -> Column:
    """Column of a one-dimensional numpy array."""
    if isinstance(values, np.ma.MaskedArray):
        return _masked_column(name, values)
    if values.dtype.kind in "iuf":
        return Column(name, values)
    if values.dtype.kind == "b":
        return Column(name, values.astype(np.int64), None, (False, True))
    if values.dtype.kind == "M":
        return date_column(name, values)
    if values.dtype.kind == "m":
        refuse_durations(name, values.dtype, values[:1].tolist())
    if values.dtype.kind == "c":
        raise _neither(name, values[:1].tolist())
    return _object_column(name, values)


def date_column(name: str, values: Array) -> Column:
    """Column of dates: ISO 8601 texts (local where there is a zone), alike from every source."""
    values = values if values.dtype.kind == "M" else np.asarray(values, dtype="datetime64[us]")
    gone = np.isnat(values)
    levels, codes = np.unique(values[~gone], return_inverse=True)
    out = np.full(len(values), -1, dtype=np.int64)
    out[~gone] = codes
    return Column(name, out, None, tuple(map(date_text, np.datetime_as_string(levels))), dates=True)


def date_text(text: str) -> str:
    """Date without a time of midnight, and time without trailing zeros.

    Examples
    --------
    >>> date_text("2026-01-31T00:00:00.000000000"), date_text("2026-01-31 08:30:00.50")
    ('2026-01-31', '2026-01-31 08:30:00.5')
    """
    text = text.replace("T", " ")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removesuffix(" 00:00:00")


def refuse_durations(name: str, kind: Any, seen: Any) -> None:
    """Error for durations and times of day, which are neither characteristics nor slices."""
    raise DataError(
        f"Column {name!r} holds durations or times of day ({kind}).",
        got=seen,
        hint=f"exclude=[{name!r}] to leave it out, or convert it to a number",
    )


def _masked_column(name: str, values: np.ma.MaskedArray[Any, Any]) -> Column:
    """Column of a masked array: masked is missing."""
    gone = np.ma.getmaskarray(values)
    data = values.data
    if data.dtype.kind == "O":
        data = data.copy()
        data[gone] = None
    column = array_column(name, data)
    if column.numeric:
        return Column(name, column.values, gone)
    return Column(name, np.where(gone, -1, column.values), None, column.levels)


def _object_column(name: str, values: Array) -> Column:
    """Column of Python objects: numbers where all are, categories elsewhere."""
    import pandas as pd

    flat = values.astype(object)
    try:
        codes, levels = pd.factorize(flat, use_na_sentinel=True)
    except (TypeError, ValueError) as error:  # lists and dictionaries have no hash
        unlike = (v for v in flat if getattr(v, "__hash__", None) is None)
        raise _neither(name, next(unlike, flat[0])) from error
    known = [plain(float(v) if isinstance(v, Decimal) else v) for v in levels.tolist()]
    if known and all(isinstance(v, date) and not hasattr(v, "nanosecond") for v in known):
        return date_column(name, np.array([*known, None], dtype="datetime64[us]")[codes])
    if known and all(isinstance(v, Real) and not isinstance(v, bool) for v in known):
        return _number_column(name, known, codes)
    odd = [v for v in known if not isinstance(v, str | Real)]
    if odd:
        raise _neither(name, odd[0])
    names = _distinct(known)
    unique = tuple(dict.fromkeys(names))
    if len(unique) < len(names):  # 1 and '1', which no file tells apart either
        place = {v: i for i, v in enumerate(unique)}
        codes = np.array([*(place[v] for v in names), -1])[codes]
    return Column(name, codes.astype(np.int64), None, unique)


def _number_column(name: str, known: list[Any], codes: Array) -> Column:
    """Column of Python numbers by their positions, -1 of those that are missing.

    Integers that double precision cannot tell apart stay integers.
    """

    def beyond(v: Any) -> bool:
        return isinstance(v, Integral) and abs(int(v)) > DOUBLE

    try:
        numbers = np.array([*known, np.nan], dtype=float)
        if not any(map(beyond, known)) or len(np.unique(numbers[:-1])) == len(known):
            return Column(name, numbers[codes])
    except OverflowError:
        pass
    if all(isinstance(v, Integral) for v in known):
        whole = np.array([*known, known[0]])
        if whole.dtype.kind in "iu":
            gone = codes < 0
            return Column(name, whole[codes], gone if gone.any() else None)
    raise DataError(
        f"Column {name!r} holds integers that double precision cannot tell apart or hold.",
        got=next((v for v in known if beyond(v)), known[0]),
        hint="np.unique(x, return_inverse=True)[1] of the column, which has the same ranks",
    )


def _neither(name: str, value: Any) -> DataError:
    return DataError(
        f"Column {name!r} holds values that are neither numbers nor text; argument must be "
        f"a string or a real number, not {type(value).__name__}.",
        got=value,
        hint=f"frame[{name!r}].astype(str)",
    )


def _distinct(levels: Sequence[Any]) -> tuple[Any, ...]:
    """Levels as they are where of one kind, else as text."""
    kinds = {isinstance(v, str) for v in levels}
    return tuple(levels) if len(kinds) <= 1 else tuple(
        v if isinstance(v, str) else repr(v) for v in levels
    )  # fmt: skip


def series_column(name: str, series: Any) -> Column:
    """Column of a narwhals series."""
    import narwhals.stable.v2 as nw

    dtype = series.dtype
    if dtype.is_numeric():
        return _numeric_series(name, series)
    if dtype == nw.Boolean:
        values = series.cast(nw.Int64)
        column = _numeric_series(name, values)
        gone = np.isnan(column.values) if column.values.dtype.kind == "f" else column.missing
        codes = np.where(gone, -1, column.values) if gone is not None else column.values
        return Column(name, codes.astype(np.int64), None, (False, True))
    if dtype in (nw.Datetime, nw.Date):
        if getattr(dtype, "time_zone", None) is not None:
            series = series.dt.replace_time_zone(None)
        return date_column(name, series.to_numpy())
    if dtype.is_temporal():
        refuse_durations(name, dtype, series.head(1).to_list())
    if dtype in (nw.Categorical, nw.Enum) and series.implementation.is_pandas():
        codes = series.to_native().cat
        seen = (plain(v) for v in codes.categories.tolist())
        levels = tuple(v if isinstance(v, str | Real) else str(v) for v in seen)  # intervals too
        return used_levels(name, codes.codes.to_numpy(), levels)
    return _text_series(name, series)


def used_levels(name: str, codes: Array, levels: tuple[Any, ...]) -> Column:
    """Column over the levels that occur: a declared category nobody has is no cell."""
    used = np.bincount(codes.astype(np.int64) + 1, minlength=len(levels) + 1)[1:] > 0
    onto = np.append(np.cumsum(used) - 1, -1)
    return Column(
        name,
        onto[codes],
        None,
        tuple(level for level, there in zip(levels, used, strict=True) if there),
    )


def _numeric_series(name: str, series: Any) -> Column:
    if series.null_count() == 0 or series.dtype.is_float():
        values = series.to_numpy()
        if values.dtype.kind in "iuf":
            missing = None
            if series.dtype.is_float() and series.implementation.is_polars():
                missing = series.is_null().to_numpy() if series.null_count() else None
            return Column(name, values, missing)
        return _object_column(name, np.array([_decimal(v) for v in series.to_list()], object))
    missing = series.is_null().to_numpy()
    values = series.fill_null(0).to_numpy()
    if values.dtype.kind not in "iuf":
        return _object_column(name, np.array([_decimal(v) for v in series.to_list()], object))
    return Column(name, values, missing)


def _decimal(value: Any) -> Any:
    return None if value is None else float(value)


def _text_series(name: str, series: Any) -> Column:
    native = series.to_native()
    if series.implementation.is_pandas_like():
        import pandas as pd

        if native.dtype == object:
            return _object_column(name, native.to_numpy())
        codes, levels = pd.factorize(native, use_na_sentinel=True)
        return Column(name, codes.astype(np.int64), None, tuple(map(str, levels)))
    if series.implementation.is_pyarrow():
        encoded = native.combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return Column(name, codes.astype(np.int64), None, tuple(encoded.dictionary.to_pylist()))
    return _object_column(name, np.asarray(series.to_list(), dtype=object))


# --- targets and weights ----------------------------------------------------------------------


def binary_classes(
    column: Column, event: Any = None, counts: Array | None = None
) -> tuple[Any, Any]:
    """(non-event, event) of a binary target, or of its census with the counts.

    Raises
    ------
    DataError
        Where there is a missing value, one class, or more than two.
    """
    column = column.as_levels()
    levels = [plain(v) for v in column.levels or ()]
    gone = column.values < 0
    if gone.any():
        missing = int(gone.sum() if counts is None else counts[gone].sum())
        raise DataError(
            f"The target {column.name!r} has {missing} missing value(s); no class is assumed.",
            got=float("nan"),
            hint="drop those rows first: frame[frame[target].notna()]",
        )
    used = np.bincount(column.values.astype(np.int64), minlength=len(levels)) > 0
    levels = [v for v, there in zip(levels, used, strict=True) if there]
    if len(levels) != 2:
        noun = "one class" if len(levels) == 1 else f"{len(levels)} classes"
        raise DataError(
            f"The target {column.name!r} must have exactly two classes; it has {noun}. "
            "Only binary classification is supported. Unknown label type: not binary.",
            got=sorted(levels, key=str)[:6],
            hint=f"y = (y == {max(levels, key=str)!r})"
            if len(levels) > 2
            else "take a sample with both classes",
        )
    low, high = sorted(levels, key=lambda v: (isinstance(v, str), v))
    if event is None or plain(event) == high:
        return low, high
    if plain(event) != low:
        raise InvalidParameterError(
            f"event must be one of the target's classes {low!r} and {high!r}.",
            got=event,
            hint=f"event={high!r}",
        )
    return high, low


def class_rows(column: Column, classes: tuple[Any, ...]) -> list[Array]:
    """Row numbers of each class.

    Raises
    ------
    DataError
        Where a value is none of the classes.
    """
    column = column.as_levels()
    position = {c: i for i, c in enumerate(classes)}
    onto = np.array([*(position.get(plain(v), -1) for v in column.levels or ()), -1])
    codes = onto[column.values]
    if (codes < 0).any():
        strange = [v for v in column.levels or () if plain(v) not in position] or [None]
        raise DataError(
            f"The target {column.name!r} has values that are none of its classes {classes}.",
            got=strange[:5],
            hint="use the classes seen in fit, without missing values",
        )
    return [np.flatnonzero(codes == i) for i in range(len(classes))]


def plain_class(value: Any, position: Mapping[Any, int], target: str) -> int:
    """Number of the class of one value; an error where it is none."""
    value = None if value is None or value != value else plain(value)
    if value not in position:
        raise DataError(
            f"The target {target!r} has values that are none of its classes {tuple(position)}.",
            got=value,
            hint="use the classes seen in fit, without missing values",
        )
    return position[value]


def check_weights(weights: Any, n: int) -> Array | None:
    """Record weights as floats; an error unless they are positive, finite and one per row."""
    if weights is None:
        return None
    try:
        w = np.asarray(weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            "Weights must be numbers.", got=weights, hint="sample_weight=None"
        ) from error
    if w.shape != (n,):
        raise DataError(
            "There must be one weight per row.",
            got={"weights": w.shape, "rows": n},
            hint="sample_weight=frame['weight']",
        )
    bad = w[~(np.isfinite(w) & (w > 0))]
    if bad.size:
        raise DataError(
            f"Weights must be positive and finite; {bad.size} are not.",
            got=bad[:5].tolist(),
            hint="leave rows of weight zero out: keep = w > 0",
        )
    if w.size and not (w.max() < LARGEST_WEIGHT and w.min() > 1 / LARGEST_WEIGHT):
        raise DataError(
            f"Weights must lie between {1 / LARGEST_WEIGHT:g} and {LARGEST_WEIGHT:g}, so that "
            "their squares can be summed.",
            got=[float(w.min()), float(w.max())],
            hint="sample_weight=w / w.mean()",
        )
    return w


def refuse_text_weights(name: str, seen: Any) -> None:
    """Error for a column of weights that holds no numbers."""
    raise DataError(
        f"The column of weights {name!r} holds no numbers.",
        got=seen,
        hint="sample_weight='the name of a column of positive numbers'",
    )


def check_lengths(**arrays: Any) -> int:
    """Common length of several samples; an error where they differ."""
    lengths = {name: len(a) for name, a in arrays.items() if a is not None}
    if len(set(lengths.values())) > 1:
        raise DataError(
            "The samples must have the same number of rows.",
            got=lengths,
            hint="pair the rows before you compare them",
        )
    return next(iter(lengths.values()))


def check_paired(X: Any, y: Any) -> None:
    """Error where two pandas objects hold the same row labels in another order.

    Rows are paired by position, as everywhere in scikit-learn; then labels that agree but for
    their order mean that the rows do not belong together.
    """
    first, second = (getattr(data, "index", None) for data in (X, y))
    pandas = sys.modules.get("pandas")
    if pandas is None or not (isinstance(first, pandas.Index) and isinstance(second, pandas.Index)):
        return
    if len(first) != len(second) or first.equals(second) or not first.is_unique:
        return
    if len(first.difference(second)) == 0:
        apart = int(np.flatnonzero(np.asarray(first != second))[0])
        raise DataError(
            "The rows of the two samples are not in one order: rows are paired by position.",
            got=Shown(f"label {first[apart]} beside label {second[apart]} in row {apart}"),
            hint="y.loc[X.index] to pair by label, or y.to_numpy() if the positions are right",
        )


FEW_VALUES = 10
ROWS_OF_A_VALUE = 10


def few_valued(known: Array) -> bool:
    """Whether numbers take so few values, each so often, that these are categories.

    Examples
    --------
    >>> few_valued(np.array([0.5, 1.5] * 20)), few_valued(np.array([0.5, 1.5]))
    (True, False)
    """
    if len(np.unique(known[:1000])) > FEW_VALUES:
        return False
    return len(np.unique(known)) <= min(FEW_VALUES, len(known) / ROWS_OF_A_VALUE)


def as_cells(column: Column, bins: Any) -> Column:
    """The column itself where it has cells or will be binned; its whole numbers as categories.

    Raises
    ------
    UnsupportedError
        Where numbers are continuous and no bins are given.
    """
    if column.dates:
        refuse_dates(column.name, column.levels or ())
    if not column.numeric or bins is not None:
        return column
    known = column.known()
    whole = known.dtype.kind in "iu" or bool((known == np.rint(known)).all())
    if not (whole or few_valued(known)):
        raise UnsupportedError(
            f"{column.name} holds continuous numbers, which have no cells.",
            got=and_list([plain(v) for v in known[:3]]),
            hint="bins=10 to count them in intervals; differential_entropy(x) for the entropy of "
            "the density",
        )
    return column.as_levels()
