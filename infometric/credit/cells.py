"""What IV and PSI share: the table of cells, empty-cell policies, and reading columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils.validation import check_is_fitted

from infometric.base import BINS, UNCERTAINTY, UNITS, Estimator
from infometric.credit.paper import PaperIndependentShares
from infometric.credit.slices import Slices
from infometric.exceptions import DataError, InvalidParameterError
from infometric.functional.divergence import Jeffreys, log_ratio
from infometric.inference import check_level
from infometric.result import Result, ResultTable, jsonable
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import BinSpec
from infometric.state.folds import Folds
from infometric.typing import RNG, Array
from infometric.validation import Constraint, Having, OneOf, Table, repeated

NAMES = Having(list | tuple, "a list of column names")
EmptyPolicy = Literal["half", "raise", "merge", "drop"]

BINNED: dict[str, tuple[Constraint, ...]] = {
    "bins": BINS,
    "binning": (OneOf(("quantile", "uniform")),),
    "special": (Having(list | tuple, "a list of codes"),),
    "categorical": (OneOf((True, False)), NAMES),
    "columns": (OneOf((None,)), NAMES),
    "exclude": (NAMES,),
    "out_of_range": (OneOf(("open", "cell")),),
    "constant": (OneOf(("raise", "keep")),),
    "units": UNITS,
}
COMPARED: dict[str, tuple[Constraint, ...]] = BINNED | {
    "empty": (OneOf(("half", "raise", "merge", "drop")),),
    "uncertainty": (OneOf(("paper",)), *UNCERTAINTY),
}


class BinnedEstimator(Estimator):
    """Estimator of binned columns that compares two groups by Jeffreys divergence."""

    _constraints = COMPARED
    _needs_data: ClassVar[str] = ""  # why there is nothing to estimate from after fit alone
    empty: EmptyPolicy
    bins: Any
    special: Sequence[float]
    categorical: Sequence[str] | bool
    columns: Sequence[str] | None
    exclude: Sequence[str]
    binning: Any
    out_of_range: Any
    constant: Any
    n_features_in_: int

    def _functional(self) -> Jeffreys:
        return Jeffreys()

    def _spec(self) -> BinSpec:
        return BinSpec(
            binning=self.binning,
            special=special_codes(self.special),
            out_of_range=self.out_of_range,
            constant=self.constant,
            categorical=self.categorical
            if isinstance(self.categorical, bool)
            else tuple(self.categorical),
        )

    def _open(self, X: Any) -> Table:
        table = open_table(X, categorical=self.categorical)
        if not isinstance(self.categorical, bool):
            table.require(list(self.categorical))
        table.require_rows()
        return table

    def _characteristics(self, table: Table, beside: Sequence[Any]) -> list[str]:
        """Columns to estimate: those chosen, without those excluded and those used otherwise."""
        table.require([*(self.columns or ()), *self.exclude])
        if isinstance(self.bins, Mapping) and not isinstance(self.bins.get("kind"), str):
            table.require(list(self.bins))
        names = table.names if self.columns is None else self.columns
        if twice := repeated(names):
            raise DataError("A column is named twice.", got=twice, hint="name each column once")
        left = [n for n in names if n not in self.exclude and n not in beside]
        if not left:
            raise DataError(
                "There is no characteristic among the columns.",
                got=list(table.names),
                hint="pass a table with at least one more column",
            )
        return left

    def _reopen(self, X: Any) -> Table:
        """Table of new data, with the columns of `fit`."""
        table = self._open(X)
        table.require_width(self.n_features_in_, type(self).__name__)
        return table

    def estimate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        by: str | None = None,
        level: float = 0.95,
        uncertainty: Any = None,
        rng: RNG = None,
        sample_weight: Any = None,
    ) -> Any:
        """Value of new data with the bins of `fit`, or of what `fit` saw.

        Parameters
        ----------
        X : array-like, frame or path, optional
            New data with the columns of `fit`; PSI needs them, as its fit is the reference.
        y : array-like or str, optional
            Their target, where the measure has one.
        by : str, optional
            Column of X whose values split it into slices, each with a value of its own.
        level : float
            Nominal coverage of the interval.
        uncertainty : str or Uncertainty, optional
            Strategy; the estimator's own by default.
        rng : int, Generator or None
            Source of randomness of resampling.
        sample_weight : array-like or str, optional
            Positive record weights.

        Returns
        -------
        Result or ResultTable
            One result for a one-dimensional fit, else one per column (and slice).

        Raises
        ------
        DataError
            Where data are needed and missing, or a slice lacks a class of the target.
        """
        check_is_fitted(self, "state_")
        if X is None and (self._needs_data or by is not None):
            raise DataError(
                self._needs_data or "Slices need the data: fit keeps counts alone.",
                hint="estimate(current)" if by is None else f"estimate(X, y, by={by!r})",
            )
        if by is None:
            return super().estimate(
                X, y, level=level, uncertainty=uncertainty, rng=rng, sample_weight=sample_weight
            )
        self._check()
        check_level(level)
        pairs, order = self._sliced(X, y, by, sample_weight)
        strategy = self.uncertainty if uncertainty is None else uncertainty
        found = self._infer(self._treated(pairs), strategy, level, rng)
        if not isinstance(found, ResultTable):
            found = self._tabulate({next(iter(pairs)): found})
        meta = found.meta | {"by": by, "slices": order}
        return ResultTable(dict(found), adjusted=found.adjusted, meta=meta)

    def _sliced(self, X: Any, y: Any, by: str, sample_weight: Any) -> Slices:
        """Pairs of groups of each column in each slice, and the slices in order."""
        raise NotImplementedError

    def _infer(self, state: Any, strategy: Any, level: float, rng: Any) -> Any:
        if isinstance(strategy, str) and strategy == "paper":
            strategy = PaperIndependentShares()
        return super()._infer(state, strategy, level, rng)

    def _treated(self, state: dict[str, Any]) -> dict[str, Any]:
        return {name: self._treated_one(name, s) for name, s in state.items()}

    def _treated_one(self, name: str, s: Any) -> Any:
        if isinstance(s, Folds):
            return Folds(tuple(treat_empty(name, part, self.empty) for part in s.parts))
        return treat_empty(name, s, self.empty)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def seen_columns(table: Table, beside: Sequence[str]) -> dict[str, Any]:
    """Attributes that name what `fit` saw, whether or not it was used."""
    names = [n for n in table.names if n not in beside]
    return {
        "n_features_in_": len(names),
        "feature_names_in_": np.array(names, dtype=object),
    }


def special_codes(codes: Sequence[Any]) -> tuple[float, ...]:
    """Special codes as numbers.

    Raises
    ------
    InvalidParameterError
        Where one is no number.
    """
    try:
        found = tuple(float(v) for v in codes)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            "Special codes must be numbers.", got=list(codes), hint="special=[-1, 999]"
        ) from error
    if len(set(found)) < len(found) or any(v != v for v in found):
        raise InvalidParameterError(
            "Special codes must be distinct numbers; NaN has the cell of missing values.",
            got=list(codes),
            hint=f"special={sorted({v for v in found if v == v})}",
        )
    return found


def treat_empty(name: str, s: Counts, policy: EmptyPolicy) -> Counts:
    """Counts after the policy for cells that one of the groups left empty.

    Parameters
    ----------
    name : str
        Column, for the message.
    s : Counts
        Two groups.
    policy : {"half", "raise", "merge", "drop"}
        Leave it to the functional (+0.5 in every cell), refuse, join such a cell with its
        smaller neighbour, or leave it out.

    Raises
    ------
    DataError
        Where the policy is "raise" and a cell is empty in one group.
    """
    half_empty = s.occupied & (s.table == 0).any(-2)
    if policy == "half" or not half_empty.any():
        return s
    labels = s.cells or tuple(map(str, range(s.n_cells)))
    if policy == "raise":
        raise DataError(
            f"Column {name!r} has cells that one group left empty.",
            got=[labels[k] for k in np.flatnonzero(half_empty)][:5],
            hint="empty='half' adds 0.5 to every cell; empty='merge' joins neighbours",
        )
    if policy == "drop":
        return s.select_cells(~half_empty)
    return merge_empty(s)


def merge_empty(s: Counts) -> Counts:
    """Join every cell that one group left empty with its smaller neighbour, until none is left."""
    return merge_lacking(s, lambda cell: 0 in cell)


def merge_lacking(s: Counts, lacking: Callable[[list[float]], bool]) -> Counts:
    """Join every cell that lacks something with its smaller neighbour, until none is left.

    Parameters
    ----------
    s : Counts
        Two groups.
    lacking : callable
        Whether the counts of a cell, one of each group, are not enough for a cell of its own.
    """
    s = s.select_cells(s.occupied)
    whole: list[list[float]] = []  # cells so far, none of them lacking
    onto: list[int] = []
    waiting = s.table.T.tolist()[::-1]
    sizes = [1] * len(waiting)  # how many old cells a waiting one holds
    while waiting:
        cell, size = waiting.pop(), sizes.pop()
        if not lacking(cell) or not (whole or waiting):
            whole.append(cell)
            onto += [len(whole) - 1] * size
        elif not waiting or (whole and sum(whole[-1]) <= sum(waiting[-1])):
            whole[-1] = [a + b for a, b in zip(whole[-1], cell, strict=True)]
            onto += [len(whole) - 1] * size
        else:
            waiting[-1] = [a + b for a, b in zip(waiting[-1], cell, strict=True)]
            sizes[-1] += size
    return s.merge_cells(np.array(onto))


def cell_table(s: Counts, woe_sign: int = 1) -> list[dict[str, Any]]:
    """One row per occupied cell: counts, shares, contribution, log ratio of the shares."""
    filled = s.with_half()
    p, q = s.p
    labels = s.cells or tuple(map(str, range(s.n_cells)))
    here = np.flatnonzero(s.occupied)
    log_ratio = log_share_ratio(filled)
    return [
        {
            "cell": labels[k],
            "count_a": s.table[0, k],
            "count_b": s.table[1, k],
            "share_a": s.p[0, k],
            "share_b": s.p[1, k],
            "contribution": float((p[k] - q[k]) * log_ratio[k]),
            "log_ratio": float(woe_sign * log_ratio[k]),
        }
        for k in here
    ]


def log_share_ratio(s: Counts) -> Array:
    """log(p / q) of the occupied cells, zero elsewhere."""
    return log_ratio(s)[-1]


def with_cells(result: Result, s: Counts, labels: tuple[str, str]) -> Result:
    """Result whose diagnostics hold the table of cells and the names of the two groups."""
    extra = {"groups": list(labels), "cells": jsonable(cell_table(s))}
    return replace(result, diagnostics=result.diagnostics | extra)
