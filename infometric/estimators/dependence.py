"""Dependence of two discrete variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infometric.estimators.discrete import (
    DiscreteEstimator,
    cell_columns,
    encoder_of,
    is_one,
    require_columns,
)
from infometric.exceptions import DataError
from infometric.functional import information as functional
from infometric.state.counts import Counts
from infometric.state.encoders import Column, Encoder
from infometric.typing import Array
from infometric.validation import check_lengths, check_paired, check_weights

MOST_CELLS = 10_000_000


class MutualInformation(DiscreteEstimator):
    """Mutual information of two discrete variables; several columns are one vector variable.

    Parameters
    ----------
    bins : int, list of float or Encoder, optional
        Cells of continuous variables: the value is then that of the binned variables.
    units : {"nats", "bits", "bans"}
        Units of the result.
    uncertainty : str or Uncertainty
        "auto" is the noncentral chi-square interval.

    Examples
    --------
    >>> from infometric import MutualInformation
    >>> x = ["a", "b"] * 50
    >>> round(MutualInformation(units="bits").fit(x, x).estimate().value, 6)
    1.0
    """

    def __init__(self, *, bins: Any = None, units: str = "nats", uncertainty: Any = "auto") -> None:
        self.bins = bins
        self.units = units
        self.uncertainty = uncertainty

    def _functional(self) -> functional.MutualInformation:
        return functional.MutualInformation()

    def _checked(self, counts: Counts) -> Counts:
        if len(counts.shape) != 2:
            raise DataError(
                "Mutual information of counts needs one joint table of two variables.",
                got={"groups": counts.n_groups, "shape": counts.shape},
                hint="Counts.from_counts(table, joint=True)",
            )
        return counts

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        if isinstance(X, Counts):
            return {"encoders_": None, "state_": self._checked(X)}
        x_columns, y_columns = self._variables(X, y)
        encoders = [
            {name: encoder_of([c], self.bins) for name, c in columns.items()}
            for columns in (x_columns, y_columns)
        ]
        return {
            "encoders_": encoders,
            "state_": joint_counts(encoders, (x_columns, y_columns), sample_weight),
            "n_features_in_": len(x_columns),
            "feature_names_in_": np.array(list(x_columns), dtype=object),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Counts:
        if isinstance(X, Counts):
            return self._checked(X)
        if self.encoders_ is None:
            raise DataError(
                "This MutualInformation was fitted on counts, which have no encoder.",
                hint="pass Counts again, or fit on samples",
            )
        return joint_counts(self.encoders_, self._like_fitted(X, y), sample_weight)

    def _like_fitted(self, X: Any, y: Any) -> list[dict[str, Column]]:
        """Both variables with the columns of `fit`, in their order."""
        found = self._variables(self._like_fit(X), y)
        out = []
        for encoders, columns, data in zip(self.encoders_, found, (X, y), strict=True):
            if len(encoders) == len(columns) == 1 and is_one(data):
                columns = dict(zip(encoders, columns.values(), strict=True))
            require_columns(encoders, columns)
            out.append({name: columns[name] for name in encoders})
        return out

    def _variables(self, X: Any, y: Any) -> tuple[dict[str, Column], dict[str, Column]]:
        if y is None:
            raise DataError(
                "Mutual information is of two variables; requires y to be passed, but the target "
                "y is None.",
                hint="fit(x, y)",
            )
        check_paired(X, y)
        return cell_columns(X, self.bins), cell_columns(y, self.bins)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def joint_counts(
    encoders: Sequence[Mapping[str, Encoder]],
    variables: Sequence[Mapping[str, Column]],
    sample_weight: Any,
) -> Counts:
    """Joint table of two variables; several columns are one vector variable."""
    first, second = (next(iter(v.values())).values for v in variables)
    weights = check_weights(sample_weight, check_lengths(x=first, y=second))
    coded = [vector_codes(e, v) for e, v in zip(encoders, variables, strict=True)]
    (x, width), (y, height) = coded
    codes, size = x * height + y, width * height
    if size > MOST_CELLS:
        raise DataError(
            "The two variables together have too many cells for one table.",
            got=f"{width} x {height}",
            hint="bins=10 for numbers; group rare categories of text",
        )
    table = np.bincount(codes, weights=weights, minlength=size)[None]
    squares = None
    if weights is not None:
        squares = np.bincount(codes, weights=weights**2, minlength=size)[None]
    key = "-".join(e.key for side in encoders for e in side.values())
    return Counts(table, (width, height), squares, key)


def vector_codes(
    encoders: Mapping[str, Encoder], columns: Mapping[str, Column]
) -> tuple[Array, int]:
    """Cell of each row of a vector variable, and the number of cells.

    Raises
    ------
    DataError
        Where there are more cells than a table can hold.
    """
    size = math.prod(e.n_cells for e in encoders.values())
    if size > MOST_CELLS:
        raise DataError(
            f"{len(encoders)} columns together have too many cells for one table.",
            got=size,
            hint="bins=3, or fewer columns",
        )
    codes: Array = np.zeros(1, dtype=np.int64)
    for (_, encoder), column in zip(encoders.items(), columns.values(), strict=True):
        codes = codes * encoder.n_cells + encoder.encode(column)
    return codes, size
