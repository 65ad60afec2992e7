r"""Sums of divergences over several variables of the same records.

The information values of the characteristics of one table are not independent: a record has a cell
in every one of them. The state counts profiles (combinations of cells), and the influence of a
record on the sum is the sum of its influences, so the variance is that of

.. math:: \psi_i = \sum_j \psi_j(b_j(i)).

Without a difference the sum is :math:`s_0 \sum_k \lambda_k \chi^2_1` with :math:`\lambda` the
eigenvalues of the correlation of all cells; its law is taken with the same mean and variance.

References
----------
Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
Biometrics Bulletin 2, 110-114. doi:10.2307/3002019
Rao, J. N. K., Scott, A. J. (1981). The analysis of categorical data from complex sample surveys.
J. Amer. Statist. Assoc. 76, 221-230. doi:10.1080/01621459.1981.10477633
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from infometric.functional.base import Caution, Functional, Null
from infometric.functional.divergence import Jeffreys
from infometric.functional.information import PearsonChiSquare
from infometric.state.counts import Counts
from infometric.typing import Array, Units


@dataclass(frozen=True, eq=False)
class _Summed(Functional):
    """A measure of two groups, summed over variables; `onto` is (n_variables, n_profiles)."""

    groups: ClassVar[int] = 2
    ordered: ClassVar[bool] = True
    onto: Array
    _spectra: dict[int, tuple[Array, tuple[Array, Array, Array]]] = field(
        default_factory=dict, repr=False
    )

    def margins(self, s: Counts) -> list[Counts]:
        """Counts of each variable."""
        return [s.merge_cells(row) for row in self.onto]

    def spectrum(self, s: Counts) -> tuple[Array, Array, Array]:
        """Eigenvalues of the correlation of all cells: sum, sum of squares, the largest."""
        known = self._spectra.get(id(s.table))
        if known is None or known[0] is not s.table:
            self._spectra.clear()
            known = self._spectra[id(s.table)] = (s.table, self._spectrum(s))
        return known[1]

    def _spectrum(self, s: Counts) -> tuple[Array, Array, Array]:
        starts = np.concatenate([[0], np.cumsum(self.onto.max(1) + 1)])
        cells = self.onto + starts[:-1, None]
        member = np.zeros((cells.shape[1], starts[-1]))
        member[np.arange(cells.shape[1]), cells] = 1.0
        pooled = s.table.sum(-2) / s.n.sum(-1)[..., None]
        joint = np.matmul(member.T, pooled[..., :, None] * member)
        share = np.matmul(pooled, member)
        root = np.sqrt(share)
        scale = np.divide(1.0, root, out=np.zeros(root.shape), where=root > 0)
        inner = joint * scale[..., :, None] * scale[..., None, :]
        inner = inner - root[..., :, None] * root[..., None, :]
        values = np.linalg.eigvalsh(inner)
        return values.sum(-1), (values**2).sum(-1), values[..., -1]

    def law_of_sum(self, s: Counts, unit: Array | float) -> Null:
        """Chi-square with the mean and variance of the sum, of which one cell counts `unit`."""
        mean, squares, _ = self.spectrum(s)
        known = mean > 1e-9
        ratio = np.where(known, squares / np.where(known, mean, 1.0), 1.0)
        return Null(unit * ratio, np.where(known, mean / ratio, 0.0))


@dataclass(frozen=True, eq=False)
class SummedJeffreys(_Summed):
    """Sum over variables of the Jeffreys divergence between two groups of the same records.

    Parameters
    ----------
    onto : ndarray of int, shape (n_variables, n_profiles)
        Cell of each variable for each profile that the counts are over.

    Examples
    --------
    >>> import numpy as np
    >>> from infometric import Counts, infer
    >>> profiles = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    >>> s = Counts.from_counts([[400, 200, 200, 200], [200, 200, 200, 400]])
    >>> r = infer(SummedJeffreys(profiles), s)
    >>> round(r.value, 3), r.n
    (0.324, (1000, 1000))
    """

    name: ClassVar[str] = "summed_jeffreys"

    def value(self, s: Counts) -> Array:
        """Estimate in nats, shape (...)."""
        return np.asarray(sum(Jeffreys().value(m) for m in self.margins(s)))

    def influence(self, s: Counts) -> Array:
        """Sum of the influences on each variable, like ``s.p``."""
        pairs = zip(self.onto, self.margins(s), strict=True)
        return np.asarray(sum(Jeffreys().influence(m)[..., row] for row, m in pairs))

    def variance(self, s: Counts) -> Array:
        """Sampling variance; a profile without records has no part in it."""
        return s.variance(np.where(s.table > 0, self.influence(s), 0.0))

    def bias(self, s: Counts) -> Array:
        """Sum of the second-order biases."""
        return np.asarray(sum(Jeffreys().bias(m) for m in self.margins(s)))

    def null(self, s: Counts) -> Null:
        """Chi-square with the mean and variance of the sum without a difference."""
        return self.law_of_sum(s, (1 / s.n_eff).sum(-1))

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """``Var / (4 theta)`` with a floor, and degrees of freedom that keep the mean.

        A difference that all variables share scales with the largest eigenvalue; a value that
        happens to be small hides that, so the scale is taken as no less.
        """
        plain, null = super().law(s, theta, variance), self.null(s)
        scale = np.maximum(plain.scale, (1 / s.n_eff).sum(-1) * self.spectrum(s)[2])
        return Null(scale, null.scale * null.df / scale)

    def null_holds(self, s: Counts) -> Array:
        """Where it holds for every variable."""
        return np.all([Jeffreys().null_holds(m) for m in self.margins(s)], axis=0)

    @property
    def substitute(self) -> SummedPearson:
        """Test where the null law is not near enough."""
        return SummedPearson(self.onto)

    def interval_holds(self, s: Counts) -> Array:
        """Where it holds for every variable."""
        return np.all([Jeffreys().interval_holds(m) for m in self.margins(s)], axis=0)

    def unbounded(self, s: Counts) -> Array:
        """Where nothing bounds one of them."""
        return np.any([Jeffreys().unbounded(m) for m in self.margins(s)], axis=0)

    def slack(self, s: Counts) -> Array:
        """Sum of what each upper bound must allow for."""
        return np.asarray(sum(Jeffreys().slack(m) for m in self.margins(s)))

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """What must be known of one of them."""
        every = (c for m in self.margins(s) if m.occupied.sum() > 1 for c in Jeffreys().cautions(m))
        return tuple(dict.fromkeys(every))

    def facts(self, s: Counts) -> dict[str, Any]:
        """Number of variables."""
        return {"variables": len(self.onto)}


@dataclass(frozen=True, eq=False)
class SummedPearson(_Summed):
    """Sum over variables of Pearson's X^2 of two groups of the same records."""

    name: ClassVar[str] = "summed_pearson"
    units: ClassVar[Units] = "dimensionless"

    def value(self, s: Counts) -> Array:
        """Sum of X^2, shape (...)."""
        return np.asarray(sum(PearsonChiSquare().value(m) for m in self.margins(s)))

    def null(self, s: Counts) -> Null:
        """Chi-square with the mean and variance of the sum without a difference."""
        return self.law_of_sum(s, 1.0)
