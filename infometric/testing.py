"""Checks that every functional, state, strategy and estimator must pass; public, for new ones too.

Each check raises an ``AssertionError`` that says what does not hold. They need neither pytest nor
data files.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infometric.base import Estimator
from infometric.exceptions import DataError, MergeError
from infometric.functional.base import Functional
from infometric.inference import infer
from infometric.oracles import Oracle
from infometric.result import NATS_PER, Result, ResultTable
from infometric.state.counts import Counts
from infometric.typing import RNG, Array

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "a weight of zero is refused, not dropped",
    "check_fit1d": "a sample of one dimension is one variable",
}


def _require(holds: Any, message: str) -> None:
    if not np.all(holds):
        raise AssertionError(message)


def _close(a: Any, b: Any, message: str, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    if not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
        raise AssertionError(f"{message}: {np.asarray(a)} against {np.asarray(b)}")


# --- functionals ------------------------------------------------------------------------------


def check_functional(functional: Any, states: Sequence[Counts], *, rng: RNG = 0) -> None:
    """Laws that every functional of counts obeys, on each of the given states.

    The influence is the derivative of the value; batches equal loops; relabelling cells changes
    nothing, unless they are in an order that matters; leaving records out by formula equals doing
    it; the value lies in its bounds; and under "nothing there" values have the mean and variance of
    the null law.

    Parameters
    ----------
    functional : Functional
        What is checked.
    states : sequence of Counts
        Unbatched states the functional is defined on, some of them without empty cells.
    rng : int, Generator or None
        Source of randomness.

    Raises
    ------
    AssertionError
        Where a law does not hold.

    Examples
    --------
    >>> from infometric import Counts
    >>> from infometric.functional.divergence import Jeffreys
    >>> check_functional(Jeffreys(), [Counts.from_counts([[30, 50, 20], [25, 50, 25]])])
    """
    generator = np.random.default_rng(rng)
    _require(functional.name, "a functional needs a name")
    _require(functional.units in ("information", "dimensionless"), "units are of no known kind")
    for s in states:
        _check_value(functional, s, generator)
        if not ((s.table == 0).any() or getattr(functional, "whole", False)):
            _check_influence(functional, s)
        _check_leave_one_out(functional, s)
    _check_null(functional, states[0], generator)


def _check_value(functional: Any, s: Counts, rng: np.random.Generator) -> None:
    name = functional.name
    value = np.asarray(functional.value(s))
    _require(value.shape == s.table.shape[:-2], f"{name}: the value has shape {value.shape}")
    low, high = functional.bounds
    _require((value >= low - 1e-12) & (value <= high + 1e-12), f"{name}: {value} out of bounds")
    if not functional.ordered:
        _close(functional.value(relabelled(s, rng)), value, f"{name}: relabelled cells")
    tables = np.stack([s.table + k for k in range(3)])
    one_by_one = [functional.value(replace(s, table=t, squares=None)) for t in tables]
    _close(functional.value(s.with_table(tables)), one_by_one, f"{name}: batch against loop")


def relabelled(s: Counts, rng: np.random.Generator) -> Counts:
    """The same counts with cells in another order, along each variable."""
    joint = s.table.reshape(s.n_groups, *s.shape)
    for axis, size in enumerate(s.shape, start=1):
        joint = np.take(joint, rng.permutation(size), axis=axis)
    return Counts(joint.reshape(s.table.shape), s.shape)


def _check_influence(functional: Any, s: Counts) -> None:
    """Move a little mass toward each cell of each group; the value follows the influence."""
    influence = np.asarray(functional.influence(s))
    _require(
        influence.shape == s.table.shape, f"{functional.name}: the influence has a wrong shape"
    )
    numerical = numerical_influence(functional, s)
    message = f"{functional.name}: influence against the numerical derivative"
    _close(s.centre(influence), numerical, message, 1e-5, 1e-6)


def numerical_influence(functional: Any, s: Counts, step: float = 1e-6) -> Array:
    """Derivative of the value along ``(1 - e) p_g + e delta_k``, for every group and cell."""
    out = np.empty(s.table.shape)
    for g, k in np.ndindex(*s.table.shape):
        moved = []
        for e in (step, -step):
            table = s.table.astype(float)
            table[g] *= 1 - e
            table[g, k] += e * s.n[g]
            moved.append(functional.value(s.with_table(table)))
        out[g, k] = (moved[0] - moved[1]) / (2 * step)
    return out


def _check_leave_one_out(functional: Any, s: Counts) -> None:
    fast, slow = functional.leave_one_out(s), Functional.leave_one_out(functional, s)
    _close(fast, slow, f"{functional.name}: leave one out against recomputing", 1e-8, 1e-10)


def _check_null(functional: Any, s: Counts, rng: np.random.Generator, draws: int = 4000) -> None:
    if functional.null(functional.prepare(s)) is None:
        return
    shares = np.full(s.table.shape, 1 / s.n_cells)
    oracle = Oracle("equal shares", shares)
    drawn = replace(oracle.draw(100_000, size=draws, rng=rng), shape=s.shape)
    law = functional.null(drawn)
    scaled = np.asarray(functional.value(drawn)) / law.scale
    df = float(np.mean(law.df))
    mean, spread = scaled.mean(), scaled.var() / (2 * df)
    error = np.sqrt(2 * df / draws)
    _require(abs(mean - df) < 5 * error, f"{functional.name}: null mean {mean:.4g}, not {df:g}")
    _require(abs(spread - 1) < 0.25, f"{functional.name}: null variance off by {spread:.3g}")


# --- states -----------------------------------------------------------------------------------


def check_state(a: Any, b: Any, c: Any, *, exact: bool = True) -> None:
    """Laws of a state: joining commutes and associates, JSON keeps it, unlike keys do not join.

    Parameters
    ----------
    a, b, c : State
        Three states of one encoder.
    exact : bool
        Whether joining must be exact to the last bit, as for whole counts.

    Raises
    ------
    AssertionError
        Where a law does not hold.

    Examples
    --------
    >>> from infometric import Counts
    >>> parts = [Counts.from_counts([k, 2, 3]) for k in (1, 5, 9)]
    >>> check_state(*parts)
    """
    tolerance = (0.0, 0.0) if exact else (1e-9, 1e-12)
    _alike(a + b, b + a, "joining does not commute", *tolerance)
    _alike((a + b) + c, a + (b + c), "joining does not associate", *tolerance)
    text = json.dumps(a.to_dict(), allow_nan=False)
    _alike(type(a).from_dict(json.loads(text)), a, "JSON does not keep the state", 0.0, 0.0)
    _require(isinstance(a.capabilities, frozenset), "capabilities must be a frozenset")
    other = replace(b, key=b.key + "another")
    before = json.dumps([a.to_dict(), other.to_dict()])
    try:
        a + other
    except MergeError:
        _require(json.dumps([a.to_dict(), other.to_dict()]) == before, "a failed join left traces")
    else:
        raise AssertionError("states with unlike keys were joined")


def _alike(a: Any, b: Any, message: str, rtol: float, atol: float) -> None:
    # rows of a sample may come in any order
    mine, theirs = (getattr(s, "canonical", s.to_dict)() for s in (a, b))
    _require(set(mine) == set(theirs), message)
    for name, value in mine.items():
        other = theirs[name]
        if isinstance(value, str | None) or name in ("cells", "groups"):
            _require(value == other, f"{message}: {name}")
        else:
            _close(value, other, f"{message}: {name}", rtol, atol)


# --- strategies -------------------------------------------------------------------------------


def coverage(
    strategy: Any,
    functional: Any,
    oracle: Oracle,
    n: Any,
    *,
    draws: int = 2000,
    level: float = 0.95,
    rng: RNG = 0,
    **parameters: float,
) -> float:
    """Share of intervals that hold the oracle's truth, over `draws` samples.

    Parameters
    ----------
    strategy : Uncertainty
        How intervals are made; evaluated on all draws at once.
    functional : Functional
        What is estimated.
    oracle : Oracle
        Where samples come from.
    n : int or sequence of int
        Size of each sample.
    draws : int
        Number of samples.
    level : float
        Nominal coverage.
    rng : int, Generator or None
        Source of randomness.
    **parameters : float
        Parameters of the truth (an order, say).
    """
    s = oracle.draw(n, size=draws, rng=rng)
    found = strategy(functional, s, functional.value(s), level=level, rng=rng)
    truth = oracle.truth(functional.name, **parameters)
    return float(np.mean((found.low <= truth) & (truth <= found.high)))


def check_uncertainty(
    strategy: Any,
    functional: Any,
    oracle: Oracle,
    n: Any,
    *,
    draws: int = 2000,
    level: float = 0.95,
    accepted: tuple[float, float] = (0.93, 0.985),
    rng: RNG = 0,
    **parameters: float,
) -> float:
    """Coverage of a strategy, by simulation; an error where it leaves the accepted range.

    Parameters are those of `coverage`; `accepted` is the range its share must lie in, widened by
    three standard errors of the simulation.

    Returns
    -------
    float
        Share of intervals that hold the truth.

    Raises
    ------
    AssertionError
        Where the coverage is out of range.

    Examples
    --------
    >>> from infometric import NoncentralChi2
    >>> from infometric.functional.divergence import Jeffreys
    >>> from infometric.oracles import TwoSample
    >>> oracle = TwoSample.tilted(10, 0.1)
    >>> share = check_uncertainty(NoncentralChi2(), Jeffreys(), oracle, 1000, draws=500)
    >>> 0.9 < share < 1
    True
    """
    _require(isinstance(strategy.needs, frozenset), "needs must be a frozenset of capabilities")
    share = coverage(
        strategy, functional, oracle, n, draws=draws, level=level, rng=rng, **parameters
    )
    low, high = (p + sign * 3 * np.sqrt(p * (1 - p) / draws)
                 for p, sign in zip(accepted, (-1, 1), strict=True))  # fmt: skip
    _require(low <= share <= high,
             f"{strategy.name} of {functional.name} covers {share:.4f} on {oracle.name}, n = {n}; "
             f"accepted {accepted}")  # fmt: skip
    return share


# --- estimators -------------------------------------------------------------------------------


def check_estimator(
    estimator: Estimator, *, scikit_learn: bool = True, data: tuple[Any, Any] | None = None
) -> None:
    """Laws of an estimator: scikit-learn's own checks, then those of this library.

    Fitting parts and joining equals fitting the whole; a failed fit changes nothing; units commute;
    intervals nest by level; results survive JSON; `score` is the value.

    Parameters
    ----------
    estimator : Estimator
        With parameters that let it take a table of numbers with few values and a binary target.
    scikit_learn : bool
        Whether scikit-learn's checks run too; the expected failures are `EXPECTED_FAILURES`, each
        with its reason. "check_merge" among an estimator's own leaves out the law of the parts.
    data : pair, optional
        X and y to take instead of that table, where an estimator cannot take it.

    Raises
    ------
    AssertionError
        Where a law does not hold.

    Examples
    --------
    >>> from infometric import Entropy
    >>> check_estimator(Entropy(), scikit_learn=False)
    """
    if scikit_learn:
        from sklearn.utils.estimator_checks import check_estimator as sklearn_checks

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = EXPECTED_FAILURES | estimator._expected_failures
            sklearn_checks(estimator, expected_failed_checks=expected, on_skip=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        X, y = _cases() if data is None else data
        if "check_merge" not in estimator._expected_failures:
            _check_merge(estimator, X, y)
        _check_failed_fit(estimator, X, y)
        _check_results(estimator, X, y)


def _cases(n: int = 600) -> tuple[Array, Array]:
    """Two columns of small whole numbers and a target that depends on the first."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, n)
    return np.column_stack([rng.integers(0, 4, n) + y, rng.integers(0, 3, n)]), y


