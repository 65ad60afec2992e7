r"""Entropies of one sample of any order, and the numbers of cells that they amount to.

.. math::
   H = -\sum_k p_k \log p_k, \quad
   T_q = \frac{1 - \sum_k p_k^q}{q - 1}, \quad
   R_a = \frac{\log \sum_k p_k^a}{1 - a}, \quad
   D_a = e^{R_a}.

Tsallis' entropy is written as :math:`-\sum_k p_k L_k\, E((q-1) L_k)` with :math:`L = \log p` and
:math:`E(x) = (e^x - 1)/x`, which is exact through :math:`q = 1`. At infinity :math:`R` is
:math:`-\log \max_k p_k`, the min-entropy. For a whole order :math:`q \ge 2` the sum of powers has
the unbiased estimate :math:`\sum_k (n_k)_q / (N)_q` with falling factorials.

References
----------
Rényi, A. (1961). On measures of entropy and information. Proc. Fourth Berkeley Symp. 1.
Hill, M. O. (1973). Diversity and evenness: a unifying notation and its consequences. Ecology 54,
427-432. doi:10.2307/1934352
Simpson, E. H. (1949). Measurement of diversity. Nature 163, 688. doi:10.1038/163688a0
Tsallis, C. (1988). Possible generalization of Boltzmann-Gibbs statistics. J. Stat. Phys. 52,
479-487. doi:10.1007/BF01016429
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import betaincinv, binom, exprel, gammaincinv, logsumexp

from infometric.exceptions import UnsupportedError
from infometric.functional.base import (
    Additive,
    Caution,
    Functional,
    Increasing,
    Interval,
    Null,
    safe_log,
)
from infometric.state.counts import Counts, is_whole, whole_counts
from infometric.typing import Array, Units

OrderedBias = Literal["plug_in", "unbiased"]
STEEP = 20.0  # order from which the largest share is all that counts
LARGEST_ORDER = 1e12  # beyond it an order is infinite to double precision
MOST_POWERS = 1000  # greatest order of an unbiased sum of powers
LEAST_TUPLES = 10.0  # coincidences from which the jackknife held in simulations
LEAST_DF = 0.01  # a law without degrees of freedom would be a point
SURE_LEVEL = 0.995  # of bounds that decide between intervals
MOST_NOISE = 0.2  # relative noise of a power of the largest share up to which the law held
FEW_OUTSIDE = 10.0  # records outside the largest cell below which only exact bounds held


class Entropy(Additive):
    """Base of the entropies of one sample.

    Where shares are even an entropy is at its ceiling and falls short of it by a quadratic, as a
    divergence is above zero: `NoncentralChi2` inverts the law of that gap.
    """

    recentred: ClassVar[bool] = True
    symmetric: ClassVar[bool] = True

    @property
    def degree(self) -> float:
        """The order: one of Shannon's entropy."""
        return 1.0

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

    def plain(self, s: Counts) -> Array:
        """Plug-in value."""
        return self.finish(self.terms(s.p).sum(-1))

    def reach(self, s: Counts, theta: Array) -> Array:
        """How far the plug-in value is below the ceiling."""
        return np.maximum(self.ceiling(s) - self.plain(s), 0.0)

    def interval_holds(self, s: Counts) -> Array:
        """With five records a cell: below, the cells that nobody has seen are missing."""
        cells = s.observed[..., 0]
        return (s.n_eff[..., 0] >= 5 * cells) & (cells > 1) & ~self.blind(s)

    def blind(self, s: Counts) -> Array:
        """Whether cells that nobody has seen may make up most of the value: below order one.

        A sample without lone records tells no better: it was lucky.
        """
        unseen = s.observed[..., 0] < self.alphabet(s)
        return unseen & (self.degree < 1) | (self.degree == 0)

    def favoured(self, s: Counts) -> str:
        """The noncentral chi-square interval, but for a cell that holds nearly everything."""
        return "clopper_pearson" if self.nearly_constant(s) else "ncx2"

    def nearly_constant(self, s: Counts) -> bool:
        """Whether one cell holds all but a few records, and surely more than half."""
        surely = (_share_bounds(s, SURE_LEVEL)[1] <= 0.5) | (s.observed[..., 0] < 2)
        return bool(((_outside(s) < FEW_OUTSIDE) & surely).all())

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Exact binomial bounds of the share outside the largest cell, and what may lie in it.

        At best it is one cell, at worst as many even ones as the records alone in their cell allow:
        by Chao's estimate with one more of these, or as many as there are records where most of
        those outside are alone. Of a single cell, and below order one, only the alphabet tells.

        Clopper, C. J., Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated
        in the case of the binomial. Biometrika 26, 404-413. doi:10.1093/biomet/26.4.404

        Chao, A. (1984). Nonparametric estimation of the number of classes in a population. Scand.
        J. Statist. 11, 265-270.
        """
        if kind != "clopper_pearson":
            return None
        low, high = _share_bounds(s, level)
        if not (self.nearly_constant(s) or (high <= 0.5).all()):
            raise UnsupportedError(
                "Exact bounds need a cell that surely holds more than half of the distribution.",
                got={
                    "records": _plain(s.n_eff[..., 0]),
                    "outside of the largest": _plain(_outside(s)),
                },
                hint="uncertainty='auto'",
            )
        most = self._cells_outside(s)
        told = np.isfinite(most) if self.degree > 0 else np.zeros(most.shape, bool)
        known = told | (self.degree > 1)
        cells = np.clip(most, 1e-300, 1e300)
        one, all_of_it = np.ones(low.shape), np.ones((1, 1))
        ends = [self._mixed(all_of_it, share, one) for share in (low, high)]
        lower = np.maximum(np.minimum(*ends), 0.0)
        upper = self._mixed(all_of_it, np.minimum(high, cells / (cells + 1)), cells)
        upper = np.maximum(upper, lower)
        se = np.sqrt(self.variance(s))
        return Interval(se, *(np.where(known, end, np.nan) for end in (lower, upper)))

    def reachable(self, s: Counts, level: float) -> Array:
        """Value with as much in cells that nobody has seen as the lone records leave possible.

        The share of the unseen is on average that of the records alone in their cell, and its bound
        that of a Poisson count of these.
        """
        missing, cells = self.alphabet(s) - s.observed[..., 0], self._unseen_cells(s)
        most = gammaincinv(_alone(s) + 1.0, 0.5 + level / 2) / s.n_eff[..., 0]
        share = np.minimum(most, cells / (cells + s.observed[..., 0]))
        found = self._mixed(s.p[..., [0], :], share, np.maximum(cells, 1e-300))
        return np.where(missing > 0, found, -np.inf)

    def _unseen_cells(self, s: Counts) -> Array:
        """Cells that nobody has seen: one more than Chao's estimate, and no more than there are."""
        alone, pairs = _alone(s), _alone(s, 2)
        missing = self.alphabet(s) - s.observed[..., 0]
        return np.minimum(1 + alone * (alone - 1) / (2 * (pairs + 1)), missing)

    def _mixed(self, p: Array, share: Array, cells: Array) -> Array:
        """Entropy of shares p beside even cells that together hold a share of the whole."""
        mine = self.terms((1 - share)[..., None, None] * p).sum(-1)
        return self.finish(mine + cells * self.terms((share / cells)[..., None, None])[..., 0])

    def _cells_outside(self, s: Counts) -> Array:
        """Most cells that the share outside the largest may lie in, as far as the data tell."""
        seen, alone, n = s.observed[..., 0] - 1.0, _alone(s), s.n_eff[..., 0]
        chao = seen + alone * (alone + 1) / 2
        most = np.where(2 * alone > _outside(s), np.maximum(chao, n), chao)
        most = np.where((seen > 0) & (self.degree >= 1), most, np.inf)
        return np.maximum(np.minimum(most, self.alphabet(s) - 1), seen)

    def alphabet(self, s: Counts) -> float:
        """Number of possible cells: of a table that no encoder made, those that it has.

        A table of one cell knows of no other, which is no knowledge.
        """
        return np.inf if s.key or s.n_cells < 2 else float(s.n_cells)

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """``Var / (4 gap)``, and degrees of freedom that give the law the bias of the value."""
        first, free = s.variance(self.influence(s)), s.observed[..., 0] - 1
        curved = self._curved(s)
        even = np.sqrt(curved / np.maximum(free, 1)) / 2
        sloped = first > 1e-12 * curved  # even counts leave nothing but rounding
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where((theta > 0) & sloped, first / (4 * theta), even)
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
            return (self._of_one_cell(s),)
        if n < 5 * cells:
            text = (
                f"{n:.6g} records in {cells:g} cells, fewer than five a cell: the value is too "
                "low, and no interval is known to hold; take more data or fewer cells"
            )
            return (Caution("SparseCellWarning", text),)
        lone = 0.0 if s.unequal else float(_alone(s))
        unseen = cells * np.exp(-n / cells)  # of as many again with even shares
        if lone <= self.most_lone * n and unseen < 0.01:
            return ()
        text = (
            f"{n:.6g} records in {cells:g} cells, {lone:g} of them alone: there may be cells that "
            "nobody has seen, and the value may be too low by more than its interval shows"
        )
        return (Caution("SparseCellWarning", text),)

    def _of_one_cell(self, s: Counts) -> Caution:
        """Say what so many records in one cell leave possible."""
        n = float(s.n_eff[..., 0])
        known = self.degree > 1 or (self.degree > 0 and np.isfinite(self.alphabet(s)))
        rest = (
            f"the interval is what {n:g} records leave possible"
            if known
            else "no interval is known but for a known number of possible cells, as of "
            f"Counts.from_counts([{n:.0f}, 0])"
        )
        return Caution("DegenerateWarning", f"only one cell is occupied: {rest}")


