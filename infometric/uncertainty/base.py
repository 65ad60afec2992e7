"""What a strategy returns, the normal interval several of them share, and groups left out.

References
----------
Busing, F. M. T. A., Meijer, E., van der Leeden, R. (1999). Delete-m jackknife for unequal m. Stat.
Comput. 9, 3-8. doi:10.1023/A:1008800423698
Efron, B., Stein, C. (1981). The jackknife estimate of variance. Ann. Statist. 9, 586-596.
doi:10.1214/aos/1176345462
Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
Biometrics Bulletin 2, 110-114. doi:10.2307/3002019
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from infometric.functional.base import Caution
from infometric.typing import Array

NAN: Any = np.float64("nan")
DIVIDED = 11  # degrees of freedom of the scatter over divisions into halves
GROUPS = 20  # of rows of a spectrum, left out in turn
MEAN_AT_N = "the mean of the value over samples of {} rows"  # what an interval of a spectrum is of


@dataclass(frozen=True)
class Inference:
    """Standard error, interval and p-value of a value; NaN where a strategy gives none."""

    method: str
    se: Array = NAN
    low: Array = NAN
    high: Array = NAN
    pvalue: Array = NAN
    replicates: Array | None = None
    diagnostics: dict[str, Any] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()


class Scatter(NamedTuple):
    """What groups and halves of the rows tell of the variance of a value."""

    variance: float
    freedom: float
    values: Array  # with each group left out
    halves: Array  # means of two halves, for each of some divisions


def without_groups(
    functional: Any, state: Any, theta: float, count: int, rng: np.random.Generator
) -> Scatter:
    """Variance of a value of a spectrum, from groups of its rows left out and from halves."""
    groups = functional.dealt(state, count, rng)
    with one_thread(state.size):
        values = np.asarray(functional.without(state, groups))
        halves = np.asarray(functional.halves(state, rng))
    raw, twice = of_unequal_groups(theta, values, np.bincount(groups)), quadratic(halves)
    variance = straightened(raw, twice)
    return Scatter(variance, freedom_of(variance, raw, twice, len(values)), values, halves)


ALONE = 1_500  # rows up to which a matrix is done sooner by one thread than two agree on it


@contextmanager
def one_thread(n: int) -> Iterator[None]:
    """Keep linear algebra of many small matrices to one thread: others only wait for each other."""
    if n > ALONE:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def of_unequal_groups(theta: float, values: Array, sizes: Array) -> float:
    """Variance from groups left out in turn, whose sizes may differ by a row.

    Of pseudo-values: without them a value that grows with the rows would scatter by the sizes alone
    (Busing et al. 1999).
    """
    h = sizes.sum() / sizes
    pseudo = h * theta - (h - 1) * values
    return float(((pseudo - pseudo.mean()) ** 2 / (h - 1)).mean())


def quadratic(halves: Array) -> float:
    """Variance of the part of a value that is quadratic in the rows.

    The mean of the values of two halves differs from the value of all by that part alone, so that
    it scatters over random divisions as that part does over samples (Efron and Stein 1981).
    """
    known = halves[np.isfinite(halves)]
    return float(known.var(ddof=1)) if len(known) > 1 else 0.0


def straightened(variance: float, twice: float) -> float:
    """Jackknife variance less what is counted twice: the part that is quadratic in the rows.

    What is left is no less than the variance of that part, nor than half of the jackknife's.
    """
    return max(variance - twice, min(twice, variance))


def freedom_of(variance: float, raw: float, twice: float, count: int) -> float:
    """Degrees of freedom of a difference of two variances (Satterthwaite 1946).

    No fewer than of the lesser known of the two.
    """
    noise = raw**2 / (count - 1) + twice**2 / DIVIDED
    if not twice or not noise:
        return float(count - 1)
    return float(np.clip(variance**2 / noise, min(DIVIDED, count - 1), count - 1))


def normal_interval(theta: Array, se: Array, level: float) -> tuple[Array, Array]:
    """Two-sided interval ``theta -+ z se``."""
    z = ndtri(0.5 + level / 2)
    return theta - z * se, theta + z * se


def trusted(
    found: Inference, doubts: tuple[str, ...], hesitations: tuple[str, ...] = ()
) -> Inference:
    """Inference that says whether it can be relied on.

    Doubts take the interval away; hesitations leave it, with a warning.
    """
    reasons = doubts or hesitations  # where nothing is given, its finer points are noise
    told = found.diagnostics | {"reliable": not reasons}
    if not reasons:
        return replace(found, diagnostics=told)
    told["reasons"] = list(reasons)
    cautions = (*found.cautions, *(Caution("ReliabilityWarning", text) for text in reasons))
    low, high = (NAN, NAN) if doubts else (found.low, found.high)
    return replace(found, low=low, high=high, diagnostics=told, cautions=cautions)
