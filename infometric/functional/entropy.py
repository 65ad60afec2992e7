r"""Entropies of one sample.

.. math::
   H = -\sum_k p_k \log p_k, \quad
   T_q = \frac{1 - \sum_k p_k^q}{q - 1}, \quad
   R_a = \frac{\log \sum_k p_k^a}{1 - a}.

Tsallis' entropy is written as :math:`-\sum_k p_k L_k\, E((q-1) L_k)` with :math:`L = \log p` and
:math:`E(x) = (e^x - 1)/x`, which is exact through :math:`q = 1`.

References
----------
Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27,
379-423. doi:10.1002/j.1538-7305.1948.tb01338.x
Miller, G. A. (1955). Note on the bias of information estimates. In: Information Theory in
Psychology. Rényi, A. (1961). On measures of entropy and information. Proc. Fourth Berkeley Symp. 1.
Tsallis, C. (1988). Possible generalization of Boltzmann-Gibbs statistics. J. Stat. Phys. 52,
479-487. doi:10.1007/BF01016429
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import entr, exprel, logsumexp

from infometric.functional.base import Additive, Caution, Null, safe_log
from infometric.state.counts import Counts
from infometric.typing import Array, Units

Bias = Literal["plug_in", "miller_madow"]
LEAST_DF = 0.01  # a law without degrees of freedom would be a point


class Entropy(Additive):
    """Base of the entropies of one sample.

    Where shares are even an entropy is at its ceiling and falls short of it by a quadratic, as a
    divergence is above zero: `NoncentralChi2` inverts the law of that gap.
    """

    recentred: ClassVar[bool] = True

    @property
    def most_lone(self) -> float:
        """Share of records alone in their cell up to which the interval held in simulations."""
        return 0.01

    def even(self, cells: Array) -> Array:
        """Entropy of so many cells with equal shares."""
        raise NotImplementedError

    def curvature(self, s: Counts) -> Array:
        """Second derivative of the summand times p, times that of `finish`: (..., n_cells)."""
        raise NotImplementedError

    def ceiling(self, s: Counts) -> Array:
        """Entropy of the observed cells, were their shares even."""
        return self.even(np.maximum(s.observed[..., 0], 1))

    def reach(self, s: Counts, theta: Array) -> Array:
        """How far the plug-in value is below the ceiling."""
        plain = theta - self.correction(s.n_eff, s.observed)
        return np.maximum(self.ceiling(s) - plain, 0.0)

    def interval_holds(self, s: Counts) -> Array:
        """With five records a cell: below, the cells that nobody has seen are missing."""
        return s.n_eff[..., 0] >= 5 * s.observed[..., 0]

    def favoured(self, s: Counts) -> str:
        """The noncentral chi-square interval, which holds at the ceiling and far from it."""
        return "ncx2"

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """``Var / (4 gap)``, and degrees of freedom that give the law the bias of the value."""
        first, free = s.variance(self.influence(s)), s.observed[..., 0] - 1
        even = np.sqrt(self._curved(s) / np.maximum(free, 1)) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where((theta > 0) & (first > 0), first / (4 * theta), even)
            df = np.maximum(-self.plain_bias(s) / scale, LEAST_DF)
        return Null(scale, np.where(free > 0, df, 0.0))

    def _curved(self, s: Counts) -> Array:
        """Twice the second-order variance: ``sum curvature^2 (1 - 1 / K1) / n^2``."""
        inside = 1 - 1 / np.maximum(s.observed[..., 0], 1)
        return (self.curvature(s) ** 2).sum(-1) * inside / s.n_eff[..., 0] ** 2

    def variance(self, s: Counts) -> Array:
        """First order, less what noise adds to its estimate, and second order."""
        curved = self._curved(s)
        return np.maximum(super().variance(s) - curved, 0.0) + curved / 2

    def plain_bias(self, s: Counts) -> Array:
        """Leading bias of the plug-in value: ``sum curvature (1 - p) / (2 n)``."""
        spread = (self.curvature(s) * (1 - s.p[..., 0, :])).sum(-1)
        return spread / (2 * s.n_eff[..., 0])

    def bias(self, s: Counts) -> Array:
        """Leading bias of the value, not subtracted."""
        return self.plain_bias(s)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the sample is too small for its cells, and where there is one cell."""
        cells, n = float(s.observed.max()), float(s.n_eff.min())
        if cells < 2:
            return (
                Caution("DegenerateWarning", "only one cell is occupied: no interval is known"),
            )
        if n < 5 * cells:
            text = (
                f"{n:.6g} records in {cells:g} cells, fewer than five a cell: the value is too "
                "low, and no interval is known to hold; take more data or fewer cells"
            )
            return (Caution("SparseCellWarning", text),)
        records = s.p * s.n_eff[..., None]
        lone = 0.0 if s.unequal else float(((records > 0) & (records < 1.5)).sum())
        unseen = cells * np.exp(-n / cells)  # of as many again with even shares
        if lone <= self.most_lone * n and unseen < 0.01:
            return ()
        text = (
            f"{n:.6g} records in {cells:g} cells, {lone:g} of them alone: there may be cells that "
            "nobody has seen, and the value may be too low by more than its interval shows"
        )
        return (Caution("SparseCellWarning", text),)


