r"""Divergences between two independent samples with shares p (first) and r (second).

Every one is an f-divergence or a function of one; near :math:`p = r` it behaves as
:math:`(c/2) \sum_k (p_k - r_k)^2 / p_k`, so that with no difference its plug-in value follows
:math:`(c/2)\, s_0\, \chi^2_{K-1}` with :math:`s_0 = 1/N + 1/M` (design-corrected where records
carry weights). `curvature` is :math:`c`.

References
----------
Kullback, S., Leibler, R. A. (1951). On information and sufficiency. Ann. Math. Statist. 22,
79-86. doi:10.1214/aoms/1177729694
Jeffreys, H. (1946). An invariant form for the prior probability in estimation problems.
Proc. R. Soc. A 186, 453-461. doi:10.1098/rspa.1946.0056
Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Inf. Theory 37,
145-151. doi:10.1109/18.61115
Amari, S. (1985). Differential-geometrical methods in statistics. Springer.
doi:10.1007/978-1-4612-5056-2
Endres, D. M., Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Trans.
Inf. Theory 49, 1858-1860. doi:10.1109/TIT.2003.813506
Zhang, Z., Grabchak, M. (2014). Nonparametric estimation of Küllback-Leibler divergence. Neural
Comput. 26, 2570-2593. doi:10.1162/NECO_a_00646
Leone, F. C., Nelson, L. S., Nottingham, R. B. (1961). The folded normal distribution.
Technometrics 3, 543-550. doi:10.1080/00401706.1961.10489974
Rao, J. N. K., Scott, A. J. (1981). The analysis of categorical data from complex sample surveys.
J. Amer. Statist. Assoc. 76, 221-230. doi:10.1080/01621459.1981.10477633
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import betaincinv, digamma, exprel, logsumexp, ndtr, ndtri, rel_entr

from infometric.exceptions import and_list
from infometric.functional.base import (
    Additive,
    Caution,
    Functional,
    Increasing,
    Interval,
    Null,
    safe_log,
)
from infometric.functional.crossfit import CrossFitted
from infometric.functional.entropy import log1p_ratio
from infometric.state.counts import Counts, whole_counts
from infometric.state.folds import Folds
from infometric.typing import Array, Units

Zeros = Literal["half", "keep"]
Bias = Literal["plug_in", "second_order", "zhang_grabchak"]
_ARC_SINE = (1.0, 1 / 6, 3 / 40, 15 / 336, 105 / 3456, 945 / 42240)
NAMED_CELLS = 4  # cells that a warning names
FEW_RECORDS = 10.0  # on the other side, below which normal bounds are too short
SURE = 20.0  # expected records from which an empty cell has no bounded log ratio


@dataclass(frozen=True)
class Divergence(Additive):
    """Base of the divergences of two samples.

    `zeros` says what becomes of a cell that one sample left empty: ``"half"`` adds half a record
    to every occupied cell of such a table, ``"keep"`` lets the value be infinite.
    """

    groups: ClassVar[int] = 2
    calibrated_from: ClassVar[float] = 2.0  # least expected count at which the interval held
    # second_order_drift from which the interval may fail, and from which none is given
    drift_limits: ClassVar[tuple[float, float]] = (0.1, 0.5)
    zeros: Zeros = "half"
    bias_correction: Bias = field(default="plug_in", kw_only=True)

    @property
    def curvature(self) -> float:
        """Second derivative of the generator at one."""
        raise NotImplementedError

    def bend(self, s: Counts) -> Array | None:
        """Second derivative in each share times that share, like ``s.p``; None if not known."""
        return None

    @property
    def open_sides(self) -> tuple[int, ...]:
        """Samples whose empty cells let the value grow without bound."""
        return (1,)

    @property
    def adds_half(self) -> bool:
        """Whether half a record goes to empty cells."""
        return self.zeros == "half"

    def resolved(self, s: Any) -> Functional:
        """Over folds, the cross-fitted measure."""
        return CrossFitted(self) if isinstance(s, Folds) else self

    def prepare(self, s: Any) -> Any:
        """Counts with empty cells treated as `zeros` says."""
        return s.with_half() if self.adds_half else s

    def null(self, s: Counts) -> Null:
        """``(curvature / 2) * s0 * chi2(occupied cells - 1)``."""
        law = contrast_law(s)
        return Null(self.curvature / 2 * law.scale, law.df)

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """As the base, with the null scale as a floor: sparse cells hide variance.

        Where the floor acts, the degrees of freedom shrink in proportion, which keeps the mean of
        the law under no difference.
        """
        plain, null = super().law(s, theta, variance), self.null(s)
        scale = np.maximum(plain.scale, null.scale)
        return Null(scale, null.df * null.scale / scale)

    def unbounded(self, s: Counts) -> Array:
        """Where a sample left a cell empty in which `SURE` records were expected without a shift.

        The ratio of the shares of such a cell is only known to be large.
        """
        empty = (s.table == 0) & (s.expected >= SURE)
        return empty[..., list(self.open_sides), :].any((-2, -1))

    def null_holds(self, s: Counts) -> Array:
        """Never: the plug-in tests of these divergences reject too often in small cells."""
        return np.zeros(s.table.shape[:-2], dtype=bool)

    def interval_holds(self, s: Counts) -> Array:
        """Where the second-order bias is small beside the deviation: not with cells too thin."""
        return second_order_drift(s) <= self.drift_limits[1]

    def variance(self, s: Counts) -> Array:
        """Sampling variance; a cell without records has no part in it, whatever its derivative."""
        return s.variance(np.where(s.table > 0, self.influence(s), 0.0))

    def bias(self, s: Counts) -> Array:
        """Second-order bias: half the sum of variances of the shares times second derivatives.

        Where those are not known, or records come in clusters, the bias without a difference: the
        mean of the null law.
        """
        filled = self.prepare(s)
        with np.errstate(invalid="ignore"):  # NaN where the value is infinite
            bend = self.bend(filled) if s.independent else None
            if bend is None:
                null = self.null(s)
                return null.scale * null.df
            spread = np.where(filled.p > 0, bend * (1 - filled.p), 0.0).sum(-1)
            return (spread / (2 * filled.n_eff)).sum(-1)

    def corrected(self, s: Counts, theta: Array) -> Array:
        """Value less its second-order bias, where that was asked for."""
        if self.bias_correction != "second_order":
            return theta
        return np.where(np.isinf(theta), theta, theta - self.bias(s))

    def facts(self, s: Counts) -> dict[str, Any]:
        """Name of the correction, and the cells that one sample left empty."""
        found: dict[str, Any] = {"bias_correction": self.bias_correction}
        empty = (s.table == 0) & s.occupied[..., None, :]
        if s.table.ndim == 2 and empty.any():
            found["empty_cells"] = [cell_names(s, row) for row in empty]
        return found

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, in O(K) where no cell runs empty."""
        last = (s.table <= 1) & s.occupied[..., None, :]
        if self.adds_half and last.any():
            return Functional.leave_one_out(self, s)  # a record less adds the half everywhere
        return super().leave_one_out(s)

    def cautions(self, s: Counts) -> tuple[Caution, ...]:
        """Say what was done about empty cells, and where the interval was not calibrated."""
        if s.occupied.sum() < 2:
            text = (
                "only one cell is occupied: the value is zero by definition, not by evidence, and "
                "no interval is known"
            )
            return (Caution("DegenerateWarning", text),)
        if not self.interval_holds(s).all():
            return (too_thin(s, int(s.occupied.sum())),)
        texts = [*self._of_empty_cells(s), *self._of_thin_cells(s)]
        found = tuple(Caution("SparseCellWarning", text) for text in texts)
        empty = (s.table == 0) & s.occupied[..., None, :]
        if empty.any() or np.isfinite(self.value(s)).all():
            return found
        text = "the value is beyond the range of numbers; a smaller order has one within it"
        return (*found, Caution("DegenerateWarning", text))

    def _of_empty_cells(self, s: Counts) -> list[str]:
        """What was done about empty cells, and what the interval is then worth."""
        empty = (s.table == 0) & s.occupied[..., None, :]
        if not empty.any() or not self.empty_treatment(s):
            return []
        which = [
            f"{and_list(names, limit=NAMED_CELLS)} in the {'first' if g == 0 else 'second'}"
            for g, names in enumerate(cell_names(s, row) for row in empty)
            if names
        ]
        texts = [
            f"{empty.sum()} cell(s) empty in one sample ({', '.join(which)}): "
            f"{self.empty_treatment(s)}"
        ]
        if self.unbounded(s).any():
            texts.append(
                f"{SURE:g} records or more were expected in an empty cell: nothing bounds the "
                "value from above; merge cells for a bounded one"
            )
        elif self.adds_half:
            text = "the upper bound may be too low where a cell is empty; merge cells"
            if not self.open_sides:
                text += ", or zeros='keep' where it is empty for good"
            texts.append(text)
        return texts

    def _of_thin_cells(self, s: Counts) -> list[str]:
        """Where coverage was not what it should be in the calibration study."""
        expected = np.where(s.occupied[..., None, :], s.expected, np.inf)
        least = float(expected.min())
        limit = max(self.calibrated_from, 10.0 if s.unequal else 0.0)
        texts = []
        if least < limit or (second_order_drift(s) > self.drift_limits[0]).any():
            texts.append(
                f"least expected count {least:.2g} in {int(s.occupied.sum())} cells: the interval "
                "may fail at either end; merge cells"
            )
        if ((s.table == 1) & (s.expected >= 5))[..., list(self.open_sides), :].any():
            texts.append(
                "one record is left in a cell where five or more were expected: the upper bound "
                "may be too low"
            )
        return texts

    def empty_treatment(self, s: Counts) -> str:
        """What is done where one sample left a cell empty, in words; nothing where harmless."""
        if self.adds_half:
            what = "interval" if self.bias_correction == "zhang_grabchak" else "estimate"
            return f"0.5 was added to every occupied cell for the {what}"
        if np.isinf(self.value(s)).any():
            return "the value is infinite where the other sample is not empty"
        return "the value is finite as it stands, and nothing was added"


