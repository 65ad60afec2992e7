"""What the estimators of continuous data share: columns in, a `Sample` out.

A measure is estimated from counts where its variables have cells, and from neighbours where one of
them is continuous and no bins are given; `estimator=` decides otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from hashlib import blake2b
from inspect import signature
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from infometric.base import UNCERTAINTY, UNITS, Estimator
from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError
from infometric.functional.sample import SampleFunctional
from infometric.sources import open_table
from infometric.state.encoders import Column, refuse_dates, refuse_spoilt_numbers
from infometric.state.sample import Kind, Sample, refuse_not_finite
from infometric.typing import Array
from infometric.validation import (
    ROWS_OF_A_VALUE,
    Constraint,
    Having,
    OneOf,
    Span,
    Table,
    few_valued,
)


@dataclass(frozen=True)
class Advice:
    """What errors of a column say of its use; `{name}` stands for the name of the column.

    Parameters
    ----------
    why : str
        What is wrong with NaN.
    missing, text : str
        The next line to type where values are missing, and where they are text; without the first,
        that of the measures by neighbours.
    """

    why: str = "which have no neighbours"
    missing: str = ""
    text: str = "leave the column out; mutual_information takes it as a class"


NEIGHBOURS = Advice()
ANY_NUMBER: tuple[Constraint, ...] = (OneOf((None,)), Span(Integral, 1))
COUNTS = "counts"
MANY_VALUES = 20
DATES = "leave the column out, or convert it to a number: x.astype('int64')"
ROWS_OF_CELL = 10  # rows of a cell, on average, below which whole numbers are no categories
Variables = Sequence[Mapping[str, Column]]


def choices(registry: Mapping[str, type[Any]], *, counts: bool = True) -> tuple[Constraint, ...]:
    """Constraint on `estimator`: a name, or an object with local terms."""
    named = dict.fromkeys(("auto", *((COUNTS,) if counts else ()), *registry))
    return (OneOf(tuple(named)), Having("doubts", "an estimator of `infometric.functional`"))


def raw_columns(data: Any, name: str = "x") -> dict[str, Column]:
    """Columns of data as they are, by name.

    Raises
    ------
    DataError
        Where there is no row or no column.
    """
    if isinstance(data, Column):
        if not len(data.values):
            raise DataError(
                f"Column {data.name!r} has no rows.", got={"rows": 0}, hint="a file with rows"
            )
        return {data.name: data}
    table: Table = open_table(data, name=name)
    table.require_rows()
    return {name: table.column(name) for name in table.names}


def continuous(column: Column, together: int = 1) -> bool:
    """Whether a column holds numbers that are no categories.

    Categories are few values that come often, and whole numbers, but for those with so many values
    that a table of so many columns like this one would be thin.
    """
    if not column.numeric:
        return False
    known = column.known()
    if known.dtype.kind == "f" and not bool((known == np.rint(known)).all()):
        return not few_valued(known)
    values = len(np.unique(known))
    return values > MANY_VALUES and len(known) < ROWS_OF_CELL * values**together


def from_neighbors(
    estimator: Any, bins: Any, variables: Iterable[Mapping[str, Column]], together: int = 1
) -> bool:
    """Whether a measure of these variables is estimated from neighbours.

    `together` is the number of columns of the table that counts would fill.

    Raises
    ------
    InvalidParameterError
        Where bins are given beside an estimator that has none.
    """
    if estimator == COUNTS:
        return False
    if estimator != "auto":
        if bins is not None:
            raise InvalidParameterError(
                "Neighbours have no bins.",
                got={"bins": bins, "estimator": estimator},
                hint="leave bins out, or estimator='counts'",
            )
        return True
    return bins is None and any(continuous(c, together) for v in variables for c in v.values())


def chosen(
    estimator: Any, n_neighbors: int | None, registry: Mapping[str, type[Any]], **given: Any
) -> SampleFunctional:
    """Functional of a name, with the number of neighbours and further parameters where it has them.

    Raises
    ------
    InvalidParameterError
        Where a number of neighbours is given to an estimator that has none.
    """
    found = registry[estimator]() if isinstance(estimator, str) else estimator
    wanted = registry["auto"].name
    if found.name != wanted:
        raise InvalidParameterError(
            f"This is an estimator of {found.name}, and what is asked for is {wanted}.",
            got=found,
            hint=f"estimator='auto', or one of {', '.join(map(repr, registry))}",
        )
    known = {f.name for f in fields(found)}
    if n_neighbors is not None:
        if "n_neighbors" not in known:
            raise InvalidParameterError(
                f"estimator={estimator!r} has no neighbours.",
                got={"n_neighbors": n_neighbors},
                hint="leave n_neighbors out",
            )
        given = given | {"n_neighbors": int(n_neighbors)}
    return replace(found, **{k: v for k, v in given.items() if k in known})


# --- samples ----------------------------------------------------------------------------------


def is_class(column: Column, together: int = 2) -> bool:
    """Whether a column holds classes: text, truth values, or whole numbers that come often."""
    if not column.numeric:
        return True
    if continuous(column, together):
        return False
    known = column.known()
    return len(known) >= ROWS_OF_A_VALUE * len(np.unique(known))


def kinds_of(variables: Variables) -> tuple[Kind, ...]:
    """Kind of each variable: of several columns all are classes, or all are numbers.

    Raises
    ------
    DataError
        Where text and numbers stand together in one variable.
    """
    out: list[Kind] = []
    together = n_columns(variables)
    for variable in variables:
        for column in variable.values():
            if column.dates:
                refuse_dates(column.name, column.levels or (), DATES)
            refuse_spoilt_numbers(column)
        classes = [is_class(c, together) for c in variable.values()]
        texts = [not c.numeric for c in variable.values()]
        if any(texts) and not all(classes):
            raise DataError(
                "One variable mixes text and continuous numbers, which have no common distance.",
                got={n: "text" if t else "number" for n, t in zip(variable, texts, strict=True)},
                hint="pass the text as a variable of its own, or encode it as numbers",
            )
        out.append("discrete" if all(classes) else "continuous")
    return tuple(out)


def n_columns(variables: Variables) -> int:
    """Columns of all variables together."""
    return sum(len(variable) for variable in variables)


def sample_of(variables: Variables, kinds: Sequence[Kind]) -> Sample:
    """State of some variables."""
    blocks = [
        class_codes(variable)[:, None] if kind == "discrete" else _numbers(variable)
        for variable, kind in zip(variables, kinds, strict=True)
    ]
    names = "|".join(",".join(v) for v in variables)
    return Sample.of(*blocks, kinds=kinds, key=names)


def _numbers(variable: Mapping[str, Column]) -> Array:
    return np.column_stack([numbers(c) for c in variable.values()])


def numbers(column: Column, advice: Advice = NEIGHBOURS) -> Array:
    """Finite numbers of a column.

    Raises
    ------
    DataError
        Where it holds text or dates, or a value is missing or infinite.
    """
    if column.dates:
        refuse_dates(column.name, column.levels or (), DATES)
    if not column.numeric:
        if set(column.levels or ()) <= {False, True}:
            return column.values.astype(float)
        raise DataError(
            f"Column {column.name!r} holds text, and distances need numbers.",
            got=list(column.levels or ())[:3],
            hint=advice.text.format(name=column.name),
        )
    x = column.values.astype(np.float64)
    if column.missing is not None:
        x = np.where(column.missing, np.nan, x)
    hint = advice.missing.format(name=column.name)
    refuse_not_finite(x, column.name, advice.why, hint=hint)
    return x


def class_codes(
    variable: Mapping[str, Column], missing: str = "frame[{name!r}].fillna('missing')"
) -> Array:
    """A number for each combination of the columns' values, the same in whatever data it comes.

    `missing` is the next line to type where a value is missing.

    Raises
    ------
    DataError
        Where a value is missing.
    """
    parts = []
    for name, column in variable.items():
        coded = column.as_levels()
        if (coded.values < 0).any():
            raise DataError(
                f"Column {name!r} has missing values, which are no class.",
                got={"row": int(np.flatnonzero(coded.values < 0)[0])},
                hint=missing.format(name=name) + " to make them one",
            )
        parts.append((coded.values, [_token(v) for v in coded.levels or ()]))
    rows = np.column_stack([codes for codes, _ in parts])
    distinct, at = np.unique(rows, axis=0, return_inverse=True)
    tokens = ("|".join(t[i] for i, (_, t) in zip(row, parts, strict=True)) for row in distinct)
    numbers = [int.from_bytes(blake2b(t.encode(), digest_size=6).digest()) for t in tokens]
    return np.array(numbers, dtype=float)[at.reshape(-1)]


def _token(value: Any) -> str:
    """Text of a class; numbers that are equal have one."""
    return repr(float(value)) if isinstance(value, Real) else f"text {value}"


@cache
def _defaults(kind: type[Any]) -> dict[str, Any]:
    """Parameters of a class and their defaults."""
    return {name: p.default for name, p in signature(kind.__init__).parameters.items()}


def refuse_unused(estimator: Estimator, names: Sequence[str], why: str) -> None:
    """Error for a parameter that is not at its default and has no effect.

    Raises
    ------
    InvalidParameterError
        With the parameter and its value.
    """
    kind: Any = type(estimator)  # mypy takes classes for unhashable
    defaults = _defaults(kind)
    for name in names:
        value = getattr(estimator, name, None)
        if name in defaults and value != defaults[name]:
            raise InvalidParameterError(
                f"{name} has no effect here: {why}.",
                got={name: value},
                hint=f"leave {name} out, or "
                + ("bins=10" if name != "n_neighbors" else "estimator='ksg1'"),
            )


def refuse_weights(estimator: Estimator, sample_weight: Any) -> None:
    """Error where rows carry weights: a neighbour is a row, whatever it weighs."""
    if sample_weight is not None:
        raise UnsupportedError(
            f"{type(estimator).__name__} of continuous variables has no weighted form: neighbours "
            "are counted in rows.",
            got=type(sample_weight).__name__,
            hint="bins=10 for a weighted estimate from counts",
        )


def without_weights(reason: str) -> dict[str, str]:
    """Checks of scikit-learn that an estimator of rows without weights does not pass."""
    checks = (
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_list",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
        "check_all_zero_sample_weights_error",
        "check_sample_weight_equivalence_on_dense_data",
    )
    objects = "an object that is no number is wrong data, not a wrong type"
    return dict.fromkeys(checks, reason) | {"check_dtype_object": objects}


class ContinuousEstimator(Estimator):
    """Estimator of one continuous variable: a 1-D array, or several columns as one vector."""

    _registry: ClassVar[Mapping[str, type[Any]]] = {}
    _expected_failures: ClassVar[dict[str, str]] = without_weights(
        "neighbours are counted in rows, and weights are refused"
    )
    estimator: Any
    n_neighbors: int | None

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        columns = self._columns(X, sample_weight)
        return {
            "state_": self._sample(columns),
            "n_features_in_": len(columns),
            "feature_names_in_": np.array(list(columns), dtype=object),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Sample:
        columns = self._columns(X, sample_weight)
        if len(columns) != self.n_features_in_:
            raise DataError(
                f"X has {len(columns)} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input.",
                got=list(columns),
                hint="pass the columns seen in fit",
            )
        names = self.feature_names_in_.tolist()
        if set(columns) == set(names):
            columns = {name: columns[name] for name in names}
        return self._sample(dict(zip(names, columns.values(), strict=True)))

    def _columns(self, X: Any, sample_weight: Any) -> dict[str, Column]:
        refuse_weights(self, sample_weight)
        return raw_columns(X)

    def _sample(self, columns: dict[str, Column]) -> Sample:
        state = sample_of([columns], ("continuous",))
        self._functional().check(state)
        return state


CONTINUOUS: dict[str, tuple[Constraint, ...]] = {
    "n_neighbors": ANY_NUMBER,
    "units": UNITS,
    "uncertainty": UNCERTAINTY,
}