@dataclass(frozen=True)
class OrderedEntropy(Entropy):
    """Base of the entropies that have an order."""

    bias_correction: OrderedBias = field(default="plug_in", kw_only=True)

    @property
    def degree(self) -> float:
        """The order."""
        raise NotImplementedError

    @property
    def most_lone(self) -> float:
        """None below order one, where rare cells weigh most; any from order two."""
        return 0.0 if self.degree < 1 else (0.01 if self.degree < 2 else 1.0)

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether falling factorials are taken of the counts."""
        return self.bias_correction == "unbiased"

    def of_power_sum(self, log_sum: Array) -> Array:
        """The entropy from the logarithm of the sum of powers."""
        raise NotImplementedError

    def plain(self, s: Counts) -> Array:
        """Plug-in value."""
        return replace(self, bias_correction="plug_in").value(s)

    def unbiased(self, s: Counts) -> Array:
        """Value from the unbiased sum of powers.

        Raises
        ------
        UnsupportedError
            Where the order is not whole, or counts are not.
        """
        q = self.degree
        if not (float(q).is_integer() and 2 <= q <= MOST_POWERS):
            raise UnsupportedError(
                "bias='unbiased' needs a whole order of two or more.",
                got=q,
                hint="bias='plug_in', or order 2",
            )
        table = whole_counts(s, "bias='unbiased'").table[..., 0, :].astype(float)
        if (table.sum(-1) < q).any():
            raise UnsupportedError(
                f"No function of fewer than {q:g} records estimates a sum of powers {q:g} without "
                "bias.",
                got={"records": table.sum(-1).tolist()},
                hint="bias='plug_in'",
            )
        steps = np.arange(int(q))
        ratio = np.maximum(table[..., None] - steps, 0) / np.maximum(
            table.sum(-1)[..., None, None] - steps, 1
        )
        with np.errstate(divide="ignore"):
            return self.of_power_sum(np.log(ratio.prod(-1).sum(-1)))

    def tuples(self, s: Counts) -> Array:
        """Number of groups of q records that fell in one cell."""
        return np.asarray(binom(s.table[..., 0, :], self.degree).sum(-1))

    def _enough_tuples(self, s: Counts) -> bool:
        return self.bias_correction == "unbiased" and bool((self.tuples(s) >= LEAST_TUPLES).all())

    def favoured(self, s: Counts) -> str:
        """The jackknife of an unbiased sum of powers in few records, given coincidences."""
        thin = not self.nearly_constant(s) and not bool(self.interval_holds(s).all())
        return "jackknife" if thin and self._enough_tuples(s) else super().favoured(s)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """As the base; none of an unbiased sum of powers with coincidences enough."""
        if self.degree > LARGEST_ORDER and self.units == "dimensionless":
            return (Caution("DegenerateWarning", "of infinite order the value is always zero"),)
        if np.isinf(self.degree) or (self.degree >= STEEP and self.favoured(s) == "simultaneous"):
            return ()
        if s.observed.max() > 1 and self.blind(s).all() and self.degree < 1:
            text = (
                "below order one cells that nobody has seen may make up most of the value: no "
                "interval is known but for a table that holds all cells, Counts.from_counts([...])"
                if self.degree
                else "a number of cells has no interval: how many are left unseen is not known"
            )
            return (Caution("SparseCellWarning", text), *super().cautions(s))
        if self._enough_tuples(s) and s.observed.max() > 1:
            return ()
        found = super().cautions(s)
        q = float(self.degree)
        if self.bias_correction == "unbiased" and not self.tuples(s).all():
            text = (
                f"no cell holds {q:g} records: the unbiased sum of powers is zero, and the entropy "
                "of it says that it may be of any size"
            )
            return (Caution("SparseCellWarning", text),)
        if q.is_integer() and q >= 2 and self.bias_correction == "plug_in" and is_whole(s):
            found = tuple(
                c._replace(text=c.text + "; or bias='unbiased'")
                if c.category == "SparseCellWarning"
                else c
                for c in found
            )
        return found

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out."""
        plain = self.bias_correction == "plug_in" and np.isfinite(self.degree)
        return super().leave_one_out(s) if plain else Functional.leave_one_out(self, s)

    def bias(self, s: Counts) -> Array:
        """Leading bias of the value; zero to that order once corrected."""
        known = self.bias_correction == "plug_in"
        return self.plain_bias(s) if known else np.zeros(s.n.shape[:-1])

    def facts(self, s: Counts) -> dict[str, Any]:
        """Name of the correction."""
        return {"bias_correction": self.bias_correction}


