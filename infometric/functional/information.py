r"""Dependence in a joint table: mutual information and its relatives, Pearson's chi-square.

.. math:: I(X; Y) = H(X) + H(Y) - H(X, Y), \quad
   I(X; Y | Z) = H(X, Z) + H(Y, Z) - H(X, Y, Z) - H(Z), \quad
   X^2 = \sum_{ij} (n_{ij} - e_{ij})^2 / e_{ij}.

All are signed sums of entropies of margins, and so have influence, variance and law in common.

References
----------
Pearson, K. (1900). On the criterion that a given system of deviations ... Phil. Mag. 50, 157-175.
doi:10.1080/14786440009463897
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import entr, gammaln

from infometric.functional.base import (
    Caution,
    EntropySum,
    Functional,
    Null,
    entropy_terms,
    safe_log,
)
from infometric.functional.divergence import contrast_law, too_thin
from infometric.functional.shannon import ShannonEntropy
from infometric.state.counts import Counts, whole_counts
from infometric.typing import Array, Units

Normalization = Literal["min", "max", "arithmetic", "geometric", "joint"]
MOST_TABULATED = 10_000_000  # records up to which factorials are tabulated
SERIES_FROM = 1e6  # expected records of a cell from which a series has all digits


@dataclass(frozen=True)
class Information(EntropySum):
    r"""Base of the measures that are zero where variables know nothing of each other.

    Where all variables are independent :math:`2 n \hat H(A)` falls short of its margins' sum by
    independent chi-squares, one for each set T of two or more variables in A with the product of
    their levels less one as degrees of freedom. A signed sum of entropies is then
    :math:`\sum_T w_T \chi^2_T / (2 n)` with :math:`w_T = -\sum_{A \supseteq T} s_A`.
    """

    recentred: ClassVar[bool] = True
    exchange: ClassVar[str] = "all"  # what a permutation leaves in place: see `Permutation`
    bias_correction: str = field(default="plug_in", kw_only=True)

    def null(self, s: Counts) -> Null:
        """Scaled chi-square with the mean and variance of the weighted sum (Satterthwaite)."""
        mean, square = self._chi_squares(s)
        known = mean > 0
        ratio = np.where(known, square / np.where(known, mean, 1.0), 1.0)
        return Null(ratio / (2 * s.n_eff[..., 0]), np.where(known, mean / ratio, 0.0))

    def _chi_squares(self, s: Counts) -> tuple[Array, Array]:
        """Sums of ``w df`` and ``w^2 df`` over the sets of variables."""
        ndim = len(s.shape)
        free = levels(s) - 1
        mean, square = np.zeros(free.shape[:-1]), np.zeros(free.shape[:-1])
        for chosen in _subsets(ndim):
            weight = -sum(sign for sign, kept in self.margins(ndim) if set(chosen) <= set(kept))
            df = free[..., list(chosen)].prod(-1)
            mean, square = mean + weight * df, square + weight**2 * df
        return mean, square

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """Scale ``rho`` times that of the null, with rho shrunk toward one near independence.

        Degrees of freedom shrink by rho, which keeps the mean of the law at independence.
        """
        null = self.null(s)
        with np.errstate(divide="ignore", invalid="ignore"):
            known = (theta > 0) & (variance > 0) & (null.df > 0)
            rho = np.where(known, variance / (4 * theta * null.scale), 1.0)
            trust = theta / (theta + 5 * null.df * null.scale)
        rho = np.where((rho < 1) & known, 1 - (1 - rho) * trust, rho)
        return Null(rho * null.scale, null.df / rho)

    def expected(self, s: Counts) -> Array:
        """Counts expected where nothing is there, in units of effective records, like `table`."""
        return s.expected

    def null_holds(self, s: Counts) -> Array:
        """Where every expected count is five or more."""
        expected = self.expected(s)
        return np.where(expected > 0, expected, np.inf).min((-2, -1)) >= 5

    @property
    def substitute(self) -> Functional:
        """Pearson's X^2 of the same hypothesis, for tables too thin for the law of the value."""
        return PearsonOfMargins(self)

    def interval_holds(self, s: Counts) -> Array:
        """Where the second-order bias is below the deviation where nothing is there.

        And where two variables have two values: else the data say nothing.
        """
        return (self._drift(s) <= 1.0) & (self._chi_squares(s)[1] > 0)

    def inverses(self, s: Counts, kept: tuple[int, ...]) -> Array:
        """Sum of one over the shares of a margin's cells where nothing is there."""
        total = np.ones(s.n.shape[:-1])
        for axis in kept:
            p = marginal(s, (axis,)).p[..., 0, :]
            total = total * np.where(p > 0, 1 / np.where(p > 0, p, 1.0), 0.0).sum(-1)
        return total

    def _drift(self, s: Counts) -> Array:
        """Second-order bias in units of the deviation where nothing is there.

        That of an entropy is ``(1 - sum 1 / p) / (12 n^2)``.
        """
        bias = np.zeros(s.n.shape[:-1])
        for sign, kept in self.margins(len(s.shape)):
            bias = bias + sign * (1 - self.inverses(s, kept))
        _, square = self._chi_squares(s)
        return np.abs(bias) / (6 * s.n_eff[..., 0] * np.sqrt(2 * np.maximum(square, 1)))

    def bias(self, s: Counts) -> Array:
        """Leading bias: the mean of the law where nothing is there."""
        null = self.null(s)
        return null.scale * null.df

    def corrected(self, s: Counts, theta: Array) -> Array:
        """Value less its leading bias, or from other estimates of the entropies of the margins."""
        if self.bias_correction == "plug_in":
            return theta
        if self.bias_correction == "second_order":
            return theta - self.bias(s)
        parts = []
        for sign, kept in self.margins(len(s.shape)):
            margin = marginal(s, kept)
            parts.append(sign * ShannonEntropy(self.bias_correction).value(margin))
        return np.asarray(sum(parts))

    def facts(self, s: Counts) -> dict[str, Any]:
        """Name of the correction."""
        return {"bias_correction": self.bias_correction}

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the interval was not calibrated."""
        if (self._chi_squares(s)[1] == 0).all():
            text = (
                "no two variables have two values in this sample: there is nothing to share in it, "
                "and no interval is known"
            )
            return (Caution("DegenerateWarning", text),)
        if not self.interval_holds(s).all():
            return (too_thin(s, int(s.occupied.sum())),)
        expected = self.expected(s)
        least = float(np.where(expected > 0, expected, np.inf).min())
        if least >= 5 and (self._drift(s) <= 0.25).all():
            return self._of_rare_exceptions(s)
        text = (
            f"least expected count {least:.2g} in {int(s.occupied.sum())} cells: the interval may "
            "be off; merge cells"
        )
        return (Caution("SparseCellWarning", text),)

    def _of_rare_exceptions(self, s: Counts) -> tuple[Caution, ...]:
        """Say where the dependence is so close that its exceptions are too few to count."""
        rare = (s.table > 0) & (s.table < 5) & (self.expected(s) >= 5)
        if not rare.any():
            return ()
        text = (
            f"{int(rare.sum())} cell(s) hold fewer than five records where five or more were "
            "expected: so close to a function the interval may fall short"
        )
        return (Caution("SparseCellWarning", text),)


@dataclass(frozen=True)
class MutualInformation(Information):
    """I(X; Y) of a joint table of two variables."""

    name: ClassVar[str] = "mutual_information"
    exchange: ClassVar[str] = "rows"

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """H(X) + H(Y) - H(X, Y)."""
        return ((1.0, (0,)), (1.0, (1,)), (-1.0, (0, 1)))

    @property
    def substitute(self) -> Functional:
        """Pearson's X^2 of the table, with its exact moments."""
        return PearsonChiSquare()

    def interval_holds(self, s: Counts) -> Array:
        """As the base; of a function as of an entropy, with five records a cell."""
        thin = is_function(s) & (s.n_eff[..., 0] < 5 * s.observed[..., 0])
        return super().interval_holds(s) & ~thin

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """As the base, and where one variable is a function of the other."""
        if (independence_df(s) == 0).all():
            text = (
                "one variable has one value in this sample: there is nothing to share in it, and "
                "no interval is known"
            )
            return (Caution("DegenerateWarning", text),)
        if self.interval_holds(s).all() and is_function(s).all():
            text = (
                "one variable is a function of the other in this sample: the value is the entropy "
                "of one, and the interval holds if that is so in truth"
            )
            return (Caution("DegenerateWarning", text),)
        return super().cautions(s)

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


