"""The programme of fair binning under linear budgets: bounds, reductions, and the solver.

For given prices of the budgets every feature is a longest path, so the Lagrangian bounds every
plan, and every plan with a certain bin. Bins whose bound is below a solution in hand are left out.
With one budget a path is also left out where another has no less gain and no more weight. What is
left goes to `scipy.optimize.milp`, as flows from the first pre-bin of a feature to its last.

References
----------
Fisher, M. L. (1981). The Lagrangian relaxation method for solving integer programming problems.
Management Science 27, 1-18. doi:10.1287/mnsc.27.1.1
Kelley, J. E. (1960). The cutting-plane method for solving convex programs. J. SIAM 8, 703-712.
doi:10.1137/0108053
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from infometric.credit.candidates import TOLERANCE, Candidates, Cuts, Plan, Rows
from infometric.typing import Array

GAP = 1e-4
_SCALE = 1e3  # limit of a row in the solver: its tolerance is absolute
_POOL = 2_000  # partial combinations that are looked at for a solution in hand
_OPTIONS = 16  # paths of a feature for it
_MOST = 200_000  # combinations of undominated paths
_TIGHTER = 4  # times that a budget is tightened for the solver's tolerance
_PASSES = 60  # of the search for prices; it ends by itself long before


class Programme:
    """The programme of one set of candidates; budgets are given to `solve`.

    Parameters
    ----------
    found : Candidates
        Bins that may be formed.
    max_bins : int, optional
        Most bins of a feature.
    monotonic : {None, "ascending", "descending", "auto"}
        Order of the event rates over the bins of a feature; "auto" lets the programme choose the
        direction of each.
    gap : float
        Relative distance from the bound at which a plan is as good as the best.
    """

    def __init__(
        self,
        found: Candidates,
        *,
        max_bins: int | None = None,
        monotonic: str | None = None,
        gap: float = GAP,
    ) -> None:
        self.found, self.gap = found, gap
        self.most = min(max_bins or found.allowed.shape[-1], int(found.sizes.max()))
        self.capped = max_bins is not None and max_bins < int(found.sizes.max())
        signs = {None: (0,), "ascending": (1,), "descending": (-1,), "auto": (1, -1)}[monotonic]
        self.feature = np.repeat(np.arange(len(found.sizes)), len(signs))
        self.direction = np.tile(signs, len(found.sizes))
        self.pool: dict[tuple[int, tuple[int, ...]], None] = {}  # paths met so far, of any budget
        self.seen: list[tuple[float, tuple[Cuts, ...]]] = []  # solutions of other budgets

    # -- longest paths --------------------------------------------------------------------

    @cached_property
    def _size(self) -> Array:
        return self.found.sizes[self.feature]

    @cached_property
    def _allowed(self) -> Array:
        return self.found.allowed[self.feature]

    @cached_property
    def _follows(self) -> Array | None:
        """Whether [b, c) may follow [a, b), shape (n_networks, a, b, c); None where all may."""
        if not self.direction.any():
            return None
        rate = self.found.rate[self.feature] * self.direction[:, None, None]
        return rate[:, :, :, None] <= rate[:, None, :, :]

    def _priced(self, rows: Rows, prices: Array) -> tuple[Array, Array]:
        """Gain less price of each bin, and of the fixed cells, by network."""
        net = self.found.gain - np.tensordot(prices, rows.weight, 1)
        own = self.found.fixed[0] - prices @ rows.fixed
        out = np.where(self._allowed, net[self.feature], -np.inf)
        return out, own[self.feature]

    def _ahead(self, net: Array) -> Array:
        """Best path of n bins that ends with each bin, shape (most, n_networks, K + 1, K + 1)."""
        out = np.full((self.most, *net.shape), -np.inf)
        out[0, :, 0] = net[:, 0]
        for n in range(1, self.most):
            if self._follows is None:
                reach = out[n - 1].max(1)[:, :, None]
            else:
                reach = np.where(self._follows, out[n - 1][..., None], -np.inf).max(1)
            out[n] = net + reach
        return out

    def _behind(self, net: Array) -> Array:
        """Best path of n bins that begins with each bin, shape as `_ahead`."""
        out = np.full((self.most, *net.shape), -np.inf)
        nets = np.arange(len(net))
        out[0, nets, :, self._size] = net[nets, :, self._size]
        for n in range(1, self.most):
            if self._follows is None:
                reach = out[n - 1].max(2)[:, None, :]
            else:
                reach = np.where(self._follows, out[n - 1][:, None], -np.inf).max(3)
            out[n] = net + reach
        return out

    def _through(self, net: Array) -> Array:
        """Best path through each bin, with no more bins than there may be."""
        ahead, behind = self._ahead(net), self._behind(net)
        upto = np.maximum.accumulate(behind, axis=0)
        out = np.full(net.shape, -np.inf)
        for n in range(self.most):
            out = np.maximum(out, ahead[n] + upto[self.most - 1 - n])
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(net), out - net, -np.inf)

    def _paths(self, net: Array) -> list[tuple[float, tuple[int, ...]]]:
        """Value and boundaries of the best path of each network."""
        ahead = self._ahead(net)
        nets = np.arange(len(net))
        last = ahead[:, nets, :, self._size]  # networks, bins, first pre-bin of the last bin
        found: list[tuple[float, tuple[int, ...]]] = []
        for k in nets:
            value = float(last[k].max())
            if not np.isfinite(value):
                found.append((-np.inf, ()))
                continue
            n, s = np.unravel_index(int(last[k].argmax()), last[k].shape)
            found.append((value, self._back(ahead[:, k], int(k), int(n), int(s))))
        return found

    def _back(self, ahead: Array, k: int, n: int, s: int) -> tuple[int, ...]:
        """Boundaries of a path from its last bin."""
        e = int(self._size[k])
        cuts = [e, s]
        while n > 0:
            before = ahead[n - 1, :, s]
            if self._follows is not None:
                before = np.where(self._follows[k, :, s, e], before, -np.inf)
            n, e, s = n - 1, s, int(before.argmax())
            cuts.append(s)
        return tuple(cuts[::-1])

    def _best(self, rows: Rows, prices: Array) -> tuple[float, list[Cuts]]:
        """Value of the Lagrangian, and the plan that attains it."""
        net, own = self._priced(rows, prices)
        total = float(prices @ rows.limit)
        plan: list[Cuts] = [None] * len(self.found.sizes)
        values = np.zeros(len(self.found.sizes))
        for k, (value, cuts) in enumerate(self._paths(net)):
            j = self.feature[k]
            if value + own[k] > values[j]:
                values[j], plan[j] = value + own[k], cuts
            if cuts:
                self.pool[int(j), cuts] = None
        return total + float(values.sum()), plan

    # -- bounds and solutions in hand ------------------------------------------------------

    def _dual(self, rows: Rows) -> tuple[float, list[Array], list[Cuts]]:
        """Least bound over the prices of the budgets, the last prices, and the last plan.

        Kelley's cutting planes: each plan met bounds the Lagrangian by a plane in the prices.
        """
        from scipy.optimize import linprog

        n_rows = len(rows.limit)
        planes = [(0.0, rows.limit)]  # of the plan that drops everything
        prices, bound, met = np.zeros(n_rows), np.inf, []
        plan: list[Cuts] = [None] * len(self.found.sizes)
        for _ in range(_PASSES):
            value, plan = self._best(rows, prices)
            met.append((value, prices))
            bound = min(bound, value)
            gain, slack = self._plane(rows, plan)
            if not prices.any() and (slack >= 0).all():
                return value, [prices], plan
            planes.append((gain, slack))
            a = np.array([[*slack, -1.0] for _, slack in planes])
            b = np.array([-gain for gain, _ in planes])
            ends = [(0, 1e9)] * n_rows + [(None, None)]
            found = linprog(np.r_[np.zeros(n_rows), 1.0], a, b, bounds=ends, method="highs")
            if found.x is None or bound - found.fun <= TOLERANCE:
                break
            prices = found.x[:-1]
        met.sort(key=lambda pair: pair[0])
        return bound, [prices for _, prices in met[:3]], plan

    def _plane(self, rows: Rows, plan: Sequence[Cuts]) -> tuple[float, Array]:
        """Gain of a plan, and what it leaves of each budget."""
        gain, used = 0.0, np.zeros(len(rows.limit))
        for j, cuts in enumerate(plan):
            if cuts is not None:
                own, weight = self._path(rows, j, cuts)
                gain, used = gain + own, used + weight
        return gain, rows.limit - used

    def _path(self, rows: Rows, j: int, cuts: tuple[int, ...]) -> tuple[float, Array]:
        """Gain and weights of one feature's path, fixed cells and all."""
        s, e = np.array(cuts[:-1]), np.array(cuts[1:])
        gain = self.found.gain[j, s, e].sum() + self.found.fixed[0, j]
        return float(gain), rows.weight[:, j, s, e].sum(-1) + rows.fixed[:, j]

    def _combined(self, rows: Rows, prices: Array, floor: float) -> tuple[float, list[Cuts] | None]:
        """Best combination of paths met so far that keeps the budgets, if above `floor`."""
        by_feature: list[list[tuple[float, Array, Cuts]]] = [
            [(0.0, np.zeros(len(rows.limit)), None)] for _ in self.found.sizes
        ]
        for j, cuts in self.pool:
            by_feature[j].append((*self._path(rows, j, cuts), cuts))
        for options in by_feature:
            options.sort(key=lambda o: -(o[0] - float(prices @ o[1])))
            del options[_OPTIONS:]
        value, used = np.zeros(1), np.zeros((1, len(rows.limit)))
        chosen: list[list[Cuts]] = [[]]
        for options in by_feature:
            gains, weights = np.array([o[0] for o in options]), np.array([o[1] for o in options])
            value = (value[:, None] + gains).ravel()
            used = (used[:, None, :] + weights).reshape(-1, len(rows.limit))
            fine = np.flatnonzero((used <= rows.limit * (1 + 1e-12)).all(1))
            score = value[fine] - used[fine] @ prices
            fine = fine[np.argsort(-score, kind="stable")[:_POOL]]
            chosen = [[*chosen[i // len(options)], options[i % len(options)][2]] for i in fine]
            value, used = value[fine], used[fine]
        if not len(value) or value.max() <= floor:
            return floor, None
        return float(value.max()), chosen[int(value.argmax())]

    def _worthwhile(self, rows: Rows, floor: float, met: Sequence[Array]) -> tuple[Array, Array]:
        """Bins of each network that may be in a plan above `floor`, and features that must stay."""
        keep = self._allowed.copy()
        stays = np.zeros(len(self.found.sizes), bool)
        for prices in met:
            net, own = self._priced(rows, prices)
            through = self._through(net) + own[:, None, None]
            best = self._by_feature(through.max((1, 2)))
            others = float(prices @ rows.limit) + best.sum() - best
            keep &= through + others[self.feature][:, None, None] > floor
            stays |= others <= floor
        return keep, stays

    def _by_feature(self, of_networks: Array) -> Array:
        """Best value of each feature: of one of its networks, or zero where it is dropped."""
        best = np.zeros(len(self.found.sizes))
        np.maximum.at(best, self.feature, of_networks)
        return best

    # -- paths that no other path dominates ------------------------------------------------

    def _labelled(self, rows: Rows, prices: Array, floor: float) -> _Labels:
        """Paths of each feature that may be in a plan above `floor` and that no path dominates.

        For one budget: a path with no less gain and no more weight is at least as good in any plan.
        """
        net, own = self._priced(rows, prices)
        behind = np.maximum.accumulate(self._behind(net), axis=0)
        best = self._by_feature(behind[-1, :, 0].max(-1) + own)
        spare = float(prices @ rows.limit) + best.sum() - floor
        found = [_dropped() if spare - b > 0 else _none() for b in best]
        for k, j in enumerate(self.feature):
            need = best[j] - spare - own[k]
            paths = self._paths_above(rows, k, net[k], behind[:, k], need)
            paths.gain += self.found.fixed[0, j]
            paths.weight += rows.fixed[0, j]
            found[j] = found[j].joined(paths)
        return _Labels(found, best - best.sum() - float(prices @ rows.limit), float(prices[0]))

    def _paths_above(self, rows: Rows, k: int, net: Array, behind: Array, need: float) -> _Paths:
        """Paths of one network whose reduced value exceeds `need`, and that none dominates."""
        j, size = self.feature[k], int(self._size[k])
        follows = None if self._follows is None else self._follows[k]
        start = _Paths(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1, np.int64))
        at: dict[int, list[tuple[int, _Paths]]] = {0: [(0, start)]}
        for e in range(1, size + 1):
            ending: list[tuple[int, _Paths]] = []
            for s in range(e):
                if not np.isfinite(net[s, e]):
                    continue
                before = [
                    p for a, p in at.get(s, [])
                    if s == 0 or follows is None or follows[a, s, e]
                ]  # fmt: skip
                if not before:
                    continue
                paths = _Paths.all_of(before).extended(
                    self.found.gain[j, s, e], rows.weight[0, j, s, e], net[s, e], e
                )
                used = paths.n_bins
                left = np.minimum(self.most - used, self.most - 1)
                rest = np.where(left >= 0, behind[left, s, e] - net[s, e], -np.inf)
                paths = paths.some(paths.value + rest > need)
                if len(paths.gain):
                    ending.append((s, paths))
            at[e] = self._thinned(ending, follows is None)
        whole = [p for _, p in at[size]]
        return _Paths.all_of(whole).undominated() if whole else _none()

    def _thinned(
        self, ending: list[tuple[int, _Paths]], together: bool
    ) -> list[tuple[int, _Paths]]:
        """Paths to one boundary without those that another dominates, whatever follows."""
        if together and ending:
            ending = [(-1, _Paths.all_of([p for _, p in ending]))]
        return [(s, p.undominated(alike=self.capped)) for s, p in ending]

    def beyond(self, gain: float) -> float:
        """Gain that a plan must exceed to be worth looking for."""
        return gain * (1 + self.gap) + TOLERANCE

    # -- the solver -----------------------------------------------------------------------

    def solve(self, rows: Rows, floor: float = 0.0, *, certified: bool = True) -> Plan | None:
        """Best plan within linear budgets; None where none has more than `floor`.

        Parameters
        ----------
        rows : Rows
            Budgets.
        floor : float
            Gain of a solution in hand.
        certified : bool
            Whether the solver has the last word also where the bounds leave nothing to it.
        """
        bound, met, plan = self._dual(rows)
        if bound <= self.beyond(floor):
            return None
        gain, slack = self._plane(rows, plan)
        if (slack >= 0).all() and gain >= bound - TOLERANCE:
            return Plan(tuple(plan), gain, bound)
        least, best, keep, stays, whole = self._reduced(rows, met, floor)
        left = int(keep.sum())
        outer = least if whole and least > self.beyond(floor) else self.beyond(least)
        if left and (certified or not whole):
            found, beside = self._solved(rows, keep, stays, self.beyond(least))
            outer = outer if whole else beside
            if found is not None and self._plane(rows, found)[0] > least:
                best, least = found, self._plane(rows, found)[0]
        if best is None:
            return None
        self._remember(best)
        return Plan(tuple(best), least, max(min(bound, outer), least), int(left > 0), left)

    def _reduced(
        self, rows: Rows, met: Sequence[Array], floor: float
    ) -> tuple[float, list[Cuts] | None, Array, Array, bool]:
        """Solution in hand with its gain, bins and features that are left, whether none was missed.

        With one budget the undominated paths are combined; with several, paths met so far.
        """
        if len(rows.limit) > 1:
            least, best = self._combined(rows, met[0], floor)
            keep, stays = self._worthwhile(rows, self.beyond(least), met)
            return least, best, keep, stays, False
        labels = self._labelled(rows, met[0], self.beyond(floor))
        least, best, whole = labels.combined(rows.limit[0], floor)
        keep, stays = self._worthwhile(rows, self.beyond(least), met)
        keep &= labels.used(self.feature, keep.shape, self.beyond(least))
        return least, best, keep, stays, whole

    def _remember(self, plan: Sequence[Cuts]) -> None:
        """Keep the paths of a plan for other budgets."""
        for j, cuts in enumerate(plan):
            if cuts is not None:
                self.pool[j, cuts] = None

    def _solved(
        self, rows: Rows, keep: Array, stays: Array, floor: float
    ) -> tuple[list[Cuts] | None, float]:
        """Plan and bound of the solver on the bins that are left.

        Its tolerance is absolute; where a plan is over a budget by it, that budget is tightened.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        tight = rows
        for _ in range(_TIGHTER):
            model = _Model(self, tight, keep, stays)
            matrix, low, high = model.constraints(floor)
            found = milp(
                -model.objective,
                integrality=model.integrality,
                bounds=Bounds(0, 1),
                constraints=LinearConstraint(matrix, low, high),
                options={"mip_rel_gap": self.gap},
            )
            if found.x is None:  # nothing above the floor
                return None, floor
            plan = model.plan(found.x)
            over = -self._plane(rows, plan)[1]
            if (over <= TOLERANCE * rows.limit).all():
                outer = getattr(found, "mip_dual_bound", None)
                return plan, floor if outer is None else -float(outer)
            limit = tight.limit - np.where(over > 0, 2 * over, 0.0)
            tight = Rows(rows.weight, rows.fixed, limit)
        return None, np.inf


@dataclass(eq=False)
class _Paths:
    """Paths of one feature: gain, weight, reduced value, and boundaries as the bits of a number."""

    gain: Array
    weight: Array
    value: Array
    bits: Array

    @classmethod
    def all_of(cls, parts: Sequence[_Paths]) -> _Paths:
        """Paths of several lists."""
        names = ("gain", "weight", "value", "bits")
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    @property
    def n_bins(self) -> Array:
        """Number of bins so far."""
        return np.bitwise_count(self.bits) - 1

    def some(self, which: Array) -> _Paths:
        """Some of the paths."""
        return _Paths(self.gain[which], self.weight[which], self.value[which], self.bits[which])

    def joined(self, other: _Paths) -> _Paths:
        """Both lists, without paths that another dominates."""
        return _Paths.all_of([self, other]).undominated()

    def extended(self, gain: float, weight: float, value: float, end: int) -> _Paths:
        """The same paths with one more bin."""
        return _Paths(
            self.gain + gain, self.weight + weight, self.value + value, self.bits | (1 << end)
        )

    def undominated(self, *, alike: bool = False) -> _Paths:
        """Paths with more gain than any of no more weight (and, where `alike`, as many bins)."""
        if alike:
            bins = self.n_bins
            parts = [self.some(bins == n).undominated() for n in np.unique(bins)]
            return _Paths.all_of(parts) if parts else self
        return self.some(_undominated(self.gain, self.weight))


def _undominated(gain: Array, weight: Array) -> Array:
    """Positions with more gain than any of no more weight, the lightest first."""
    order = np.lexsort((-gain, weight))
    sorted_gain = gain[order]
    first = np.ones(len(order), bool)
    first[1:] = sorted_gain[1:] > np.maximum.accumulate(sorted_gain)[:-1]
    return order[first]


def _none() -> _Paths:
    return _Paths(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))


def _dropped() -> _Paths:
    """The path of a feature that is dropped: no boundary at all."""
    return _Paths(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1, np.int64))


class _Labels:
    """Undominated paths of every feature, and how far each may fall short of its best."""

    def __init__(self, paths: Sequence[_Paths], offset: Array, price: float) -> None:
        self.paths, self.offset, self.price = paths, offset, price

    def _bounds(self, j: int) -> Array:
        """Bound of a plan with each path of a feature."""
        paths = self.paths[j]
        return paths.gain - self.price * paths.weight - self.offset[j]

    def combined(self, limit: float, floor: float) -> tuple[float, list[Cuts] | None, bool]:
        """Best combination within the limit, if above `floor`, and whether all were looked at.

        Combinations are undominated too; where there are very many, the most promising are kept.
        """
        gain, weight, loss = np.zeros(1), np.zeros(1), np.zeros(1)
        chosen = np.zeros((1, 0), np.int64)
        total, whole = self._bounds_of_all(), True
        for j, paths in enumerate(self.paths):
            short = total - self._bounds(j)
            gain = (gain[:, None] + paths.gain).ravel()
            weight = (weight[:, None] + paths.weight).ravel()
            loss = (loss[:, None] + short).ravel()
            fine = np.flatnonzero((weight <= limit) & (total - loss > floor))
            if len(fine) > _MOST:
                whole = False
                fine = fine[np.argsort(loss[fine], kind="stable")[:_MOST]]
            fine = fine[_undominated(gain[fine], weight[fine])]
            size = max(len(paths.bits), 1)
            chosen = np.column_stack([chosen[fine // size], paths.bits[fine % size]])
            gain, weight, loss = gain[fine], weight[fine], loss[fine]
        if not len(gain) or gain.max() <= floor:
            return floor, None, whole
        best = chosen[int(gain.argmax())]
        return float(gain.max()), [_cuts(int(b)) for b in best], whole

    def _bounds_of_all(self) -> float:
        return max((float(self._bounds(j).max()) for j, p in enumerate(self.paths)
                    if len(p.gain)), default=0.0)  # fmt: skip

    def used(self, feature: Array, shape: tuple[int, ...], floor: float) -> Array:
        """Bins on a path with which a plan may be above `floor`, shape as asked for."""
        out = np.zeros(shape, bool)
        for j, paths in enumerate(self.paths):
            for bits in paths.bits[self._bounds(j) > floor].tolist():
                cuts = _cuts(bits)
                if cuts is not None:
                    for k in np.flatnonzero(feature == j):
                        out[k, list(cuts[:-1]), list(cuts[1:])] = True
        return out


def _cuts(bits: int) -> Cuts:
    """Boundaries of a path; None where the feature is dropped."""
    return tuple(i for i in range(bits.bit_length()) if bits >> i & 1) or None


class _Model:
    """The matrix of a programme: flows, one network or none of each feature, budgets, cliques."""

    def __init__(self, of: Programme, rows: Rows, keep: Array, stays: Array) -> None:
        self.of, self.rows, self.stays = of, rows, stays
        self.arcs = np.argwhere(keep)  # network, first pre-bin, the one after the last
        self.n_arcs, self.n_networks = len(self.arcs), len(of.feature)
        net, s, e = self.arcs.T
        feature = of.feature[net]
        self.gain = of.found.gain[feature, s, e]
        self.weight = rows.weight[:, feature, s, e]
        self.entries: list[tuple[Array, Array, Array]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    @property
    def objective(self) -> Array:
        """Gain of every variable: bins, then networks."""
        return np.r_[self.gain, self.of.found.fixed[0, self.of.feature]]

    @property
    def integrality(self) -> Array:
        """Bins are binary; that a network is used follows."""
        return np.r_[np.ones(self.n_arcs), np.zeros(self.n_networks)]

    def add(self, columns: Array, values: Array, low: float, high: float) -> None:
        """One more row."""
        row = np.full(len(columns), len(self.low))
        self.entries.append((row, np.asarray(columns), np.asarray(values, float)))
        self.low.append(low)
        self.high.append(high)

    def constraints(self, floor: float) -> tuple[Any, Array, Array]:
        """Matrix and its two sides."""
        from scipy.sparse import csr_array

        self._flows()
        self._budgets(floor)
        if self.of.direction.any():
            self._orders()
        row, column, value = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        shape = (len(self.low), self.n_arcs + self.n_networks)
        return csr_array((value, (row, column)), shape), np.array(self.low), np.array(self.high)

    def _flows(self) -> None:
        net, s, e = self.arcs.T
        for k in range(self.n_networks):
            mine = np.flatnonzero(net == k)
            used = self.n_arcs + k
            size = int(self.of._size[k])
            for node in range(size + 1):
                leaves, enters = mine[s[mine] == node], mine[e[mine] == node]
                ends = {0: [-1.0], size: [1.0]}.get(node, [])
                values = np.r_[np.ones(len(leaves)), -np.ones(len(enters)), ends]
                columns = np.r_[leaves, enters, [used] * len(ends)].astype(int)
                if len(columns):
                    self.add(columns, values, 0.0, 0.0)
            if self.of.capped and len(mine):
                self.add(np.r_[mine, used], np.r_[np.ones(len(mine)), -self.of.most], -np.inf, 0.0)
        for j in range(len(self.stays)):
            networks = np.flatnonzero(self.of.feature == j)
            least = 1.0 if self.stays[j] else 0.0
            self.add(self.n_arcs + networks, np.ones(len(networks)), least, 1.0)

    def _budgets(self, floor: float) -> None:
        everything = np.arange(self.n_arcs + self.n_networks)
        for weight, fixed, limit in zip(self.weight, self.rows.fixed, self.rows.limit, strict=True):
            scale = _SCALE / max(float(limit), TOLERANCE)
            values = np.r_[weight, fixed[self.of.feature]] * scale
            self.add(everything, values, -np.inf, float(limit) * scale)
        self.add(everything, self.objective, floor, np.inf)

    def _orders(self) -> None:
        """At each boundary, ends of a greater rate exclude beginnings of a lesser one."""
        net, s, e = self.arcs.T
        rate = self.of.found.rate[self.of.feature[net], s, e] * self.of.direction[net]
        for k in np.flatnonzero(self.of.direction):
            mine = np.flatnonzero(net == k)
            for node in range(1, int(self.of._size[k])):
                leaves, enters = mine[s[mine] == node], mine[e[mine] == node]
                for limit in np.unique(rate[leaves]):
                    above = enters[rate[enters] > limit]
                    if above.size:
                        columns = np.r_[above, leaves[rate[leaves] <= limit], self.n_arcs + k]
                        values = np.r_[np.ones(len(columns) - 1), -1.0]
                        self.add(columns, values, -np.inf, 0.0)

    def plan(self, x: Array) -> list[Cuts]:
        """Boundaries of the bins of each feature."""
        out: list[Cuts] = [None] * len(self.of.found.sizes)
        for k, s, e in self.arcs[x[: self.n_arcs] > 0.5].tolist():
            j = int(self.of.feature[k])
            out[j] = (*sorted({*(out[j] or ()), s, e}),)
        return out
