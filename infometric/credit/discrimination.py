"""How well a score separates events from non-events: AUC, Gini, Kolmogorov-Smirnov, differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infometric.credit.target import plain_event
from infometric.exceptions import DataError, and_list
from infometric.functional.base import Functional
from infometric.functional.ranking import AreaDifference, AreaUnderCurve, Gini, KolmogorovSmirnov
from infometric.inference import infer
from infometric.result import Result, ResultTable
from infometric.sources import open_table
from infometric.state.counts import Counts
from infometric.state.encoders import Column, distinct, refuse_text
from infometric.typing import RNG, Array
from infometric.validation import (
    FrameTable,
    Table,
    binary_classes,
    check_lengths,
    check_paired,
    check_weights,
    class_rows,
)


def auc(
    y: Any,
    score: Any,
    *,
    event: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Area under the curve: how often an event has a higher score than a non-event, ties half.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or str
        Target with two classes, or the name of its column beside the scores.
    score : array-like of shape (n_rows,) or (n_rows, n_scores), frame or path
        Scores that are high where the event is likely; infinite ones have a rank too. Points of a
        scorecard are high for non-events: negate them, or name the good class as the `event`.
    event : optional
        Class of the target that counts as the event. By default the greater number, or of two
        texts the one that names it ("bad", "default", "yes"); other texts need it.
    method : str or Uncertainty
        "auto" is DeLong's variance on the scale of the logit; "delta" Wald's interval with the
        same variance, "jackknife", "bootstrap", "permutation".
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,) or str, optional
        Positive record weights, or the name of their column.
    rng : int, Generator or None
        Source of randomness of resampling.

    Returns
    -------
    Result or ResultTable
        Area with interval and Mann and Whitney's test of one half; one per column of scores.

    Raises
    ------
    DataError
        Where the target has not two classes, or a score is missing or text.

    References
    ----------
    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). doi:10.2307/2531595

    Examples
    --------
    >>> import infometric as im
    >>> im.auc([0, 0, 1, 1, 0, 1, 0, 1] * 25, [1, 2, 3, 4, 3, 2, 1, 5] * 25).summary()
    'auc = 0.875, 95% CI [0.8254, 0.912], p < 1e-16, n = 100 + 100'
    """
    return _ranked(AreaUnderCurve(), y, score, event, method, level, sample_weight, rng)


def gini(
    y: Any,
    score: Any,
    *,
    event: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Gini coefficient of a score, or accuracy ratio: twice the area under the curve, less one.

    Parameters
    ----------
    y, score, event, method, level, sample_weight, rng
        As of `auc`.

    Returns
    -------
    Result or ResultTable
        Coefficient with interval and test of zero; one per column of scores.

    Raises
    ------
    DataError
        Where the target has not two classes, or a score is missing or text.

    References
    ----------
    Somers, R. H. (1962). doi:10.2307/2090408

    Examples
    --------
    >>> import infometric as im
    >>> im.gini([0, 0, 1, 1, 0, 1, 0, 1] * 25, [1, 2, 3, 4, 3, 2, 1, 5] * 25).value
    0.75
    """
    return _ranked(Gini(), y, score, event, method, level, sample_weight, rng)


def ks_statistic(
    y: Any,
    score: Any,
    *,
    event: Any = None,
    method: Any = "auto",
    level: float = 0.95,
    sample_weight: Any = None,
    rng: RNG = None,
) -> Result | ResultTable:
    """Kolmogorov-Smirnov statistic of a score: the greatest distance of the two distributions.

    Parameters
    ----------
    y, score, event, method, level, sample_weight, rng
        As of `auc`; "auto" is an upper bound by the variance at the maximiser and a lower bound
        that allows for the choice of the maximiser. Wald's interval, "delta", stands too high.

    Returns
    -------
    Result or ResultTable
        Statistic with interval and Kolmogorov's test; one per column of scores.

    Raises
    ------
    DataError
        Where the target has not two classes, or a score is missing or text.

    References
    ----------
    Raghavachari, M. (1973). doi:10.1214/aos/1193342382

    Examples
    --------
    >>> import infometric as im
    >>> im.ks_statistic([0, 0, 1, 1, 0, 1, 0, 1] * 25, [1, 2, 3, 4, 3, 2, 1, 5] * 25).value
    0.5
    """
    return _ranked(KolmogorovSmirnov(), y, score, event, method, level, sample_weight, rng)


def auc_difference(
    y: Any,
    first: Any,
    second: Any,
    *,
    event: Any = None,
    level: float = 0.95,
    sample_weight: Any = None,
) -> Result:
    """Difference of the areas under the curve of two scores of the same records.

    The scores of a record go together, and DeLong's covariance allows for it: the interval is
    much shorter than that of two independent areas.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Target with two classes.
    first, second : array-like of shape (n_rows,)
        Scores that are high where the event is likely.
    event : optional
        Class of the target that counts as the event. By default the greater number, or of two
        texts the one that names it ("bad", "default", "yes"); other texts need it.
    level : float
        Nominal coverage of the interval.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.

    Returns
    -------
    Result
        Area of the first less that of the second, with interval and test of zero.

    Raises
    ------
    DataError
        Where the target has not two classes, or a score is missing or text.

    References
    ----------
    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). doi:10.2307/2531595

    Examples
    --------
    >>> import infometric as im
    >>> y = [0, 0, 1, 1, 0, 1, 0, 1] * 25
    >>> im.auc_difference(y, [1, 2, 3, 4, 3, 2, 1, 5] * 25, [1, 2, 2, 3, 1, 1, 2, 3] * 25).summary()
    'auc_difference = 0.125, 95% CI [0.06994, 0.1801], p = 8.6e-06, n = 100 + 100'
    """
    ranks = [one_score(score, name) for score, name in ((first, "first"), (second, "second"))]
    codes = [ranks_of(column)[1] for column in ranks]
    check_lengths(first=codes[0], second=codes[1])
    width = int(codes[1].max(initial=0)) + 1
    pairs, cells = distinct(codes[0].astype(np.int64) * width + codes[1])
    table = FrameTable(codes[0])
    rows, weights = grouped_rows(y, table, event, sample_weight, first)
    state = _state(cells, len(pairs), rows, weights)
    functional = AreaDifference(pairs // width, pairs % width)
    return infer(functional, state, level=level)


def ranked_counts(y: Any, score: Any, *, event: Any = None, sample_weight: Any = None) -> Counts:
    """State of a ranking: non-events and events over the distinct scores in increasing order.

    Parameters
    ----------
    y, score, event, sample_weight
        As of `auc`, with one score.

    Examples
    --------
    >>> ranked_counts([0, 1, 0, 1], [0.1, 0.1, 0.3, 0.7]).table.tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    (state,) = _states(y, score, event, sample_weight).values()
    return state