@dataclass(frozen=True)
class NormalizedMutualInformation(MutualInformation):
    """I(X; Y) over the minimum, maximum or a mean of the entropies, or the joint entropy."""

    name: ClassVar[str] = "normalized_mutual_information"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    normalization: Normalization = "arithmetic"

    def norm(self, s: Counts) -> tuple[Array, Array]:
        """The denominator, shape (...), and its influence, like ``s.p``."""
        joint = s.joint / s.n[..., None]
        marginals = [joint.sum(-1, keepdims=True), joint.sum(-2, keepdims=True)]
        whole = s.n[..., None]
        counts = [s.joint.sum(-1, keepdims=True), s.joint.sum(-2, keepdims=True)]
        h = [entropy_terms(c, whole).sum((-2, -1)) for c in counts]
        psi = [np.broadcast_to(-safe_log(p), joint.shape) for p in marginals]
        if self.normalization == "joint":
            value = entropy_terms(s.joint, whole).sum((-2, -1))
            influence = -safe_log(joint)
        elif self.normalization == "arithmetic":
            value, influence = (h[0] + h[1]) / 2, (psi[0] + psi[1]) / 2
        elif self.normalization == "geometric":
            value = np.sqrt(h[0] * h[1])
            each = [np.where(x > 0, value / np.where(x > 0, x, 1.0), 0.0) for x in h]
            influence = sum(e[..., None, None] * f for e, f in zip(each, psi, strict=True)) / 2
        else:
            first = h[0] <= h[1] if self.normalization == "min" else h[0] >= h[1]
            value = np.where(first, h[0], h[1])
            influence = np.where(first[..., None, None], psi[0], psi[1])
        return value, np.asarray(influence).reshape(s.table.shape)

    def value(self, s: Counts) -> Array:
        """Estimate, shape (...); zero where a variable has one value."""
        norm, _ = self.norm(s)
        known = norm > 0
        return np.where(known, super().value(s) / np.where(known, norm, 1.0), 0.0)

    def influence(self, s: Counts) -> Array:
        """``(IF of I - value * IF of the norm) / norm``."""
        norm, psi = self.norm(s)
        known = (norm > 0)[..., None, None]
        gap = super().influence(s) - self.value(s)[..., None, None] * psi
        return np.where(known, gap / np.where(known, norm[..., None, None], 1.0), 0.0)

    def null(self, s: Counts) -> Null:
        """That of mutual information over the norm."""
        plain, (norm, _) = super().null(s), self.norm(s)
        return Null(plain.scale / np.where(norm > 0, norm, 1.0), plain.df)

    def bias(self, s: Counts) -> Array:
        """Of a ratio: ``(bias of I - value * bias of the norm) / norm``."""
        norm, _ = self.norm(s)
        rows, columns = levels(s)[..., 0] - 1, levels(s)[..., 1] - 1
        h = [entr(marginal(s, (axis,)).p).sum((-2, -1)) for axis in (0, 1)]
        cells = {
            "min": np.where(h[0] <= h[1], rows, columns),
            "max": np.where(h[0] >= h[1], rows, columns),
            "joint": s.observed[..., 0] - 1,
        }.get(self.normalization, (rows + columns) / 2)
        of_norm = -cells / (2 * s.n_eff[..., 0])
        gap = super().bias(s) - self.value(s) * of_norm
        return gap / np.where(norm > 0, norm, 1.0)

    def variance(self, s: Counts) -> Array:
        """First order alone."""
        return s.variance(self.influence(s))

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out."""
        return Functional.leave_one_out(self, s)

    def corrected(self, s: Counts, theta: Array) -> Array:
        """Mutual information corrected, over the norm."""
        if self.bias_correction == "plug_in":
            return theta
        norm, _ = self.norm(s)
        plain = MutualInformation(bias_correction=self.bias_correction)
        return plain.corrected(s, plain.value(s)) / np.where(norm > 0, norm, 1.0)


@dataclass(frozen=True)
class AdjustedMutualInformation(NormalizedMutualInformation):
    """Normalised mutual information less what chance gives with these margins.

    ``(I - E) / (norm - E)`` with E the mean of I over all tables with the same margins: a
    corrected value of the normalised one, whose interval it therefore has.

    References
    ----------
    Vinh, N. X., Epps, J., Bailey, J. (2010). Information theoretic measures for clusterings
    comparison. J. Mach. Learn. Res. 11, 2837-2854.
    """

    name: ClassVar[str] = "adjusted_mutual_information"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def corrected(self, s: Counts, theta: Array) -> Array:
        """``(I - E) / (norm - E)``; one where both variables are all there is to know."""
        s = whole_counts(
            s,
            self.name,
            "normalized_mutual_information with bias='second_order'",
            why="averages over all tables of records with these margins",
        )
        norm, _ = self.norm(s)
        joint = s.joint
        chance = expected_mutual_information(joint.sum(-1), joint.sum(-2))
        gap, room = theta * norm - chance, norm - chance
        known = np.abs(room) > 1e-12 * norm
        return np.where(known, gap / np.where(known, room, 1.0), np.where(norm > 0, 1.0, 0.0))


@dataclass(frozen=True)
class ConditionalMutualInformation(Information):
    """I(X; Y | Z) of a joint table of three variables, the last of which is given."""

    name: ClassVar[str] = "conditional_mutual_information"
    exchange: ClassVar[str] = "within"

    def interval_holds(self, s: Counts) -> Array:
        """As the base, and where some slice has two values of both."""
        return super().interval_holds(s) & (self._chi_squares(s)[0] > 0)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """As the base, and where no slice can tell."""
        if (self._chi_squares(s)[0] == 0).all():
            text = (
                "no value of what is given holds two values of both variables: the data say "
                "nothing of their dependence, and no interval is known"
            )
            return (Caution("DegenerateWarning", text),)
        return super().cautions(s)

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """H(X, Z) + H(Y, Z) - H(X, Y, Z) - H(Z)."""
        return ((1.0, (0, 2)), (1.0, (1, 2)), (-1.0, (0, 1, 2)), (-1.0, (2,)))

    def _chi_squares(self, s: Counts) -> tuple[Array, Array]:
        """Degrees of freedom: ``(a_z - 1)(b_z - 1)`` summed over the slices."""
        joint = s.joint
        rows, columns = (joint.sum(-2) > 0).sum(-2), (joint.sum(-3) > 0).sum(-2)
        df = (np.maximum(rows - 1, 0) * np.maximum(columns - 1, 0)).sum(-1).astype(float)
        return df, df

    def expected(self, s: Counts) -> Array:
        """``n_xz n_yz / n_z``."""
        joint = s.joint.astype(float)
        rows, columns = joint.sum(-2, keepdims=True), joint.sum(-3, keepdims=True)
        total = rows.sum(-3, keepdims=True)
        flat = np.divide(rows * columns, total, out=np.zeros(joint.shape), where=total > 0)
        return flat.reshape(s.table.shape) * (s.n_eff / s.n)[..., None]

    def inverses(self, s: Counts, kept: tuple[int, ...]) -> Array:
        """As observed, and ``p_z sum 1 / p_xz sum 1 / p_yz`` of the whole table."""
        p = s.joint / s.n[..., None, None]

        def inverse(q: Array) -> Array:
            return np.where(q > 0, 1 / np.where(q > 0, q, 1.0), 0.0)

        rows, columns = p.sum(-2), p.sum(-3)
        if len(kept) == 3:
            return (rows.sum(-2) * inverse(rows).sum(-2) * inverse(columns).sum(-2)).sum(-1)
        given = rows.sum(-2, keepdims=True)
        margin = rows if kept == (0, 2) else columns if kept == (1, 2) else given
        return inverse(margin).sum((-2, -1))


@dataclass(frozen=True)
class TotalCorrelation(Information):
    """Sum of the entropies less the joint entropy: zero where all variables are independent.

    References
    ----------
    Watanabe, S. (1960). Information theoretical analysis of multivariate correlation. IBM J. Res.
    Dev. 4, 66-82. doi:10.1147/rd.41.0066
    """

    name: ClassVar[str] = "total_correlation"

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Each variable alone, less all."""
        return (*((1.0, (a,)) for a in range(ndim)), (-1.0, tuple(range(ndim))))


