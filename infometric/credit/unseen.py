"""Values in bins that held no record in the fit: nothing is known of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from infometric.exceptions import DataError, Shown
from infometric.state.encoders import MISSING, CategoryEncoder, Column, Encoder
from infometric.typing import Array

_SHOWN = 5


def count_unknown(column: Column, codes: Array, encoder: Encoder, blank: Array) -> dict[str, int]:
    """How often each value stands in a bin of which nothing is known.

    Parameters
    ----------
    column : Column
        Values.
    codes : ndarray of int, shape (n_rows,)
        Their bins.
    encoder : Encoder
        The bins.
    blank : ndarray of bool, shape (n_cells,)
        Bins that held no record in the fit.
    """
    hit = blank[codes]
    if not hit.any():
        return {}
    if isinstance(encoder, CategoryEncoder):
        column = column.as_levels()
        seen = np.bincount(column.values[hit] + 1, minlength=1)
        names = [MISSING, *map(str, column.levels or ())]
    else:
        seen = np.bincount(codes[hit])
        names = list(encoder.labels)
    return {names[k]: int(seen[k]) for k in np.flatnonzero(seen)}


def refuse_unknown(name: str, found: Mapping[str, int]) -> None:
    """Error for values of which nothing is known."""
    raise DataError(
        f"{sum(found.values())} value(s) of {name!r} are in bins without any record in fit.",
        got=shown_counts(found),
        hint="unseen='neutral' gives them the points of no evidence, 'worst' the least",
    )


def shown_counts(found: Mapping[str, int]) -> Shown:
    """Values and how often they occur, the most frequent first.

    Examples
    --------
    >>> shown_counts({"boat": 1, "yacht": 2})
    'yacht' (2x), 'boat' (1x)
    """
    ordered = sorted(found.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{what!r} ({count}x)" for what, count in ordered[:_SHOWN])
    more = len(ordered) - _SHOWN
    return Shown(f"{shown} and {more} more" if more > 0 else shown)