@dataclass(frozen=True)
class TsallisEntropy(OrderedEntropy):
    """Tsallis entropy of order q >= 0; Shannon's at q = 1, zero at infinity."""

    name: ClassVar[str] = "tsallis_entropy"
    units: ClassVar[Units] = "dimensionless"
    q: float = 2.0

    @property
    def degree(self) -> float:
        """The order q."""
        return self.q

    def of_power_sum(self, log_sum: Array) -> Array:
        """``(1 - S) / (q - 1)``."""
        return -np.expm1(log_sum) / (self.q - 1)

    def terms(self, p: Array) -> Array:
        """Summand ``(p - p^q) / (q - 1)``, zero for an empty cell."""
        return _deformed_entr(p[..., 0, :], self.q)

    def value(self, s: Counts) -> Array:
        """Estimate, shape (...)."""
        return self.unbiased(s) if self.bias_correction == "unbiased" else super().value(s)

    def influence(self, s: Counts) -> Array:
        """Derivative ``(1 - q p^(q-1)) / (q - 1)``."""
        if self.q > LARGEST_ORDER:
            return np.zeros(s.p.shape)
        log_p = safe_log(s.p)
        return -self.q * log_p * exprel((self.q - 1) * log_p)

    def even(self, cells: Array) -> Array:
        """``(1 - K^(1-q)) / (q - 1)``."""
        if self.q > LARGEST_ORDER:
            return np.zeros(np.shape(cells))
        log_k = np.log(cells)
        return log_k * exprel((1 - self.q) * log_k)

    def curvature(self, s: Counts) -> Array:
        """``-q p^(q-1)`` in each observed cell."""
        p = s.p[..., 0, :]
        if self.q > LARGEST_ORDER:
            return np.zeros(p.shape)
        return -self.q * np.where(p > 0, np.exp((self.q - 1) * safe_log(p)), 0.0)