@dataclass(frozen=True)
class DualTotalCorrelation(Information):
    """Joint entropy less each variable's entropy given all others.

    References
    ----------
    Han, T. S. (1978). Nonnegative entropy measures of multivariate symmetric correlations. Inf.
    Control 36, 133-156. doi:10.1016/S0019-9958(78)90275-9
    """

    name: ClassVar[str] = "dual_total_correlation"

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """All but one, less ``ndim - 1`` times all."""
        every = tuple(range(ndim))
        without = ((1.0, tuple(b for b in every if b != a)) for a in every)
        return (*without, (1.0 - ndim, every))


@dataclass(frozen=True)
class InteractionInformation(Information):
    """I(X; Y) - I(X; Y | Z): positive where Z explains, negative where it reveals.

    The exclusive or of two fair bits has minus one bit. The sign is McGill's of the co-information;
    some authors turn it. The value can be zero without independence, so the test is Wald's.

    References
    ----------
    McGill, W. J. (1954). Multivariate information transmission. Psychometrika 19, 97-116.
    doi:10.1007/BF02289159
    """

    name: ClassVar[str] = "interaction_information"
    bounds: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    exchange: ClassVar[str] = "rows"
    signed: ClassVar[bool] = True

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Alternating over all sets of variables."""
        sets = ((a,) for a in range(ndim))
        return (
            *((1.0, one) for one in sets),
            *(((-1.0) ** (len(t) - 1), t) for t in _subsets(ndim)),
        )

    def null(self, s: Counts) -> None:  # type: ignore[override]
        """None: see `variance`."""

    def favoured(self, s: Counts) -> str:
        """Wald's interval around the value less its bias."""
        return "delta"

    def bias(self, s: Counts) -> Array:
        """Leading bias: minus the product of the levels less one, over ``2 n``."""
        return self._chi_squares(s)[0] / (2 * s.n_eff[..., 0])

    def variance(self, s: Counts) -> Array:
        """First order, and second where the variables are independent.

        Near independence the first is mostly noise, so the interval is wide and Wald's test
        rejects less often than its level says; the permutation test does not.
        """
        return super().variance(s) + self._chi_squares(s)[1] / (2 * s.n_eff[..., 0] ** 2)


