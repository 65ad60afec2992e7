"""Columns of two variables, from whatever holds them: numbers that ranks can be taken of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from infometric.estimators.continuous import Advice, numbers, raw_columns
from infometric.exceptions import ColumnError, DataError, UnsupportedError
from infometric.sources.arrays import is_array_file, open_array
from infometric.state.arrays import is_tensor, to_numpy
from infometric.state.encoders import Column
from infometric.state.sample import Sample
from infometric.typing import Array
from infometric.validation import DOUBLE, check_lengths, check_paired

ADVICE = Advice("which have no rank")
Columns = Mapping[str, Column]


def two_variables(caller: str, X: Any, y: Any) -> tuple[Columns, Columns]:
    """Columns of both variables.

    Parameters
    ----------
    caller : str
        Name of the estimator, for messages.
    X, y : array-like, tensor, frame or path
        Variables; y may be the name of a column of X, or a list of names. A text that is such a
        name is no path.

    Returns
    -------
    (dict of Column, dict of Column)
        Columns of finite numbers by name.

    Raises
    ------
    DataError
        Where y is absent, lengths differ, there are no rows, or a column holds no finite numbers.
    """
    if y is None:
        raise DataError(
            f"{caller} is of two variables; requires y to be passed, but the target y is None.",
            hint="fit(x, y)",
        )
    check_paired(X, y)
    first: Columns = raw_columns(_opened(X))
    second: Columns
    names = _names(X, y)
    if names and (all(n in first for n in names) or not _is_path(X, names[0])):
        first, second = _parted(first, names)
        sources = X, X
    else:
        second = raw_columns(_opened(y), "y")
        sources = X, y
    check_lengths(**{k: next(iter(v.values())).values for k, v in (("x", first), ("y", second))})
    for name, columns, source in zip("xy", (first, second), sources, strict=True):
        _check_rows(name, columns, source)
    first, second = (
        {k: Column(k, _numbers(c, _advice(name, c, v, source))) for k, c in v.items()}
        for name, v, source in zip("xy", (first, second), sources, strict=True)
    )
    return first, second


def _names(X: Any, y: Any) -> list[str]:
    """Names of columns that y is; none where it holds values. Frames may number their columns."""
    if isinstance(y, str):
        return [y]
    if isinstance(y, list) and y and all(isinstance(n, str) for n in y):
        return y
    there = getattr(X, "columns", None)
    wanted = y if isinstance(y, list) else [y]
    if there is None or not wanted or not all(_is_number(n) for n in wanted):
        return []
    if isinstance(y, list) and (len(y) == len(X) or not all(n in list(there) for n in y)):
        return []
    return [str(n) for n in wanted]


def _is_number(name: Any) -> bool:
    return isinstance(name, Integral) and not isinstance(name, bool | np.bool_)


def _is_path(X: Any, name: str) -> bool:
    """Whether a text that names no column of X is a path; beside a frame only that of a file."""
    framed = hasattr(X, "columns") and not os.path.exists(name)
    return is_array_file(name) or ("." in name and not framed)


def _check_rows(name: str, columns: Columns, source: Any) -> None:
    """Error for one row of many values: an array that lies on its side."""
    rows, width = len(next(iter(columns.values())).values), len(columns)
    if rows == 1 and width > 1:
        turned = f"{name}.T" if not isinstance(source, list | tuple) else f"np.array({name}).T"
        raise DataError(
            f"{name} has one row of {width} values, and rows are samples: n_samples=1.",
            got={"shape": (rows, width)},
            hint=f"{turned}, if the values are those of one column",
        )


def _parted(columns: Columns, names: list[str]) -> tuple[Columns, Columns]:
    """The named columns, and the others."""
    for name in names:
        if name not in columns:
            raise ColumnError.missing(name, columns, where="X")
    rest = {name: column for name, column in columns.items() if name not in names}
    if not rest:
        raise DataError("X has no column left beside y.", got=names, hint="fit(frame, 'target')")
    return rest, {name: columns[name] for name in names}


def _opened(data: Any) -> Any:
    """Data that tables are made of: of tensors and files of arrays their numbers."""
    if is_array_file(data):
        return open_array(data)
    if not is_tensor(data):
        return data
    if str(data.layout) != "torch.strided":
        raise DataError(
            "Sparse tensors are not read.", got=str(data.layout), hint="fit(x.to_dense(), y)"
        )
    half = data.is_floating_point() and data.element_size() < 4
    return to_numpy(data.float() if half else data)


def sample_of(x: Columns, y: Columns) -> Sample:
    """Rows of two variables as finite numbers.

    Raises
    ------
    DataError
        Where a column holds text or dates, or a value is missing or infinite.
    """
    blocks = [np.column_stack([_numbers(c) for c in v.values()]) for v in (x, y)]
    return Sample.of(*blocks, key="|".join(",".join(v) for v in (x, y)))


def _numbers(column: Column, advice: Advice = ADVICE) -> Array:
    """Finite numbers of a column, whose ranks are those of its values."""
    found, values = numbers(column, advice), column.values
    if column.numeric and values.dtype.kind in "iu" and (np.abs(found) >= DOUBLE).any():
        seen = values if column.missing is None else values[~column.missing]
        if len(np.unique(seen)) > len(np.unique(seen.astype(float))):
            raise DataError(
                f"Column {column.name!r} holds integers beyond 2**53 that double precision cannot "
                "tell apart.",
                got=int(seen.max()),
                hint="np.unique(x, return_inverse=True)[1] of the column, which has the same ranks",
            )
    return found


def _advice(name: str, column: Column, columns: Columns, source: Any) -> Advice:
    """Next lines to type for a bad column, in the words of what holds it."""
    named = hasattr(source, "columns") or isinstance(source, str | os.PathLike)
    place, wide = list(columns).index(column.name), len(columns) > 1
    if named:
        shown = f"frame[{column.name!r}]"
        missing = _kept_rows(column, source)
    else:
        shown = f"{name}[:, {place}]" if wide else name
        missing = _kept_values(name, source, wide)
    text = "leave the column out; mutual_information(x, y) takes it as a class"
    if column.levels and not column.dates and all(_is_text_number(v) for v in column.levels):
        text = f"{shown}.astype(float)"
    # braces of a name are no places of a format
    missing, text = (v.replace("{", "{{").replace("}", "}}") for v in (missing, text))
    return Advice(ADVICE.why, missing, text)


def _kept_rows(column: Column, frame: Any) -> str:
    """Line that keeps the rows of a frame whose value is finite."""
    library = type(frame).__module__.partition(".")[0]
    if library == "polars":
        return f"frame.filter(pl.col({column.name!r}).is_finite())"
    if library == "pyarrow":
        return f"frame.filter(pyarrow.compute.is_finite(frame[{column.name!r}]))"
    kinds: Any = getattr(frame, "dtypes", None)  # a mapping in pandas; other frames have a list
    kind = str(kinds.get(column.name, "float")) if hasattr(kinds, "get") else "float"
    cast = "" if kind.startswith("float") else ".astype(float)"
    return f"keep = np.isfinite(frame[{column.name!r}]{cast}); frame[keep]"


def _kept_values(name: str, source: Any, wide: bool) -> str:
    """Lines that keep the rows of an array whose values are finite."""
    keep = f"keep = np.isfinite({name})" + (".all(axis=1)" if wide else "")
    if isinstance(source, np.ma.MaskedArray):
        return f"{name} = np.ma.filled({name}.astype(float), np.nan); {keep}; x[keep], y[keep]"
    if isinstance(source, np.ndarray) and source.dtype.kind != "O":
        return f"{keep}; x[keep], y[keep]"
    return f"x, y = (np.array(v, dtype=float) for v in (x, y)); {keep}; x[keep], y[keep]"


def _is_text_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def like_fitted(caller: str, where: str, columns: Columns, names: list[str]) -> Columns:
    """Columns as `fit` saw them: found by their names, or as many as there were.

    Raises
    ------
    DataError
        Where there are more or fewer.
    """
    if len(columns) != len(names):
        raise DataError(
            f"{where} has {len(columns)} features, but {caller} is expecting {len(names)} features "
            "as input.",
            got=list(columns),
            hint="pass the columns seen in fit",
        )
    if set(columns) == set(names):
        return {name: columns[name] for name in names}
    return dict(zip(names, columns.values(), strict=True))


def refuse_weights(caller: str, sample_weight: Any) -> None:
    """Error where rows carry weights."""
    if sample_weight is not None:
        raise UnsupportedError(
            f"{caller} has no weighted form: its network was trained on rows that count alike.",
            got=type(sample_weight).__name__,
            hint="leave sample_weight out; mutual_information(x, y, bins=10) takes weights",
        )
