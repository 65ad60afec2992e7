"""Bins that may be formed of adjacent cells, with their terms: what a fair binning chooses from.

Everything is made of counts of non-events and events, and of reference and group, over the same
cells; so it does not matter whether they came from a frame, a file or a warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infometric.functional.divergence import Jeffreys
from infometric.state.counts import Counts
from infometric.typing import Array

Cuts = tuple[int, ...] | None  # boundaries of the bins of one feature; None where it is dropped
TOLERANCE = 1e-9  # of values in nats: what counts as equal


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every bin that may be formed of adjacent pre-bins, of all features.

    Arrays are indexed by feature, first pre-bin and the one after the last, padded to the feature
    with the most.

    Parameters
    ----------
    sizes : ndarray of shape (n_features,)
        Number of pre-bins.
    gain : ndarray of shape (n_features, K + 1, K + 1)
        Term of the predictive divergence.
    cost, spread : ndarray of shape (n_limits, n_features, K + 1, K + 1)
        Terms of each protected divergence and of its variance.
    rate : ndarray of shape (n_features, K + 1, K + 1)
        Share of events.
    allowed : ndarray of bool, like `gain`
        Whether the bin has records enough.
    fixed : ndarray of shape (1 + 2 * n_limits, n_features)
        Terms of the cells that stay as they are: gain, costs, spreads.
    """

    sizes: Array
    gain: Array
    cost: Array
    spread: Array
    rate: Array
    allowed: Array
    fixed: Array

    @property
    def n_limits(self) -> int:
        """Number of protected comparisons."""
        return len(self.cost)

    @property
    def n_binaries(self) -> int:
        """Number of bins that may be formed."""
        return int(self.allowed.sum())

    def only(self, j: int) -> Candidates:
        """Those of one feature."""
        k, keep = int(self.sizes[j]) + 1, slice(j, j + 1)
        return Candidates(
            self.sizes[keep],
            self.gain[keep, :k, :k],
            self.cost[:, keep, :k, :k],
            self.spread[:, keep, :k, :k],
            self.rate[keep, :k, :k],
            self.allowed[keep, :k, :k],
            self.fixed[:, keep],
        )

    def totals(self, plan: Sequence[Cuts]) -> tuple[float, Array, Array]:
        """Gain, costs and variances of a plan, summed over its features."""
        gain, cost, spread = 0.0, np.zeros(self.n_limits), np.zeros(self.n_limits)
        limits = self.n_limits
        for j, cuts in enumerate(plan):
            if cuts is None:
                continue
            s, e = np.array(cuts[:-1]), np.array(cuts[1:])
            gain += self.gain[j, s, e].sum() + self.fixed[0, j]
            cost += self.cost[:, j, s, e].sum(-1) + self.fixed[1 : 1 + limits, j]
            spread += self.spread[:, j, s, e].sum(-1) + self.fixed[1 + limits :, j]
        return float(gain), cost, spread


def candidates(
    target: Sequence[Counts],
    protected: Sequence[Sequence[Counts]],
    ordered: Sequence[int],
    *,
    min_share: float = 0.05,
    min_count: float = 5,
) -> Candidates:
    """Terms of every bin of adjacent cells, from counts alone.

    Parameters
    ----------
    target : sequence of Counts
        Non-events and events of each feature over its cells; the cells to merge come first.
    protected : sequence of sequence of Counts
        For each comparison and feature, reference and group over the same cells.
    ordered : sequence of int
        How many of the cells may be merged; those after them stay.
    min_share : float
        Smallest share of all records in a bin.
    min_count : float
        Smallest count of non-events, events, and of each protected group in a bin.

    Examples
    --------
    >>> good_bad = Counts.from_counts([[40, 30, 20], [10, 20, 30]])
    >>> groups = Counts.from_counts([[30, 20, 20], [20, 30, 30]])
    >>> found = candidates([good_bad], [[groups]], [3])
    >>> found.n_binaries
    6
    """
    width = max(ordered) + 1
    shape = (len(target), width, width)
    limits = len(protected)
    gain, rate, allowed = np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    cost, spread = np.zeros((limits, *shape)), np.zeros((limits, *shape))
    fixed = np.zeros((1 + 2 * limits, len(target)))
    for j, (classes, k) in enumerate(zip(target, ordered, strict=True)):
        here = np.s_[j, : k + 1, : k + 1]
        bins = spans(classes, k)
        good, bad = bins
        share = (good + bad) / classes.table.sum()
        least = bins.min(0)
        rate[here] = np.divide(bad, good + bad, out=np.zeros(bad.shape), where=good + bad > 0)
        gain[here], _ = terms(classes, bins)
        fixed[0, j] = rest(classes, k)[0]
        for a, by_feature in enumerate(protected):
            groups = by_feature[j]
            parts = spans(groups, k)
            least = np.minimum(least, parts.min(0))
            cost[a][here], spread[a][here] = terms(groups, parts)
            fixed[1 + a, j], fixed[1 + limits + a, j] = rest(groups, k)
        forward = np.triu(np.ones((k + 1, k + 1), bool), 1)
        allowed[here] = forward & (share >= min_share - 1e-12) & (least >= min_count)
    return Candidates(np.array(ordered), gain, cost, spread, rate, allowed, fixed)


