"""What the estimators of discrete data share: samples, tables or counts in, states out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from infometric.base import BINS, UNCERTAINTY, UNITS, Estimator, States
from infometric.exceptions import ColumnError, DataError, and_list
from infometric.sources import open_table
from infometric.sources.counting import chosen_encoder
from infometric.state.counts import Counts
from infometric.state.encoders import (
    BinSpec,
    Column,
    Encoder,
    concatenate,
    learn_encoder,
    refuse_unlike,
)
from infometric.validation import Constraint, OneOf, Table, as_cells, check_weights

DISCRETE: dict[str, tuple[Constraint, ...]] = {
    "bins": (OneOf((None,)), *BINS),
    "units": UNITS,
    "uncertainty": UNCERTAINTY,
}
WHOLE = ""  # name of the only state of an estimator that was given counts


class DiscreteEstimator(Estimator):
    """Estimator of counts, one state per column: accepts `Counts`, or data that it encodes."""

    _constraints = DISCRETE
    bins: Any
    n_features_in_: int

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        if isinstance(X, Counts):
            self._nothing_beside(sample_weight=sample_weight, bins=self.bins)
            return {"encoders_": None, "single_": True, "state_": {WHOLE: self._checked(X)}}
        columns = cell_columns(X, self.bins)
        require_bins(self.bins, columns)
        encoders = {name: encoder_of([c], self.bins) for name, c in columns.items()}
        return {
            "encoders_": encoders,
            "state_": counted(encoders, columns, sample_weight),
            "single_": is_one(X),
            "n_features_in_": len(columns),
            "feature_names_in_": np.array(list(columns), dtype=object),
        }

    def _count(self, X: Any, y: Any, sample_weight: Any) -> States:
        if isinstance(X, Counts):
            self._nothing_beside(sample_weight=sample_weight)
            return {WHOLE: self._checked(X)}
        if self.encoders_ is None:
            raise DataError(
                f"This {type(self).__name__} was fitted on counts, which have no encoder.",
                hint="pass Counts again, or fit on samples",
            )
        return counted(self.encoders_, self._columns_like_fit(X), sample_weight)

    def _nothing_beside(self, **given: Any) -> None:
        """Error for what came with Counts, which hold cells and weights already."""
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise DataError(
                f"{type(self).__name__} of Counts takes no {and_list(extra)}: the records are "
                "counted already.",
                got={name: type(given[name]).__name__ for name in extra},
                hint="leave it out, or pass the records themselves",
            )

    def _columns_like_fit(self, X: Any) -> dict[str, Column]:
        """Columns of new data, by the names of `fit`."""
        columns = cell_columns(self._like_fit(X), self.bins)
        if self.single_ and len(columns) == 1:
            columns = dict(zip(self.encoders_, columns.values(), strict=True))
        require_columns(self.encoders_, columns)
        return columns

    def _like_fit(self, X: Any) -> Any:
        """Data with the columns of `fit`."""
        if isinstance(X, Column):
            return X
        table = open_table(X)
        table.require_width(self.n_features_in_, type(self).__name__)
        return table

    def _checked(self, counts: Counts) -> Counts:
        """Counts that fit the measure; one sample here."""
        if counts.n_groups != 1:
            raise DataError(
                f"{type(self).__name__} takes the counts of one sample at a time.",
                got={"groups": counts.n_groups},
                hint="Counts.from_counts([12, 7, 3])",
            )
        return counts

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def is_one(data: Any) -> bool:
    """Whether data are one variable: an array of one dimension, a series, a column."""
    return isinstance(data, Column) or open_table(data).one_dimensional


def cell_columns(data: Any, bins: Any) -> dict[str, Column]:
    """Columns of data that have cells or will be binned, by name.

    Raises
    ------
    DataError
        Where there is no row or no column.
    UnsupportedError
        Where a column is continuous and there are no bins.
    """
    if isinstance(data, Column):
        return {data.name: as_cells(data, bins)}
    table: Table = open_table(data)
    table.require_rows()
    return {name: as_cells(table.column(name), bins) for name in table.names}


def encoder_of(columns: Sequence[Column], bins: Any) -> Encoder:
    """Encoder of one variable, learned from all samples of it."""
    spec = BinSpec(constant="keep")
    given = chosen_encoder(10 if bins is None else bins, columns[0].name, spec)
    return (
        given
        if isinstance(given, Encoder)
        else learn_encoder(concatenate(columns[0].name, columns), given)
    )


def shared_encoders(p: Any, q: Any, bins: Any) -> dict[str, Encoder]:
    """Encoders learned from two samples together, by the names of the second."""
    ours, theirs = cell_columns(p, bins), cell_columns(q, bins)
    if is_one(p) and is_one(q):
        ours = dict(zip(theirs, ours.values(), strict=True))
    require_columns(theirs, ours)
    require_bins(bins, theirs)
    for name, column in theirs.items():
        refuse_unlike(ours[name], column)
    return {name: encoder_of([ours[name], c], bins) for name, c in theirs.items()}


def require_columns(names: Iterable[str], columns: dict[str, Column]) -> None:
    """Error for the first name that is no column, naming the nearest that is."""
    for name in names:
        if name not in columns:
            raise ColumnError.missing(name, columns)


def require_bins(bins: Any, names: Iterable[str]) -> None:
    """Error for bins of a column that is not there, naming the nearest that is."""
    if isinstance(bins, Mapping) and not isinstance(bins.get("kind"), str):
        names = list(names)
        for name in bins:
            if name not in names:
                raise ColumnError.missing(name, names)


def bins_of(bins: Any, names: Iterable[str]) -> Any:
    """Bins of some of the columns."""
    if not isinstance(bins, Mapping) or isinstance(bins.get("kind"), str):
        return bins
    return {name: bins[name] for name in names if name in bins}


def counted(
    encoders: dict[str, Encoder], columns: dict[str, Column], sample_weight: Any
) -> dict[str, Counts]:
    """Counts of each column."""
    require_columns(encoders, columns)
    return {name: count_sample(e, columns[name], sample_weight) for name, e in encoders.items()}


def count_sample(encoder: Encoder, column: Column, sample_weight: Any) -> Counts:
    """Counts of one sample."""
    weights = check_weights(sample_weight, len(column.values))
    table, squares = encoder.count(column, weights=weights)
    return Counts(table, table.shape[-1:], squares, encoder.key, encoder.labels)
