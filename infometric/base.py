"""Estimator: fit / partial_fit / merge / estimate / ci / test / score.

One rule: ``fit`` learns the nuisance (bin edges, a reference), ``estimate`` evaluates the
functional given it. Without data, ``estimate`` and ``ci`` speak of what ``fit`` saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from infometric.exceptions import DataError, MergeError, UnsupportedError
from infometric.inference import STRATEGIES, check_level, generator_of, infer
from infometric.result import NATS_PER, ConfidenceInterval, Result, ResultTable
from infometric.state.counts import Counts
from infometric.typing import RNG
from infometric.validation import Constraint, Having, OneOf, Span, check_parameters

UNITS: tuple[Constraint, ...] = (OneOf(tuple(NATS_PER)),)
UNCERTAINTY: tuple[Constraint, ...] = (
    OneOf(("auto", *STRATEGIES)),
    Having("needs", "an uncertainty strategy"),
)
BINS: tuple[Constraint, ...] = (
    Span(Integral, 2),
    Having(list | tuple | np.ndarray, "a list of inner edges"),
    Having("encode", "a fitted encoder"),
    Having(Mapping, "a mapping of column to bins"),
    Having("encoders_", "a fitted binning"),
)
# one state, or one per column
States = Any


class Estimator(BaseEstimator):
    """Base of the estimators.

    A subclass names its parameters' constraints, and defines `_functional`, `_learn` (the learned
    attributes, `state_` among them) and `_count` (the state of more data, given what was learned).
    `state_` is one state, or a mapping of column name to state; estimates are then a
    `ResultTable`.
    """

    _constraints: ClassVar[dict[str, tuple[Constraint, ...]]] = {}
    # checks of scikit-learn that cannot pass, each with its reason
    _expected_failures: ClassVar[dict[str, str]] = {}

    def __init__(self, *, units: str = "nats", uncertainty: Any = "auto") -> None:
        self.units = units
        self.uncertainty = uncertainty

    # -- what a subclass defines ----------------------------------------------------------

    def _functional(self) -> Any:
        raise NotImplementedError

    def _learn(self, X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _count(self, X: Any, y: Any, sample_weight: Any) -> States:
        raise NotImplementedError

    def _count_new(self, X: Any, y: Any, sample_weight: Any) -> States:
        """State of data to compare with those of `fit`, where that differs from `_count`."""
        return self._count(X, y, sample_weight)

    def _compared(self, state: States) -> States:
        """State to estimate from, given the state of new data or of the fit."""
        return state

    def _finish(self, name: str, result: Result, state: Counts) -> Result:
        """Result with what only this measure knows; called once per result."""
        return result

    def _measure(self) -> str | None:
        return None

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """Names of the parameters; scikit-learn reads the signature anew for each fit."""
        return super()._get_param_names()

    # -- the interface --------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Learn the nuisance from data, and keep their state.

        Parameters
        ----------
        X : array-like, frame or path
            Data; see the class.
        y : array-like or str, optional
            Second variable or target; the name of a column of X where X is a frame or a path.
        sample_weight : array-like of shape (n_rows,), optional
            Positive record weights.

        Returns
        -------
        Self
            The estimator. A failed call leaves it as it was.
        """
        self._check()
        learned = self._learn(X, y, sample_weight)
        for name in [a for a in vars(self) if a.endswith("_") and not a.startswith("_")]:
            delattr(self, name)
        for name, value in learned.items():
            setattr(self, name, value)
        return self

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Add data to what `fit` saw, with the nuisance as learned; `fit` where nothing was."""
        if not hasattr(self, "state_"):
            return self.fit(X, y, sample_weight=sample_weight)
        self._check()
        self.state_: States = add_states(self.state_, self._count(X, y, sample_weight))
        return self

    def merge(self, other: Self) -> Self:
        """Join what another fit of the same estimator saw.

        Raises
        ------
        MergeError
            Where parameters or learned cells differ.
        """
        check_is_fitted(self, "state_")
        if type(other) is not type(self):
            raise MergeError(
                "Only estimators of one class merge.",
                got=(type(self).__name__, type(other).__name__),
                hint=f"fit the other part with {type(self).__name__} and the same bins",
            )
        check_is_fitted(other, "state_")
        self.state_ = add_states(self.state_, other.state_)
        return self

    def estimate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        level: float = 0.95,
        uncertainty: Any = None,
        rng: RNG = None,
        sample_weight: Any = None,
    ) -> Any:
        """Value with standard error, interval and p-value.

        Parameters
        ----------
        X, y : array-like, frame or path, optional
            New data, counted with what `fit` learned; the data of `fit` by default.
        level : float
            Nominal coverage of the interval.
        uncertainty : str or Uncertainty, optional
            Strategy; the estimator's own by default.
        rng : int, Generator or None
            Source of randomness of resampling.
        sample_weight : array-like, optional
            Positive record weights of new data.

        Returns
        -------
        Result or ResultTable
            One result, or one per column.
        """
        check_is_fitted(self, "state_")
        self._check()
        check_level(level)
        strategy = self.uncertainty if uncertainty is None else uncertainty
        state = self._state_for(X, y, sample_weight)
        return self._infer(self._compared(state), strategy, level, rng)

    def ci(
        self,
        X: Any = None,
        y: Any = None,
        *,
        level: float = 0.95,
        method: Any = None,
        rng: RNG = None,
    ) -> ConfidenceInterval | dict[str, ConfidenceInterval]:
        """Interval alone; `method` is a strategy or its name."""
        found: Result | ResultTable = self.estimate(X, y, level=level, uncertainty=method, rng=rng)
        return found.ci

    def test(self, X: Any = None, y: Any = None, *, method: str = "auto", rng: RNG = None) -> Any:
        """Test of "nothing there": a result with its p-value and no interval.

        `method` is "chi2" (the law of the value under the null), "permutation", or "auto": the
        first for counts, the second for samples.
        """
        check_is_fitted(self, "state_")
        named = self._functional().tested_by if method == "auto" else method
        return self.estimate(X, y, uncertainty=named, rng=rng)

    def score(self, X: Any, y: Any = None) -> float:
        """The value (the sum over columns), so that searches over models work."""
        return float(self.estimate(X, y, uncertainty="none"))

    # -- shared -----------------------------------------------------------------------------

    def _state_for(self, X: Any, y: Any, sample_weight: Any = None) -> States:
        """State of new data, or without them that of `fit`."""
        if isinstance(X, Real):
            raise DataError(
                "The first argument is new data, and a number was passed.",
                got=X,
                hint=f"ci(level={X})",
            )
        if X is not None:
            return self._count_new(X, y, sample_weight)
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise DataError(
                    f"{name} is of new data, and X is not given.",
                    got=type(value).__name__,
                    hint="estimate(X, y), or estimate() of the data of fit",
                )
        return self.state_

    def _check(self) -> None:
        check_parameters(type(self).__name__, self.get_params(deep=False), self._constraints)

    def _infer(self, state: States, strategy: Any, level: float, rng: RNG) -> Any:
        functional = self._functional()
        generator = generator_of(rng)

        def one(name: str, s: Counts) -> Result:
            result = infer(
                functional,
                s,
                strategy,
                level=level,
                units=self.units if functional.units == "information" else "nats",
                rng=generator,
                measure=self._measure(),
                column=name or None,
            )
            return self._finish(name, result, s)

        if isinstance(state, dict):
            table = {name: one(name, s) for name, s in state.items()}
            if getattr(self, "single_", False) and len(table) == 1:
                return next(iter(table.values()))
            return self._tabulate(table)
        return one("", state)

    def _tabulate(self, results: dict[str, Result]) -> ResultTable:
        return ResultTable(results, meta=table_meta(self))


def table_meta(estimator: Estimator) -> dict[str, Any]:
    """Facts about a whole table: version, parameters, encoders."""
    from infometric._version import __version__

    meta: dict[str, Any] = {
        "infometric": __version__,
        "estimator": type(estimator).__name__,
        "parameters": {k: _described(v) for k, v in estimator.get_params(deep=False).items()},
    }
    encoders = getattr(estimator, "encoders_", None)
    if encoders is not None:
        meta["encoders"] = {name: encoder.to_dict() for name, encoder in encoders.items()}
    return meta


def _described(value: Any) -> Any:
    plain = isinstance(value, str | int | float | bool | list | tuple | None)
    if isinstance(value, tuple):
        return list(value)  # as it comes back from JSON
    return value if plain else type(value).__name__


def add_states(mine: States, theirs: States) -> States:
    """Join states, or mappings of states with the same names."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        if set(mine) != set(theirs):
            raise MergeError(
                "The two saw different columns.",
                got=sorted(set(mine) ^ set(theirs))[:5],
                hint="fit both on the same columns",
            )
        return {name: state + theirs[name] for name, state in mine.items()}
    if isinstance(mine, dict) or isinstance(theirs, dict):
        raise UnsupportedError("One state and a table of states cannot be joined.")
    if type(mine) is not type(theirs):
        raise MergeError(
            "One fit counted, the other kept the rows for their neighbours.",
            got=(type(mine).__name__, type(theirs).__name__),
            hint="fit both with the same bins and estimator",
        )
    return mine + theirs
