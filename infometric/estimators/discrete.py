"""What the estimators of discrete data share: samples or counts in, one state out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infometric.base import BINS, UNCERTAINTY, UNITS, Estimator
from infometric.exceptions import DataError
from infometric.sources.counting import _given
from infometric.state.counts import Counts
from infometric.state.encoders import BinSpec, Column, Encoder, learn_encoder
from infometric.validation import Constraint, OneOf, check_weights, discrete_column

DISCRETE: dict[str, tuple[Constraint, ...]] = {
    "bins": (OneOf((None,)), *BINS),
    "units": UNITS,
    "uncertainty": UNCERTAINTY,
}


class DiscreteEstimator(Estimator):
    """Estimator of counts: accepts `Counts`, or samples that it encodes itself."""

    _constraints = DISCRETE
    bins: Any

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        if isinstance(X, Counts):
            return {"encoders_": None, "state_": self._state_of_counts(X, y)}
        encoders = self._encoders(X, y)
        return {"encoders_": encoders, "state_": self._encoded(encoders, X, y, sample_weight)}

    def _count(self, X: Any, y: Any, sample_weight: Any) -> Counts:
        if isinstance(X, Counts):
            return self._state_of_counts(X, y)
        if self.encoders_ is None:
            raise DataError(
                f"This {type(self).__name__} was fitted on counts, which have no encoder.",
                hint="pass Counts again, or fit on samples",
            )
        return self._encoded(self.encoders_, X, y, sample_weight)

    def _state_of_counts(self, X: Counts, y: Any) -> Counts:
        return X if y is None else Counts.stack([X, y])

    def _encoders(self, X: Any, y: Any) -> dict[str, Encoder]:
        raise NotImplementedError

    def _encoded(self, encoders: dict[str, Encoder], X: Any, y: Any, sample_weight: Any) -> Counts:
        raise NotImplementedError

    def _column(self, data: Any, name: str) -> Column:
        return discrete_column(data, name, self.bins)


def encoder_of(columns: Sequence[Column], bins: Any) -> Encoder:
    """Encoder of one variable, learned from all samples of it."""
    given = _given(10 if bins is None else bins, columns[0].name, BinSpec(constant="keep"))
    if isinstance(given, Encoder):
        return given
    return learn_encoder(pooled(columns), given)


def pooled(columns: Sequence[Column]) -> Column:
    """Samples of one variable, one after the other."""
    import numpy as np

    first = columns[0]
    if len(columns) == 1:
        return first
    if len({c.numeric for c in columns}) > 1:
        columns = [c.as_levels() for c in columns]
    if columns[0].numeric:
        parts = [c.known() for c in columns]
        return Column(first.name, np.concatenate(parts))
    levels = tuple(dict.fromkeys(v for c in columns for v in c.levels or ()))
    position = {v: i for i, v in enumerate(levels)}
    codes = [
        np.array([*(position[v] for v in c.levels or ()), -1], dtype=np.int64)[c.values]
        for c in columns
    ]
    return Column(first.name, np.concatenate(codes), None, levels)


def count_sample(encoder: Encoder, column: Column, sample_weight: Any) -> Counts:
    """Counts of one sample."""
    if len(column.values) == 0:
        raise DataError(
            f"{column.name} is empty: Found array with 0 sample(s).", hint="check the filter"
        )
    table, squares = encoder.count(column, weights=check_weights(sample_weight, len(column.values)))
    return Counts(table, table.shape[-1:], squares, encoder.key, encoder.labels)