@dataclass(frozen=True)
class KullbackLeibler(Divergence):
    """KL(p || r) = sum p log(p / r)."""

    name: ClassVar[str] = "kl_divergence"

    @property
    def curvature(self) -> float:
        """One."""
        return 1.0

    def terms(self, p: Array) -> Array:
        """Summand ``p log(p / r)``."""
        return rel_entr(p[..., 0, :], p[..., 1, :])

    def influence(self, s: Counts) -> Array:
        """Derivatives ``log(p / r)`` and ``-p / r``."""
        p, r, w = log_ratio(self.prepare(s))
        return np.stack([w, -_ratio(p, r)], axis=-2)

    def bend(self, s: Counts) -> Array:
        """One, and ``p / r``."""
        p, r, _ = log_ratio(s)
        return np.stack([np.ones(p.shape), _ratio(p, r)], axis=-2)

    def corrected(self, s: Counts, theta: Array) -> Array:
        """As the base; "zhang_grabchak" is finite whatever is empty.

        ``sum p [psi(M + 1) - psi(m + 1) - psi(N) + psi(n)]`` with n of N and m of M records.
        """
        if self.bias_correction != "zhang_grabchak":
            return super().corrected(s, theta)
        whole = whole_counts(s, "bias='zhang_grabchak'", "bias='second_order'")
        table = whole.table.astype(float)
        first, second = table[..., 0, :], table[..., 1, :]
        n, m = first.sum(-1, keepdims=True), second.sum(-1, keepdims=True)
        gap = digamma(m + 1) - digamma(second + 1) - digamma(n) + digamma(np.maximum(first, 1))
        return (first / n * gap).sum(-1)