@dataclass(frozen=True)
class PearsonOfMargins(Functional):
    """Pearson's X^2 of a joint table against what a measure expects where nothing is there."""

    name: ClassVar[str] = "pearson_chi_square"
    units: ClassVar[Units] = "dimensionless"
    of: Information = field(default_factory=TotalCorrelation)

    def value(self, s: Counts) -> Array:
        """X^2 in units of effective records."""
        seen, expected = s.p * s.n_eff[..., None], self.of.expected(s)
        gap = np.divide((seen - expected) ** 2, expected, where=expected > 0,
                        out=np.zeros(expected.shape))  # fmt: skip
        return gap.sum((-2, -1))

    def null(self, s: Counts) -> Null:
        """Chi-square with the exact moments of X^2 given the margins that stay, or the textbook's.

        Of conditional independence those of the slices add up. The textbook's law serves weights.
        """
        records = s.joint * (s.n_eff / s.n)[..., *(None,) * (len(s.shape) - 1)]
        if not s.unequal and np.allclose(records, np.rint(records), rtol=1e-9, atol=0):
            mean, variance = self._moments(np.rint(records), len(s.shape))
            known = variance > 0
            ratio = np.where(known, variance / np.where(known, 2 * mean, 1.0), 1.0)
            return Null(ratio, np.where(known, mean / ratio, 0.0))
        whole = TotalCorrelation() if self.of.exchange == "all" else self.of
        df, _ = whole._chi_squares(s)
        return Null(np.ones(df.shape), df)

    def _moments(self, records: Array, ndim: int) -> tuple[Array, Array]:
        """Mean and variance of X^2 over the tables that a permutation of the hypothesis reaches."""
        if not isinstance(self.of, ConditionalMutualInformation):
            axes = range(-ndim, 0)
            return independence_moments(
                [records.sum(tuple(b for b in axes if b != a)) for a in axes]
            )
        slices = np.moveaxis(records, -1, -3)
        mean, variance = conditional_moments(slices)
        some = slices.sum((-2, -1)) > 1  # one record has X^2 = 0
        return np.where(some, mean, 0.0).sum(-1), np.where(some, variance, 0.0).sum(-1)


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
            law = contrast_law(s) if two else Null((1 / s.n_eff).sum(-1), df)
            return Null(law.scale / (1 / s.n_eff).sum(-1), law.df)
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
        first = 2 * n / (n - 3) * (free[0] - spread[0]) * (free[1] - spread[1])
        variance = np.where(n > 3, first, 0.0) + n**2 / (n - 1) * spread[0] * spread[1]
        variance = np.where(n > 2, np.maximum(variance, 0.0), 0.0)  # two records leave no choice
    return mean, variance


