"""Periods of a monitored model: their order, and counts whose categories come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import betainc

from infometric.credit.cells import merge_lacking
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder
from infometric.typing import Array

MOST_NAMED = 4  # categories that the name of a joined cell spells out
_BY_CHANCE = 1e-6  # so little is added to the size of a test by what is kept for its own sake


def place(period: str) -> tuple[int, float, str]:
    """Order of periods: numbers by size, before texts by letters.

    Examples
    --------
    >>> sorted(["10", "9", "2026-01", "2025-12"], key=place)
    ['9', '10', '2025-12', '2026-01']
    """
    try:
        return 0, float(period), ""
    except ValueError:
        return 1, 0.0, period


def trimmed(s: Counts, encoder: Encoder) -> Counts:
    """Counts without cells of categories that this period does not have, nor the encoder."""
    if s.n_cells == encoder.n_cells:
        return s
    known = set(encoder.labels)
    keep = np.array([n > 0 or label in known
                     for n, label in zip(s.table.sum(0), s.cells or (), strict=True)])  # fmt: skip
    return s.select_cells(keep)


def joint_labels(parts: Sequence[Counts], encoder: Encoder) -> tuple[str, ...]:
    """Cells of an encoder and, before "other" and "missing", those that any of the parts adds."""
    known = encoder.labels
    new = {label for part in parts for label in part.cells or () if label not in known}
    return (*known[:-2], *sorted(new), *known[-2:]) if new else known


def over(s: Counts, labels: tuple[str, ...]) -> Counts:
    """Counts over a longer list of cells."""
    if s.cells == labels:
        return s
    onto = {label: k for k, label in enumerate(labels)}
    return s.merge_cells(np.array([onto[label] for label in s.cells or ()]), labels)


def without_thin(s: Counts, *, ordered: bool = True) -> Counts:
    """Counts of two samples without thin cells, which are joined.

    A cell is thin where less than one record is expected of it in either sample. What is expected
    depends on the two together, so a test is not bent by looking at it: a category of a third of
    the records stays, though the reference has none of it, and a single missing record does not
    take the interval away. Only a thin cell whose records chance would not share out so once in a
    million times (all thin cells taken together) stays too: a new category, say.

    Parameters
    ----------
    s : Counts
        Two groups.
    ordered : bool
        Whether neighbours are alike: thin cells are then joined with the smaller neighbour. Those
        of categories are all joined in one, since their order may know of the samples: categories
        that are new in one of them stand side by side.

    Examples
    --------
    >>> s = Counts.from_counts([[500, 500, 0], [60, 39, 1]], cells=["a", "b", "missing"])
    >>> without_thin(s).cells
    ('a', 'b + missing')
    >>> without_thin(Counts.from_counts([[500, 500, 0], [40, 30, 30]])).n_cells
    3
    >>> tail = Counts.from_counts([[500, 300, 3, 5, 0], [99, 60, 0, 0, 1]], cells=list("abcde"))
    >>> without_thin(tail, ordered=False).cells
    ('a', 'b', 'c + d + e')
    """
    per_record = float(s.n_eff.min() / s.n.sum())
    thin = (s.table.sum(0) * per_record < 1) & s.occupied
    if not thin.any():
        return s
    limit = _BY_CHANCE / thin.sum()

    def lacking(cell: Any) -> bool:
        return sum(cell) * per_record < 1 and chance_of(cell, s) > limit

    if ordered:
        return merge_lacking(s, lacking)
    s = s.select_cells(s.occupied)
    return _pooled(s, np.array([lacking(cell) for cell in s.table.T]), per_record)


def chance_of(cell: Any, s: Counts) -> float:
    """Chance that the smaller sample has so many of a cell's records, where both are alike."""
    n, small = s.n_eff, int(np.argmin(s.n_eff))
    effective = np.asarray(cell) * n / s.n
    x = float(effective[small])
    return float(betainc(x, effective.sum() - x + 1, n[small] / n.sum())) if x > 0 else 1.0


def _pooled(s: Counts, gone: Array, per_record: float) -> Counts:
    """Some cells in one; with the smallest other, where they are not enough for a cell."""
    total, rest = s.table.sum(0), np.flatnonzero(~gone)
    if not gone.any():
        return s
    if total[gone].sum() * per_record < 1 and rest.size:
        gone = gone.copy()
        gone[rest[np.argmin(total[rest])]] = True
    names = np.array(s.cells or tuple(map(str, range(s.n_cells))), dtype=object)
    first, few = int(np.argmax(gone)), gone.sum() <= MOST_NAMED
    label = " + ".join(names[gone]) if few else f"{gone.sum()} rare categories"
    keep = ~gone
    keep[first] = True
    onto = np.where(gone, first, np.arange(s.n_cells))
    names[first] = label
    return s.merge_cells((np.cumsum(keep) - 1)[onto], tuple(names[keep]))


def same_counts(a: Counts, b: Counts) -> bool:
    """Whether two samples have the same cells, counts and weights."""
    if a.key != b.key or a.cells != b.cells or not np.array_equal(a.table, b.table):
        return False
    return a.weighted == b.weighted and bool(np.allclose(a.second, b.second, rtol=1e-12, atol=0.0))
