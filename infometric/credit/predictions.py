r"""Whether predicted probabilities are right: intercept and slope, Brier score, rates by band.

Cox (1958) regresses the outcome on the log odds of the prediction,

.. math:: \mathrm{logit}\,P(Y = 1) = a + b\,\mathrm{logit}\,p:

a is zero and b is one where the predictions are right; b below one says that they are too extreme.
With b fixed at one, a is the calibration in the large.

References
----------
Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika 45,
562-565. doi:10.1093/biomet/45.3-4.562
Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Mon. Weather Rev.
78, 1-3. doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
Spiegelhalter, D. J. (1986). Probabilistic prediction in patient management and clinical trials.
Statist. Med. 5, 421-433. doi:10.1002/sim.4780050506
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logit, ndtr

from infometric.credit.discrimination import grouped_rows, one_score, ranks_of
from infometric.credit.logistic import INTERCEPT, fit_logistic
from infometric.exceptions import DataError
from infometric.functional.base import Caution
from infometric.functional.proportion import EventRate, event_count_tails
from infometric.functional.scores import BrierScore
from infometric.inference import announce, check_level, infer
from infometric.result import ConfidenceInterval, Result, ResultTable
from infometric.state.counts import Counts
from infometric.state.encoders import IntervalEncoder, format_number, quantile_edges
from infometric.state.scores import Scores
from infometric.typing import Array
from infometric.validation import FrameTable, OneOf, Span, check_parameters

_ALIKE = 1e-6  # range of log odds below which no slope can be told
_MANY = 50.0  # expected events, and non-events, from which the normal law serves
_INTERVALS = {"wilson": "wilson", "jeffreys": "posterior", "exact": "clopper_pearson"}


class Predicted(NamedTuple):
    """Outcomes and predictions of the same records."""

    event: Array
    probability: Array
    weights: Array | None


def calibration(
    y: Any,
    probability: Any,
    *,
    event: Any = None,
    level: float = 0.95,
    sample_weight: Any = None,
) -> ResultTable:
    """Calibration of predicted probabilities: in the large, intercept, slope, Brier score.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Target with two classes.
    probability : array-like of shape (n_rows,)
        Predicted probabilities of the event, between zero and one.
    event : optional
        Class of the target that counts as the event. By default the greater number, or of two
        texts the one that names it ("bad", "default", "yes"); other texts need it.
    level : float
        Nominal coverage of the intervals.
    sample_weight : array-like of shape (n_rows,), optional
        Positive record weights.

    Returns
    -------
    ResultTable
        "in_the_large" (log odds of observed over expected), "intercept", "slope" and
        "brier_score". p-values test that the predictions are right: an intercept of zero, a slope
        of one, and Spiegelhalter's test beside the Brier score.

    Raises
    ------
    DataError
        Where a probability is missing, or not strictly between zero and one.

    References
    ----------
    Cox, D. R. (1958). doi:10.1093/biomet/45.3-4.562

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 8, 5000); y = rng.random(5000) < p
    >>> print(im.calibration(y, p**1.2)["slope"])
    calibration_slope = 0.8575, 95% CI [0.7666, 0.9483], p = 0.0021, n = 3979 + 1021
    """
    check_level(level)
    data = predicted(y, probability, event, sample_weight)
    inside = (data.probability > 0) & (data.probability < 1)
    if not inside.all():
        raise DataError(
            f"{int((~inside).sum())} of the probabilities have no log odds.",
            got=float(data.probability[~inside][0]),
            hint="np.clip(probability, 1e-6, 1 - 1e-6)",
        )
    odds = logit(data.probability)
    nothing = np.empty((len(odds), 0))
    large = fit_logistic(nothing, data.event, [], weights=data.weights, offset=odds)
    found = {"in_the_large": large.results(level, "calibration_in_the_large")[INTERCEPT]}
    if np.ptp(odds) > _ALIKE:
        both = fit_logistic(odds[:, None], data.event, ["slope"], weights=data.weights)
        found["intercept"] = both.results(level, "calibration_intercept")[INTERCEPT]
        found["slope"] = _against_one(both.results(level, "calibration_slope")["slope"])
    else:
        found |= _unidentified(found["in_the_large"])
    return ResultTable(found | {"brier_score": _brier(data, level)})


def _unidentified(large: Result) -> dict[str, Result]:
    """Intercept and slope where all predictions are alike: no number, and a warning."""
    text = "all predictions are alike: intercept and slope cannot be told apart"
    texts = announce((Caution("DegenerateWarning", text),))
    nan = float("nan")
    none = replace(
        large, value=nan, se=nan, ci=ConfidenceInterval(nan, nan), pvalue=nan, warnings=texts
    )
    return {name: replace(none, measure=f"calibration_{name}") for name in ("intercept", "slope")}


def brier_score(
    y: Any,
    probability: Any,
    *,
    event: Any = None,
    level: float = 0.95,
    sample_weight: Any = None,
) -> Result:
    """Mean squared error of predicted probabilities, with Spiegelhalter's test of calibration.

    Parameters
    ----------
    y, probability, event, level, sample_weight
        As of `calibration`; probabilities of zero and one are allowed.

    Returns
    -------
    Result
        Score with interval; the p-value is that of predictions that are right.

    Raises
    ------
    DataError
        Where a probability is missing, or outside zero and one.

    References
    ----------
    Brier, G. W. (1950). doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Examples
    --------
    >>> import infometric as im
    >>> round(im.brier_score([0, 1, 0, 1], [0.1, 0.8, 0.3, 0.6]).value, 4)
    0.075
    """
    check_level(level)
    return _brier(predicted(y, probability, event, sample_weight), level)


def calibration_bands(
    y: Any,
    probability: Any,
    *,
    bands: Any = 10,
    interval: str = "wilson",
    event: Any = None,
    level: float = 0.95,
    sample_weight: Any = None,
) -> ResultTable:
    """Observed event rate beside the expected one, in bands of the predicted probability.

    Parameters
    ----------
    y, probability, event, level, sample_weight
        As of `calibration`; probabilities of zero and one are allowed.
    bands : int or list of float, default 10
        Number of bands of about equal count, or inner edges.
    interval : {"wilson", "jeffreys", "exact"}
        Interval of each rate.

    Returns
    -------
    ResultTable
        One rate per band; ``diagnostics["expected"]`` is the mean prediction, and the p-value that
        of a rate this far from it if the predictions were right.

    Raises
    ------
    DataError
        Where a probability is missing, or outside zero and one.

    References
    ----------
    Brown, L. D., Cai, T. T., DasGupta, A. (2001). doi:10.1214/ss/1009213286

    Examples
    --------
    >>> import numpy as np, infometric as im
    >>> rng = np.random.default_rng(0)
    >>> p = rng.beta(2, 8, 5000); y = rng.random(5000) < p
    >>> bands = im.calibration_bands(y, p, bands=[0.1, 0.3])
    >>> {name: round(r.value, 3) for name, r in bands.items()}
    {'[0, 0.1)': 0.066, '[0.1, 0.3)': 0.199, '[0.3, 1]': 0.372}
    >>> round(bands["[0.3, 1]"].diagnostics["expected"], 3)
    0.39
    """
    check_level(level)
    check_parameters("calibration_bands", {"interval": interval},
                     {"interval": (OneOf(tuple(_INTERVALS)),)})  # fmt: skip
    data = predicted(y, probability, event, sample_weight)
    edges = _edges(data.probability, bands)
    codes = np.searchsorted(edges, data.probability, side="right")
    found, labels = {}, _labels(edges)
    for k in np.unique(codes).tolist():
        here = codes == k
        weights = None if data.weights is None else data.weights[here]
        part = Predicted(data.event[here], data.probability[here], weights)
        found[labels[k]] = _band(part, _INTERVALS[interval], level)
    return ResultTable(found)


def predicted(y: Any, probability: Any, event: Any, sample_weight: Any) -> Predicted:
    """Outcomes as zeros and ones, and probabilities, checked.

    Raises
    ------
    DataError
        Where a probability is missing, or outside zero and one.
    """
    column = one_score(probability, "probability")
    ranks_of(column, "probability")  # none is missing, all are numbers
    p = column.values.astype(float)
    outside = (p < 0) | (p > 1)
    if outside.any():
        raise DataError(
            f"{int(outside.sum())} of the probabilities are outside zero and one.",
            got=float(p[outside][0]),
            hint="model.predict_proba(X)[:, 1], or 1 / (1 + np.exp(-log_odds))",
        )
    rows, weights = grouped_rows(y, FrameTable(p), event, sample_weight, probability)
    happened = np.zeros(len(p), dtype=np.int64)
    happened[rows[1]] = 1
    return Predicted(happened, p, weights)


def _brier(data: Predicted, level: float) -> Result:
    gap = data.event - data.probability
    state = Scores.from_values(gap**2, weights=data.weights)
    found = infer(BrierScore(), state, level=level)
    return replace(found, pvalue=_spiegelhalter(data), diagnostics=found.diagnostics
                   | {"null_test": "spiegelhalter"})  # fmt: skip


def _spiegelhalter(data: Predicted) -> float:
    """p-value of the Brier score being that of probabilities that are right."""
    p = data.probability
    w = np.ones(len(p)) if data.weights is None else data.weights
    total = (w * (data.event - p) * (1 - 2 * p)).sum()
    spread = (w**2 * (1 - 2 * p) ** 2 * p * (1 - p)).sum()
    return float(2 * ndtr(-abs(total) / np.sqrt(spread))) if spread > 0 else float("nan")


def _against_one(slope: Result) -> Result:
    """The slope with the test of one."""
    z = (slope.value - 1) / slope.se
    told = {"z": float(z), "null_value": 1}
    return replace(slope, pvalue=float(2 * ndtr(-abs(z))), diagnostics=slope.diagnostics | told)


def _edges(p: Array, bands: Any) -> Array:
    """Inner edges of the bands."""
    if isinstance(bands, list | tuple | np.ndarray):
        return np.array(IntervalEncoder(tuple(bands)).edges)
    check_parameters("calibration_bands", {"bands": bands}, {"bands": (Span(Integral, 2),)})
    return np.array(quantile_edges(p, bands))


def _labels(edges: Array) -> list[str]:
    """Names of the bands, with as few digits as keep their ends apart."""
    ends = [0.0, *edges.tolist(), 1.0]
    shown: list[str] = []
    for digits in range(4, 18):
        shown = [format_number(round(end, digits)) for end in ends]
        if len(set(shown)) == len(set(ends)):
            break
    last = len(edges)
    return [f"[{shown[k]}, {shown[k + 1]}{']' if k == last else ')'}" for k in range(last + 1)]


def _band(data: Predicted, kind: str, level: float) -> Result:
    w = np.ones(len(data.event)) if data.weights is None else data.weights
    table, squares = (np.bincount(data.event, v, 2)[None] for v in (w, w**2))
    weighted = data.weights is not None
    state = Counts(table, squares=squares) if weighted else Counts(table.astype(np.int64))
    found = infer(EventRate(), state, kind, level=level)
    p = data.probability
    expected = float((w * p).sum() / w.sum())
    spread = np.sqrt((w**2 * p * (1 - p)).sum()) / w.sum()
    z = (found.value - expected) / spread if spread > 0 else np.nan
    events = float(table[0, 1])
    told: dict[str, Any] = {"expected": expected, "events": events, "z": float(z)}
    mean = min(float(p.sum()), float((1 - p).sum()))
    if weighted or mean >= _MANY:
        pvalue = float(2 * ndtr(-abs(z)))
    else:  # few events: the normal law is too thin in its tail
        pvalue = min(1.0, 2 * min(event_count_tails(p, int(events))))
        told["null_test"] = "exact"
    return replace(found, pvalue=pvalue, diagnostics=found.diagnostics | told)
