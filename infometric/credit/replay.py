"""Working recorded results out anew: what differs, and in which line."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from infometric.exceptions import DataError, InfometricError

_CLOSE = 1e-9  # relative: what another machine may differ by in the last digits


_PARTS = ("counts", "pairs", "results", "shifts", "alarms", "encoders", "policy")


def difference(mine: Any, theirs: Any, path: str = "", beside: tuple[str, ...] = ()) -> str | None:
    """Where two JSON values differ first, beyond the last digits; None where they are the same.

    Parameters
    ----------
    mine, theirs : object
        What was worked out, and what is recorded.
    path : str
        Where in the record they stand.
    beside : tuple of str
        Places that are not looked at, written as `path`.

    Examples
    --------
    >>> difference({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]})
    'a.1: 2.0 worked out, 2.5 recorded'
    """
    if isinstance(mine, dict) and isinstance(theirs, dict):
        mine, theirs = (
            {k: v for k, v in d.items() if f"{path}.{k}" not in beside} for d in (mine, theirs)
        )
        if list(mine) != list(theirs):
            return f"{path or 'keys'}: {list(mine)} worked out, {list(theirs)} recorded"
        pairs: Any = ((k, mine[k], theirs[k]) for k in mine)
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = ((str(k), a, b) for k, (a, b) in enumerate(zip(mine, theirs, strict=True)))
    else:
        numbers = all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in (mine, theirs)
        )
        same = math.isclose(mine, theirs, rel_tol=_CLOSE, abs_tol=1e-15) if numbers else (
            mine == theirs
        )  # fmt: skip
        return None if same else f"{path}: {mine!r} worked out, {theirs!r} recorded"
    found = (difference(a, b, f"{path}.{k}" if path else k, beside) for k, a, b in pairs)
    return next((where for where in found if where is not None), None)


def check_note(line: Mapping[str, Any], number: int, path: Any) -> None:
    """Refuse a period that goes by the name of another kind of record, and would be passed over.

    What users note in the log, of any kind of their own, is theirs.
    """
    parts = [name for name in _PARTS if name in line]
    if parts:
        raise DataError(
            f"Line {number} of {path} is of the kind {line['kind']!r}, and has the parts of what a "
            "monitor writes.",
            got=parts,
            hint="take the file from the last backup whose head you know; notes have names of "
            "their own",
        )


@contextlib.contextmanager
def of_line(number: int, path: Any) -> Iterator[None]:
    """Name the line of a record whose parts are missing or of another kind."""
    try:
        yield
    except InfometricError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise DataError(
            f"Line {number} of {path} does not follow the schema of its kind.",
            got=error,
            hint="take the file from the last backup whose head you know",
        ) from error
