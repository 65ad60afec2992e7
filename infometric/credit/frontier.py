r"""Fair binning as a mixed-integer programme on counts.

A binary :math:`x_{jse}` says that pre-bins :math:`[s, e)` of feature j form one bin, :math:`z_j`
that the feature is dropped. With I and F the Jeffreys terms of that bin, good against bad and
group against reference, and V the variance term of F,

.. math:: \max \sum I x \quad \text{s.t.} \quad
   \sum_{s \le b < e} x_{jse} + z_j = 1 \;\; \forall j, b, \qquad \sum F x \le \epsilon,

and at most `max_bins` bins. The exact cover is written as a flow from the first pre-bin to the
last; an order of the rates as staircase cliques at each boundary. The chance-constrained form,

.. math:: \sum F x + z \sqrt{\sum V x} \le \epsilon \iff
   z^2 V \le (\epsilon - F)^2, \; F \le \epsilon,

is cut into ranges :math:`F \in [l, u]`, on each of which the chord
:math:`z^2 V + (2\epsilon - l - u) F \le \epsilon^2 - l u` holds for every feasible point; a range
is halved where its optimum breaks the constraint itself.

`programme` solves the programme of linear budgets.

References
----------
Charnes, A., Cooper, W. W. (1959). Chance-constrained programming. Management Science 6, 73-79.
doi:10.1287/mnsc.6.1.73
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count, pairwise

import numpy as np

from infometric.credit.candidates import (
    TOLERANCE,
    Candidates,
    Plan,
    Rows,
    chords,
    linear,
)
from infometric.credit.programme import Programme
from infometric.typing import Array

_TANGENTS = 6
_LOOKS = 200  # ranges of several budgets after which the gap is reported as it is


@dataclass(order=True)
class _Range:
    """Part of the costs that is still to be looked at, the best bound first."""

    key: float
    tie: int
    low: Array = field(compare=False)
    high: Array = field(compare=False)


def within(programme: Programme, budgets: Array, floor: Plan | None = None) -> Plan:
    """Best plan whose protected divergences keep their budgets.

    Parameters
    ----------
    programme : Programme
        Candidates and rules.
    budgets : ndarray of shape (n_limits,)
        Budget of each comparison, in nats.
    floor : Plan, optional
        A plan that keeps them, of a smaller budget say.
    """
    empty = Plan((None,) * len(programme.found.sizes), 0.0, 0.0)
    best = floor or empty
    found = programme.solve(linear(programme.found, budgets), best.gain)
    if found is None:
        return Plan(best.cuts, best.gain, best.gain)
    return found


def chance(
    programme: Programme, budgets: Array, z: Array | float, floor: Plan | None = None
) -> Plan:
    """Best plan whose protected divergences, plus z standard errors, keep their budgets.

    Parameters
    ----------
    programme : Programme
        Candidates and rules.
    budgets : ndarray of shape (n_limits,)
        Budget of each comparison, in nats.
    z : float or ndarray of shape (n_limits,)
        Number of standard errors.
    floor : Plan, optional
        A plan that keeps them.
    """
    found = programme.found
    budgets = np.asarray(budgets, float)
    z = np.broadcast_to(np.asarray(z, float), budgets.shape)
    best = floor or Plan((None,) * len(found.sizes), 0.0, 0.0)
    best = _by_tangents(programme, budgets, z, best)
    search = _Search(programme, budgets, z, best)
    return search.run()


def excess(found: Candidates, plan: Plan, budgets: Array, z: Array) -> Array:
    """How far a plan's costs, plus z standard errors, are above the budgets."""
    _, cost, spread = found.totals(plan.cuts)
    return cost + z * np.sqrt(spread) - budgets


def _by_tangents(programme: Programme, budgets: Array, z: Array, best: Plan) -> Plan:
    """A good plan of the chance-constrained form: tangents of the constraint lie within it."""
    found = programme.found
    start = programme.solve(linear(found, budgets), best.gain, certified=False)
    plan = best if start is None else start
    _, cost, spread = found.totals(plan.cuts)
    slope = z * np.sqrt(spread / np.where(cost > 0, cost, 1.0))  # the variance goes with the cost
    point = ((np.sqrt(slope**2 + 4 * budgets) - slope) / 2) ** 2
    for _ in range(_TANGENTS):
        rows = chords(found, budgets, z, point, point)
        better = programme.solve(rows, best.gain, certified=False)
        if better is None:
            break
        best, point = better, found.totals(better.cuts)[1]
    return best