@dataclass(frozen=True)
class RenyiEntropy(OrderedEntropy):
    """Rényi entropy of order a >= 0.

    Shannon's at a = 1, log of the observed support at 0, min-entropy at infinity.
    """

    name: ClassVar[str] = "renyi_entropy"
    order: float = 2.0

    @property
    def degree(self) -> float:
        """The order a."""
        return self.order

    def of_power_sum(self, log_sum: Array) -> Array:
        """``log S / (1 - a)``."""
        return log_sum / (1 - self.order)

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
        if self.bias_correction == "unbiased":
            return self.unbiased(s)
        if self._limit:
            return -np.log(s.p[..., 0, :].max(-1)) + 0.0  # no negative zero
        if self._near_one:
            return super().value(s)
        return _log_power_sum(s, self.order) / (1 - self.order) + 0.0

    @property
    def _limit(self) -> bool:
        """Whether the value is the min-entropy to all digits."""
        return self.order > LARGEST_ORDER

    @property
    def _near_one(self) -> bool:
        return abs(self.order - 1) < 0.5

    def influence(self, s: Counts) -> Array:
        """Derivative ``a p^(a-1) / ((1 - a) S)``, up to a constant; ``-1 / max p`` at infinity."""
        if self._limit:
            largest = s.p == s.p.max(-1, keepdims=True)
            return -1.0 * largest / (s.p.max(-1, keepdims=True) * largest.sum(-1, keepdims=True))
        gap = np.where(s.p > 0, safe_log(s.p) + self.plain(s)[..., None, None], 0.0)
        return np.where(s.p > 0, -self.order * gap * exprel((self.order - 1) * gap), 0.0)

    def variance(self, s: Counts) -> Array:
        """As the base; of first order alone where the order is so high that the second explodes."""
        return s.variance(self.influence(s)) if self.order >= STEEP else super().variance(s)

    def curvature(self, s: Counts) -> Array:
        """``-a p^(a-1) / S`` in each observed cell; none at infinity."""
        p = s.p[..., 0, :]
        if self._limit:
            return np.zeros(p.shape)
        gap = np.where(p > 0, safe_log(p) + self.plain(s)[..., None], 0.0)
        return -self.order * np.where(p > 0, np.exp((self.order - 1) * gap), 0.0)

    def even(self, cells: Array) -> Array:
        """Logarithm of the number of cells."""
        return np.log(cells)

    def plain_bias(self, s: Counts) -> Array:
        """As the base, and what the logarithm adds: ``(a - 1) / 2`` variances of S / S."""
        if self._limit:
            return np.zeros(s.table.shape[:-2])
        return super().plain_bias(s) + (self.order - 1) / 2 * s.variance(self.influence(s))

    def favoured(self, s: Counts) -> str:
        """Of high order the simultaneous interval: any cell that may be the largest counts.

        Also of orders above two, where cells vie and a power of their noise is no small noise.
        """
        return "simultaneous" if self._steep(s) else super().favoured(s)

    def _steep(self, s: Counts) -> bool:
        if self.order <= 2 or self.order >= STEEP:
            return self.order >= STEEP
        most, n = s.p[..., 0, :].max(-1), s.n_eff[..., 0]
        noise = (self.order - 1) * np.sqrt((1 - most) / (n * most))
        return bool(((noise > MOST_NOISE) & (_largest(s, SURE_LEVEL)[2] > 1)).all())

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Exact binomial bounds of the largest share; the lower allows for the luck of its rivals.

        An entropy of order a lies between that of infinity and ``a / (a - 1)`` times it.

        Clopper, C. J., Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated
        in the case of the binomial. Biometrika 26, 404-413. doi:10.1093/biomet/26.4.404
        """
        if kind != "simultaneous" or self.order <= 2:
            return super().interval(kind, s, level)
        stretch = 1.0 if self._limit else self.order / (self.order - 1)
        above, least, _ = _largest(s, level)
        se = np.sqrt(self.variance(s))
        # no entropy is above the logarithm of the number of cells
        seen = np.where(self.interval_holds(s), s.observed[..., 0] + self._unseen_cells(s), np.inf)
        cells = np.minimum(seen if self.order < STEEP else np.inf, self.alphabet(s))
        most = self.even(cells)
        return Interval(se, -np.log(above) + 0.0, np.minimum(-np.log(least) * stretch, most))


@dataclass(frozen=True)
class HillNumber(Increasing):
    """Hill number of order q: the cells with equal shares that would have the same entropy.

    The number of observed cells at 0, the exponential of Shannon's entropy at 1, one over the sum
    of squares at 2, one over the largest share at infinity.
    """

    name: ClassVar[str] = "hill_number"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)
    q: float = 2.0
    bias_correction: OrderedBias = "plug_in"

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """As of the entropy."""
        return self.inner.whole

    @property
    def inner(self) -> RenyiEntropy:
        """Rényi's entropy of the order."""
        return RenyiEntropy(self.q, bias_correction=self.bias_correction)

    def forward(self, x: Array) -> Array:
        """``e^x``."""
        return np.exp(x)

    def slope(self, x: Array) -> Array:
        """``e^x``."""
        return np.exp(x)

    def bias(self, s: Counts) -> Array:
        """Leading bias, by the chain rule with its second order."""
        inner = self.inner
        if self.bias_correction != "plug_in":
            return np.zeros(s.table.shape[:-2])
        return self.value(s) * (inner.bias(s) + inner.variance(s) / 2)

    def facts(self, s: Counts) -> dict[str, Any]:
        """Name of the correction."""
        return self.inner.facts(s)