@dataclass(frozen=True)
class Jeffreys(Divergence):
    """J(p, r) = sum (p - r) log(p / r): the population stability index, the information value.

    Where a sample left a cell empty, half a record in every cell makes the log ratio finite while
    the share differences stay raw: the value then keeps, to second order, the bias (K - 1) s0
    that its law assumes.
    """

    name: ClassVar[str] = "jeffreys_divergence"
    calibrated_from: ClassVar[float] = 0.5
    drift_limits: ClassVar[tuple[float, float]] = (0.5, 1.0)

    @property
    def open_sides(self) -> tuple[int, ...]:
        """Both."""
        return (0, 1)

    @property
    def curvature(self) -> float:
        """Two."""
        return 2.0

    def terms(self, p: Array) -> Array:
        """Summand ``(p - r) log(p / r)``."""
        a, b = p[..., 0, :], p[..., 1, :]
        return rel_entr(a, b) + rel_entr(b, a)

    def value(self, s: Counts) -> Array:
        """Estimate in nats, shape (...)."""
        filled = self.prepare(s)
        if filled is s:
            return super().value(s)
        _, _, w = log_ratio(filled)
        return ((s.p[..., 0, :] - s.p[..., 1, :]) * w).sum(-1)

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """``Var / (4 theta)`` alone: the variance formula holds down to sparse cells."""
        return Functional.law(self, s, theta, variance)

    def slack(self, s: Counts) -> Array:
        """Log 4 times the shares that face an empty cell: its half record may be an eighth.

        The factor was chosen by simulation, as the least at which a false "stable" in sparse cells
        is as rare as its level says.
        """
        empty = (s.table == 0) & s.occupied[..., None, :]
        return np.log(4.0) * (s.p[..., ::-1, :] * empty).sum((-2, -1))

    def null_holds(self, s: Counts) -> Array:
        """Where the second-order bias of J under the null is below .05 of its deviation."""
        return (second_order_drift(s) <= 0.05) & (not s.unequal)

    def influence(self, s: Counts) -> Array:
        """Derivatives ``log(p / r) - r / p`` and ``-log(p / r) - p / r``."""
        p, r, w = log_ratio(self.prepare(s))
        return np.stack([w - _ratio(r, p), -w - _ratio(p, r)], axis=-2)

    def bend(self, s: Counts) -> Array:
        """``1 + r / p`` and ``1 + p / r``."""
        p, r, _ = log_ratio(s)
        return np.stack([1 + _ratio(r, p), 1 + _ratio(p, r)], axis=-2)


