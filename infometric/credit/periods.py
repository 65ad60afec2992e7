"""Periods of a monitored model: their order, and counts whose categories come and go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import betainc

from infometric.credit.cells import merge_lacking
from infometric.exceptions import DataError
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder
from infometric.typing import Array

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_DIGITS = re.compile(r"\d+")
_NOTED = re.compile(r"(.*\d)(?: (\D+))?")
_MONTH = re.compile(
    r"\b(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?"
    r"|oct(ober)?|nov(ember)?|dec(ember)?)\b",
    re.IGNORECASE,
)
MOST_NAMED = 4  # categories that the name of a joined cell spells out
_BY_CHANCE = 1e-6  # so little is added to the size of a test by what is kept for its own sake


Place = tuple[str, tuple[float, ...], str]  # the kind of name, its numbers, and a note


def place(period: str) -> Place:
    """Kind of a period's name, and its place among those of this kind.

    The numbers in the name say the place, the first one first: a date begins with its year. A
    note after it ("2026-04 corrected") comes after the same name without.

    Raises
    ------
    DataError
        Where the name says no place in time.

    Examples
    --------
    >>> place("2026-9") < place("2026-10") < place("2026-10 corrected")
    True
    >>> place("wave 9"), place("10.5")
    (('wave #', (9.0,), ''), ('#', (10.5,), ''))
    """
    if _NUMBER.fullmatch(period):
        return "#", (float(period),), ""
    found = _NOTED.fullmatch(period)
    stem, note = (found[1], found[2] or "") if found else (period, "")
    numbers = tuple(map(float, _DIGITS.findall(stem)))
    named = _MONTH.search(period)
    if not numbers or named or (len(numbers) > 1 and numbers[0] < 1000 <= numbers[-1]):
        raise DataError(
            f"The period {period!r} has no name that says its place in time.",
            got=period,
            hint="write 2026-09: numbers only, the year first",
        )
    return _DIGITS.sub("#", stem), numbers, note


def later(period: str, last: str) -> bool:
    """Whether a period comes after another.

    Raises
    ------
    DataError
        Where nobody can say, since their names are of two kinds.
    """
    mine, theirs = place(period), place(last)
    if mine[0] != theirs[0]:
        raise DataError(
            f"Periods go forward, and nobody can say whether {period!r} comes after {last!r}.",
            got={"period": period, "last": last},
            hint=f"write its name as that of {last!r}; 2026-09 is one that can go on",
        )
    return mine[1:] > theirs[1:]


def in_order(periods: Iterable[str]) -> list[str]:
    """Names of periods, the earliest first.

    Raises
    ------
    DataError
        Where they are of two kinds.

    Examples
    --------
    >>> in_order(["10", "9"]), in_order(["2026-1", "2025-12"])
    (['9', '10'], ['2025-12', '2026-1'])
    """
    names = list(periods)
    for name in names[1:]:
        later(name, names[0])
    return sorted(names, key=place)


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