def independence_moments(margins: Sequence[Array]) -> tuple[Array, Array]:
    r"""Mean and variance of X^2 of tables of any number of independent variables, margins fixed.

    With :math:`X^2 + N = \sum_c n_c^2 / e_c` both follow from the factorial moments of one cell and
    of two, which are products over the variables,

    .. math:: E (n_c)_r (n_{c'})_s = (N)_{r+s} \prod_a
       (m_{a c_a})_r (m_{a c'_a})_s / (N)_{r+s} \quad (c_a \ne c'_a \text{ for all } a),

    with :math:`(m_{a c_a})_{r+s}` in place of a product where :math:`c_a = c'_a`; so are the sums.

    Parameters
    ----------
    margins : sequence of ndarray of shape (..., k)
        Whole counts of the levels of each variable.

    Examples
    --------
    >>> mean, variance = independence_moments([np.array([4, 4]), np.array([4, 4])])
    >>> round(float(mean), 4), round(float(variance), 4)
    (1.1429, 2.351)
    """
    exact = [np.asarray(m, dtype=np.longdouble) for m in margins]  # the variance is a difference
    n = exact[0].sum(-1)
    inverse = [
        np.where(m > 0, n[..., None] / np.where(m > 0, m, 1), 0) for m in exact
    ]  # one over the share

    def over(part: Callable[[Array, Array], Array], size: int) -> Array:
        """``(N)_size`` times the product over the variables of a sum over ``(N)_size``."""
        whole = _falling(n, size)
        safe, total = np.where(whole > 0, whole, 1), whole
        for m, w in zip(exact, inverse, strict=True):
            total = total * part(m, w) / safe
        return total

    def alone(size: int, power: int) -> Array:
        return over(lambda m, w: (_falling(m, size) * w**power).sum(-1), size)

    def pairs(r: int, s: int) -> Array:
        def part(m: Array, w: Array) -> Array:
            one, other = _falling(m, r) * w, _falling(m, s) * w
            same = (_falling(m, r + s) * w**2 - one * other).sum(-1)
            return one.sum(-1) * other.sum(-1) + same

        return over(part, r + s) - alone(r + s, 2)

    mean = (alone(1, 1) + alone(2, 1)) / n
    square = sum(pairs(r, s) for r in (1, 2) for s in (1, 2))
    square = square + alone(1, 2) + 7 * alone(2, 2) + 6 * alone(3, 2) + alone(4, 2)
    variance, mean = np.maximum(square / n**2 - mean**2, 0), mean - n
    noise = 64 * np.finfo(np.longdouble).eps * n**2  # rounding of the difference
    textbook = np.where(noise > mean / 1000, 2 * mean, 0)
    variance = np.where(variance > 100 * noise, variance, textbook)
    return np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)


