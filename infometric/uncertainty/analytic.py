r"""Intervals and p-values in closed form.

`Delta` is Wald's interval from the influence values. It fails where the value is degenerate: at
"no difference" a divergence is quadratic, its law a chi-square. `NoncentralChi2` holds at both
ends. With :math:`k` the degrees of freedom of the null law and

.. math:: s = \mathrm{Var}(\hat\theta) / (4 \hat\theta), \quad t = \hat\theta / s,

the bounds are :math:`s \lambda` where :math:`F_{\chi'^2}(t; k, \lambda) = 1 - \alpha/2` (lower)
and :math:`\alpha/2` (upper). Near the null :math:`s` tends to the scale of the null law; far from
it the interval is Wald's.

References
----------
Johnson, N. L., Kotz, S., Balakrishnan, N. (1995). Continuous univariate distributions, vol. 2,
chapter 29. Wiley.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import chdtr, chdtrc, chndtr, chndtrinc, gammaincinv, ndtri, stdtrit

from infometric.functional.base import Null
from infometric.functional.information import PearsonChiSquare
from infometric.state.sample import Sample
from infometric.state.spectrum import Spectrum
from infometric.typing import RNG, Array
from infometric.uncertainty.base import (
    GROUPS,
    MEAN_AT_N,
    Inference,
    normal_interval,
    trusted,
    without_groups,
)

# Above this the inverse of the noncentral chi-square loses its digits; the normal limit serves.
_LARGE = 1e8
# Above both, `_far_root` needs a tenth of the time of the general inverse, and is as exact.
_FAR, _FAR_PER_DF = 1e3, 100.0


@dataclass(frozen=True)
class Delta:
    """Wald's interval from the variance of the influence values."""

    name: ClassVar[str] = "delta"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval."""
        if isinstance(state, Spectrum):
            return self._of_spectrum(functional, state, theta, level, rng)
        se = standard_error(functional, state)
        centre = theta - functional.bias(state) if functional.recentred else theta
        low, high = normal_interval(centre, se, level)
        if functional.signed:  # a test of two sides rests on this interval: both hold or neither
            holds = functional.interval_holds(state)
            low, high = (np.where(holds, end, np.nan) for end in (low, high))
        found = Inference(self.name, se, low, high)
        if isinstance(state, Sample):
            return trusted(found, functional.doubts(state), functional.of_terms)
        return found

    def _of_spectrum(
        self, functional: Any, state: Spectrum, theta: Array, level: float, rng: RNG
    ) -> Inference:
        """Interval with what pairs of rows add, and the error of the computation itself."""
        noise, unsure = functional.numerical(state)
        more, freedom = of_pairs(functional, state, np.random.default_rng(rng))
        se = np.hypot(math.sqrt(more) * standard_error(functional, state), noise)
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * se + unsure
        told: dict[str, Any] = {"interval_of": MEAN_AT_N.format(state.size)}
        told |= {"numerical_se": noise, "bracket": unsure} if noise or unsure else {}
        told["variance_of_pairs"] = more
        high = np.minimum(theta + reach, max(functional.most(state), float(theta)))
        found = Inference(self.name, se, theta - reach, high, diagnostics=told)
        return trusted(
            found,
            functional.doubts(state),
            not_of_rows(state, more, freedom) + functional.hesitations(state, np.empty(0)),
        )


@dataclass(frozen=True)
class Chi2Null:
    """p-value of "nothing there" from the chi-square law of the value.

    Where that law is not near enough (`Functional.null_holds`), Pearson's X^2 takes its place: it
    keeps its size in cells that are nearly empty, and with its exact moments even with more cells
    than records.
    """

    name: ClassVar[str] = "chi2"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float = 0.95, rng: RNG = None
    ) -> Inference:
        """p-value; no interval."""
        if functional.signed:
            return self._two_sided(functional, state, theta)
        null = functional.null(functional.prepare(state))
        pvalue = chi2_sf(np.maximum(theta, 0.0) / null.scale, null.df)
        holds, name = functional.null_holds(state), "chi2"
        if not np.all(holds):
            pearson = getattr(functional, "substitute", PearsonChiSquare())
            law = pearson.null(state)
            instead = chi2_sf(pearson.value(state) / law.scale, law.df)
            pvalue = np.where(holds, pvalue, instead)
            name = "chi2/pearson" if np.any(holds) else "pearson"
        found = {"null_df": null.df, "null_scale": null.scale, "null_test": name}
        return Inference(name, pvalue=pvalue, diagnostics=found)

    @staticmethod
    def _two_sided(functional: Any, state: Any, theta: Array) -> Inference:
        """Wald's test of a measure that may be zero inside its range; NaN where it fails."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (theta - functional.bias(state)) / standard_error(functional, state)
        pvalue = chi2_sf(np.where(np.isfinite(z), z, 0.0) ** 2, np.ones(np.shape(z)))
        pvalue = np.where(functional.interval_holds(state), pvalue, np.nan)
        return Inference("wald", pvalue=pvalue, diagnostics={"null_test": "wald"})