@dataclass(frozen=True)
class ShannonEntropy(Entropy):
    """Shannon entropy, plain or with the Miller-Madow correction ``(K1 - 1) / (2 N)``."""

    name: ClassVar[str] = "entropy"
    bias_correction: Bias = "plug_in"

    def terms(self, p: Array) -> Array:
        """Summand ``-p log p``."""
        return entr(p[..., 0, :])

    def correction(self, n: Array, observed: Array) -> Array:
        """Miller-Madow term, where it was asked for."""
        if self.bias_correction == "plug_in":
            return np.asarray(0.0)
        return ((observed - 1) / (2 * n))[..., 0]

    def influence(self, s: Counts) -> Array:
        """Derivative ``-log p``."""
        return -safe_log(s.p)

    def curvature(self, s: Counts) -> Array:
        """Minus one in each observed cell."""
        return -1.0 * (s.table[..., 0, :] > 0)

    def bias(self, s: Counts) -> Array:
        """Leading bias ``-(K1 - 1) / (2 n)``; zero to that order once corrected."""
        return self.plain_bias(s) * (self.bias_correction == "plug_in")

    def even(self, cells: Array) -> Array:
        """Logarithm of the number of cells."""
        return np.log(cells)


@dataclass(frozen=True)
class TsallisEntropy(Entropy):
    """Tsallis entropy of order q >= 0; Shannon's at q = 1."""

    name: ClassVar[str] = "tsallis_entropy"
    units: ClassVar[Units] = "dimensionless"
    q: float = 2.0

    @property
    def most_lone(self) -> float:
        """None below order one, where rare cells weigh most; any from order two."""
        return 0.0 if self.q < 1 else (0.01 if self.q < 2 else 1.0)

    def terms(self, p: Array) -> Array:
        """Summand ``(p - p^q) / (q - 1)``, zero for an empty cell."""
        return _deformed_entr(p[..., 0, :], self.q)

    def influence(self, s: Counts) -> Array:
        """Derivative ``(1 - q p^(q-1)) / (q - 1)``."""
        log_p = safe_log(s.p)
        return -self.q * log_p * exprel((self.q - 1) * log_p)

    def even(self, cells: Array) -> Array:
        """``(1 - K^(1-q)) / (q - 1)``."""
        log_k = np.log(cells)
        return log_k * exprel((1 - self.q) * log_k)

    def curvature(self, s: Counts) -> Array:
        """``-q p^(q-1)`` in each observed cell."""
        p = s.p[..., 0, :]
        return -self.q * np.where(p > 0, np.exp((self.q - 1) * safe_log(p)), 0.0)


@dataclass(frozen=True)
class RenyiEntropy(Entropy):
    """Rényi entropy of order a >= 0; Shannon's at a = 1, log of the observed support at 0."""

    name: ClassVar[str] = "renyi_entropy"
    order: float = 2.0

    @property
    def most_lone(self) -> float:
        """None below order one, where rare cells weigh most; any from order two."""
        return 0.0 if self.order < 1 else (0.01 if self.order < 2 else 1.0)

    def terms(self, p: Array) -> Array:
        """Summand ``p^a`` of the power sum S; of Tsallis' entropy near order one."""
        if self._near_one:
            return _deformed_entr(p[..., 0, :], self.order)
        p = p[..., 0, :]
        return np.where(p > 0, np.exp(self.order * safe_log(p)), 0.0)

    def finish(self, total: Array) -> Array:
        """``log S / (1 - a)``."""
        if self._near_one:
            return total * log1p_ratio((1 - self.order) * total)
        return np.log(total) / (1 - self.order)

    def value(self, s: Counts) -> Array:
        """As `finish` of the sum, where that neither loses digits nor underflows."""
        if self._near_one:
            return super().value(s)
        return _log_power_sum(s, self.order) / (1 - self.order)

    @property
    def _near_one(self) -> bool:
        return abs(self.order - 1) < 0.5

    def influence(self, s: Counts) -> Array:
        """Derivative ``a p^(a-1) / ((1 - a) S)``, up to a constant."""
        gap = safe_log(s.p) + self.value(s)[..., None, None]
        return np.where(s.p > 0, -self.order * gap * exprel((self.order - 1) * gap), 0.0)

    def curvature(self, s: Counts) -> Array:
        """``-a p^(a-1) / S`` in each observed cell."""
        p = s.p[..., 0, :]
        gap = safe_log(p) + self.value(s)[..., None]
        return -self.order * np.where(p > 0, np.exp((self.order - 1) * gap), 0.0)

    def even(self, cells: Array) -> Array:
        """Logarithm of the number of cells."""
        return np.log(cells)

    def plain_bias(self, s: Counts) -> Array:
        """As the base, and what the logarithm adds: ``(a - 1) / 2`` variances of S / S."""
        return super().plain_bias(s) + (self.order - 1) / 2 * s.variance(self.influence(s))


def _log_power_sum(s: Counts, order: float) -> Array:
    """``log sum p^a`` over the observed cells."""
    p = s.p[..., 0, :]
    return logsumexp(order * safe_log(p), axis=-1, b=(p > 0).astype(float))


def _deformed_entr(p: Array, q: float) -> Array:
    log_p = safe_log(p)
    return np.where(p > 0, -p * log_p * exprel((q - 1) * log_p), 0.0)


def log1p_ratio(x: Array) -> Array:
    """``log(1 + x) / x``, one at zero."""
    x = np.asarray(x, dtype=float)
    return np.where(x == 0, 1.0, np.log1p(x) / np.where(x == 0, 1.0, x))
