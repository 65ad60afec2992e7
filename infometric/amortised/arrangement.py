"""Arrangement: one order of rows, columns and variables, and one sign of every column.

Ranks make a portrait the same under monotone maps, and its sums under any order; but sums of
floating point numbers in another order differ in their last digits. Rows that are arranged first
give the same bits, whatever order and direction they came in.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from infometric.functional.portrait import normal_scores
from infometric.state.arrays import like
from infometric.typing import Array


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

    Sums that decide are exact (`math.fsum`), so that no order is part of them. Where columns cannot
    be told apart they stay as they are.

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
    keys = [
        list(zip(np.abs(lean[at]).tolist(), mass[at].tolist(), strict=True))
        for at in (slice(0, x.shape[1]), slice(x.shape[1], None))
    ]
    columns = [np.array(sorted(range(len(k)), key=k.__getitem__)) for k in keys]
    told = [(len(k), *(k[i] for i in at)) for k, at in zip(keys, columns, strict=True)]
    swapped = bool(told[1] < told[0])
    split = [lean[: x.shape[1]][columns[0]], lean[x.shape[1] :][columns[1]]]
    sides = [x[:, columns[0]], y[:, columns[1]]]
    signs = _signs(sides, split, swapped)
    ordered = np.hstack([v * s for v, s in zip(sides, signs, strict=True)][:: -1 if swapped else 1])
    rows = np.lexsort(ordered.T[::-1])
    return Arrangement(rows, (columns[0], columns[1]), signs, swapped)


def _signs(sides: list[Array], lean: list[Array], swapped: bool) -> tuple[Array, Array]:
    """Sign of each column: that of its lean, or of its correlation with the first that has none."""
    signs = [np.sign(v) for v in lean]
    reference: Array | None = None
    for side in (1, 0) if swapped else (0, 1):
        for j in np.flatnonzero(signs[side] == 0):
            column = sides[side][:, j]
            if reference is None:
                reference = column
            signs[side][j] = -1.0 if math.fsum(column * reference) < 0 else 1.0
    return signs[0], signs[1]