class _Search:
    """Branch and bound over ranges of the protected divergences."""

    def __init__(self, programme: Programme, budgets: Array, z: Array, best: Plan) -> None:
        self.programme, self.budgets, self.z, self.best = programme, budgets, z, best
        self.solved, self.left, self.bound = best.solved, best.left, best.gain
        self.heap: list[_Range] = []
        self.ties, self.looks = count(), count()
        for low, high in self._start(best):
            self._push(np.inf, low, high)

    def _start(self, best: Plan) -> list[tuple[Array, Array]]:
        """Ranges around the plan in hand, of the comparison that binds it."""
        found, least = self.programme.found, np.zeros(len(self.budgets))
        if not best.gain:
            return [(least, self.budgets)]
        cost = found.totals(best.cuts)[1]
        a = int((excess(found, best, self.budgets, self.z) / self.budgets).argmax())
        reach = np.sqrt(self.programme.gap * cost[a] * (self.budgets[a] - cost[a]))
        out = []
        for low, high in pairwise([0.0, cost[a] - reach, cost[a] + reach, self.budgets[a]]):
            ends = least.copy(), self.budgets.copy()
            ends[0][a], ends[1][a] = low, high
            out.append(ends)
        return out

    def _push(self, bound: float, low: Array, high: Array) -> None:
        heapq.heappush(self.heap, _Range(-bound, next(self.ties), low, high))

    def run(self) -> Plan:
        """The best plan, with the bound that the ranges leave."""
        bound = 0.0
        while self.heap:
            part = heapq.heappop(self.heap)
            if -part.key <= self.programme.beyond(self.best.gain):
                break
            if next(self.looks) == _LOOKS:
                bound = -part.key
                break
            self._look(part)
        bound = max(self.programme.beyond(self.best.gain), self.bound, bound)
        return Plan(self.best.cuts, self.best.gain, bound, self.solved, self.left)

    def _look(self, part: _Range) -> None:
        """Solve the relaxations of one range; halve it where none settles it."""
        plan: Plan | None = None
        relaxations = self._relaxations(part)
        for rows in relaxations:
            last = rows is relaxations[-1]
            plan = self.programme.solve(rows, self.best.gain, certified=last)
            if plan is None or self._keeps(plan):
                return
        if plan is not None:
            self._halve(part, plan)

    def _keeps(self, plan: Plan) -> bool:
        """Whether the optimum of a relaxation keeps the constraint itself; then it is the best."""
        self.solved, self.left = self.solved + plan.solved, max(self.left, plan.left)
        over = excess(self.programme.found, plan, self.budgets, self.z)
        if (over > TOLERANCE * self.budgets).any():
            return False
        self.best, self.bound = plan, max(self.bound, plan.bound)
        return True

    def _halve(self, part: _Range, plan: Plan) -> None:
        """Two ranges that meet where the plan is, which is in neither chord."""
        found = self.programme.found
        over = excess(found, plan, self.budgets, self.z) / self.budgets
        worst = int(over.argmax())
        cost = found.totals(plan.cuts)[1][worst]
        if not part.low[worst] < cost < part.high[worst]:
            cost = (part.low[worst] + part.high[worst]) / 2
        for side in (0, 1):
            ends = [part.low.copy(), part.high.copy()]
            ends[1 - side][worst] = cost
            self._push(plan.bound, *ends)

    def _relaxations(self, part: _Range) -> list[Rows]:
        """Upper ends and chords: one after the other where there is one budget, else together."""
        found = self.programme.found
        ends = linear(found, part.high)
        chord = chords(found, self.budgets, self.z, part.low, part.high)
        if len(self.budgets) == 1:
            return [ends, chord]
        return [
            Rows(
                np.concatenate([ends.weight, chord.weight]),
                np.concatenate([ends.fixed, chord.fixed]),
                np.concatenate([ends.limit, chord.limit]),
            )
        ]
