r"""Dependence in a joint table: mutual information, and Pearson's chi-square.

.. math:: I = H(X) + H(Y) - H(X, Y), \qquad
   X^2 = \sum_{ij} (n_{ij} - e_{ij})^2 / e_{ij}.

References
----------
Pearson, K. (1900). On the criterion that a given system of deviations ... Phil. Mag. 50, 157-175.
doi:10.1080/14786440009463897
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from infometric.functional.base import Caution, EntropySum, Functional, Null
from infometric.functional.divergence import contrast_scale, too_thin
from infometric.state.counts import Counts
from infometric.typing import Array, Units


@dataclass(frozen=True)
class MutualInformation(EntropySum):
    """I(X; Y) of a joint table of two variables."""

    name: ClassVar[str] = "mutual_information"
    recentred: ClassVar[bool] = True

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """H(X) + H(Y) - H(X, Y)."""
        return ((1.0, (0,)), (1.0, (1,)), (-1.0, (0, 1)))

    def null(self, s: Counts) -> Null:
        """``chi2((k - 1)(l - 1)) / (2 n)`` over occupied rows and columns."""
        return Null(1 / (2 * s.n_eff[..., 0]), independence_df(s))

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """Scale ``rho / (2 n)`` with rho = Var(i) / (2 I), shrunk toward one near independence.

        Degrees of freedom shrink by rho, which keeps the mean of the law at independence.
        """
        null = self.null(s)
        with np.errstate(divide="ignore", invalid="ignore"):
            known = (theta > 0) & (variance > 0) & (null.df > 0)
            rho = np.where(known, variance / (4 * theta * null.scale), 1.0)
            trust = theta / (theta + 5 * null.df * null.scale)
        rho = np.where((rho < 1) & known, 1 - (1 - rho) * trust, rho)
        return Null(rho * null.scale, null.df / rho)

    def null_holds(self, s: Counts) -> Array:
        """Where every expected count is five or more."""
        return np.where(s.expected > 0, s.expected, np.inf).min((-2, -1)) >= 5

    def interval_holds(self, s: Counts) -> Array:
        """Where the second-order bias is below the deviation under independence."""
        return self._drift(s) <= 1.0

    def _drift(self, s: Counts) -> Array:
        """Second-order bias in units of the deviation: (A - 1)(B - 1) / (6 n sqrt(2 df)).

        A and B are the sums of 1 / share over rows and columns.
        """
        p = s.joint / s.n[..., None]
        inverse = []
        for axis in (-1, -2):
            margin = p.sum(axis)
            inverse.append(
                np.divide(1.0, margin, out=np.zeros(margin.shape), where=margin > 0).sum(-1) - 1
            )
        df = np.maximum(independence_df(s), 1)
        return inverse[0] * inverse[1] / (6 * s.n_eff[..., 0] * np.sqrt(2 * df))

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the interval was not calibrated."""
        if (independence_df(s) == 0).all():
            text = "one variable has one value: there is nothing to share"
            return (Caution("DegenerateWarning", text),)
        if not self.interval_holds(s).all():
            return (too_thin(s, int(s.occupied.sum())),)
        least = float(np.where(s.expected > 0, s.expected, np.inf).min())
        if is_function(s).all():
            text = (
                "one variable is a function of the other in this sample: the value is the entropy "
                "of one, and the interval holds if that is so in truth"
            )
            return (Caution("DegenerateWarning", text),)
        if least >= 5 and (self._drift(s) <= 0.25).all():
            return self._of_rare_exceptions(s)
        text = (
            f"least expected count {least:.2g} in {int(s.occupied.sum())} cells: the interval may "
            "be off; merge cells"
        )
        return (Caution("SparseCellWarning", text),)

    def bias(self, s: Counts) -> Array:
        """Leading bias: ``(k - 1)(l - 1)``, of a function ``cells - k - l + 1``, over ``2 n``."""
        full = independence_df(s)
        joint = s.joint
        rows, columns = ((joint.sum(a) > 0).sum(-1) for a in (-1, -2))
        found = (joint > 0).sum((-2, -1)) - rows - columns + 1
        return np.where(is_function(s), found, full) / (2 * s.n_eff[..., 0])

    def variance(self, s: Counts) -> Array:
        """First order; of a function also the second, as of the entropy that it is."""
        joint = s.joint
        cells = np.minimum(*((joint.sum(a) > 0).sum(-1) for a in (-1, -2))) - 1
        second = np.where(is_function(s), cells / (2 * s.n_eff[..., 0] ** 2), 0.0)
        return super().variance(s) + second

    def favoured(self, s: Counts) -> str:
        """Wald's interval where one variable is a function of the other: it is an entropy then."""
        return "delta" if (is_function(s) & self.interval_holds(s)).all() else "ncx2"

    def _of_rare_exceptions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the dependence is so close that its exceptions are too few to count."""
        rare = (s.table > 0) & (s.table < 5) & (s.expected >= 5)
        if not rare.any():
            return ()
        text = (
            f"{int(rare.sum())} cell(s) hold fewer than five records where five or more were "
            "expected: so close to a function the interval may fall short"
        )
        return (Caution("SparseCellWarning", text),)


@dataclass(frozen=True)
class PearsonChiSquare(Functional):
    """Pearson's X^2 of groups x cells, or of a joint table of two variables.

    `moments` says whether its null law has the exact moments, or those of large samples.
    """

    name: ClassVar[str] = "pearson_chi_square"
    units: ClassVar[Units] = "dimensionless"
    groups: ClassVar[int] = 0  # any number
    moments: Literal["exact", "asymptotic"] = "exact"

    def value(self, s: Counts) -> Array:
        """X^2, shape (...)."""
        table = contingency(s)
        rows = table.sum(-1, keepdims=True)
        columns = table.sum(-2, keepdims=True)
        total = rows.sum(-2, keepdims=True)
        expected = rows * columns / total
        gap = np.divide((table - expected) ** 2, expected, where=expected > 0,
                        out=np.zeros(table.shape))  # fmt: skip
        return gap.sum((-2, -1))

    def influence(self, s: Counts) -> Array:
        """Derivative of X^2 with respect to the shares."""
        table = contingency(s)
        rows = table.sum(-1, keepdims=True)
        columns = table.sum(-2, keepdims=True)
        total = rows.sum(-2, keepdims=True)
        share = np.divide(table, rows * columns, where=columns * rows > 0,
                          out=np.zeros(table.shape))  # fmt: skip
        by_column = (share**2 * rows).sum(-2, keepdims=True)
        psi = total * (2 * share - by_column)
        if len(s.shape) > 1:
            by_row = (share**2 * columns).sum(-1, keepdims=True)
            return (total * (psi - total * by_row)).reshape(s.table.shape)
        return rows * psi

    def null(self, s: Counts) -> Null:
        """Chi-square with the exact moments of X^2 given the margins, or the textbook's.

        The textbook's has (rows - 1)(columns - 1) degrees of freedom, and serves weights too,
        design-corrected. With many cells and few records its size is anything from 0 to .3, that
        of the exact moments about .05.
        """
        joint = len(s.shape) > 1
        df = independence_df(s) if joint else (s.n_groups - 1) * (s.occupied.sum(-1) - 1)
        if s.unequal:
            two = not joint and s.n_groups == 2
            return Null(contrast_scale(s) / (1 / s.n_eff).sum(-1) if two else np.ones(df.shape), df)
        one = np.ones(df.shape)
        if self.moments == "asymptotic":
            return Null(one, df)
        mean, variance = conditional_moments(contingency(s))
        known = (df > 0) & np.isfinite(variance) & (variance > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return Null(
                np.where(known, variance / (2 * mean), one),
                np.where(known, 2 * mean**2 / variance, df),
            )


def conditional_moments(table: Array) -> tuple[Array, Array]:
    """Mean and variance of X^2 of tables (..., rows, columns) under independence, margins fixed.

    References
    ----------
    Haldane, J. B. S. (1940). The mean and variance of chi^2, when used as a test of homogeneity,
    when expectations are small. Biometrika 31, 346-355. doi:10.1093/biomet/31.3-4.346
    Dawson, R. B. (1954). A simplified expression for the variance of the chi^2-function on a
    contingency table. Biometrika 41, 280. doi:10.1093/biomet/41.1-2.280

    Examples
    --------
    >>> mean, variance = conditional_moments(np.array([[3, 1], [1, 3]]))
    >>> round(float(mean), 4), round(float(variance), 4)
    (1.1429, 2.351)
    """
    n = table.sum((-2, -1), dtype=float)
    levels, free, spread = [], [], []  # of the rows, of the columns
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in (-1, -2):
            margin = table.sum(axis, dtype=float)
            k = (margin > 0).sum(-1)
            inverse = np.where(margin > 0, 1 / margin, 0.0).sum(-1)
            levels.append(k - 1)
            free.append((k - 1) * (n - k) / (n - 1))
            spread.append((n * inverse - k**2) / (n - 2))
        mean = levels[0] * levels[1] * n / (n - 1)
        variance = 2 * n / (n - 3) * (free[0] - spread[0]) * (free[1] - spread[1])
        variance += n**2 / (n - 1) * spread[0] * spread[1]
    return mean, variance


def is_function(s: Counts) -> Array:
    """Whether one of two variables determines the other in the sample, shape (...)."""
    there = s.joint > 0
    by_row, by_column = there.sum(-1), there.sum(-2)
    both = (by_row > 0).sum(-1), (by_column > 0).sum(-1)
    return ((by_row <= 1).all(-1) | (by_column <= 1).all(-1)) & (np.minimum(*both) > 1)


def contingency(s: Counts) -> Array:
    """Rows x columns: groups x cells, or the two variables of a joint table.

    Weighted tables are in units of effective records.
    """
    table = s.p * s.n_eff[..., None] if s.weighted else s.table.astype(float)
    return table.reshape(table.shape[:-2] + s.shape) if len(s.shape) > 1 else table


def independence_df(s: Counts) -> Array:
    """(k - 1)(l - 1) over the rows and columns that hold a record."""
    joint = s.joint
    rows = (joint.sum(-1) > 0).sum(-1)
    columns = (joint.sum(-2) > 0).sum(-1)
    return (rows - 1) * (columns - 1)
