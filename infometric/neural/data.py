"""Rows of two variables, as critics take them: numbers of any shape, classes as one-hot columns."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from infometric.estimators.continuous import Advice, numbers, raw_columns
from infometric.exceptions import ColumnError, DataError, UnsupportedError, and_list
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
OFTEN = 0.05  # share of pairs that repeat another, from which copies are told
_LEFT_OUT = re.compile(r"exclude=\[(.+?)\] to leave it out, or ")
MANY = 20  # classes from which a text must repeat itself to be one
Source = Array | dict[str, Column]


@dataclass(frozen=True)
class Reader:
    """What `fit` saw of one variable, so that later rows become the same numbers.

    Parameters
    ----------
    names : tuple of str
        Columns, in order.
    levels : tuple
        Classes of each column; None where it holds numbers.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[Any, ...] | None, ...]

    @classmethod
    def of(cls, source: Source) -> Self:
        """Learned from rows."""
        if not isinstance(source, dict):
            width = int(np.prod(source.shape[1:]))
            return cls(tuple(f"x{i}" for i in range(width)), (None,) * width)
        levels = tuple(None if _numeric(c) else _classes(c) for c in source.values())
        return cls(tuple(source), levels)

    def read(self, source: Source, caller: str, where: str) -> Array:
        """Rows as numbers; columns of a frame are found by their names.

        Raises
        ------
        DataError
            Where a column or a class was not seen in `fit`.
        """
        if not isinstance(source, dict):
            return source
        if len(source) != len(self.names):
            raise unlike(caller, where, len(source), len(self.names), list(source))
        for name in self.names:
            if name not in source:
                raise ColumnError.missing(name, source, where=where)
        return np.column_stack(
            [
                block
                for name, levels in zip(self.names, self.levels, strict=True)
                for block in _blocks(source[name], levels)
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        return {"names": list(self.names), "levels": [v and list(v) for v in self.levels]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(tuple(data["names"]), tuple(v and tuple(v) for v in data["levels"]))


@dataclass(frozen=True)
class Pair:
    """Rows of both variables, and how they were read."""

    x: Array
    y: Array
    readers: tuple[Reader, Reader]


def read_pair(caller: str, X: Any, y: Any, seen: tuple[Reader, Reader] | None = None) -> Pair:
    """Rows of both variables, as numbers.

    Parameters
    ----------
    caller : str
        Name of the estimator, for messages.
    X, y : array-like, tensor, frame or path
        Variables; y may be the name of a column of X, or a list of names.
    seen : (Reader, Reader), optional
        How the rows of `fit` were read.

    Raises
    ------
    DataError
        Where values are missing or infinite, or lengths differ.
    """
    if y is None:
        raise DataError(
            f"{caller} is of two variables; requires y to be passed, but the target y is None.",
            hint="fit(X, y)",
        )
    first, second = _sources(X, y)
    readers = seen or (Reader.of(first), Reader.of(second))
    x = readers[0].read(first, caller, "X")
    other = readers[1].read(second, caller, "y")
    if len(x) != len(other):
        raise DataError(
            "X and y must have one row for each example.",
            got={"rows of X": len(x), "rows of y": len(other)},
            hint="fit(X[:n], y[:n]), where row i of both is the same example",
        )
    return Pair(x, other, readers)


def pair_of(caller: str, X: Any, y: Any) -> tuple[list[str], Array, Array]:
    """Names of the columns of X, and the rows of both variables; see `read_pair`."""
    pair = read_pair(caller, X, y)
    return list(pair.readers[0].names), pair.x, pair.y


def unlike(caller: str, where: str, width: int, wanted: int, got: Any) -> DataError:
    """Error for rows that are not as wide as those of `fit`."""
    return DataError(
        f"{where} has {width} features, but {caller} is expecting {wanted} features as input.",
        got=got,
        hint="pass the columns seen in fit",
    )


def _sources(X: Any, y: Any) -> tuple[Source, Source]:
    first = _source(X, "X")
    names = [y] if isinstance(y, str) else y
    if not isinstance(first, dict) or not _are_columns(names, first):
        return first, _source(y, "y")
    for name in names:
        if name not in first:
            raise ColumnError.missing(name, first, where="X")
    second = {name: first.pop(name) for name in dict.fromkeys(names)}
    if not first:
        raise DataError("X has no column left beside y.", got=y, hint="fit(frame, 'target')")
    return first, second


def _are_columns(names: Any, columns: Mapping[str, Column]) -> bool:
    """Whether texts name columns, rather than being a file or a variable of their own."""
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        return False
    if any(n in columns for n in names):
        return True
    return len(names) == 1 and not Path(names[0]).suffix and not os.path.exists(names[0])


def _source(data: Any, name: str) -> Source:
    if is_array_file(data):
        data = open_array(data)
    if _plain(data):
        return _finite(_rows(data, name), name)
    _refuse_kind(data, name)
    try:
        return dict(raw_columns(data, name))
    except DataError as error:
        left_out = _LEFT_OUT.match(error.hint or "")
        if left_out is None:
            raise
        # there is no exclude= here
        rest = f"{name}.drop(columns=[{left_out[1]}]), or {(error.hint or '')[left_out.end() :]}"
        raise DataError(error.what, got=error.got, hint=rest) from error


def _refuse_kind(data: Any, name: str) -> None:
    """Error for arrays whose values are times, or are masked."""
    if not isinstance(data, np.ndarray):
        return
    if data.dtype.kind in "mM":
        raise DataError(
            f"{name} holds dates or durations, which a critic cannot read.",
            got=str(data.dtype),
            hint=f"{name}.astype(float), or leave the column out of {name}",
        )
    gone = np.ma.getmaskarray(data)
    if gone.any():
        rows = gone.reshape(len(data), -1).any(axis=1)
        axis = ".any(axis=1)" if data.ndim > 1 else ""
        raise DataError(
            f"{name} is masked in {int(rows.sum())} of {len(data)} rows, which a critic cannot "
            "read.",
            got={"row": int(np.flatnonzero(rows)[0])},
            hint=f"keep = ~np.ma.getmaskarray({name}){axis}, then X[keep], y[keep]",
        )


def _plain(data: Any) -> bool:
    if isinstance(data, np.ma.MaskedArray):
        return False
    return is_tensor(data) or (isinstance(data, np.ndarray) and data.dtype.kind in "fiub")


def _rows(data: Any, name: str) -> Array:
    x = np.asarray(to_numpy(_dense(data) if is_tensor(data) else data))
    if np.iscomplexobj(x):
        raise DataError(
            "Complex numbers are not read.",
            got=str(x.dtype),
            hint="np.column_stack([z.real, z.imag])",
        )
    if x.size == 0 or x.ndim == 0:
        lacks = "sample(s)" if x.ndim == 0 or not len(x) else "feature(s)"
        raise DataError(
            f"{name} has 0 {lacks} (shape={x.shape}) while a minimum of 1 is required.",
            hint="an array of shape (n, d)",
        )
    x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
    return x[:, None] if x.ndim == 1 else x


def _dense(data: Any) -> Any:
    """A tensor that numpy can read; of half precision, as single."""
    if str(data.layout) != "torch.strided":
        raise DataError(
            "Sparse tensors are not read.", got=str(data.layout), hint="fit(X.to_dense(), y)"
        )
    return data.float() if data.is_floating_point() and data.element_size() < 4 else data


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


def _numeric(column: Column) -> bool:
    return column.numeric or column.dates or set(column.levels or ()) <= {False, True}


def _classes(column: Column) -> tuple[Any, ...]:
    """Classes of a column of text.

    Raises
    ------
    DataError
        Where nearly every row has one of its own.
    """
    levels = column.levels or ()
    if len(levels) > max(MANY, len(column.values) // 2):
        raise DataError(
            f"Column {column.name!r} holds text of which nearly every row has its own: "
            f"{len(levels)} distinct values are no classes.",
            got=list(levels)[:3],
            hint=f"frame[{column.name!r}].astype(float) where they are numbers, or leave it out",
        )
    return tuple(levels)


def _blocks(column: Column, levels: tuple[Any, ...] | None) -> list[Array]:
    """A column of numbers, or one of zeros and ones for each class."""
    if column.dates:
        raise DataError(
            f"Column {column.name!r} holds dates, which a critic cannot read.",
            got=next(iter(column.levels or ()), None),
            hint=f"X.drop(columns=[{column.name!r}]), or X[{column.name!r}].astype('int64')",
        )
    if levels is None:
        return [numbers(column, MISSING)]
    coded = column.as_levels()
    if (coded.values < 0).any():
        raise DataError(
            f"Column {column.name!r} has missing values, which are no class.",
            got={"row": int(np.flatnonzero(coded.values < 0)[0])},
            hint=f"frame[{column.name!r}].fillna('missing') to make them one",
        )
    own = coded.levels or ()
    present = [own[i] for i in np.unique(coded.values)]
    new = [v for v in present if v not in levels]
    if new:
        raise DataError(
            f"Column {column.name!r} holds classes that were not there in fit.",
            got=and_list(new),
            hint=f"keep = frame[{column.name!r}].isin([{', '.join(map(repr, levels[:3]))}, ...])",
        )
    place = {v: i for i, v in enumerate(own)}
    return [(coded.values == place.get(v, -1)).astype(float) for v in levels]


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
    """What the rows themselves give to know: constants, copies, twins."""
    found = []
    for name, rows in (("X", x), ("y", y)):
        if (rows == rows[0]).all():
            found.append(
                Caution("DegenerateWarning", f"{name} is constant: the information is zero.")
            )
    copies = len(x) - distinct_pairs(x, y)
    if not found and copies > OFTEN * len(x):
        text = (
            f"{copies} of {len(x)} pairs are copies of others. If rows were repeated, held-out "
            "rows have been seen in training and the value is too high; if both variables are "
            "classes, mutual_information counts them exactly."
        )
        found.append(Caution("ReliabilityWarning", text))
    if x.shape == y.shape and np.array_equal(x, y):
        text = (
            "X and y are the same: of continuous variables the information is infinite, and any "
            "value is that of the ceiling."
        )
        found.append(Caution("ReliabilityWarning", text))
    return tuple(found)


def distinct_pairs(x: Array, y: Array) -> int:
    """Number of distinct pairs of rows.

    Examples
    --------
    >>> distinct_pairs(np.array([[1.0], [1.0], [1.0]]), np.array([[2.0], [2.0], [3.0]]))
    2
    """
    flat = [np.ascontiguousarray(v.reshape(len(v), -1)) + 0.0 for v in (x, y)]  # -0.0 is 0.0
    return len({(hash(a.tobytes()), hash(b.tobytes())) for a, b in zip(*flat, strict=True)})
