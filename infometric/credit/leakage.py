"""Cells with one class of the target, too large for an accident: the target may be known there."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from infometric.functional.base import Caution
from infometric.state.counts import Counts
from infometric.state.encoders import Encoder, IntervalEncoder, format_number

_CHANCE = math.log(1e-3)  # of calling an honest column leaky
_EVIDENCE = 3.0  # nats: more weight of evidence than a characteristic has that does not know
_SHOWN = 5


def pure_cell(labels: tuple[str, ...], s: Counts) -> str | None:
    """The largest cell with one class, in words, where its evidence is beyond belief.

    Even the least share of that class that such a cell agrees with must be worth 3 nats: a cell of
    few records, or without events where events are rare, is no news.

    Examples
    --------
    >>> from infometric import Counts
    >>> pure_cell(("a", "b"), Counts.from_counts([[900, 0], [300, 400]]))
    "'b' (400 records, all events)"
    >>> pure_cell(("a", "b"), Counts.from_counts([[900, 0], [300, 4]])) is None
    True
    """
    records = s.table * (s.n_eff / s.n)[:, None]
    total = np.maximum(records.sum(0), 1e-9)
    share = records.sum(1) / records.sum()
    chance = _CHANCE - math.log(s.occupied.sum())  # any of that many cells may be the one
    least = chance / total - np.log(-np.expm1(chance / total))  # log odds of the one class
    mine = np.where(s.table[0] > 0, share[0], share[1])
    evidence = least - np.log(mine / (1 - mine))
    pure = (s.table == 0).any(0) & s.occupied & (evidence > _EVIDENCE)
    if not pure.any():
        return None
    k = int(np.argmax(np.where(pure, total, 0)))
    kind = "non-events" if s.table[0, k] > 0 else "events"
    return f"{labels[k]!r} ({format_number(float(s.table[:, k].sum()))} records, all {kind})"


def leaks_of(encoders: Mapping[str, Encoder], counts: Mapping[str, Counts]) -> dict[str, str]:
    """Columns with such a cell, or such a run of intervals, and what it is in words."""
    found = {name: pure_cell(*pure_runs(encoders[name], s)) for name, s in counts.items()}
    return {name: text for name, text in found.items() if text is not None}


def pure_runs(encoder: Encoder, s: Counts) -> tuple[tuple[str, ...], Counts]:
    """Cells with neighbouring intervals of the same one class joined: fine ones alone say little.

    Examples
    --------
    >>> from infometric import Counts, IntervalEncoder
    >>> labels, s = pure_runs(
    ...     IntervalEncoder((0.0, 5.0)), Counts.from_counts([[9, 0, 0, 1], [2, 3, 4, 1]])
    ... )
    >>> labels, s.table.tolist()
    (('(-inf, 0)', '[0, inf)', 'missing'), [[9, 0, 1], [2, 7, 1]])
    """
    labels = encoder.labels
    if not isinstance(encoder, IntervalEncoder):
        return labels, s
    size = len(encoder.edges) + 1
    kind = np.where(s.table[0] == 0, 1, np.where(s.table[1] == 0, 2, 0))[:size]
    new = np.ones(s.n_cells, dtype=bool)
    new[1:size] = (kind[1:] == 0) | (kind[1:] != kind[:-1])
    onto = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], s.n_cells) - 1
    joined = tuple(
        labels[a] if a == b else f"{labels[a].split(', ')[0]}, {labels[b].split(', ')[1]}"
        for a, b in zip(starts, ends, strict=True)
    )
    return joined, s.merge_cells(onto)


def leak_text(leaks: Mapping[str, str]) -> str:
    """Columns and cells as one text."""
    shown = "; ".join(f"{name}: {what}" for name, what in list(leaks.items())[:_SHOWN])
    more = len(leaks) - _SHOWN
    return f"{shown}; and {more} more" if more > 0 else shown


def leak_caution(what: str) -> Caution:
    """Caution of one column."""
    text = (
        f"one class only in {what}: the column may know the target, and bins that need both "
        "classes hide it"
    )
    return Caution("LeakageWarning", text)
