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

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import chdtr, chdtrc, chndtrinc, ndtri

from infometric.functional.base import Null
from infometric.functional.information import PearsonChiSquare
from infometric.typing import RNG, Array
from infometric.uncertainty.base import Inference, normal_interval

# Above this the inverse of the noncentral chi-square loses its digits; the normal limit serves.
_LARGE = 1e8


@dataclass(frozen=True)
class Delta:
    """Wald's interval from the variance of the influence values."""

    name: ClassVar[str] = "delta"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval."""
        se = standard_error(functional, state)
        low, high = normal_interval(theta, se, level)
        return Inference(self.name, se, low, high)


@dataclass(frozen=True)
class Chi2Null:
    """p-value of "nothing there" from the chi-square law of the value.

    Where an expected count is below `sparse`, Pearson's X^2 with the same degrees of freedom
    takes its place: it keeps its size on cells that are nearly empty.
    """

    name: ClassVar[str] = "chi2"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})
    sparse: float = 5.0

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float = 0.95, rng: RNG = None
    ) -> Inference:
        """p-value; no interval."""
        null = functional.null(functional.prepare(state))
        statistic = np.maximum(theta, 0.0) / null.scale
        pvalue = _chi2_sf(statistic, null.df)
        thin = self._thin(state)
        name = "chi2"
        if np.any(thin):
            pearson = PearsonChiSquare()
            law = pearson.null(state)
            pvalue = np.where(thin, _chi2_sf(pearson.value(state) / law.scale, law.df), pvalue)
            name = "pearson" if np.all(thin) else "chi2/pearson"
        found = {"null_df": null.df, "null_scale": null.scale, "null_test": name}
        return Inference(name, pvalue=pvalue, diagnostics=found)

    def _thin(self, state: Any) -> Array:
        rows = state.occupied[..., None, :] if state.n_groups > 1 else True
        return ((state.expected < self.sparse) & (state.expected > 0) & rows).any((-2, -1))


@dataclass(frozen=True)
class NoncentralChi2:
    """The noncentral chi-square interval: the default of divergences and mutual information."""

    name: ClassVar[str] = "ncx2"
    needs: ClassVar[frozenset[str]] = frozenset({"influence"})

    def __call__(
        self, functional: Any, state: Any, theta: Array, *, level: float, rng: RNG = None
    ) -> Inference:
        """Standard error and interval."""
        se = standard_error(functional, state)
        null = functional.null(functional.prepare(state))
        low, high = ncx2_interval(theta, se**2, null, level)
        return Inference(self.name, se, low, high)


def standard_error(functional: Any, state: Any) -> Array:
    """Standard error from the influence values."""
    prepared = functional.prepare(state)
    return np.sqrt(prepared.variance(functional.influence(prepared)))


def ncx2_interval(theta: Array, variance: Array, null: Null, level: float) -> tuple[Array, Array]:
    """Bounds of a value that is ``scale * chi2(df, noncentrality)``, arrays throughout."""
    theta = np.maximum(theta, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(theta > 0, variance / (4 * theta), null.scale)
    scale = np.where(scale > 0, scale, null.scale)
    tail = (1 - level) / 2
    low = scale * noncentrality(theta / scale, null.df, 1 - tail)
    high = scale * noncentrality(theta / scale, null.df, tail)
    none = np.asarray(null.df) <= 0  # one cell: the value is zero by definition
    return np.where(none, 0.0, low), np.where(none, 0.0, high)


def noncentrality(t: Array, df: Array, probability: float) -> Array:
    r"""Noncentrality at which a noncentral chi-square is below `t` with a given probability.

    Zero where even the central law puts less than `probability` below `t`.
    """
    t, df = np.broadcast_arrays(np.asarray(t, float), np.maximum(np.asarray(df, float), 1.0))
    large = t > _LARGE
    root = np.where(large, 1.0, t)
    exact = chndtrinc(root, df, probability)
    limit = (np.sqrt(t) - ndtri(probability)) ** 2 - df + 1
    value = np.where(large, limit, exact)
    return np.where(chdtr(df, t) <= probability, 0.0, value)


def _chi2_sf(statistic: Array, df: Array) -> Array:
    """Upper tail of the chi-square law; one where no degree of freedom is left."""
    df = np.asarray(df, dtype=float)
    return np.where(df > 0, chdtrc(np.maximum(df, 1.0), statistic), 1.0)
