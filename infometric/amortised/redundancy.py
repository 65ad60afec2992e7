"""Redundancy: columns that say nothing beside others of their variable, and how much it can say.

A copy of a column, or a column that is a linear function of the others, changes no information; but
neighbours and correlations among such columns are unlike any of training.
"""

from __future__ import annotations

import numpy as np

from infometric.amortised.arrangement import arrangement
from infometric.typing import Array

EXACT = 1e-10  # residual variance of a column given the others: what rounding leaves of nothing
NEAR = 3e-6  # below which a column is nearly a function of the others, as few of training are
SPARE = 10  # rows beyond the columns from which a small residual is no chance
FEW = 5  # rows for each distinct one from which a variable counts as discrete
DEVIATIONS = 2.0  # standard errors of an entropy that are allowed for


def distinct(scores: Array) -> Array:
    """Mask of the columns that are neither constant nor copies of an earlier one, up to the sign.

    Examples
    --------
    >>> z = np.array([[-1.0, 1.0, 0.0, 0.5], [0.0, 0.0, 0.0, -1.0], [1.0, -1.0, 0.0, 0.5]])
    >>> distinct(z).tolist()
    [True, False, False, True]
    """
    seen: set[bytes] = set()
    kept = np.zeros(scores.shape[1], dtype=bool)
    for j, column in enumerate(scores.T):
        if not column.size or (column == column[0]).all():
            continue
        # plus zero: there is no zero below zero
        both = [(sign * column + 0.0).tobytes() for sign in (1.0, -1.0)]
        kept[j] = not seen.intersection(both)
        seen.update(both)
    return kept


def needed(x: Array, y: Array) -> tuple[tuple[Array, Array], tuple[bool, bool]]:
    """Columns to read, and whether those of each variable are nearly functions of each other.

    Parameters
    ----------
    x, y : ndarray of shape (n_rows, n_columns)
        Normal scores.

    Returns
    -------
    kept : (ndarray, ndarray) of bool
        Not constant, no copies, and none a linear function of the others: which of several such
        columns stay depends on the rows alone, not on their order, and any choice spans the same.
    near : (bool, bool)
        Whether a column that stays has less than 3e-6 of its variance to itself.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 1))
    >>> kept, near = needed(np.column_stack([x, x[:, 0] + x[:, 1]]), y)
    >>> int(kept[0].sum()), int(kept[1].sum()), near
    (2, 1, (False, False))
    """
    kept = [distinct(v) for v in (x, y)]
    if not all(k.any() for k in kept):
        return (kept[0], kept[1]), (False, False)
    sides = [v[:, k].astype(float) for v, k in zip((x, y), kept, strict=True)]
    if not any(_doubtful(v) for v in sides):
        return (kept[0], kept[1]), (False, False)
    # rows and columns in an order of their own first, so that rounding decides nothing
    order = arrangement(sides[0], sides[1])
    near = []
    for side, (v, at) in enumerate(zip(sides, order.columns, strict=True)):
        chosen, small = _independent(v[:, at][order.rows] * order.signs[side])
        places = np.flatnonzero(kept[side])
        kept[side] = np.zeros(len(kept[side]), dtype=bool)
        kept[side][places[at[chosen]]] = True
        near.append(small)
    return (kept[0], kept[1]), (near[0], near[1])


def _standardised(v: Array) -> Array:
    centred = v - v.mean(0)
    found: Array = centred / np.sqrt((centred**2).sum(0))
    return found


def _doubtful(v: Array) -> bool:
    """Whether any column may be nearly a function of the others: the least eigenvalue bounds it."""
    if v.shape[1] == 1:
        return False
    z = _standardised(v)
    return bool(np.linalg.eigvalsh(z.T @ z)[0] < 2 * NEAR)


def _independent(v: Array) -> tuple[Array, bool]:
    """Columns none of which is a linear function of those before, and whether one nearly is."""
    z = _standardised(v)
    n, d = z.shape
    basis = np.empty((n, 0))
    chosen = []
    for j in range(d):
        rest = z[:, j]
        if basis.shape[1] < n - 3:  # beyond, few rows make every column a function of others
            for _ in range(2):  # the second time for what rounding left
                rest = rest - basis @ (basis.T @ rest)
            if float(rest @ rest) <= EXACT:
                continue
            basis = np.column_stack([basis, rest / np.sqrt(rest @ rest)])
        chosen.append(j)
    if len(chosen) < 2 or n - len(chosen) < SPARE:
        return np.array(chosen), False
    inverse = np.linalg.inv(basis.T @ z[:, chosen])  # triangular
    share = (n - 1) / (n - len(chosen))
    return np.array(chosen), bool(share / (inverse**2).sum(1).max() < NEAR)


def most_information(x: Array, y: Array) -> float:
    """Entropy that no information can exceed, nats: of a discrete variable; else infinity.

    Plug-in entropy of the distinct rows, where there are fewer than one in five, with its bias
    (Miller 1955) and two standard errors.

    Parameters
    ----------
    x, y : ndarray of shape (n_rows, n_columns)
        Values or their scores.

    Examples
    --------
    >>> x = np.arange(100.0)[:, None]
    >>> round(most_information(x, x > 49), 3), most_information(x, x)
    (0.698, inf)
    """
    return min(_entropy_bound(v) for v in (x, y))


def _entropy_bound(v: Array) -> float:
    n = len(v)
    codes = [np.unique(c, return_inverse=True)[1] for c in v.T]
    if any((c.max() + 1) * FEW >= n for c in codes):
        return float(np.inf)
    counts = np.unique(np.column_stack(codes), axis=0, return_counts=True)[1]
    if len(counts) * FEW >= n:
        return float(np.inf)
    p = np.sort(counts) / n
    surprise = -np.log(p)
    entropy = float((p * surprise).sum())
    spread = float((p * (surprise - entropy) ** 2).sum())
    return entropy + (len(p) - 1) / (2 * n) + DEVIATIONS * (spread / n) ** 0.5
