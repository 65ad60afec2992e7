r"""What a functional is, and the two shapes most of them have.

`Additive`: :math:`\theta = f(\sum_k t(p_{\cdot k})) + c(N, K_1)`: entropies and f-divergences.
`EntropySum`: :math:`\theta = \sum_A s_A H(A)` over margins :math:`A` of a joint table: mutual
information and its relatives. Both leave one record out in O(K).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import entr, xlog1py

from infometric.exceptions import UnsupportedError
from infometric.state.counts import Counts
from infometric.typing import Array, Units


class Null(NamedTuple):
    """The law of a value under "nothing there": ``scale * chi2(df)``."""

    scale: Array
    df: Array


class Interval(NamedTuple):
    """Standard error and bounds in nats, shape (...) each."""

    se: Array
    low: Array
    high: Array


class Caution(NamedTuple):
    """Something a reader of the value must know, and the warning category it belongs to."""

    category: str
    text: str


@dataclass(frozen=True)
class Functional:
    """Base of the functionals of `Counts`; a new measure defines `value` and `influence`.

    `groups` is the number of independent samples that the measure compares, `bounds` the range
    of the estimand in nats. Everything is batched over the leading axes of the table.
    """

    name: ClassVar[str] = ""
    units: ClassVar[Units] = "information"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    groups: ClassVar[int] = 1
    recentred: ClassVar[bool] = False  # whether Wald's interval stands around value less bias
    symmetric: ClassVar[bool] = False  # whether cells with the same count are alike
    ordered: ClassVar[bool] = False  # whether the order of the cells matters
    signed: ClassVar[bool] = False  # whether zero is inside the range, so that a test has two sides
    exchange: ClassVar[str] = "rows"  # what a permutation exchanges, if anything: `Permutation`
    whole: ClassVar[bool] = False  # whether the value is defined on whole counts alone
    scattered: ClassVar[bool] = (
        False  # whether values lie on both sides of the truth, beyond bounds
    )
    beyond_rows: ClassVar[bool] = False  # whether its error has parts that no row left out shows
    tested_by: ClassVar[str] = "chi2"  # strategy of the test of "nothing there"

    def prepare(self, s: Any) -> Any:
        """State the mathematics runs on; idempotent. Divergences treat empty cells here."""
        return s

    def value(self, s: Any) -> Array:
        """Estimate in nats, shape (...)."""
        raise NotImplementedError

    def influence(self, s: Any) -> Array:
        """Derivative with respect to the shares, up to a constant per group, like ``s.p``."""
        raise NotImplementedError

    def null(self, s: Any) -> Null | None:
        """Law under "nothing there", or None where the value has no degenerate point."""
        return None

    def law(self, s: Any, theta: Array, variance: Array) -> Null:
        """Scale and degrees of freedom of the noncentral chi-square the value follows.

        ``Var / (4 theta)`` meets the null scale at the null and Wald's interval far from it.
        """
        null = self.null(s)
        if null is None:
            raise UnsupportedError(f"{self.name} has no null law.", hint="uncertainty='delta'")
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(theta > 0, variance / (4 * theta), null.scale)
        return Null(np.where(scale > 0, scale, null.scale), null.df)

    def null_holds(self, s: Any) -> Array:
        """Whether the null law is near enough for a p-value; Pearson's X^2 serves elsewhere."""
        return np.asarray(True)

    def variance(self, s: Any) -> Array:
        """Sampling variance of the value, on a prepared state."""
        return s.variance(self.influence(s))

    def favoured(self, s: Any) -> str:
        """Name of the strategy that "auto" means on this state."""
        return "delta" if self.null(self.prepare(s)) is None else "ncx2"

    def ceiling(self, s: Any) -> Array | None:
        """Greatest value on these cells, where the value is degenerate there; None elsewhere."""
        return None

    def reach(self, s: Any, theta: Array) -> Array:
        """Distance of the value from where it is degenerate: zero, or the ceiling."""
        return np.maximum(theta, 0.0)

    def interval_holds(self, s: Any) -> Array:
        """Whether the noncentral chi-square interval is known to cover; none is given elsewhere."""
        return np.asarray(True)

    def unbounded(self, s: Any) -> Array:
        """Whether the data allow a truth of any size, so that no upper bound is known."""
        return np.asarray(False)

    def slack(self, s: Any) -> Array:
        """What the upper bound must allow for beyond the law of the value."""
        return np.asarray(0.0)

    def reachable(self, s: Any, level: float) -> Array:
        """Value that the data cannot exclude: the upper bound is no less. Minus infinity: none."""
        return np.asarray(-np.inf)

    def bias(self, s: Any) -> Array | None:
        """Leading term of the bias of the value, reported and not subtracted; None if unknown."""
        return None

    def cautions(self, s: Any) -> tuple[Caution, ...]:
        """What a reader must know about this value on these data."""
        return ()

    def resolved(self, s: Any) -> Functional:
        """The functional with every "auto" decided by the data."""
        return self

    def corrected(self, s: Any, theta: Array) -> Array:
        """Value to report, less its bias where that was asked for."""
        return theta

    def facts(self, s: Any) -> dict[str, Any]:
        """Diagnostics that only this functional knows."""
        return {}

    def interval(self, kind: str, s: Any, level: float) -> Interval | None:
        """Interval of a kind that this functional alone can give; None where it cannot."""
        return None

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, shape (..., n_groups, n_cells).

        NaN where the cell is empty. This general form costs one evaluation per cell, or per
        distinct count where the measure is `symmetric`; the shapes below cost O(K) in all.
        """
        tables = s.table.reshape(-1, *s.table.shape[-2:])
        out = np.full(tables.shape, np.nan)
        cells = np.argwhere(tables > 0)
        alike: Array = np.arange(len(cells))
        if self.symmetric:
            kinds = np.column_stack([cells[:, :2], tables[tuple(cells.T)]])
            _, first, alike = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        chosen = cells[first] if self.symmetric else cells
        values = np.empty(len(chosen))
        for part in np.array_split(
            np.arange(len(chosen)), max(1, len(chosen) * tables[0].size // 4_000_000)
        ):
            which, group, cell = chosen[part].T
            batch = tables[which]
            batch[np.arange(len(part)), group, cell] -= 1
            values[part] = self.value(s.with_table(batch))
        out[tuple(cells.T)] = values[alike.reshape(-1)]
        return out.reshape(s.table.shape)


@dataclass(frozen=True)
class Additive(Functional):
    """A function of one sum over cells, plus a correction that depends on (N, K1)."""

    def terms(self, p: Array) -> Array:
        """Summand of each cell: (..., n_groups, n_cells) to (..., n_cells)."""
        raise NotImplementedError

    def finish(self, total: Array) -> Array:
        """Function of the sum."""
        return total

    def correction(self, n: Array, observed: Array) -> Array:
        """Bias correction from sizes and numbers of observed cells, both (..., n_groups)."""
        return np.asarray(0.0)

    def value(self, s: Any) -> Array:
        """Estimate in nats, shape (...)."""
        s = self.prepare(s)
        total = self.terms(s.p).sum(-1)
        return self.finish(total) + self.correction(s.n_eff, s.observed)

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, in O(K)."""
        return np.stack([self._leave_out_of(s, g) for g in range(s.n_groups)], axis=-2)

    def _leave_out_of(self, s: Counts, g: int) -> Array:
        mine = s.table[..., g, :]
        here = mine > 0
        record = np.arange(s.n_groups) == g  # what leaves: one record of group g
        n = s.n - record.astype(float)
        kept = s.table / n[..., None]
        less = kept.copy()
        less[..., g, :] = (mine - here) / n[..., g, None]
        terms, changed = self.terms(kept), self.terms(less)
        observed = s.observed[..., None, :] - record * (mine == 1)[..., None]
        sizes = np.broadcast_to(n[..., None, :], observed.shape)
        total = terms.sum(-1, keepdims=True) - terms + changed
        return np.where(here, self.finish(total) + self.correction(sizes, observed), np.nan)


