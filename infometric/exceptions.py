"""Everything infometric raises or warns about.

::

    InfometricError
    ├── InvalidParameterError (ValueError)     a parameter outside its constraint
    ├── DataError (ValueError)                 data the measure is not defined on
    │   └── ColumnError (KeyError)             a column that is not there
    ├── MergeError (ValueError)                states that do not belong together
    ├── UnsupportedError (TypeError)           a functional x state x strategy that does not hold
    ├── SourceError (OSError)                  a file that cannot be read as a table
    ├── OutputError (OSError)                  a file that cannot be written
    └── MissingExtraError (ImportError)        an optional dependency that is not installed

    InfometricWarning (UserWarning)
    ├── SparseCellWarning                      empty or nearly empty cells
    │   └── UnseenWarning                      values in cells that no record of the fit was in
    ├── BiasWarning                            a value so biased that its interval leaves it out
    ├── ReliabilityWarning                     a value that cannot be relied on, without interval
    ├── SupportWarning                         samples that may have different supports
    ├── DegenerateWarning                      one cell only: the measure is zero by definition
    ├── LeakageWarning                         a bin with one class: the column may know the target
    └── SignWarning                            a coefficient against the evidence of its column

An error says what was wrong, the value seen, and the next line to type (``hint``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


def _shown(value: Any, limit: int = 120) -> str:
    """Representation of a value seen, cut to one readable line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Shown(str):
    """Text that stands for a value seen, printed as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class _Unseen:
    """Marks "no value to show": ``None`` is a value that can be seen."""


UNSEEN = _Unseen()


class InfometricError(Exception):
    """Base class of every error of this library.

    Parameters
    ----------
    what : str
        What was wrong, one sentence.
    got : object, optional
        The value seen.
    hint : str, optional
        The next line to type.

    Examples
    --------
    >>> from infometric.exceptions import DataError
    >>> print(DataError("The target must have two classes.", got=["a"], hint="y = y == 'a'"))
    The target must have two classes. Got ['a'].
      Try: y = y == 'a'
    """

    def __init__(self, what: str, *, got: Any = UNSEEN, hint: str | None = None) -> None:
        self.what = what
        self.got = got
        self.hint = hint
        seen = "" if got is UNSEEN else f" Got {_shown(got)}."
        advice = "" if hint is None else f"\n  Try: {hint}"
        self.message = what + seen + advice
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class InvalidParameterError(InfometricError, ValueError):
    """A parameter is outside its documented constraint."""


class DataError(InfometricError, ValueError):
    """The data are such that the measure is not defined on them."""


class ColumnError(DataError, KeyError):
    """A column was asked for that the table does not have."""

    @classmethod
    def missing(
        cls, name: str, available: Iterable[str], *, where: str = "the table"
    ) -> ColumnError:
        """Error for one absent column, naming the nearest column that exists."""
        available = [str(column) for column in available]
        near = difflib.get_close_matches(str(name), available, n=1, cutoff=0.4)
        hint = (
            f"use {near[0]!r}, the nearest name there is"
            if near
            else f"choose one of {_shown(available)}"
        )
        return cls(f"There is no column {name!r} in {where}.", hint=hint)


class MergeError(InfometricError, ValueError):
    """Two states or estimators differ in what must be equal to join them."""


class UnsupportedError(InfometricError, TypeError):
    """Theory or measurement does not support what was asked; the hint says what does."""


class SourceError(InfometricError, OSError):
    """A file or connection cannot be read as a table."""


class OutputError(InfometricError, OSError):
    """A result cannot be written where it was asked to go."""


class MissingExtraError(InfometricError, ImportError):
    """An optional dependency is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtraError:
        """Error for one absent package, with the line that installs it."""
        return cls(
            f"{package} is not installed; it belongs to the extra {extra!r}.",
            hint=f"pip install 'infometric[{extra}]'",
        )


class InfometricWarning(UserWarning):
    """Base class of every warning of this library, so that users can filter them."""


class SparseCellWarning(InfometricWarning):
    """Some cells are empty or nearly so; the text says what was done about it."""


class BiasWarning(InfometricWarning):
    """The bias of the value is larger than its interval is wide: read the interval."""


class ReliabilityWarning(InfometricWarning):
    """The bias may be larger than the interval would be wide: none is given."""


class SupportWarning(InfometricWarning):
    """One sample has rows where the other has nothing near: a divergence may be infinite."""


class DegenerateWarning(InfometricWarning):
    """Only one cell is left: the measure is zero by definition, not by evidence."""


class LeakageWarning(InfometricWarning):
    """A bin holds one class of the target only: the column may have been filled after the event."""


class SignWarning(InfometricWarning):
    """A coefficient has the sign opposite to the evidence of its own column."""


class UnseenWarning(SparseCellWarning):
    """Values fall in bins that held no record in `fit`: nothing is known of them."""


def and_list(items: Sequence[Any], *, limit: int = 5) -> Shown:
    """Join items for a message: ``'a', 'b' and 3 more``.

    Examples
    --------
    >>> and_list(["a", "b", "c"], limit=2)
    'a', 'b' and 1 more
    """
    shown = ", ".join(repr(item) for item in items[:limit])
    return Shown(shown if len(items) <= limit else f"{shown} and {len(items) - limit} more")
