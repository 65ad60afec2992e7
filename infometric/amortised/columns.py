"""Columns of two variables, from whatever holds them: numbers that ranks can be taken of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infometric.estimators.continuous import Advice, numbers, raw_columns
from infometric.exceptions import ColumnError, DataError, UnsupportedError
from infometric.sources.arrays import is_array_file, open_array
from infometric.state.arrays import is_tensor, to_numpy
from infometric.state.encoders import Column
from infometric.state.sample import Sample
from infometric.typing import Array
from infometric.validation import check_lengths, check_paired

ADVICE = Advice(
    "which have no rank",
    "leave the rows out: keep = frame[{name!r}].notna()",
    "leave the column out; mutual_information(x, y) takes it as a class",
)
Columns = Mapping[str, Column]


def two_variables(caller: str, X: Any, y: Any) -> tuple[Columns, Columns]:
    """Columns of both variables.

    Parameters
    ----------
    caller : str
        Name of the estimator, for messages.
    X, y : array-like, tensor, frame or path
        Variables; y may be the name of a column of X, or a list of names.

    Raises
    ------
    DataError
        Where y is absent, lengths differ, or there are no rows.
    """
    if y is None:
        raise DataError(
            f"{caller} is of two variables; requires y to be passed, but the target y is None.",
            hint="fit(x, y)",
        )
    check_paired(X, y)
    first: Columns = raw_columns(_opened(X))
    second: Columns
    names = [y] if isinstance(y, str) else y
    if _are_names(names) and not is_array_file(names[0]) and "." not in names[0]:
        first, second = _parted(first, names)
    else:
        second = raw_columns(_opened(y), "y")
    check_lengths(**{k: next(iter(v.values())).values for k, v in (("x", first), ("y", second))})
    return first, second


def _are_names(names: Any) -> bool:
    return isinstance(names, list) and bool(names) and all(isinstance(n, str) for n in names)


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


def _numbers(column: Column) -> Array:
    return numbers(column, ADVICE)


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
