"""Columns that cannot be used: all of a table named in one error, with the line that omits them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from infometric.exceptions import ColumnError, DataError


class Refusals:
    """Errors of single columns, gathered until all columns were looked at.

    Parameters
    ----------
    names : sequence of str
        All columns of the table.

    Examples
    --------
    >>> refusals = Refusals(["age", "day", "id"])
    >>> for name in ("day", "id"):
    ...     with refusals.of(name):
    ...         raise DataError(f"Column {name!r} holds dates.")
    >>> refusals.settle()
    Traceback (most recent call last):
    ...
    infometric.exceptions.DataError: 2 of 3 columns cannot be used.
      Column 'day' holds dates.
      Column 'id' holds dates.
      Try: exclude=['day', 'id']
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._found: dict[str, DataError] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._found

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keep the error of one column for later."""
        try:
            yield
        except ColumnError:
            raise
        except DataError as error:
            self._found.setdefault(name, error)

    def settle(self) -> None:
        """Raise what was gathered: one error as it was, several as one that names all.

        Raises
        ------
        DataError
            Where a column was refused.
        """
        errors = list(self._found.values())
        if len(errors) == 1:
            raise errors[0]
        if errors:
            lines = (error.message.partition("\n")[0] for error in errors)
            raise DataError(
                f"{len(errors)} of {len(self._names)} columns cannot be used.\n  "
                + "\n  ".join(lines),
                hint=f"exclude={list(self._found)}",
            )