@dataclass(frozen=True)
class JensenShannon(Divergence):
    """Jensen-Shannon divergence with mixture weights (weight, 1 - weight); at most log 2."""

    name: ClassVar[str] = "jensen_shannon_divergence"
    bounds: ClassVar[tuple[float, float]] = (0.0, float(np.log(2)))
    drift_limits: ClassVar[tuple[float, float]] = (0.5, 1.0)
    zeros: Zeros = "keep"
    weight: float = 0.5

    @property
    def open_sides(self) -> tuple[int, ...]:
        """None: the value is at most log 2."""
        return ()

    @property
    def curvature(self) -> float:
        """Product of the weights."""
        return self.weight * (1 - self.weight)

    def terms(self, p: Array) -> Array:
        """Summand ``w p log(p / m) + (1 - w) r log(r / m)`` with m the mixture."""
        a, b = p[..., 0, :], p[..., 1, :]
        m = self.weight * a + (1 - self.weight) * b
        return self.weight * rel_entr(a, m) + (1 - self.weight) * rel_entr(b, m)

    def influence(self, s: Counts) -> Array:
        """Derivatives ``w log(p / m)`` and ``(1 - w) log(r / m)``."""
        mix = np.array([self.weight, 1 - self.weight])[:, None]
        m = (mix * s.p).sum(-2, keepdims=True)
        return mix * (safe_log(s.p) - safe_log(m))

    def bend(self, s: Counts) -> Array:
        """The other sample's share over the mixture's, times both weights."""
        mix = np.array([self.weight, 1 - self.weight])[:, None]
        m = (mix * s.p).sum(-2, keepdims=True)
        return self.curvature * _ratio(s.p[..., ::-1, :], np.broadcast_to(m, s.p.shape))

    def empty_treatment(self, s: Counts) -> str:
        """Nothing: empty cells are harmless here."""
        return ""


@dataclass(frozen=True)
class TsallisDivergence(Divergence):
    """(sum p^a r^(1-a) - 1) / (a - 1); KL at a = 1."""

    name: ClassVar[str] = "tsallis_divergence"
    units: ClassVar[Units] = "dimensionless"
    calibrated_from: ClassVar[float] = 10.0
    drift_limits: ClassVar[tuple[float, float]] = (0.05, 0.5)
    order: float = 2.0

    @property
    def open_sides(self) -> tuple[int, ...]:
        """The second, from order one."""
        return (1,) if self.order >= 1 else ()

    @property
    def curvature(self) -> float:
        """The order."""
        return self.order

    def terms(self, p: Array) -> Array:
        """Summand ``(p^a r^(1-a) - p) / (a - 1)``."""
        return _deformed_rel_entr(p[..., 0, :], p[..., 1, :], self.order)

    def influence(self, s: Counts) -> Array:
        """Derivatives ``a log_a(p / r)``, up to a constant, and ``-(p / r)^a``."""
        p, _, w = log_ratio(self.prepare(s))
        first = self.order * _deformed_log(w, self.order)
        return np.stack([first, -np.exp(self.order * w) * (p > 0)], axis=-2)

    def bend(self, s: Counts) -> Array:
        """``a (p / r)^(a - 1)`` and ``a (p / r)^a``."""
        _, _, w = log_ratio(s)
        return self.order * np.exp(np.stack([(self.order - 1) * w, self.order * w], axis=-2))


