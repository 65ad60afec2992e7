"""The measures of a model of a binary target: how well it ranks, and how well it is calibrated."""

from __future__ import annotations

import numpy as np

from infometric.credit.discrimination import ranked_counts
from infometric.credit.predictions import calibration
from infometric.functional.ranking import AreaUnderCurve, Gini, KolmogorovSmirnov
from infometric.inference import infer
from infometric.result import Result
from infometric.state.counts import Counts
from infometric.typing import Array

_EDGE = 1e-12  # nearest to zero or one that a probability comes
_MOST_POINTS = 1000  # of a curve that is kept


def measured(
    event: Array,
    probability: Array,
    *,
    score: Array | None = None,
    weights: Array | None = None,
    level: float = 0.95,
) -> dict[str, Result]:
    """AUC, Gini, Kolmogorov-Smirnov, Brier score, calibration intercept and slope.

    Parameters
    ----------
    event : ndarray of shape (n_rows,)
        Zeros and ones.
    probability : ndarray of shape (n_rows,)
        Predicted probability of one.
    score : ndarray of shape (n_rows,), optional
        What ranks the records; the probability by default.
    weights : ndarray of shape (n_rows,), optional
        Positive record weights.
    level : float
        Nominal coverage of the intervals.

    Examples
    --------
    >>> p = np.linspace(0.05, 0.95, 200)
    >>> found = measured((np.arange(200) * 7919 % 200 < 200 * p).astype(int), p)
    >>> list(found)
    ['auc', 'gini', 'ks_statistic', 'brier_score', 'calibration_intercept', 'calibration_slope']
    """
    ranks = probability if score is None else score
    state = ranked_counts(event, ranks, sample_weight=weights)
    ranking = {f.name: infer(f, state, level=level)
               for f in (AreaUnderCurve(), Gini(), KolmogorovSmirnov())}  # fmt: skip
    inside = np.clip(probability, _EDGE, 1 - _EDGE)
    right = calibration(event, inside, level=level, sample_weight=weights)
    return ranking | {
        "brier_score": right["brier_score"],
        "calibration_intercept": right["intercept"],
        "calibration_slope": right["slope"],
    }


def roc_points(event: Array, score: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """False and true positive rates from the highest score down, thinned for a picture.

    Examples
    --------
    >>> roc_points(np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
    ((0.0, 0.0, 0.5, 0.5, 1.0), (0.0, 0.5, 0.5, 1.0, 1.0))
    """
    s: Counts = ranked_counts(event, score)
    rates = np.cumsum(s.table[:, ::-1], axis=1) / s.n[:, None]
    keep = np.unique(np.linspace(0, s.n_cells - 1, min(s.n_cells, _MOST_POINTS)).astype(int))
    false, true = np.column_stack([[0.0, 0.0], rates[:, keep]])
    return tuple(false.tolist()), tuple(true.tolist())
