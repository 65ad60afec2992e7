"""Rows of two variables, as critics take them: numbers of any shape, classes as one-hot columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infometric.estimators.continuous import Advice, numbers, raw_columns
from infometric.exceptions import ColumnError, DataError, UnsupportedError
from infometric.functional.base import Caution
from infometric.neural.limits import FEWEST
from infometric.sources.arrays import is_array_file, open_array
from infometric.state.arrays import is_tensor, to_numpy
from infometric.state.encoders import Column
from infometric.typing import Array

MISSING = Advice(
    "which a critic cannot read",
    "leave the rows out: keep = frame[{name!r}].notna()",
    "leave the column out",
)
OFTEN = 0.05  # share of rows that repeat a value, from which ties are told


def pair_of(caller: str, X: Any, y: Any) -> tuple[list[str], Array, Array]:
    """Names of the columns of X, and the rows of both variables.

    Raises
    ------
    DataError
        Where values are missing or infinite, lengths differ, or rows are too few.
    """
    if y is None:
        raise DataError(
            f"{caller} is of two variables; requires y to be passed, but the target y is None.",
            hint="fit(X, y)",
        )
    names, x, rest = _first(X, y)
    other = rest if rest is not None else _second(y)
    if len(x) != len(other):
        raise DataError(
            "X and y must have one row for each example.",
            got={"rows of X": len(x), "rows of y": len(other)},
            hint="fit(X[:n], y[:n]), where row i of both is the same example",
        )
    return names, x, other


def _first(X: Any, y: Any) -> tuple[list[str], Array, Array | None]:
    if is_array_file(X):
        X = open_array(X)
    if _plain(X):
        x = _finite(_rows(X), "X")
        width = int(np.prod(x.shape[1:]))
        return [f"x{i}" for i in range(width)], x, None
    columns = dict(raw_columns(X, "X"))
    other = None
    if isinstance(y, str):
        y = [y]
    if isinstance(y, list) and y and all(isinstance(c, str) for c in y) and y[0] in columns:
        for name in y:
            if name not in columns:
                raise ColumnError.missing(name, columns, where="X")
        other = _columns({name: columns.pop(name) for name in y})
    if not columns:
        raise DataError("X has no column left beside y.", got=y, hint="fit(frame, 'target')")
    return list(columns), _columns(columns), other


def _second(y: Any) -> Array:
    if is_array_file(y):
        y = open_array(y)
    if _plain(y):
        return _finite(_rows(y), "y")
    return _columns(raw_columns(y, "y"))


def _plain(data: Any) -> bool:
    if isinstance(data, np.ma.MaskedArray):
        return False
    return is_tensor(data) or (isinstance(data, np.ndarray) and data.dtype.kind in "fiub")


def _rows(data: Any) -> Array:
    x = np.asarray(to_numpy(data))
    if np.iscomplexobj(x):
        raise DataError(
            "Complex numbers are not read.",
            got=str(x.dtype),
            hint="np.column_stack([z.real, z.imag])",
        )
    if x.ndim == 0 or x.size == 0:
        raise DataError(
            "There are no rows.", got={"shape": x.shape}, hint="an array of shape (n, d)"
        )
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    return x[:, None] if x.ndim == 1 else x


def _finite(x: Array, name: str) -> Array:
    bad = ~np.isfinite(x)
    if bad.any():
        at = [int(i) for i in np.argwhere(bad)[0]]
        rows = int(bad.reshape(len(x), -1).any(axis=1).sum())
        raise DataError(
            f"{name} holds NaN or infinity, which a critic cannot read: {rows} of {len(x)} rows.",
            got={"place": at, "value": float(x[tuple(at)])},
            hint=f"keep = np.isfinite({name}).all(axis=1), then X[keep], y[keep]",
        )
    return x


def _columns(columns: Mapping[str, Column]) -> Array:
    return np.column_stack([block for c in columns.values() for block in _numbers(c)])


def _numbers(column: Column) -> list[Array]:
    """A column of numbers, or one of zeros and ones for each class."""
    if column.numeric or column.dates or set(column.levels or ()) <= {False, True}:
        return [numbers(column, MISSING)]
    coded = column.as_levels()
    if (coded.values < 0).any():
        raise DataError(
            f"Column {column.name!r} has missing values, which are no class.",
            got={"row": int(np.flatnonzero(coded.values < 0)[0])},
            hint=f"frame[{column.name!r}].fillna('missing') to make them one",
        )
    return [(coded.values == i).astype(float) for i in range(len(coded.levels or ()))]


def require_rows(caller: str, n: int) -> None:
    """Error where rows are too few to train on."""
    if n < FEWEST:
        raise DataError(
            f"{caller} cannot train on n_samples={n} row(s); it needs {FEWEST} or more.",
            got={"rows": n},
            hint="mutual_information(x, y), which needs fewer",
        )


def refuse_weights(caller: str, sample_weight: Any) -> None:
    """Error where rows carry weights."""
    if sample_weight is not None:
        raise UnsupportedError(
            f"{caller} has no weighted form: critics are trained on rows.",
            got=type(sample_weight).__name__,
            hint="leave sample_weight out",
        )


def flags_of(x: Array, y: Array) -> tuple[Caution, ...]:
    """What the rows themselves give to know: copies, constants, ties."""
    found = []
    for name, rows in (("X", x), ("y", y)):
        flat = rows.reshape(len(rows), -1)
        constant = int((flat == flat[0]).all(axis=0).sum())
        if constant == flat.shape[1]:
            found.append(
                Caution("DegenerateWarning", f"{name} is constant: the information is zero.")
            )
        distinct = len(np.unique(flat, axis=0))
        if constant < flat.shape[1] and distinct < (1 - OFTEN) * len(flat):
            found.append(
                Caution(
                    "ReliabilityWarning",
                    f"{len(flat) - distinct} of {len(flat)} rows of {name} are copies of others: "
                    "held-out rows have been seen in training if copies are of pairs, and of "
                    "classes mutual_information counts exactly.",
                )
            )
    if x.shape == y.shape and np.array_equal(x, y):
        found.append(
            Caution(
                "ReliabilityWarning",
                "X and y are the same: of continuous variables the information is infinite, and "
                "any value is that of the ceiling.",
            )
        )
    return tuple(found)
