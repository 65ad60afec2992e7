"""Dependence of two discrete variables."""

from __future__ import annotations

from typing import Any

import numpy as np

from infometric.estimators.discrete import DiscreteEstimator, encoder_of
from infometric.exceptions import DataError
from infometric.functional import information as functional
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder
from infometric.validation import check_lengths, check_weights


class MutualInformation(DiscreteEstimator):
    """Mutual information of two discrete variables.

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

    def _state_of_counts(self, X: Counts, y: Any) -> Counts:
        if len(X.shape) != 2 or y is not None:
            raise DataError(
                "Mutual information of counts needs one joint table of two variables.",
                got={"groups": X.n_groups, "shape": X.shape},
                hint="Counts.from_counts(table, joint=True)",
            )
        return X

    def _encoders(self, X: Any, y: Any) -> dict[str, Encoder]:
        if y is None:
            raise DataError(
                "Mutual information is of two variables; requires y to be passed, but the target "
                "y is None.",
                hint="fit(x, y)",
            )
        return {
            name: encoder_of([self._column(data, name)], self.bins)
            for name, data in (("x", X), ("y", y))
        }

    def _encoded(self, encoders: dict[str, Encoder], X: Any, y: Any, sample_weight: Any) -> Counts:
        x_column, y_column = self._column(X, "x"), self._column(y, "y")
        n = check_lengths(x=x_column.values, y=y_column.values)
        weights = check_weights(sample_weight, n)
        ex, ey = encoders["x"], encoders["y"]
        shape = (ex.n_cells, ey.n_cells)
        codes = ex.encode(x_column) * shape[1] + ey.encode(y_column)
        size = shape[0] * shape[1]
        table = np.bincount(codes, weights=weights, minlength=size)
        squares = None if weights is None else (
            np.bincount(codes, weights=weights**2, minlength=size)[None])  # fmt: skip
        return Counts(table[None], shape, squares, f"{ex.key}-{ey.key}")