def _ranked(
    functional: Functional,
    y: Any,
    score: Any,
    event: Any,
    method: Any,
    level: float,
    sample_weight: Any,
    rng: RNG,
) -> Result | ResultTable:
    """One result for one score, else one per column."""
    table = open_table(score, name="score")
    states, alone = _states(y, table, event, sample_weight, score), table.one_dimensional
    found = {
        name: infer(functional, s, method, level=level, rng=rng, column=None if alone else name)
        for name, s in states.items()
    }
    if alone:
        return next(iter(found.values()))
    return ResultTable(found)


def _states(
    y: Any, score: Any, event: Any, sample_weight: Any, given: Any = None
) -> Mapping[str, Counts]:
    table = open_table(score, name="score")
    table.require_rows()
    rows, weights = grouped_rows(y, table, event, sample_weight, given)
    beside = [c for c in (y, sample_weight) if isinstance(c, str)]
    names = [n for n in table.names if n not in beside]
    found = {}
    for name in names:
        values, codes = ranks_of(table.column(name))
        found[name] = _state(codes, len(values), rows, weights)
    return found


def ranks_of(column: Column, what: str = "score") -> tuple[Array, Array]:
    """Distinct scores in increasing order, and the rank of each record's.

    Parameters
    ----------
    column : Column
        Scores.
    what : str
        What a message calls them.

    Raises
    ------
    DataError
        Where a score is missing, or no number.
    """
    if not column.numeric:
        if set(column.levels or ()) <= {False, True} and (column.values >= 0).all():
            return distinct(column.values)
        refuse_text(column.name, column.levels or ())
    gone = 0 if column.missing is None else int(column.missing.sum())
    if column.values.dtype.kind == "f":
        gone = max(gone, int(np.isnan(column.values).sum()))
    if gone:
        raise DataError(
            f"The {what} {column.name!r} has {gone} missing value(s), which have no rank."
            if what != column.name
            else f"{gone} missing value(s) stand where a {what} is needed.",
            got=float("nan"),
            hint=f"leave those rows out: keep = ~np.isnan({what})",
        )
    return distinct(column.values)


def one_score(score: Any, name: str) -> Column:
    """Column of one score.

    Raises
    ------
    DataError
        Where there are several.
    """
    table = FrameTable(score, name=name)
    if len(table.names) != 1:
        raise DataError(
            f"The {name} score must be one column.",
            got=and_list(table.names, limit=3),
            hint="score[:, 1], or score['name'], to choose one",
        )
    return table.column(table.names[0])


def grouped_rows(
    y: Any, table: Table, event: Any, sample_weight: Any, given: Any
) -> tuple[list[Array], Array | None]:
    """Row numbers of non-events and events, and the weights of the rows.

    Parameters
    ----------
    y : array-like or str
        Target, or the name of its column.
    table : Table
        What stands beside it.
    event : optional
        Class that counts as the event; see `target.plain_event` for two texts.
    sample_weight : array-like or str, optional
        Record weights, or the name of their column.
    given : object
        What the table was opened from, whose row labels must agree with those of `y`.
    """
    if isinstance(y, str):
        table.require([y])
        column = table.column(y)
    else:
        target = FrameTable(y, name="y")
        if len(target.names) != 1:
            raise DataError(
                "The target must be one column.",
                got={"columns": len(target.names)},
                hint="y[:, 0], or y['name'], to choose one",
            )
        check_lengths(y=range(target.n_rows), score=range(table.n_rows))
        check_paired(given, y)
        column = target.column(target.names[0])
    rows = class_rows(column, binary_classes(column, plain_event(column, event)))
    if isinstance(sample_weight, str):
        table.require([sample_weight])
        sample_weight = table.column(sample_weight).values
    return rows, check_weights(sample_weight, table.n_rows)


def _state(codes: Array, size: int, rows: list[Array], weights: Array | None) -> Counts:
    """Counts of two groups over cells that are in order."""
    if weights is None:
        return Counts(np.stack([np.bincount(codes[r], minlength=size) for r in rows]))
    table, squares = (
        np.stack([np.bincount(codes[r], w[r], size) for r in rows]) for w in (weights, weights**2)
    )
    return Counts(table, squares=squares)
