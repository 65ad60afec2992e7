"""What a strategy returns, the normal interval several of them share, and groups left out.

References
----------
Busing, F. M. T. A., Meijer, E., van der Leeden, R. (1999). Delete-m jackknife for unequal m. Stat.
Comput. 9, 3-8. doi:10.1023/A:1008800423698
Efron, B., Stein, C. (1981). The jackknife estimate of variance. Ann. Statist. 9, 586-596.
doi:10.1214/aos/1176345462
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from infometric.functional.base import Caution
from infometric.typing import Array

NAN: Any = np.float64("nan")
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


def without_groups(
    functional: Any, state: Any, theta: float, count: int, rng: np.random.Generator
) -> tuple[float, Array, Array]:
    """Variance of a value of a spectrum, its values without groups of rows, and those of halves."""
    groups = functional.dealt(state, count, rng)
    with one_thread(state.size):
        values = np.asarray(functional.without(state, groups))
        halves = np.asarray(functional.halves(state, rng))
    scatter = of_unequal_groups(theta, values, np.bincount(groups))
    return straightened(scatter, halves), values, halves


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


def straightened(variance: float, halves: Array) -> float:
    """Jackknife variance less what is counted twice: the part that is quadratic in the rows.

    The mean of the values of two halves differs from the value of all by that part alone, so that
    it scatters over random divisions as that part does over samples (Efron and Stein 1981). What is
    left is no less than the variance of that part, nor than half of the jackknife's.
    """
    known = halves[np.isfinite(halves)]
    twice = float(known.var(ddof=1)) if len(known) > 1 else 0.0
    return max(variance - twice, min(twice, variance))


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