def _falling(x: Array, size: int) -> Array:
    """``x (x - 1) ... (x - size + 1)``."""
    out = x
    for k in range(1, size):
        out = out * (x - k)
    return out


def expected_mutual_information(rows: Array, columns: Array) -> Array:
    r"""Mean of the mutual information of all tables with given margins, in nats.

    .. math:: \sum_{ij} \sum_{n} \frac{n}{N} \log \frac{N n}{a_i b_j} P(n), \qquad
       n \sim \mathrm{Hypergeometric}(N, a_i, b_j).

    Parameters
    ----------
    rows, columns : ndarray of shape (..., k) and (..., l)
        Margins, whole numbers with the same total.

    References
    ----------
    Vinh, N. X., Epps, J., Bailey, J. (2009). Information theoretic measures for clusterings
    comparison: is a correction for chance necessary? ICML. doi:10.1145/1553374.1553511

    Examples
    --------
    >>> round(float(expected_mutual_information(np.array([2, 2]), np.array([2, 2]))), 6)
    0.231049
    """
    if rows.ndim > 1:
        flat = [m.reshape(-1, m.shape[-1]) for m in (rows, columns)]
        each = [float(expected_mutual_information(a, b)) for a, b in zip(*flat, strict=True)]
        return np.array(each).reshape(rows.shape[:-1])
    n = int(rows.sum())
    total = 0.0
    log_factorial = gammaln(np.arange(n + 2) + 1.0) if n <= MOST_TABULATED else None
    kinds = (np.unique(m[m > 0], return_counts=True) for m in (rows, columns))
    (a_values, a_times), (b_values, b_times) = kinds
    for a, times in zip(a_values.tolist(), a_times.tolist(), strict=True):
        for b, again in zip(b_values.tolist(), b_times.tolist(), strict=True):
            total += times * again * _expected_term(a, b, n, log_factorial)
    return np.asarray(total)