@dataclass(frozen=True)
class RenyiDivergence(Divergence):
    """log(sum p^a r^(1-a)) / (a - 1); KL at a = 1."""

    name: ClassVar[str] = "renyi_divergence"
    calibrated_from: ClassVar[float] = 10.0
    drift_limits: ClassVar[tuple[float, float]] = (0.05, 0.5)
    order: float = 2.0

    @property
    def open_sides(self) -> tuple[int, ...]:
        """The second, from order one."""
        return (1,) if self.order >= 1 else ()

    @property
    def curvature(self) -> float:
        """The order."""
        return self.order

    def terms(self, p: Array) -> Array:
        """Summand of Tsallis' divergence of the same order."""
        return _deformed_rel_entr(p[..., 0, :], p[..., 1, :], self.order)

    def finish(self, total: Array) -> Array:
        """Rényi's divergence from Tsallis'."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = total * log1p_ratio((self.order - 1) * total)
        return np.where(np.isposinf(total), np.inf, found)

    def value(self, s: Counts) -> Array:
        """As `finish` of the sum, in logarithms where that would overflow or lose digits."""
        if abs(self.order - 1) < 0.5:
            return super().value(s)
        p, _, w = log_ratio(self.prepare(s))
        with np.errstate(invalid="ignore"):  # an infinite ratio where p is zero weighs nothing
            powers = np.where(p > 0, safe_log(p) + (self.order - 1) * w, -np.inf)
        return logsumexp(powers, axis=-1) / (self.order - 1)

    def influence(self, s: Counts) -> Array:
        """Derivatives ``a (p / r)^(a-1) / ((a - 1) S)``, up to a constant, and ``-(p / r)^a / S``.

        S is the sum of ``p^a r^(1-a)``.
        """
        s = self.prepare(s)
        p, _, w = log_ratio(s)
        value = np.asarray(self.value(s))[..., None]
        with np.errstate(invalid="ignore"):  # NaN where the value is infinite
            first = self.order * _deformed_log(w - value, self.order)
            second = np.exp(self.order * w - (self.order - 1) * value)
        return np.stack([first, -second * (p > 0)], axis=-2)

    def bend(self, s: Counts) -> Array:
        """Those of Tsallis' divergence over the sum S."""
        _, _, w = log_ratio(s)
        a, log_s = self.order, (self.order - 1) * self.value(s)[..., None, None]
        return a * np.exp(np.stack([(a - 1) * w, a * w], axis=-2) - log_s)

    def bias(self, s: Counts) -> Array:
        """As the base, and what the logarithm adds."""
        with np.errstate(invalid="ignore"):  # NaN where the value is infinite
            return super().bias(s) - (self.order - 1) / 2 * self.variance(self.prepare(s))


@dataclass(frozen=True)
class AlphaDivergence(Divergence):
    """``(sum p^a r^(1-a) - 1) / (a (a - 1))``; KL at a = 1, KL the other way at a = 0.

    Amari's family with every order, and ``a`` of (p, r) is ``1 - a`` of (r, p).
    """

    name: ClassVar[str] = "alpha_divergence"
    units: ClassVar[Units] = "dimensionless"
    calibrated_from: ClassVar[float] = 10.0
    drift_limits: ClassVar[tuple[float, float]] = (0.05, 0.5)
    order: float = 0.5

    @property
    def _forward(self) -> bool:
        return self.order >= 0.5

    @property
    def _degree(self) -> float:
        return self.order if self._forward else 1 - self.order

    @property
    def open_sides(self) -> tuple[int, ...]:
        """The second from order one, the first up to zero."""
        return (1,) if self.order >= 1 else ((0,) if self.order <= 0 else ())

    @property
    def curvature(self) -> float:
        """One."""
        return 1.0

    def _turned(self, s: Counts) -> Counts:
        """The samples in the order in which the degree is at least one half."""
        if self._forward:
            return s
        squares = None if s.squares is None else s.squares[..., ::-1, :]
        return replace(s, table=s.table[..., ::-1, :], squares=squares)

    def _sides(self, both: Array) -> Array:
        return both if self._forward else both[..., ::-1, :]

    @property
    def _tsallis(self) -> TsallisDivergence:
        return TsallisDivergence(self.zeros, self._degree)

    def terms(self, p: Array) -> Array:
        """Tsallis' summand over the order."""
        return self._tsallis.terms(self._sides(p)) / self._degree

    def influence(self, s: Counts) -> Array:
        """Those of Tsallis' divergence over the order."""
        return self._sides(self._tsallis.influence(self._turned(s))) / self._degree

    def bend(self, s: Counts) -> Array:
        """Those of Tsallis' divergence over the order."""
        return self._sides(self._tsallis.bend(self._turned(s))) / self._degree