def _plain(values: Array) -> Any:
    """Numbers for a message."""
    return np.round(values, 6).tolist()


def _largest(s: Counts, level: float) -> tuple[Array, Array, Array]:
    """Upper and lower bound of the largest share, and the number of cells that may hold it."""
    n, tail = s.n_eff[..., 0], (1 - level) / 2
    records = s.p[..., 0, :] * s.n_eff[..., [0]]
    free = np.maximum(s.n_eff[..., [0]] - records, 0)
    above = np.where(free > 0, betaincinv(records + 1, np.maximum(free, 1e-9), 1 - tail), 1.0)
    most = records.max(-1)
    # the largest share is one cell's, but any rival may have had luck
    rivals = (above >= betaincinv(most, n - most + 1, tail)[..., None]).sum(-1)
    return above.max(-1), betaincinv(most, n - most + 1, tail / rivals), rivals


def _alone(s: Counts, together: int = 1) -> Array:
    """Number of cells that hold one record, or so many; by weight where records carry one."""
    records = s.p[..., 0, :] * s.n_eff[..., [0]]
    return ((records > max(together - 0.5, 0)) & (records < together + 0.5)).sum(-1)


def _outside(s: Counts) -> Array:
    """Number of records outside the largest cell."""
    n = s.n_eff[..., 0]
    return np.round(n * (1 - s.p[..., 0, :].max(-1)), 6)


def _share_bounds(s: Counts, level: float) -> tuple[Array, Array]:
    """Clopper and Pearson's bounds of the share outside the largest cell."""
    n, tail, outside = s.n_eff[..., 0], (1 - level) / 2, _outside(s)
    low = np.where(outside > 0, betaincinv(np.maximum(outside, 1e-9), n - outside + 1, tail), 0.0)
    return low, betaincinv(outside + 1, np.maximum(n - outside, 1e-9), 1 - tail)


def _log_power_sum(s: Counts, order: float) -> Array:
    """``log sum p^a`` over the observed cells."""
    p = s.p[..., 0, :]
    return logsumexp(order * safe_log(p), axis=-1, b=(p > 0).astype(float))


def _deformed_entr(p: Array, q: float) -> Array:
    if q > LARGEST_ORDER:
        return np.zeros(p.shape)
    log_p = safe_log(p)
    return np.where(p > 0, -p * log_p * exprel((q - 1) * log_p), 0.0)


def log1p_ratio(x: Array) -> Array:
    """``log(1 + x) / x``, one at zero."""
    x = np.asarray(x, dtype=float)
    return np.where(x == 0, 1.0, np.log1p(x) / np.where(x == 0, 1.0, x))
