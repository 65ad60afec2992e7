"""Periods of a monitored model: their order, and counts whose categories come and go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infometric.credit.cells import merge_lacking
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder


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


def without_thin(s: Counts) -> Counts:
    """Counts of two samples whose thin cells are joined with a neighbour.

    A cell is thin where less than one record is expected of it in either sample. What is expected
    depends on the two together, so a test is not bent by looking at it: a category of a third of
    the records stays, though the reference has none of it, and a single missing record does not
    take the interval away.

    Examples
    --------
    >>> s = Counts.from_counts([[500, 500, 0], [60, 39, 1]], cells=["a", "b", "missing"])
    >>> without_thin(s).cells
    ('a', 'b + missing')
    >>> without_thin(Counts.from_counts([[500, 500, 0], [40, 30, 30]])).n_cells
    3
    """
    per_record = float(s.n_eff.min() / s.n.sum())
    if not ((s.table.sum(0) * per_record < 1) & s.occupied).any():
        return s
    return merge_lacking(s, lambda cell: sum(cell) * per_record < 1)


def same_counts(a: Counts, b: Counts) -> bool:
    """Whether two samples have the same cells, counts and weights."""
    if a.key != b.key or a.cells != b.cells or not np.array_equal(a.table, b.table):
        return False
    return a.weighted == b.weighted and bool(np.allclose(a.second, b.second, rtol=1e-12, atol=0.0))