@dataclass(frozen=True)
class SquaredHellinger(Divergence):
    """``1 - sum sqrt(p r)``; a quarter of the alpha divergence of order one half."""

    name: ClassVar[str] = "squared_hellinger"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    calibrated_from: ClassVar[float] = 5.0
    drift_limits: ClassVar[tuple[float, float]] = (0.1, 0.5)
    zeros: Zeros = "keep"

    @property
    def open_sides(self) -> tuple[int, ...]:
        """None: the value is at most one."""
        return ()

    @property
    def curvature(self) -> float:
        """A quarter."""
        return 0.25

    def terms(self, p: Array) -> Array:
        """Summand ``(sqrt(p) - sqrt(r))^2 / 2``."""
        return (np.sqrt(p[..., 0, :]) - np.sqrt(p[..., 1, :])) ** 2 / 2

    def influence(self, s: Counts) -> Array:
        """``-sqrt(r / p) / 2`` and ``-sqrt(p / r) / 2``."""
        return -0.5 * np.sqrt(_finite_ratio(s.p[..., ::-1, :], s.p))

    def bend(self, s: Counts) -> Array:
        """``sqrt(r / p) / 4`` and ``sqrt(p / r) / 4``."""
        return 0.25 * np.sqrt(_finite_ratio(s.p[..., ::-1, :], s.p))

    def empty_treatment(self, s: Counts) -> str:
        """Nothing: empty cells are harmless here."""
        return ""


@dataclass(frozen=True)
class SquaredTotalVariation(Divergence):
    """Square of ``sum |p - r| / 2``.

    The value itself has a kink where shares agree. Its square behaves as the other divergences do:
    without a difference it follows a scaled chi-square, with mean and variance from those of folded
    normal deviations, and far from it its root is normal.
    """

    name: ClassVar[str] = "squared_total_variation"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    drift_limits: ClassVar[tuple[float, float]] = (0.5, 1.0)
    zeros: Zeros = "keep"

    @property
    def open_sides(self) -> tuple[int, ...]:
        """None: the value is at most one."""
        return ()

    def terms(self, p: Array) -> Array:
        """Summand ``|p - r| / 2``."""
        return np.abs(p[..., 0, :] - p[..., 1, :]) / 2

    def finish(self, total: Array) -> Array:
        """Square."""
        return total**2

    def influence(self, s: Counts) -> Array:
        """Twice the root times ``sign(p - r) / 2``, and the same with the other sign."""
        p, r = s.p[..., 0, :], s.p[..., 1, :]
        side = np.sign(p - r) * self.terms(s.p).sum(-1)[..., None]
        return np.stack([side, -side], axis=-2)

    def null(self, s: Counts) -> Null:
        """Scaled chi-square with the mean of the square of a sum of folded normals.

        Its scale is the variance that the root has far from zero. With correlation ``rho`` of two
        cells, ``cov(|X|, |Y|) = 2 / pi sum_j c_j rho^(2j+2) / (2j+2)`` and ``E sign(X) sign(Y) =
        2 / pi sum_j c_j rho^(2j+1)``, c being the coefficients of the arc sine.
        """
        pooled = s.expected[..., 0, :] / s.n_eff[..., :1]
        sd = np.sqrt(pooled * (1 - pooled) * contrast_scale(s)[..., None])
        odds = np.divide(pooled, 1 - pooled, out=np.zeros(pooled.shape), where=pooled < 1)
        variances = (sd**2).sum(-1)
        mean, spread, scale = sd.sum(-1) / 2, (1 - 2 / np.pi) * variances, variances
        for j, c in enumerate(_ARC_SINE):  # rho^2 is the product of the odds
            each = sd * odds ** (j + 1)
            pairs = 2 / np.pi * c * (each.sum(-1) ** 2 - (each**2).sum(-1))
            spread, scale = spread + pairs / (2 * j + 2), scale + pairs
        square = (2 / np.pi * mean**2) + spread / 4
        known = scale > 0
        return Null(
            np.where(known, scale / 4, 1.0),
            np.where(known, 4 * square / np.where(known, scale, 1.0), 0.0),
        )

    def interval(self, kind: str, s: Counts, level: float) -> Interval | None:
        """Square of Wald's interval around the root less what noise adds to it, cell by cell.

        A cell that differs by z deviations adds ``E|z + Z| - z`` of one: .8 where the shares are
        equal, nothing where they are far apart. The lower bound takes z two less than it looks,
        the upper half more; both numbers were chosen by simulation. Where one sample has few
        records in the cells of the other, the lower bound has their exact binomial bounds.

        Newcombe, R. G. (1998). Interval estimation for the difference between independent
        proportions. Stat. Med. 17, 873-890.
        """
        if kind != "ncx2":
            return None
        gap = np.diff(s.p, axis=-2)[..., 0, :]
        pooled = s.expected[..., 0, :] / s.n_eff[..., :1]
        sd = np.sqrt(pooled * (1 - pooled) * contrast_scale(s)[..., None])
        z = np.divide(np.abs(gap), sd, out=np.zeros(gap.shape), where=sd > 0)
        root = self.terms(s.p).sum(-1)
        most, least = (
            0.5 * (sd * _folded_excess(x)).sum(-1) for x in (np.maximum(z - 2, 0), z + 0.5)
        )
        side = _sides(gap, pooled)[..., None, :] / 2
        se = np.sqrt(s.variance(np.concatenate([-side, side], axis=-2)))
        reach = ndtri(0.5 + level / 2) * se
        low, high = root - most - reach, np.minimum(root - least + reach, 1.0)
        high = np.where(root > 1 - 1e-9, 1.0, high)  # nothing in common
        low = np.maximum(np.minimum(low, root - _exact_reach(s, gap, level)), 0.0)
        return Interval(2 * root * se, low**2, np.maximum(high, 0.0) ** 2)

    def law(self, s: Counts, theta: Array, variance: Array) -> Null:
        """``Var / (4 theta)`` with degrees of freedom that keep the mean without a difference."""
        plain, null = Functional.law(self, s, theta, variance), self.null(s)
        return Null(plain.scale, null.scale * null.df / plain.scale)

    def empty_treatment(self, s: Counts) -> str:
        """Nothing: empty cells are harmless here."""
        return ""


