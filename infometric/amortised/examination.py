"""Families that are covered least, asked again: of tasks that had no part in the choice.

The least coverage of many families and bins of rows is low by chance alone, the more so as tasks
are drawn in batches of one shape. What is below a bound is asked again of fresh tasks, more of
them and in small batches; their numbers count, whichever way they come out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from infometric.amortised.evaluation import Row
from infometric.amortised.stream import Stream
from infometric.exceptions import InvalidParameterError

LEVEL = "0.9"  # intervals whose coverage decides
OF_A_SHARD = 40  # tasks of a family in a shard
BATCH = (1, 4)  # tasks of one shape


@dataclass(frozen=True)
class Examination:
    """Which families are asked again, and of how many tasks.

    Parameters
    ----------
    tasks : int
        Tasks of each family and bin of rows, rounded up to whole shards of 40.
    below : float
        Coverage of intervals of 90 % below which it is asked again.

    Raises
    ------
    InvalidParameterError
        Where there is no task to ask of, or the coverage is no share.

    Examples
    --------
    >>> rows = [{"family": name, "rows": [10, 100], "coverage": {"0.9": c}}
    ...         for name, c in (("clayton", 0.84), ("frank", 0.9))]
    >>> Examination(tasks=100, below=0.85).chosen(rows), Examination(tasks=100).shards
    ({(10, 100): ['clayton']}, 3)
    """

    tasks: int = 1000
    below: float = 0.88

    def __post_init__(self) -> None:
        checks = (
            ("tasks", self.tasks >= 1, "one or more", 1000),
            ("below", 0 <= self.below <= 1, "a share", 0.88),
        )
        for name, holds, wanted, usual in checks:
            if not holds:
                raise InvalidParameterError(
                    f"The {name!r} of an examination must be {wanted}.",
                    got=getattr(self, name),
                    hint=f"{name} = {usual}",
                )

    @property
    def shards(self) -> int:
        """Shards of a bin of rows."""
        return math.ceil(self.tasks / OF_A_SHARD)

    def chosen(self, found: list[Row]) -> dict[tuple[int, int], list[str]]:
        """Names of the families to ask again, by bins of rows."""
        out: dict[tuple[int, int], list[str]] = {}
        for row in found:
            if row["coverage"][LEVEL] < self.below:
                low, high = row["rows"]
                out.setdefault((low, high), []).append(row["family"])
        return out

    def streams(self, first: Stream, found: list[Row]) -> Iterator[Stream]:
        """A stream for each bin of rows, of tasks of the same law as the first."""
        for bounds, names in self.chosen(found).items():
            yield replace(
                first,
                families={name: first.families[name] for name in names},
                seed=first.seed + 1,
                bands=within(first.bands, bounds),
                tasks=OF_A_SHARD * len(names),
                batch_tasks=BATCH,
            )


def within(
    bands: tuple[tuple[int, int, float], ...], bounds: tuple[int, int]
) -> tuple[tuple[int, int, float], ...]:
    """Law of the rows, given that they are from the first bound to below the second.

    Examples
    --------
    >>> found = within(((10, 999, 0.9), (1000, 2000, 0.1)), (100, 5000))
    >>> [(low, high, round(share, 3)) for low, high, share in found]
    [(100, 999, 0.818), (1000, 2000, 0.182)]
    """
    out = []
    for low, high, share in bands:
        a, b = max(low, bounds[0]), min(high, bounds[1] - 1)
        if a <= b:  # log-uniform over whole numbers, both ends included
            part = math.log((b + 1) / a) / math.log((high + 1) / low)
            out.append((a, b, share * part))
    whole = sum(share for _, _, share in out)
    return tuple((a, b, share / whole) for a, b, share in out)


def settled(found: list[Row], again: list[Row]) -> list[Row]:
    """Rows of the first look, those that were asked again in place of their own.

    Examples
    --------
    >>> rows = [{"family": name, "rows": [10, 100], "tasks": 7} for name in ("clayton", "frank")]
    >>> [row["tasks"] for row in settled(rows, [{**rows[1], "tasks": 1000}])]
    [7, 1000]
    """
    of = {_cell(row): row for row in again}
    return [of.get(_cell(row), row) for row in found]


def _cell(row: Mapping[str, object]) -> tuple[object, str]:
    return row["family"], str(row["rows"])