@dataclass(frozen=True)
class Increasing(Functional):
    """An increasing function of another measure, which lends it interval, test and cautions."""

    @property
    def inner(self) -> Functional:
        """The measure it is a function of."""
        raise NotImplementedError

    def forward(self, x: Array) -> Array:
        """The function."""
        raise NotImplementedError

    def slope(self, x: Array) -> Array:
        """Its derivative."""
        raise NotImplementedError

    def value(self, s: Any) -> Array:
        """Estimate, shape (...)."""
        return self.forward(self.inner.value(s))

    def influence(self, s: Any) -> Array:
        """Derivative by the chain rule, like ``s.p``."""
        return self.slope(self.inner.value(s))[..., None, None] * self.inner.influence(s)

    def carry(self, theta: Array, found: Any) -> Any:
        """Inference on the measure as inference on its function."""
        with np.errstate(divide="ignore", invalid="ignore"):
            se = np.asarray(self.slope(theta) * found.se)
        replicates = None if found.replicates is None else self.forward(found.replicates)
        low, high = self.forward(found.low), self.forward(found.high)
        se = np.where(np.isfinite(se), se, np.nan)
        return replace(found, se=se, low=low, high=high, replicates=replicates)

    def prepare(self, s: Any) -> Any:
        """As the measure."""
        return self.inner.prepare(s)

    def facts(self, s: Any) -> dict[str, Any]:
        """As of the measure."""
        return self.inner.facts(s)

    def variance(self, s: Any) -> Array:
        """Sampling variance by the chain rule."""
        return self.slope(self.inner.value(s)) ** 2 * self.inner.variance(self.inner.prepare(s))

    def favoured(self, s: Any) -> str:
        """As the measure."""
        return self.inner.favoured(s)

    def cautions(self, s: Any) -> tuple[Caution, ...]:
        """As the measure."""
        return self.inner.cautions(s)

    def leave_one_out(self, s: Counts) -> Array:
        """The function of the measure's values."""
        return self.forward(self.inner.leave_one_out(s))