def _fresh(estimator: Estimator) -> Estimator:
    from sklearn.base import clone

    found: Estimator = clone(estimator)
    return found


def _tables(estimator: Any) -> Any:
    state = estimator.state_
    return (
        {k: s.to_dict() for k, s in state.items()} if isinstance(state, dict) else state.to_dict()
    )


def _estimated(estimator: Any, X: Array, y: Array, **options: Any) -> Result | ResultTable:
    """Estimate from what fit saw; from new data where fit saw a reference alone."""
    try:
        found: Result | ResultTable = estimator.estimate(**options)
    except DataError:
        found = estimator.estimate(X[::2], y[::2], **options)
    return found


def _check_merge(estimator: Estimator, X: Array, y: Array) -> None:
    name = type(estimator).__name__
    whole = _fresh(estimator).fit(X, y)
    _require(whole.fit(X, y) is whole, f"{name}: fit must return the estimator")
    twice = copy.deepcopy(whole).merge(whole)
    added = copy.deepcopy(whole).partial_fit(X, y)
    _require(_tables(twice) == _tables(added), f"{name}: merge and partial_fit differ")
    _require(_tables(twice) != _tables(whole), f"{name}: merge changed nothing")


def _check_failed_fit(estimator: Estimator, X: Array, y: Array) -> None:
    name = type(estimator).__name__
    fitted = _fresh(estimator).fit(X, y)
    before = _tables(fitted)
    for call in (fitted.fit, fitted.partial_fit):
        try:
            call(X[:0], y[:0])
        except ValueError:
            _require(_tables(fitted) == before, f"{name}: a failed call left traces")
        else:
            raise AssertionError(f"{name}: an empty table was accepted")