def _expected_term(a: int, b: int, n: int, table: Array | None) -> float:
    """Mean of ``m / n log(n m / (a b))`` for a hypergeometric m."""
    low, high = max(0, a + b - n), min(a, b)
    mean = a * b / n
    variance = max(mean * (n - a) / n * (n - b) / max(n - 1, 1), 0.0)
    if mean > SERIES_FROM:
        return _expected_by_series(a / n, b / n, mean, variance, n)
    reach = 40 * math.sqrt(variance) + 40  # what lies farther out weighs nothing
    m = np.arange(max(low, int(mean - reach)), min(high, int(mean + reach)) + 1)
    if table is not None:
        fixed = table[a] + table[b] + table[n - a] + table[n - b] - table[n]
        p = np.exp(fixed - table[m] - table[a - m] - table[b - m] - table[n - a - b + m])
    else:  # by the ratios of neighbours: factorials would lose the digits
        ratio = (a - m[:-1]) * ((b - m[:-1]) / ((m[:-1] + 1.0) * (n - a - b + m[:-1] + 1.0)))
        log_p = np.concatenate([[0.0], np.cumsum(np.log(ratio))])
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
    return float((m / n * (np.log(n / a) + np.log(np.maximum(m, 1) / b)) * p).sum())


def _expected_by_series(a: float, b: float, mean: float, variance: float, n: int) -> float:
    """``E[(1 + d) log(1 + d)]`` to the fourth moment of the relative deviation d, times its share.

    The next term is some ``1 / mean^2`` of the first. a and b are shares here.
    """
    second = variance / mean**2
    third = second * (1 - 2 * a) * (1 - 2 * b) / mean
    return mean / n * (second / 2 - third / 6 + second**2 / 4)


def levels(s: Counts) -> Array:
    """Number of occupied levels of each variable of a joint table, shape (..., ndim)."""
    ndim, joint = len(s.shape), s.joint
    found = []
    for axis in range(-ndim, 0):
        others = tuple(a for a in range(-ndim, 0) if a != axis)
        found.append((joint.sum(others) > 0).sum(-1))
    return np.stack(found, axis=-1)


def marginal(s: Counts, kept: tuple[int, ...]) -> Counts:
    """Counts of some of the variables of a joint table, as one sample."""
    ndim = len(s.shape)
    lost = tuple(a - ndim for a in range(ndim) if a not in kept)

    def summed(table: Array) -> Array:
        joint = table.reshape(table.shape[:-2] + s.shape)
        return joint.sum(lost).reshape((*table.shape[:-2], 1, -1))

    squares = summed(s.second) if s.weighted else None
    return Counts(summed(s.table), (), squares, s.key)


def _subsets(ndim: int) -> list[tuple[int, ...]]:
    """Sets of two or more variables."""
    return [t for size in range(2, ndim + 1) for t in combinations(range(ndim), size)]


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