@dataclass(frozen=True)
class NoncentralChi2:
    """The noncentral chi-square interval: the default of divergences and mutual information."""

    name: ClassVar[str] = "ncx2"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error, interval and p-value.

        The lower bound is zero where the test does not reject at its level, so that interval and
        p-value say the same; the upper one is infinite where nothing bounds the value.
        """
        se = standard_error(functional, state)
        prepared, ceiling = functional.prepare(state), functional.ceiling(state)
        reach = functional.reach(prepared, theta)
        law = functional.law(prepared, reach, se**2)
        own = functional.interval(self.name, state, level)
        low, high = ncx2_interval(reach, law, level) if own is None else (own.low, own.high)
        if ceiling is not None:
            holds = functional.interval_holds(state)
            low, high = (np.where(holds, ceiling - end, np.nan) for end in (high, low))
            low = np.maximum(low, functional.bounds[0])
            high = np.maximum(high, functional.reachable(state, level))
            return Inference(self.name, se, low, high)
        test = Chi2Null()(functional, state, theta)
        low = np.where(test.pvalue > (1 - level) / 2, 0.0, low)
        high = np.where(functional.unbounded(state), np.inf, high + functional.slack(state))
        holds = functional.interval_holds(state) & np.isfinite(theta + se) & (law.df > 0)
        return Inference(
            f"{self.name}+{test.method}",
            se,
            np.where(holds, low, np.nan),
            np.where(holds, np.minimum(high, functional.bounds[1]), np.nan),
            test.pvalue,
            diagnostics=test.diagnostics,
        )


def of_pairs(functional: Any, state: Spectrum, rng: np.random.Generator) -> tuple[float, float]:
    """Ratio of the variance of a value to that of single rows, and its degrees of freedom.

    How many rows happen to be near each other is no sum over rows, and where a kernel is narrow it
    makes most of the scatter. Of a few small parts both variances are known: from groups left out,
    and from the influence of rows.
    """
    size = functional.enough_rows(state)
    if state.size < 2 * size:
        return 1.0, np.inf
    parts = [p for p in range(PARTS) if (p + 1) * size <= state.size]
    drawn, both = rng.permutation(state.size), np.zeros(2)
    for p in parts:
        part = state.take(np.sort(drawn[p * size : (p + 1) * size])).relearned()
        theta = float(functional.value(part))
        both += (
            without_groups(functional, part, theta, GROUPS, rng).variance,
            functional.variance(part),
        )
    ratio = both[0] / both[1] if both[1] > 0 else 1.0
    return max(ratio, 1.0), float(len(parts) * (GROUPS - 1))


def not_of_rows(state: Spectrum, more: float, freedom: float) -> tuple[str, ...]:
    """Why the influence of single rows may not tell the error."""
    if not np.isfinite(freedom):
        return (NO_PAIRS.format(state.size),)
    return (MOSTLY_PAIRS.format(more),) if more > MOST_PAIRS else ()


MOST_PAIRS = 4.0  # ratio of variances above which single rows tell too little
NO_PAIRS = (
    "what pairs of rows add to the error is not known of {} rows, and where a kernel is narrow it "
    "is most of it; uncertainty='jackknife' tells it (method='jackknife' of a function)"
)
MOSTLY_PAIRS = (
    "pairs of rows make most of the error, {:.3g} times what single rows make in small parts, and "
    "of all rows it is a guess; uncertainty='jackknife' tells it (method='jackknife' of a "
    "function)"
)
PARTS = 3  # of which both variances are found, at most


def standard_error(functional: Any, state: Any) -> Array:
    """Standard error of a value; NaN where the value is infinite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.sqrt(functional.variance(functional.prepare(state)))


def ncx2_interval(theta: Array, law: Null, level: float) -> tuple[Array, Array]:
    """Bounds of a value that is ``scale * chi2(df, noncentrality)``, arrays throughout.

    The upper bound is taken at no less than the lower quartile of the central law: a value that
    happens to be tiny is no evidence that the truth is exactly zero.
    """
    df = np.asarray(law.df, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):  # one cell has no law
        t = theta / law.scale
    tail = (1 - level) / 2
    low = law.scale * noncentrality(t, df, 1 - tail)
    quartile = 2 * gammaincinv(np.maximum(df, 1e-9) / 2, 0.25)
    high = law.scale * noncentrality(np.maximum(t, quartile), df, tail)
    none = df <= 0  # one cell: zero by definition, which is no evidence
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def noncentrality(t: Array, df: Array, probability: float) -> Array:
    r"""Noncentrality at which a noncentral chi-square is below `t` with a given probability.

    Zero where even the central law puts less than `probability` below `t`.
    """
    t, df = np.broadcast_arrays(np.asarray(t, float), np.maximum(np.asarray(df, float), 1e-9))
    far = t > np.maximum(_FAR, _FAR_PER_DF * df)
    value = np.empty(t.shape)
    value[~far] = chndtrinc(t[~far], df[~far], probability)
    value[far] = _far_root(t[far], df[far], probability)
    return np.where(chdtr(df, t) <= probability, 0.0, value)


def _far_root(t: Array, df: Array, probability: float) -> Array:
    """Noncentrality far from the null, where its root has nearly a normal law of variance one.

    The normal score of F is then a line in r = sqrt(lambda + df - 1) of slope -1: every step of
    the score takes a hundredth or less of the error.
    """
    score = ndtri(probability)
    root = np.sqrt(t) - score
    left = np.flatnonzero((t <= _LARGE) & (root**2 > df - 1))
    for _ in range(20):
        if not left.size:
            break
        step = ndtri(chndtr(t[left], df[left], root[left] ** 2 - df[left] + 1)) - score
        root[left] += step
        left = left[np.abs(step) > 1e-10]
    return root**2 - df + 1


def chi2_sf(statistic: Array, df: Array) -> Array:
    """Upper tail of the chi-square law; one where no degree of freedom is left."""
    df = np.asarray(df, dtype=float)
    return np.where(df > 0, chdtrc(np.where(df > 0, df, 1.0), statistic), 1.0)