def _check_results(estimator: Estimator, X: Array, y: Array) -> None:
    name = type(estimator).__name__
    fitted = _fresh(estimator).fit(X, y)
    found = _estimated(fitted, X, y, rng=0)
    table = found if isinstance(found, ResultTable) else ResultTable({found.measure: found})
    wide = _estimated(fitted, X, y, level=0.99, rng=0)
    wider = wide if isinstance(wide, ResultTable) else ResultTable({wide.measure: wide})
    for key, r in table.items():
        told = np.isfinite(r.se) or r.diagnostics.get("reliable") is False
        _require(np.isfinite(r.value) and told, f"{name}: {key} is not finite")
        inner, outer = r.ci, wider[key].ci
        none = np.isnan([*inner, *outer]).all()  # none is known to hold, at whatever level
        nested = none or outer.low <= inner.low <= inner.high <= outer.high
        _require(nested, f"{name}: levels do not nest")
        _require(Result.from_json(r.to_json()).to_dict() == r.to_dict(), f"{name}: JSON of {key}")
        if r.units in NATS_PER:
            _close(r.to("bits").value * NATS_PER["bits"], r.to("nats").value, f"{name}: units")
    again = ResultTable.from_json(table.to_json())
    _require(again.to_json() == table.to_json(), f"{name}: JSON of the table")
    _close(float(table), sum(r.value for r in table.values()), f"{name}: the sum of the values")


def check_strategies(functional: Any, s: Counts, *, rng: int = 0) -> dict[str, Result]:
    """Results of every strategy that supports the pair; the others must refuse with advice.

    Returns
    -------
    dict of str to Result
        Result by name of the strategy.

    Examples
    --------
    >>> from infometric import Counts
    >>> from infometric.functional.shannon import ShannonEntropy
    >>> sorted(check_strategies(ShannonEntropy(), Counts.from_counts([5, 9, 7])))
    ['bootstrap', 'delta', 'good_turing', 'jackknife', 'ncx2', 'none']
    """
    from infometric.exceptions import UnsupportedError
    from infometric.inference import STRATEGIES

    found = {}
    for name in STRATEGIES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[name] = infer(functional, s, name, rng=rng)
        except UnsupportedError as error:
            _require(error.hint, f"{name} refuses {functional.name} without advice")
    _require(found, f"no strategy serves {functional.name}")
    return found