def _sides(gap: Array, pooled: Array) -> Array:
    """Sign of each difference; half of the mass of those that are zero to either side."""
    even = np.where(gap == 0, pooled, 0.0)
    half = even.cumsum(-1) - even / 2 <= even.sum(-1, keepdims=True) / 2
    return np.where(gap == 0, np.where(half, 1.0, -1.0), np.sign(gap))


def _exact_reach(s: Counts, gap: Array, level: float) -> Array:
    """How far below the value the truth may be, for few records on the other side of the gap.

    Square root of the sum of the squared distances of Clopper and Pearson's bounds.
    """
    n = s.n_eff
    other = np.stack([gap >= 0, gap < 0], axis=-2)  # the sample that is smaller in a cell
    records = np.round((s.p * other).sum(-1) * n, 6)
    bound = betaincinv(records + 1, np.maximum(n - records, 1e-9), 0.5 + level / 2)
    few = (records < FEW_RECORDS).any(-1)
    return np.where(few, np.sqrt(((bound - records / n) ** 2).sum(-1)), 0.0)


class Root(Increasing):
    """Square root of a divergence: a distance."""

    def forward(self, x: Array) -> Array:
        """Square root; zero where a corrected square is negative."""
        return np.sqrt(np.maximum(x, 0.0))

    def slope(self, x: Array) -> Array:
        """Half of one over the root."""
        with np.errstate(divide="ignore"):
            return 0.5 / np.sqrt(np.maximum(x, 0.0))

    def carry(self, theta: Array, found: Any) -> Any:
        """As the base; none where the interval of the square lies below zero altogether."""
        below = np.asarray(found.high) < 0
        ends = (np.where(below, np.nan, end) for end in (found.low, found.high))
        low, high = ends
        return super().carry(theta, replace(found, low=low, high=high))

    def bias(self, s: Counts) -> None:
        """Not known at the kink of the root."""


@dataclass(frozen=True)
class HellingerDistance(Root):
    """Hellinger distance ``sqrt(1 - sum sqrt(p r))``."""

    name: ClassVar[str] = "hellinger_distance"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    groups: ClassVar[int] = 2
    bias_correction: Bias = "plug_in"

    @property
    def inner(self) -> SquaredHellinger:
        """Its square."""
        return SquaredHellinger(bias_correction=self.bias_correction)


@dataclass(frozen=True)
class TotalVariation(Root):
    """Total variation distance ``sum |p - r| / 2``."""

    name: ClassVar[str] = "total_variation"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    groups: ClassVar[int] = 2
    bias_correction: Bias = "plug_in"

    @property
    def inner(self) -> SquaredTotalVariation:
        """Its square."""
        return SquaredTotalVariation(bias_correction=self.bias_correction)


@dataclass(frozen=True)
class JensenShannonDistance(Root):
    """Root of the Jensen-Shannon divergence in nats: a metric where both weights are one half."""

    name: ClassVar[str] = "jensen_shannon_distance"
    units: ClassVar[Units] = "dimensionless"
    bounds: ClassVar[tuple[float, float]] = (0.0, float(np.sqrt(np.log(2))))
    groups: ClassVar[int] = 2
    weight: float = 0.5
    bias_correction: Bias = "plug_in"

    @property
    def inner(self) -> JensenShannon:
        """Its square."""
        return JensenShannon(weight=self.weight, bias_correction=self.bias_correction)


