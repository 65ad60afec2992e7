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
from typing import ClassVar

import numpy as np

from infometric.functional.base import Caution, EntropySum, Functional, Null
from infometric.functional.divergence import contrast_scale
from infometric.state.counts import Counts
from infometric.typing import Array, Units


@dataclass(frozen=True)
class MutualInformation(EntropySum):
    """I(X; Y) of a joint table of two variables."""

    name: ClassVar[str] = "mutual_information"

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
            rho = np.where(theta > 0, variance / (4 * theta * null.scale), 1.0)
            trust = theta / (theta + 5 * null.df * null.scale)
        rho = np.where((rho < 1) & (theta > 0), 1 - (1 - rho) * trust, rho)
        return Null(rho * null.scale, null.df / rho)

    def null_holds(self, s: Counts) -> Array:
        """Where every expected count is five or more."""
        return np.where(s.expected > 0, s.expected, np.inf).min((-2, -1)) >= 5

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the interval was not calibrated."""
        least = float(np.where(s.expected > 0, s.expected, np.inf).min())
        if least >= 5:
            return ()
        text = f"least expected count {least:.2g} is below 5: the interval may be off; merge cells"
        return (Caution("SparseCellWarning", text),)

    def bias(self, s: Counts) -> Array:
        """Leading bias ``(k - 1)(l - 1) / (2 n)``."""
        return independence_df(s) / (2 * s.n_eff[..., 0])


@dataclass(frozen=True)
class PearsonChiSquare(Functional):
    """Pearson's X^2 of groups x cells, or of a joint table of two variables."""

    name: ClassVar[str] = "pearson_chi_square"
    units: ClassVar[Units] = "dimensionless"
    groups: ClassVar[int] = 0  # any number

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
        """Chi-square with (rows - 1)(columns - 1) degrees of freedom, design-corrected."""
        if len(s.shape) > 1:
            return Null(np.ones(s.n.shape[:-1]), independence_df(s))
        df = (s.n_groups - 1) * (s.occupied.sum(-1) - 1)
        scale = contrast_scale(s) / (1 / s.n_eff).sum(-1) if s.n_groups == 2 else np.ones(df.shape)
        return Null(scale, df)


def contingency(s: Counts) -> Array:
    """Rows x columns: groups x cells, or the two variables of a joint table.

    Weighted tables are in units of effective records.
    """
    table = s.p * s.n_eff[..., None] if s.weighted else s.table
    return table.reshape(table.shape[:-2] + s.shape) if len(s.shape) > 1 else table


def independence_df(s: Counts) -> Array:
    """(k - 1)(l - 1) over the rows and columns that hold a record."""
    joint = s.joint
    rows = (joint.sum(-1) > 0).sum(-1)
    columns = (joint.sum(-2) > 0).sum(-1)
    return (rows - 1) * (columns - 1)
