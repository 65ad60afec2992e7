"""Folds: independent samples whose cells were chosen on the rest of the data.

Cells that were chosen with the target make the rows they were chosen on look more telling than
they are. In folds, every row is counted with cells that the other folds chose; the parts are
independent tables, each with cells of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import DataError, MergeError
from infometric.state.counts import Counts
from infometric.typing import Array

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Folds:
    """Tables of counts, one of each fold.

    Parameters
    ----------
    parts : tuple of Counts
        Same groups in each, cells of its own.

    Examples
    --------
    >>> from infometric.state.counts import Counts
    >>> from infometric.state.folds import Folds
    >>> folds = Folds((Counts.from_counts([[9, 4], [3, 5]]), Counts.from_counts([[8, 5], [2, 6]])))
    >>> folds.n.tolist()
    [26, 16]
    """

    parts: tuple[Counts, ...]
    capabilities: ClassVar[frozenset[str]] = frozenset({"influence"})
    reason: ClassVar[str] = ", for it keeps one table of each fold"

    def __post_init__(self) -> None:
        groups = {part.n_groups for part in self.parts}
        if len(groups) != 1:
            raise DataError(
                "Folds are tables of counts with the same groups.",
                got={"tables": len(self.parts), "groups": sorted(groups)},
                hint="Folds((first, second)) of Counts with two groups each",
            )

    @cached_property
    def n(self) -> Array:
        """Total count (or weight) of each group, over all folds."""
        return np.sum([part.n for part in self.parts], axis=0)

    @property
    def n_groups(self) -> int:
        """Number of groups of each fold."""
        return self.parts[0].n_groups

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells of each fold."""
        return tuple(part.n_cells for part in self.parts)

    @property
    def shares(self) -> bool:
        """Whether these are probabilities, with no sample size: never."""
        return False

    @cached_property
    def share(self) -> Array:
        """Part of the effective records that each fold holds, shape (n_folds,)."""
        records = np.array([part.n_eff.sum(-1) for part in self.parts])
        return records / records.sum(0)

    @cached_property
    def key(self) -> str:
        """Fingerprint of the cells of all folds."""
        text = "|".join(part.key for part in self.parts)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __add__(self, other: Folds) -> Folds:
        """Folds of the joined data."""
        if not isinstance(other, Folds):
            return NotImplemented
        if len(self.parts) != len(other.parts):
            raise MergeError(
                "States of unlike numbers of folds cannot be joined.",
                got=(len(self.parts), len(other.parts)),
                hint="fit the rows together, or estimate with bins frozen: bins=fitted.encoders_",
            )
        return Folds(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "state": "folds",
            "parts": [part.to_dict() for part in self.parts],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises
        ------
        DataError
            Where these are no folds of the schema version that this library writes.
        """
        if data.get("schema_version") != SCHEMA_VERSION or data.get("state") != "folds":
            raise DataError(
                f"These are no folds of schema version {SCHEMA_VERSION}.",
                got={k: data.get(k) for k in ("state", "schema_version")},
                hint="write them again with this version: folds.to_dict()",
            )
        return cls(tuple(map(Counts.from_dict, data["parts"])))
