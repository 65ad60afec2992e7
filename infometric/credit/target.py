"""Which of two classes is the event, or the favourable decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from infometric.exceptions import DataError
from infometric.sources import open_table
from infometric.state.encoders import Column
from infometric.validation import FrameTable, census_of

# texts that name the event plainly; any other pair of texts has no order that means anything
EVENTS = frozenset({"bad", "default", "defaulted", "event", "yes", "true", "1"})
FAVOURABLE = frozenset(
    {"approved", "approve", "accept", "accepted", "yes", "true", "1", "granted", "hired"}
)


def plain_event(column: Column, event: Any = None) -> Any:
    """The event of a binary target, as it was said or as one of two texts plainly says.

    Of numbers and truth values the greater one is the event, and None leaves it at that. The
    order of texts says nothing: "good" stands behind "bad".

    Parameters
    ----------
    column : Column
        The target, or its census.
    event : optional
        What the caller said.

    Raises
    ------
    DataError
        Where the classes are two texts, and not exactly one of them names the event.

    Examples
    --------
    >>> plain_event(Column("paid", np.array([0, 1, 0]), None, ("good", "bad")))
    'bad'
    """
    return _plainly(
        column,
        event,
        EVENTS,
        "event",
        f"The classes of the target {column.name!r} are two texts, and which of them is the event "
        "is not plain: taken the other way round, every score would be upside down.",
    )


def plain_favourable(column: Column, favourable: Any = None) -> Any:
    """The favourable one of two decisions, as it was said or as one of two texts plainly says.

    Parameters
    ----------
    column : Column
        The decisions.
    favourable : optional
        What the caller said.

    Raises
    ------
    DataError
        Where the decisions are two texts, and not exactly one of them is plainly favourable.

    Examples
    --------
    >>> plain_favourable(Column("loan", np.array([0, 1, 0]), None, ("approved", "declined")))
    'approved'
    """
    return _plainly(
        column,
        favourable,
        FAVOURABLE,
        "favourable",
        f"The decisions {column.name!r} are two texts, and which of them is favourable is not "
        "plain: taken the other way round, the ratio would be of refusals.",
    )


def _plainly(column: Column, said: Any, words: frozenset[str], parameter: str, what: str) -> Any:
    """What was said, or the one of two texts that is among the words; None of other classes."""
    if said is not None:
        return said
    column = column.as_levels()
    levels = column.levels or ()
    used = np.bincount(column.values.astype(np.int64) + 1, minlength=len(levels) + 1)[1:] > 0
    classes = sorted((v for v, there in zip(levels, used, strict=True) if there), key=str)
    if len(classes) != 2 or not all(isinstance(v, str) for v in classes):
        return None
    named = [v for v in classes if v.strip().lower() in words]
    if len(named) == 1:
        return named[0]
    hint = f"{parameter}={classes[0]!r}, or {parameter}={classes[1]!r}"
    raise DataError(what, got=classes, hint=hint)


def event_last(classes: tuple[Any, Any]) -> tuple[Any, Any]:
    """The two classes with the one last that plainly names the event; as they are where none does.

    Examples
    --------
    >>> event_last(("bad", "good"))
    ('good', 'bad')
    """
    named = [isinstance(v, str) and v.strip().lower() in EVENTS for v in classes]
    return classes[::-1] if named == [True, False] else classes


def event_of(X: Any, y: Any, event: Any = None) -> Any:
    """The same of a target as a fit takes it; None where it cannot be read, which the fit says.

    Parameters
    ----------
    X : array-like, frame, path or Table
        What stands beside the target, or holds it.
    y : array-like or str
        Target, or the name of its column.
    event : optional
        What the caller said.
    """
    if event is not None or y is None:
        return event
    if isinstance(y, str):
        table = open_table(X)
        return plain_event(table.census(y)[0]) if y in table.names else None
    target = FrameTable(y, name="y")
    if len(target.names) != 1:
        return None
    return plain_event(census_of(target.column(target.names[0]))[0])
