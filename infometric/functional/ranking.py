r"""How well a score ranks events above non-events: area under the curve, Gini, Kolmogorov-Smirnov.

The state holds two groups, non-events and events, over cells that are the distinct scores in
increasing order. With :math:`F_0, F_1` the two distribution functions and ties counted half,

.. math:: A = P(S_1 > S_0) + \tfrac12 P(S_1 = S_0), \quad G = 2A - 1, \quad
   D = \sup_t |F_0(t) - F_1(t)|.

The influence of a record on A is DeLong's placement value, the share of the other group that it
beats, so the delta method is DeLong's variance with :math:`n - 1` in place of :math:`n`.

References
----------
DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more
correlated receiver operating characteristic curves. Biometrics 44, 837-845. doi:10.2307/2531595
Somers, R. H. (1962). A new asymmetric measure of association for ordinal variables. Amer.
Sociol. Rev. 27, 799-811. doi:10.2307/2090408
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.special import kolmogorov, log_ndtr, ndtri, stdtr, stdtrit

from infometric.functional.base import Caution, Functional, Increasing, Interval
from infometric.state.counts import Counts
from infometric.typing import Array, Units

_HALVINGS = 60  # of an interval of length one: beyond the digits of a float
_FEW = 8  # records of a group, below which Mann and Whitney's U is not near its normal limit


def placements(table: Array) -> Array:
    """Share of the other group that each cell beats, ties half, shape (..., 2, n_cells).

    Examples
    --------
    >>> placements(np.array([[2, 1, 1], [1, 1, 2]])).tolist()
    [[0.875, 0.625, 0.25], [0.25, 0.625, 0.875]]
    """
    below = (np.cumsum(table, axis=-1) - table / 2) / table.sum(-1)[..., None]
    return np.stack([1 - below[..., 1, :], below[..., 0, :]], axis=-2)


@dataclass(frozen=True)
class _Ranked(Functional):
    """A difference of placements: value, variance and leave-one-out follow from the influence.

    Such a measure is a sum over pairs of one non-event and one event.
    """

    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    groups: ClassVar[int] = 2
    signed: ClassVar[bool] = True
    ordered: ClassVar[bool] = True

    def bias(self, s: Any) -> Array:
        """None: a mean over pairs."""
        return np.zeros(s.table.shape[:-2])

    def variance(self, s: Counts) -> Array:
        """DeLong's: the variance of the placement values of each group, over its size."""
        return self._variances(s).sum(-1)

    def _variances(self, s: Counts) -> Array:
        """What each group contributes, shape (..., 2); NaN where it has one record."""
        psi = s.centre(self.influence(s))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = (s.second * psi**2).sum(-1) / s.n.astype(float) ** 2
            return spread * s.n_eff / (s.n_eff - 1)

    def _df(self, s: Counts) -> Array:
        """Welch's degrees of freedom: the variances of the groups are estimates.

        With fewer than eight records in a group they are estimates themselves that may be far too
        large; there the smaller group's own are taken: two records cover 99 %, not 88 %.
        """
        least = s.n_eff.min(-1)
        parts = self._variances(s)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = parts.sum(-1) ** 2 / (parts**2 / (s.n_eff - 1)).sum(-1)
        return np.where(least < _FEW, least - 1.0, np.where(df > 0, df, np.inf))

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, in O(K)."""
        n = s.n[..., None].astype(float)
        mean = self.value(s)[..., None, None]
        own = self.influence(s)
        centred = own - (s.p * own).sum(-1, keepdims=True) + mean
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (n * mean - centred) / (n - 1)
        return np.where(s.table > 0, left, np.nan)


@dataclass(frozen=True)
class Gini(_Ranked):
    """Gini coefficient, or accuracy ratio: Somers' D of the score, ``2 A - 1``.

    Its interval is symmetric on the scale of atanh, which is that of the logit of A, with
    Student's quantile for Welch's degrees of freedom (below eight records in a group, for the
    smaller group's). Where the two groups do not overlap DeLong's
    variance is zero; there Newcombe's interval (2006, method 5) takes its place.

    References
    ----------
    Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic, part 2. Statist. Med. 25, 559-573. doi:10.1002/sim.2324

    Examples
    --------
    >>> from infometric import Counts
    >>> round(float(Gini().value(Counts.from_counts([[6, 3, 1], [1, 2, 7]]))), 4)
    0.69
    """

    name: ClassVar[str] = "gini"

    def value(self, s: Counts) -> Array:
        """Share of pairs in order, less those out of order."""
        above = (s.table[..., 1, :] * placements(s.table)[..., 1, :]).sum(-1)
        return 2 * above / s.n[..., 1] - 1

    def influence(self, s: Counts) -> Array:
        """Twice the placement values."""
        return 2 * placements(s.table)

    def favoured(self, s: Any) -> str:
        """DeLong's interval on the scale of the logit."""
        return "delong"

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Interval symmetric on the scale of atanh; Newcombe's where the groups are apart."""
        if kind != "delong":
            return None
        theta, z = self.value(s), ndtri(0.5 + level / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            se = np.sqrt(self.variance(s))
            reach = stdtrit(self._df(s), 0.5 + level / 2) * se / (1 - theta**2)
            ends = np.tanh(np.arctanh(theta) + np.stack([-reach, reach]))
        apart = (np.abs(theta) == 1)[None]
        low, high = np.where(apart, newcombe(theta, s, z), ends)
        enough = (s.n_eff > 1).all(-1) & (s.occupied.sum(-1) > 1)
        return Interval(se, *(np.where(enough, end, np.nan) for end in (low, high)))

    def pvalue(self, s: Counts) -> Array:
        """Mann and Whitney's test with the variance for ties.

        With unequal weights, or fewer than eight records in a group, its normal limit is not near:
        there it is the test that the interval stands for.
        """
        theta = np.abs(self.value(s))
        with np.errstate(divide="ignore", invalid="ignore"):
            se = np.sqrt(self.variance(s))
            studentised = np.arctanh(theta) * (1 - theta**2) / se
        own = 2 * stdtr(self._df(s), -studentised)
        law = np.exp(np.log(2) + log_ndtr(-self._standardised(theta, s)))
        near = ~self._inexact(s) | ~(se > 0) | (theta == 1)
        found = np.where(near, law, own)
        return np.where(np.isnan(found) | (s.n_eff <= 1).any(-1), 1.0, found)

    @staticmethod
    def _inexact(s: Counts) -> Array:
        """Whether the law of U is not near enough."""
        return (s.n_eff.min(-1) < _FEW) | s.unequal

    @staticmethod
    def _standardised(theta: Array, s: Counts) -> Array:
        """Mann and Whitney's U less its mean, continuity corrected, over its deviation."""
        records = s.table * (s.n_eff / s.n)[..., None]
        m, n = records.sum(-1)[..., 0], records.sum(-1)[..., 1]
        ties, total = records.sum(-2), m + n
        with np.errstate(divide="ignore", invalid="ignore"):
            tied = (ties**3 - ties).sum(-1) / (total * (total - 1))
            return np.maximum(theta * m * n / 2 - 0.5, 0) / np.sqrt(m * n * (total + 1 - tied) / 12)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the groups do not overlap, or all scores are alike."""
        if (s.occupied.sum(-1) < 2).any():
            return (Caution("DegenerateWarning", "all scores are alike: they rank nothing"),)
        if (np.abs(self.value(s)) == 1).any():
            alone = (s.n_eff <= 1).any()  # of one record nothing is known but itself
            interval = (
                "there is no interval of one record" if alone else "the interval is Newcombe's"
            )
            text = (
                "the scores of events and non-events do not overlap: the standard error is zero, "
                f"and {interval}"
            )
            return (Caution("SparseCellWarning", text),)
        return ()

    def facts(self, s: Counts) -> dict[str, Any]:
        """What the test is."""
        return {"null_test": "delong" if self._inexact(s).any() else "mann_whitney"}


@dataclass(frozen=True)
class AreaUnderCurve(Increasing):
    """Area under the receiver operating characteristic: a random event scores above a non-event.

    Examples
    --------
    >>> from infometric import Counts
    >>> round(float(AreaUnderCurve().value(Counts.from_counts([[6, 3, 1], [1, 2, 7]]))), 4)
    0.845
    """

    name: ClassVar[str] = "auc"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    groups: ClassVar[int] = 2
    ordered: ClassVar[bool] = True

    @property
    def inner(self) -> Gini:
        """Gini coefficient."""
        return Gini()

    def forward(self, x: Array) -> Array:
        """Half of one more."""
        return (1 + np.asarray(x)) / 2

    def slope(self, x: Array) -> Array:
        """One half."""
        return np.full(np.shape(x), 0.5)


@dataclass(frozen=True, eq=False)
class AreaDifference(_Ranked):
    """Difference of two areas under the curve on the same records, by DeLong's covariance.

    Parameters
    ----------
    first, second : ndarray of int, shape (n_cells,)
        Rank of each cell by either score: a cell holds the records with one pair of scores.

    Examples
    --------
    >>> from infometric import Counts
    >>> pairs = Counts.from_counts([[4, 1, 2, 0], [0, 2, 1, 5]])
    >>> first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> round(float(AreaDifference(first, second).value(pairs)), 4)
    -0.1339
    """

    name: ClassVar[str] = "auc_difference"
    exchange: ClassVar[str] = "none"  # records that change places make both areas one half
    first: Array = field(default_factory=lambda: np.arange(1))
    second: Array = field(default_factory=lambda: np.arange(1))

    def value(self, s: Counts) -> Array:
        """Area of the first score less that of the second."""
        return (s.p * self.influence(s)).sum(-1)[..., 1]

    def influence(self, s: Counts) -> Array:
        """Difference of the placement values by the two scores."""
        by_first, by_second = (
            placements(regrouped(s.table, rank))[..., rank] for rank in (self.first, self.second)
        )
        return by_first - by_second


def regrouped(table: Array, onto: Array) -> Array:
    """Sums over the cells with the same new number, of the last axis.

    Examples
    --------
    >>> regrouped(np.array([[1, 2, 4]]), np.array([1, 0, 1])).tolist()
    [[2.0, 5.0]]
    """
    rows, size = int(np.prod(table.shape[:-1])), int(onto.max()) + 1
    cells = onto + size * np.arange(rows)[:, None]
    flat = np.bincount(cells.ravel(), table.ravel().astype(float), rows * size)
    return flat.reshape(*table.shape[:-1], size)


def newcombe(gini: Array, s: Counts, z: float) -> Array:
    r"""Bounds of the Gini coefficient by Newcombe's fifth method, shape (2, ...).

    Areas :math:`\theta` with :math:`(A - \theta)^2 = z^2 V(\theta)`, where V is Hanley and McNeil's
    variance with both sizes replaced by their mean. It needs no variance of the data.
    """
    area = (1 + np.asarray(gini)) / 2
    m, n = s.n_eff[..., 0], s.n_eff[..., 1]
    extra = (m + n) / 2 - 1

    def excess(t: Array) -> Array:
        spread = 1 + extra * ((1 - t) / (2 - t) + t / (1 + t))
        return (area - t) ** 2 - z**2 * t * (1 - t) * spread / (m * n)

    ends = []
    for end in (0.0, 1.0):
        far, near = np.full(area.shape, end), area
        for _ in range(_HALVINGS):
            middle = (far + near) / 2
            outside = excess(middle) > 0
            far, near = np.where(outside, middle, far), np.where(outside, near, middle)
        ends.append(2 * near - 1)
    return np.stack(ends)


@dataclass(frozen=True)
class KolmogorovSmirnov(Functional):
    """Greatest distance of the two distribution functions of a score.

    The standard error is that of the distance at the maximiser. The value is the largest of many
    distances, and so too large; the upper bound is Wald's, and the lower one allows for all of them
    by the one-sided inequality of Dvoretzky, Kiefer and Wolfowitz (1956): it is zero where the test
    does not reject.

    References
    ----------
    Raghavachari, M. (1973). Limiting distributions of Kolmogorov-Smirnov type statistics under the
    alternative. Ann. Statist. 1, 67-73. doi:10.1214/aos/1193342382
    Wei, F., Dudley, R. M. (2012). Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities. Statist.
    Probab. Lett. 82, 636-644. doi:10.1016/j.spl.2011.11.012

    Examples
    --------
    >>> from infometric import Counts
    >>> round(float(KolmogorovSmirnov().value(Counts.from_counts([[6, 3, 1], [1, 2, 7]]))), 4)
    0.6
    """

    name: ClassVar[str] = "ks_statistic"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    groups: ClassVar[int] = 2
    ordered: ClassVar[bool] = True

    @staticmethod
    def distances(s: Counts) -> Array:
        """F_0 - F_1 after each cell, shape (..., n_cells)."""
        shares = np.cumsum(s.table, axis=-1) / s.n[..., None]
        return shares[..., 0, :] - shares[..., 1, :]

    def value(self, s: Counts) -> Array:
        """The greatest distance."""
        return np.abs(self.distances(s)).max(-1)

    def influence(self, s: Counts) -> Array:
        """Plus or minus one up to the maximiser."""
        gap = self.distances(s)
        at = np.abs(gap).argmax(-1)[..., None]
        sign = np.sign(np.take_along_axis(gap, at, axis=-1))
        below = sign * (np.arange(s.n_cells) <= at)
        return np.stack([below, -below], axis=-2)

    def favoured(self, s: Any) -> str:
        """The interval that allows for the choice of the maximiser."""
        return "kolmogorov"

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Wald's upper bound, and the lower one of a band around all distances."""
        if kind != "kolmogorov":
            return None
        theta, se = self.value(s), np.sqrt(self.variance(s))
        band = np.sqrt(-np.log((1 - level) / 2) / 2 * (1 / s.n_eff).sum(-1))
        z = ndtri(0.5 + level / 2)
        low, high = np.maximum(theta - band, 0.0), np.minimum(theta + z * se, 1.0)
        several = s.occupied.sum(-1) > 1
        return Interval(se, np.where(several, low, np.nan), np.where(several, high, np.nan))

    def pvalue(self, s: Counts) -> Array:
        """Kolmogorov's law, which is cautious where scores are tied."""
        return kolmogorov(self.value(s) / np.sqrt((1 / s.n_eff).sum(-1)))

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where all scores are alike."""
        if (s.occupied.sum(-1) < 2).any():
            return (Caution("DegenerateWarning", "all scores are alike: they rank nothing"),)
        return ()

    def facts(self, s: Counts) -> dict[str, Any]:
        """What the test is, and the cell after which the distance is greatest."""
        at = int(np.abs(self.distances(s)).argmax(-1).ravel()[0])
        label = None if s.cells is None else s.cells[at]
        return {"null_test": "kolmogorov", "maximiser": at, "maximiser_cell": label}
