"""Arrangement: one order of rows, columns and variables, and one sign of every column.

Ranks make a portrait the same under monotone maps, and its sums under any order; but sums of
floating point numbers in another order differ in their last digits. Rows that are arranged first
give the same bits, whatever order and direction they came in.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from infometric.functional.portrait import normal_scores
from infometric.state.arrays import like
from infometric.typing import Array

Key = tuple[float, float]
Places = list[tuple[int, ...]]  # columns of both variables that may take each place
Taken = tuple[tuple[int, float], ...]  # columns and their signs
State = tuple[Array, Places, Taken]  # classes of the rows so far
WORK = 10_000_000  # values looked at where columns are alike
OVERHEAD = 500  # values that take as long as what comes with each column


class Arrangement(NamedTuple):
    """Where the rows and columns of a pair go."""

    rows: Array
    columns: tuple[Array, Array]  # of x and of y, in the order they take
    signs: tuple[Array, Array]  # of the columns in that order
    swapped: bool

    def of(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Both variables arranged; numpy or torch, (n_rows, n_columns) each."""
        found = [
            v[:, at][self.rows] * like(sign, v)
            for v, at, sign in zip((x, y), self.columns, self.signs, strict=True)
        ]
        return (found[1], found[0]) if self.swapped else (found[0], found[1])


def scores_of(x: Array) -> Array:
    """Normal scores of the columns of rows, (n_rows, n_columns)."""
    found: Array = normal_scores(x[None])[0]
    return found


def arrangement(x: Array, y: Array) -> Arrangement:
    """Arrangement of the normal scores of two variables.

    Sums that decide are exact (`math.fsum`), so that no order is part of them. Where some are
    equal, as of a factorial design, the arrangement is the one whose rows, in order, come first of
    all that remain; of more symmetry than `WORK` allows to go through, one that was reached.

    Parameters
    ----------
    x, y : ndarray of shape (n_rows, n_columns)
        Normal scores.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = (scores_of(rng.normal(size=(20, d))) for d in (3, 2))
    >>> order = rng.permutation(20)
    >>> first = arrangement(x, y).of(x, y)
    >>> again = arrangement(-y[order, ::-1], x[order]).of(-y[order, ::-1], x[order])
    >>> all(np.array_equal(a, b) for a, b in zip(first, again))
    True
    """
    both = np.hstack([x, y])
    weight = np.sort(both**2, axis=1).sum(axis=1)  # of a row: no order, no sign
    lean = np.array([math.fsum(c) for c in (both * weight[:, None]).T])
    mass = np.array([math.fsum(c) for c in (both**2 * weight[:, None]).T])
    keys = list(zip(np.abs(lean).tolist(), mass.tolist(), strict=True))
    width = x.shape[1]
    sides = [sorted(at, key=keys.__getitem__) for at in (range(width), range(width, len(keys)))]
    told = [(len(at), *(keys[i] for i in at)) for at in sides]
    orders = [(0, 1)] if told[0] < told[1] else [(1, 0)] if told[1] < told[0] else [(0, 1), (1, 0)]
    signs = {i: [float(np.sign(v))] if v else [1.0, -1.0] for i, v in enumerate(lean)}
    starts = [[c for side in order for c in _alike(sides[side], keys)] for order in orders]
    if len(starts) == 1 and all(len(c) == 1 for c in starts[0]) and lean.all():
        taken = tuple((c[0], signs[c[0]][0]) for c in starts[0])
    else:
        taken = _first(both, starts, signs)
    swapped = taken[0][0] >= width
    rows = np.lexsort((both[:, [i for i, _ in taken]] * [s for _, s in taken]).T[::-1])
    of = dict(taken)
    columns = [np.array([i for i in of if (i >= width) == second]) for second in (False, True)]
    turns = [np.array([of[i] for i in at.tolist()]) for at in columns]
    return Arrangement(rows, (columns[0], columns[1] - width), (turns[0], turns[1]), swapped)


def _alike(columns: list[int], keys: list[Key]) -> Places:
    """For each place the columns that may take it: those of equal keys."""
    groups = [tuple(group) for _, group in groupby(columns, key=keys.__getitem__)]
    return [group for group in groups for _ in group]


def _first(z: Array, starts: list[Places], signs: dict[int, list[float]]) -> Taken:
    """Columns and signs, one place after the other, whose sorted rows come first.

    Whatever is equal up to here is kept, once for the same columns and the same classes of rows.
    """
    n, work = len(z), WORK
    states: list[State] = [(np.zeros(n, dtype=np.intp), places, ()) for places in starts]
    for place in range(len(starts[0])):
        best: bytes | None = None
        found: dict[Any, State] = {}
        for classes, places, taken in states:
            if work < 0 and found:
                break
            used = {i for i, _ in taken}
            free = [(i, s) for i in places[place] if i not in used for s in signs[i]]
            for i, sign in free:
                work -= n + OVERHEAD
                values = sign * z[:, i] + 0.0  # one zero
                order = np.lexsort((values, classes))
                told = values[order].tobytes()
                if best is None or told < best:
                    best, found = told, {}
                if told == best:
                    new = _classes(values[order], classes[order], order)
                    key = frozenset(used | {i}), new.tobytes()
                    found.setdefault(key, (new, places, (*taken, (i, sign))))
        states = list(found.values())
    return states[0][2]


def _classes(values: Array, classes: Array, order: Array) -> Array:
    """Places of the rows' classes among all, by their class before and then by these values."""
    new = (np.diff(classes) != 0) | (np.diff(values) != 0)
    found = np.empty_like(order)
    found[order] = np.concatenate([[0], np.cumsum(new)])
    return found
