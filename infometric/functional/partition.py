r"""Optimal binning: the coarsening of ordered cells that keeps the most information on a target.

The Jeffreys divergence of merged cells is a sum over the merged intervals, so the best partition is
a longest path. Without an order of the event rates its state is the end of the last interval; with
one it is the last interval itself. Let :math:`v(s, e)` be the gain of the cells from s to e - 1:

.. math:: f_1(0, e) = v(0, e), \quad
   f_n(s, e) = v(s, e) + \max_{r(s', s) \le r(s, e)} f_{n-1}(s', s).

The intervals that end at s are sorted by rate once, and a running maximum answers every e by a
binary search: :math:`O(K^2 B \log K)` for K cells and B intervals.

With neither sizes nor a number of intervals to keep, the largest value of a monotone partition is
that of the pool-adjacent-violators partition, in O(K).

References
----------
Fisher, W. D. (1958). On grouping for maximum homogeneity. J. Amer. Statist. Assoc. 53, 789-798.
doi:10.1080/01621459.1958.10501479
Barlow, R. E., Bartholomew, D. J., Bremner, J. M., Brunk, H. D. (1972). Statistical inference under
order restrictions. Wiley.
Navas-Palencia, G. (2020). Optimal binning: mathematical programming formulation. arXiv:2001.08025
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtri, rel_entr

from infometric.exceptions import InvalidParameterError
from infometric.typing import Array

Trend = Literal["ascending", "descending", "peak", "valley"]
_TIE = 1e-12  # relative gain below which fewer intervals are better
_NEVER = -np.inf


@dataclass(frozen=True)
class Rules:
    """What every interval of a partition must keep.

    Parameters
    ----------
    max_bins : int
        Greatest number of intervals.
    min_records, min_events, min_nonevents : float
        Least total of each interval; an interval always holds both classes.
    max_pvalue : float, optional
        Greatest p-value of the test of equal event rates (two proportions, pooled variance) between
        neighbours; none by default.
    """

    max_bins: int
    min_records: float = 0.0
    min_events: float = 0.0
    min_nonevents: float = 0.0
    max_pvalue: float | None = None

    @property
    def least_z2(self) -> float | None:
        """Square of the z statistic that neighbours must reach."""
        return None if self.max_pvalue is None else float(ndtri(self.max_pvalue / 2) ** 2)


class Partition(NamedTuple):
    """Intervals of ordered cells.

    `starts` is the first cell of each interval, `value` the Jeffreys terms of the intervals in
    nats, `trend` the order of their event rates (None where none was asked for).
    """

    starts: tuple[int, ...]
    value: float
    trend: Trend | None

    def onto(self, n_cells: int) -> Array:
        """Interval of each cell, shape (n_cells,)."""
        marks = np.zeros(n_cells, dtype=np.int64)
        marks[list(self.starts[1:])] = 1
        return np.cumsum(marks)


class _Chains(NamedTuple):
    """Best values of chains of n intervals whose last is (s, e), and the start of the one before.

    `best` and `before` have shape (n_bins, n_cells, n_cells + 1).
    """

    best: Array
    before: Array


def optimal_partition(
    nonevents: Array,
    events: Array,
    rules: Rules,
    trend: Trend | Literal["auto"] | None = None,
    *,
    totals: tuple[float, float] | None = None,
) -> Partition:
    """The partition of ordered cells with the largest Jeffreys divergence that keeps the rules.

    Parameters
    ----------
    nonevents, events : ndarray of shape (n_cells,)
        Counts (or weights) of each cell, in order.
    rules : Rules
        What every interval must keep.
    trend : {"ascending", "descending", "peak", "valley", "auto"}, optional
        Order of the event rates from left to right, equal ones allowed; "auto" is the better of
        ascending and descending, None asks for no order.
    totals : tuple of two float, optional
        Totals of the two classes where other cells (missing, special) belong to them; the sums of
        the counts by default.

    Returns
    -------
    Partition
        The optimum, of as few intervals as reach it. One interval where no partition keeps the
        rules.

    Raises
    ------
    InvalidParameterError
        Where the trend is none of those.

    Examples
    --------
    >>> goods, bads = np.array([90, 80, 85, 60, 50]), np.array([10, 20, 15, 40, 50])
    >>> optimal_partition(goods, bads, Rules(3), "ascending").starts
    (0, 1, 3)
    """
    g, b = np.asarray(nonevents, float), np.asarray(events, float)
    whole = (float(g.sum()), float(b.sum())) if totals is None else totals
    problem = _Problem(g, b, whole, rules)
    if trend == "auto":
        both = (problem.solve("ascending"), problem.solve("descending"))
        return max(both, key=lambda found: found.value)
    if trend not in ("ascending", "descending", "peak", "valley", None):
        raise InvalidParameterError(
            "The trend of event rates must be one of 'ascending', 'descending', 'peak', 'valley', "
            "'auto', None.",
            got=trend,
            hint="monotonic='auto'",
        )
    return problem.solve(trend)


class _Problem:
    """Gains and rates of all intervals of one problem, shape (n_cells, n_cells + 1) each."""

    def __init__(self, g: Array, b: Array, totals: tuple[float, float], rules: Rules) -> None:
        self.rules, self.size = rules, len(g)
        goods, bads = (_interval_sums(x) for x in (g, b))
        self.records, self.events = goods + bads, bads
        with np.errstate(divide="ignore", invalid="ignore"):
            p, q = goods / totals[0], bads / totals[1]
            gain = rel_entr(p, q) + rel_entr(q, p)
            self.rate = bads / self.records
        fine = (goods > 0) & (bads > 0) & (self.records >= rules.min_records)
        fine &= (bads >= rules.min_events) & (goods >= rules.min_nonevents)
        self.gain = np.where(fine, gain, _NEVER)
        self.bins = max(1, min(rules.max_bins, self.size))

    def solve(self, trend: Trend | None) -> Partition:
        """The optimum for one order of the rates."""
        if trend in ("peak", "valley"):
            starts, value = self._unimodal(1.0 if trend == "peak" else -1.0)
        elif trend is None and self.rules.max_pvalue is None:
            starts, value = self._free()
        else:
            sign = {None: 0.0, "ascending": 1.0, "descending": -1.0}[trend]
            chains = self._chains(sign)
            ends = chains.best[:, :, self.size].max(1)
            n = fewest(ends)
            last = int(chains.best[n, :, self.size].argmax())
            starts, value = _walk(chains, n, last, self.size), float(ends[n])
        if not np.isfinite(value):  # nothing keeps the rules: one interval of all cells
            return Partition((0,), max(0.0, float(self.gain[0, self.size])), trend)
        return Partition(starts, value, trend)

    def _free(self) -> tuple[tuple[int, ...], float]:
        """Without an order: the state is the end of the last interval."""
        K = self.size
        best = np.full((self.bins, K + 1), _NEVER)
        before = np.zeros((self.bins, K + 1), dtype=np.int64)
        best[0] = self.gain[0]
        for n in range(1, self.bins):
            reached = best[n - 1, :K, None] + self.gain
            before[n] = reached.argmax(0)
            best[n] = reached.max(0)
        n = fewest(best[:, K])
        value, starts, end = float(best[n, K]), [], K
        for m in range(n, -1, -1):
            end = int(before[m, end]) if m else 0
            starts.append(end)
        return tuple(starts[::-1]), value

    def _chains(self, sign: float, *, reverse: bool = False) -> _Chains:
        """Chains with rates that ascend (sign 1), descend (-1) or do as they like (0).

        With `reverse` the cells are taken from right to left.
        """
        gain, rate, records, events = (
            _mirrored(x) if reverse else x
            for x in (self.gain, self.rate, self.records, self.events)
        )
        K = self.size
        best = np.full((self.bins, K, K + 1), _NEVER)
        before = np.zeros((self.bins, K, K + 1), dtype=np.int32)
        best[0, 0] = gain[0]
        least = self.rules.least_z2
        for s in range(1, K):
            sources = np.flatnonzero(np.isfinite(gain[:s, s]))
            ends = s + 1 + np.flatnonzero(np.isfinite(gain[s, s + 1 :]))
            if not sources.size or not ends.size or self.bins == 1:
                continue
            reached = best[:-1, sources, s]
            left, right = sign * rate[sources, s], sign * rate[s, ends]
            if least is None:
                found, origin = _running(reached, left, right)
            else:
                fine = left[:, None] <= right
                fine &= _z2(records, events, sources, s, ends) >= least
                found, origin = _blocked(reached, fine)
            best[1:, s, ends] = found + gain[s, ends]
            before[1:, s, ends] = sources[origin]
        return _Chains(best, before)

    def _unimodal(self, sign: float) -> tuple[tuple[int, ...], float]:
        """Rates that rise to an interval and fall behind it; the reverse with sign -1."""
        K, B = self.size, self.bins
        up, down = self._chains(sign), self._chains(sign, reverse=True)
        left = up.best
        right = np.full_like(down.best, _NEVER)
        s, e = np.nonzero(np.isfinite(self.gain))
        right[:, s, e] = down.best[:, K - e, K - s]
        spent = np.maximum.accumulate(right, axis=0)  # at most m intervals to the right
        values = np.full(B, _NEVER)
        where = np.zeros((B, 3), dtype=np.int64)
        gain = np.where(np.isfinite(self.gain), self.gain, 0.0)
        for n in range(B):  # n + 1 up to the top, at most B - n from the top on
            whole = left[n] + spent[B - 1 - n] - gain
            top = int(whole.argmax())
            values[n] = whole.flat[top]
            where[n] = (n, top // (K + 1), top % (K + 1))
        n, s0, e0 = where[fewest(values)].tolist()
        value = float(values.max())
        if not np.isfinite(value):
            return (0,), value
        m = int(np.argmax(right[: B - n, s0, e0] == spent[B - 1 - n, s0, e0]))
        before = _walk(up, n, s0, e0)
        after = [K - e for e in _ends(down, m, K - e0, K - s0)]
        return (*before, *after), value


def _ends(chains: _Chains, n: int, s: int, e: int) -> list[int]:
    """Starts of the intervals before (s, e), the nearest first, as boundaries of mirrored cells."""
    return [end for end in reversed(_walk(chains, n, s, e)[1:])] if n else []


def _walk(chains: _Chains, n: int, s: int, e: int) -> tuple[int, ...]:
    """Starts of the chain of n + 1 intervals whose last is (s, e)."""
    starts = [s]
    for m in range(n, 0, -1):
        s, e = int(chains.before[m, s, e]), s
        starts.append(s)
    return tuple(starts[::-1])


def fewest(values: Array) -> int:
    """Index of the first value that is the largest, but for rounding."""
    top = float(values.max())
    if not np.isfinite(top):
        return 0
    return int(np.argmax(values >= top - _TIE * max(1.0, abs(top))))


def _interval_sums(x: Array) -> Array:
    """Sum of the cells from s to e - 1 at (s, e); zero where the interval is empty."""
    below = np.concatenate([[0.0], np.cumsum(x)])
    return np.triu(below[None, :] - below[:-1, None], 1)


def _mirrored(x: Array) -> Array:
    """Values of the intervals of the cells in reverse order."""
    size = x.shape[0]
    out = np.full_like(x, _NEVER)
    s, e = np.nonzero(np.triu(np.ones(x.shape, bool), 1))
    out[size - e, size - s] = x[s, e]
    return out


def _running(reached: Array, left: Array, right: Array) -> tuple[Array, Array]:
    """Best of the sources whose rate is at most that of each end, and which source it is."""
    order = np.argsort(left, kind="stable")
    sorted_values = reached[:, order]
    top = np.maximum.accumulate(sorted_values, axis=1)
    first = np.where(sorted_values >= top, np.arange(len(order)), 0)
    origin = order[np.maximum.accumulate(first, axis=1)]
    upto = np.searchsorted(left[order], right, side="right") - 1
    none = upto < 0
    upto = np.maximum(upto, 0)
    return np.where(none, _NEVER, top[:, upto]), origin[:, upto]


def _blocked(reached: Array, fine: Array) -> tuple[Array, Array]:
    """Best of the allowed sources of each end, and which source it is."""
    block = np.where(fine, reached[:, :, None], _NEVER)
    return block.max(1), block.argmax(1)


def _z2(records: Array, events: Array, sources: Array, s: int, ends: Array) -> Array:
    """Squared z statistic of equal event rates on both sides of s, shape (sources, ends)."""
    n, m = records[sources, s][:, None], records[s, ends]
    a, b = events[sources, s][:, None], events[s, ends]
    pooled = (a + b) / (n + m)
    return (a / n - b / m) ** 2 / (pooled * (1 - pooled) * (1 / n + 1 / m))


def monotone_bound(
    nonevents: Array, events: Array, totals: tuple[float, float] | None = None
) -> float:
    """Largest Jeffreys divergence of any partition with monotone event rates, in nats.

    Pool adjacent violators, ascending and descending, the better of both: no size, number or
    p-value is asked of the intervals. Infinite where a pooled interval has one class.

    Examples
    --------
    >>> goods, bads = np.array([90, 80, 85, 60, 50]), np.array([10, 20, 15, 40, 50])
    >>> best = optimal_partition(goods, bads, Rules(5), "auto")
    >>> bool(np.isclose(monotone_bound(goods, bads), best.value))
    True
    """
    g, b = np.asarray(nonevents, float), np.asarray(events, float)
    whole = (g.sum(), b.sum()) if totals is None else totals
    found = []
    for order in (slice(None), slice(None, None, -1)):
        pooled = np.array(_pool(g[order].tolist(), b[order].tolist()))
        p, q = pooled[:, 0] / whole[0], pooled[:, 1] / whole[1]
        found.append(float((rel_entr(p, q) + rel_entr(q, p)).sum()))
    return max(found)


def _pool(g: list[float], b: list[float]) -> list[tuple[float, float]]:
    """Pool adjacent violators of ascending event rates."""
    blocks: list[tuple[float, float]] = []
    for block in zip(g, b, strict=True):
        while blocks and blocks[-1][1] * (block[0] + block[1]) >= block[1] * sum(blocks[-1]):
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1])
        blocks.append(block)
    return blocks


def stump_cuts(
    nonevents: Array,
    events: Array,
    *,
    rounds: int,
    learning_rate: float,
    regularization: float = 0.0,
    min_records: float = 20.0,
    direction: int = 0,
    max_cuts: int | None = None,
) -> tuple[int, ...]:
    r"""Cuts of boosted stumps of one feature, from the counts of its ordered cells alone.

    Newton boosting of the logistic loss with trees of one split: with the current log odds F of
    each cell, :math:`G = n \sigma(F) - b` and :math:`H = n \sigma(F)(1 - \sigma(F))`, the split is
    where :math:`G_L^2/(H_L + \lambda) + G_R^2/(H_R + \lambda) - G^2/(H + \lambda)` is largest. A
    round costs O(K): rows that share a cell share everything.

    Parameters
    ----------
    nonevents, events : ndarray of shape (n_cells,)
        Counts of each cell, in order.
    rounds : int
        Number of trees.
    learning_rate : float
        Shrinkage of each tree.
    regularization : float
        L2 penalty of leaf values, :math:`\lambda`.
    min_records : float
        Least number of records on either side of a split.
    direction : {-1, 0, 1}
        Sign that the effect on the event rate must have; 0 for any.
    max_cuts : int, optional
        Stop where a further cut would be one too many.

    Returns
    -------
    tuple of int
        First cell of each interval but the first, ascending.

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Ann.
    Statist. 29, 1189-1232. doi:10.1214/aos/1013203451
    Chen, T., Guestrin, C. (2016). XGBoost: a scalable tree boosting system. KDD 2016, 785-794.
    doi:10.1145/2939672.2939785

    Examples
    --------
    >>> goods, bads = np.array([90, 80, 85, 60, 50]), np.array([10, 20, 15, 40, 50])
    >>> stump_cuts(goods, bads, rounds=10, learning_rate=0.3)
    (1, 3, 4)
    """
    g, b = np.asarray(nonevents, float), np.asarray(events, float)
    n, total = g + b, float((g + b).sum())
    cuts: set[int] = set()
    if len(n) < 2 or not 0 < b.sum() < total:
        return ()
    score = np.full(len(n), np.log(b.sum() / g.sum()))
    left = np.cumsum(n)[:-1]
    fine = (left >= min_records) & (total - left >= min_records)
    for _ in range(rounds):
        share = 1 / (1 + np.exp(-score))
        gradient, hessian = np.cumsum(n * share - b), np.cumsum(n * share * (1 - share))
        whole, weight = gradient[-1], hessian[-1] + regularization
        gl, hl = gradient[:-1], hessian[:-1] + regularization
        gr, hr = whole - gl, hessian[-1] - hessian[:-1] + regularization
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = -gl / hl, -gr / hr
            gain = gl**2 / hl + gr**2 / hr - whole**2 / weight
        good = fine & np.isfinite(gain) & (direction * (high - low) >= 0)
        if max_cuts is not None and len(cuts) >= max_cuts:
            good &= np.isin(np.arange(1, len(n)), list(cuts))
        if not good.any():
            break
        at = int(np.where(good, gain, _NEVER).argmax())
        if not gain[at] > 0:
            break
        cuts.add(at + 1)
        score[: at + 1] += learning_rate * low[at]
        score[at + 1 :] += learning_rate * high[at]
    return tuple(sorted(cuts))