@dataclass(frozen=True)
class EntropySum(Functional):
    """A signed sum of the entropies of margins of one joint table."""

    def margins(self, ndim: int) -> tuple[tuple[float, tuple[int, ...]], ...]:
        """Pairs (sign, axes kept) of the sum for a table of `ndim` variables."""
        raise NotImplementedError

    def value(self, s: Counts) -> Array:
        """Estimate in nats, shape (...)."""
        ndim = len(s.shape)
        joint, n = s.joint, s.n.reshape(s.n.shape[:-1] + (1,) * ndim)
        parts = (
            sign * entropy_terms(_margin(joint, kept, ndim), n).sum(tuple(range(-ndim, 0)))
            for sign, kept in self.margins(ndim)
        )
        return np.asarray(sum(parts))

    def influence(self, s: Counts) -> Array:
        """Sum of ``-sign * log p`` over the margins, like ``s.p``."""
        ndim = len(s.shape)
        joint = s.joint / s.n.reshape(s.n.shape[:-1] + (1,) * ndim)
        total = np.zeros(joint.shape)
        for sign, kept in self.margins(ndim):
            total = total - sign * safe_log(_margin(joint, kept, ndim))
        return total.reshape(s.table.shape)

    def leave_one_out(self, s: Counts) -> Array:
        """Values with one record of each cell left out, in O(K) per margin."""
        ndim, joint = len(s.shape), s.joint
        n = s.n.reshape(s.n.shape[:-1] + (1,) * ndim) - 1.0
        total = np.zeros(joint.shape)
        for sign, kept in self.margins(ndim):
            margin = _margin(joint, kept, ndim)
            terms = entr(margin / n)
            whole = terms.sum(tuple(range(-ndim, 0)), keepdims=True)
            total = total + sign * (whole - terms + entr(np.maximum(margin - 1, 0) / n))
        return np.where(s.table > 0, total.reshape(s.table.shape), np.nan)


def _margin(joint: Array, kept: tuple[int, ...], ndim: int) -> Array:
    """Sum over the axes (counted among the last `ndim`) that are not kept, keeping dimensions."""
    lost = tuple(a - ndim for a in range(ndim) if a not in kept)
    return joint.sum(lost, keepdims=True) if lost else joint


def entropy_terms(part: Array, whole: Array) -> Array:
    """``-p log p`` of p = part / whole, with all its digits where p is nearly one."""
    p, rest = part / whole, (whole - part) / whole
    return np.where(p > 0.5, -xlog1py(p, -np.minimum(rest, 0.5)), entr(p))


def safe_log(p: Array) -> Array:
    """Logarithm that is zero where p is zero: such a cell has no weight."""
    return np.log(p, out=np.zeros(np.shape(p)), where=np.asarray(p) > 0)