def cell_names(s: Counts, chosen: Array) -> list[str]:
    """Labels of some of the cells, or their positions."""
    return [s.cells[k] if s.cells else str(k) for k in np.flatnonzero(chosen)]


def too_thin(s: Counts, cells: int) -> Caution:
    """Say that there are too few records for any interval."""
    sizes = " + ".join(f"{n:.6g}" for n in s.n_eff)
    text = (
        f"{sizes} records are too few for {cells} cells: the value is mostly bias, and no interval "
        "is known to hold; merge cells"
    )
    return Caution("SparseCellWarning", text)


def second_order_drift(s: Counts) -> Array:
    """Second-order bias of J without a difference, in units of its standard deviation.

    The bias is ``(1/N^2 + 1/M^2) sum(1 / pi)`` and the deviation ``s0 sqrt(8 (K - 1))``.
    """
    n = s.n_eff
    pooled = s.expected[..., 0, :] / n[..., :1]
    inverse = np.divide(1.0, pooled, out=np.zeros(pooled.shape), where=pooled > 0).sum(-1)
    df = np.maximum(s.occupied.sum(-1) - 1, 1)
    return (1 / n**2).sum(-1) * inverse / ((1 / n).sum(-1) * np.sqrt(8 * df))


def contrast_law(s: Counts) -> Null:
    """Law of ``sum (p - r)^2 / pooled`` of groups that do not differ: (1/N + 1/M) chi2(K - 1).

    With weights the scale is the mean over cells of the generalised design effects of Rao and
    Scott (1981), from the cell sums of w and w^2 alone. With clusters, whose design effects differ
    from cell to cell, the law has the mean and the variance of their mixture (Satterthwaite's).
    """
    df = s.occupied.sum(-1) - 1
    if not s.unequal:
        return Null((1 / s.n_eff).sum(-1), df)
    p = s.p
    pooled = (p * s.n_eff[..., None]).sum(-2) / s.n_eff.sum(-1)[..., None]
    d = np.divide(1.0, pooled, out=np.zeros(pooled.shape), where=pooled > 0)
    trace, square = s.contrast_traces(d)
    if square is None:
        return Null(trace / np.maximum(df, 1), df)
    known = (trace > 0) & (square > 0)
    return Null(
        np.divide(square, trace, out=np.ones(trace.shape), where=known),
        np.divide(trace**2, square, out=np.zeros(trace.shape), where=known),
    )


def contrast_scale(s: Counts) -> Array:
    """Mean variance of a contrast between two groups that do not differ, over the contrasts."""
    law = contrast_law(s)
    return law.scale * law.df / np.maximum(s.occupied.sum(-1) - 1, 1)


def log_ratio(s: Counts) -> tuple[Array, Array, Array]:
    """Shares of the two samples and log(p / r), zero where both are empty."""
    p, r = s.p[..., 0, :], s.p[..., 1, :]
    with np.errstate(divide="ignore"):
        both = np.where((p == 0) & (r == 0), 1.0, 0.0)
        return p, r, np.log(p + both) - np.log(r + both)


def _ratio(a: Array, b: Array) -> Array:
    """A / b, zero where both are."""
    with np.errstate(divide="ignore"):
        return np.divide(a, b, out=np.zeros(a.shape), where=(a > 0) | (b > 0))


def _folded_excess(z: Array) -> Array:
    """``E|z + Z| - z`` of a standard normal Z, for z from zero on."""
    return 2 * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * ndtr(-z))


def _finite_ratio(a: Array, b: Array) -> Array:
    """A / b, zero where b is: a cell without records has no weight."""
    return np.divide(a, b, out=np.zeros(a.shape), where=b > 0)


def _deformed_rel_entr(p: Array, r: Array, order: float) -> Array:
    """``p log_a(p / r)`` with the deformed logarithm, zero where both shares are zero."""
    with np.errstate(divide="ignore"):
        w = safe_log(p) - np.log(np.where((r == 0) & (p == 0), 1.0, r))
    return np.where(p > 0, p * _deformed_log(w, order), 0.0)


def _deformed_log(w: Array, order: float) -> Array:
    """``(x^(a-1) - 1) / (a - 1)`` of w = log x, with its limits at a = 1 and at infinite x."""
    if order == 1:
        return w
    limit = 1 / (1 - order) if order < 1 else np.inf
    finite = np.where(np.isposinf(w), 0.0, w)
    with np.errstate(invalid="ignore"):
        return np.where(np.isposinf(w), limit, finite * exprel((order - 1) * finite))