def spans(s: Counts, k: int) -> Array:
    """Counts of both groups in cells [i, j) of the first k, shape (2, k + 1, k + 1)."""
    sums = np.concatenate([np.zeros((2, 1)), s.table[:, :k].cumsum(-1)], axis=-1)
    return np.maximum(sums[:, None, :] - sums[:, :, None], 0.0)


def terms(s: Counts, parts: Array) -> tuple[Array, Array]:
    """Jeffreys term of each part of two samples, and its term of the variance.

    Every part is looked at beside all that is not in it. Where one sample has nothing in a part,
    half a record of each stands there. The square of the mean is left out of the variance, which
    errs on the safe side.
    """
    flat = parts.reshape(2, -1).T[..., None].astype(float)
    empty = (flat == 0).any(1, keepdims=True) & (flat > 0).any(1, keepdims=True)
    flat = flat + 0.5 * empty
    pairs = Counts(np.concatenate([flat, s.n[:, None] - flat], axis=-1))
    jeffreys = Jeffreys(zeros="keep")
    psi = np.where(flat > 0, 1 + jeffreys.influence(pairs)[..., :1], 0.0)
    value = jeffreys.terms(pairs.p)[..., 0]
    spread = (pairs.p[..., 0] * psi[..., 0] ** 2 / s.n).sum(-1)
    return value.reshape(parts.shape[1:]), spread.reshape(parts.shape[1:])


def rest(s: Counts, k: int) -> tuple[float, float]:
    """Sum of the terms of the cells from the k-th on."""
    value, spread = terms(s, s.table[:, k:])
    return float(value.sum()), float(spread.sum())


@dataclass(frozen=True, eq=False)
class Plan:
    """Solution of a programme.

    Parameters
    ----------
    cuts : tuple
        Boundaries of the bins of each feature; None where it is dropped.
    gain : float
        Objective.
    bound : float
        No plan within the budgets has a greater one.
    solved : int
        Number of programmes given to the solver.
    left : int
        Number of binaries of the largest of them, after those were left out that cannot help.
    """

    cuts: tuple[Cuts, ...]
    gain: float
    bound: float
    solved: int = 0
    left: int = 0

    @property
    def gap(self) -> float:
        """Relative distance from the bound."""
        short = self.bound - self.gain
        return 0.0 if short <= 2 * TOLERANCE else short / self.bound


@dataclass(frozen=True, eq=False)
class Rows:
    """Linear budgets: ``sum weight x + sum fixed (not dropped) <= limit``.

    Parameters
    ----------
    weight : ndarray of shape (n_rows, n_features, K + 1, K + 1)
        Coefficients.
    fixed : ndarray of shape (n_rows, n_features)
        Of features that are not dropped.
    limit : ndarray of shape (n_rows,)
        Right-hand sides.
    """

    weight: Array
    fixed: Array
    limit: Array


def linear(found: Candidates, budgets: Array) -> Rows:
    """Budgets on the protected divergences themselves."""
    return Rows(found.cost, found.fixed[1 : 1 + found.n_limits], np.asarray(budgets, float))


def chords(found: Candidates, budgets: Array, z: Array, low: Array, high: Array) -> Rows:
    """Chords of the chance constraints, for costs between `low` and `high`."""
    slope = 2 * budgets - low - high
    fixed, spreads = np.split(found.fixed[1:], 2)
    weight = z[:, None, None, None] ** 2 * found.spread + slope[:, None, None, None] * found.cost
    return Rows(weight, z[:, None] ** 2 * spreads + slope[:, None] * fixed, budgets**2 - low * high)
