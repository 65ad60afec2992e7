"""Sample: the rows themselves, for what no table of counts can hold.

One or more independent groups of rows; each row holds one or more variables of one or more
dimensions. Joining appends rows, so the state is a monoid like the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from infometric.exceptions import DataError, MergeError
from infometric.state.arrays import namespace
from infometric.typing import Array

SCHEMA_VERSION = 1
Kind = Literal["continuous", "discrete"]
CONTINUOUS: Kind = "continuous"
Rows = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of paired variables, in independent groups.

    Parameters
    ----------
    groups : tuple of tuple of ndarray of shape (n_rows, n_dimensions)
        For each group its variables, all with the same number of rows.
    kinds : tuple of {"continuous", "discrete"}
        Kind of each variable; values of a discrete one are compared for equality alone.
    key : str
        Fingerprint of what the variables are; unlike keys do not join.

    Examples
    --------
    >>> from infometric import Sample
    >>> s = Sample.of([0.1, 0.4, 0.2], [1.0, 3.0, 2.5])
    >>> (s + s).n.tolist(), s.dims
    ([6], (1, 1))
    """

    groups: tuple[Rows, ...]
    kinds: tuple[Kind, ...]
    key: str = ""
    capabilities: ClassVar[frozenset[str]] = frozenset({"influence", "subsample", "permute"})
    reason: ClassVar[str] = ", for a copied row is a neighbour at distance zero"

    @classmethod
    def of(cls, *variables: Any, kinds: Sequence[Kind] | None = None, key: str = "") -> Self:
        """One group of paired variables, shape (n_rows,) or (n_rows, n_dimensions) each.

        Raises
        ------
        DataError
            Where there are no rows, lengths differ, or a value is not finite.
        """
        return cls.of_groups(variables, kinds=kinds, key=key)

    @classmethod
    def of_groups(
        cls, *groups: Sequence[Any], kinds: Sequence[Kind] | None = None, key: str = ""
    ) -> Self:
        """Independent groups, each a sequence of paired variables."""
        rows = tuple(tuple(as_rows(v, f"variable {i}") for i, v in enumerate(g)) for g in groups)
        named = tuple(kinds or (CONTINUOUS,) * len(rows[0] if rows else ()))
        _check_kinds(named, rows)
        if not rows or not all(rows) or len({len(g) for g in rows}) > 1:
            raise DataError(
                "Every group needs the same variables.",
                got={"variables of each group": [len(g) for g in rows]},
                hint="Sample.of(x, y), or Sample.of_groups([p], [q])",
            )
        for group in rows:
            _check_group(group)
        if len({tuple(v.shape[1] for v in g) for g in rows}) > 1:
            raise DataError(
                "The groups differ in the dimensions of a variable.",
                got=[tuple(v.shape[1] for v in g) for g in rows],
                hint="pass the same columns of both samples",
            )
        dims = ",".join(f"{k[:4]}:{v.shape[1]}" for k, v in zip(named, rows[0], strict=True))
        return cls(rows, named, f"{dims}/{key}" if key else dims)

    @property
    def n_groups(self) -> int:
        """Number of independent groups."""
        return len(self.groups)

    @property
    def n(self) -> Array:
        """Number of rows of each group."""
        return np.array([len(g[0]) for g in self.groups])

    @property
    def dims(self) -> tuple[int, ...]:
        """Dimensions of each variable."""
        return tuple(int(v.shape[1]) for v in self.groups[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows of the groups and dimensions of the variables, for messages."""
        return (*self.n.tolist(), *self.dims)

    @property
    def variables(self) -> Rows:
        """Variables of the first group."""
        return self.groups[0]

    def with_groups(self, groups: Sequence[Rows]) -> Self:
        """The same variables with other rows."""
        return replace(self, groups=tuple(groups))

    def take(self, *rows: Array) -> Self:
        """Some rows of each group."""
        return self.with_groups(
            [tuple(v[r] for v in g) for g, r in zip(self.groups, rows, strict=True)]
        )

    def split(self, parts: int, rng: np.random.Generator, block: int = 1) -> list[Self]:
        """Disjoint random parts of nearly equal size; `block` rows in a row stay together."""
        divided = [_dealt(int(n), parts, rng, block) for n in self.n]
        return [self.take(*rows) for rows in zip(*divided, strict=True)]

    def __add__(self, other: Sample) -> Sample:
        """Rows of both."""
        if not isinstance(other, Sample):
            return NotImplemented
        if self.key != other.key or self.n_groups != other.n_groups:
            raise MergeError(
                "Samples of different variables cannot be joined.",
                got=(self.key, other.key),
                hint="pass the same columns, in the same order",
            )
        return self.with_groups(
            [
                tuple(
                    namespace(pair[0]).concatenate(pair) for pair in zip(mine, theirs, strict=True)
                )
                for mine, theirs in zip(self.groups, other.groups, strict=True)
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "state": "sample",
            "groups": [[v.tolist() for v in g] for g in self.groups],
            "kinds": ",".join(self.kinds),
            "key": self.key,
        }

    def canonical(self) -> dict[str, Any]:
        """As `to_dict` with the rows in order: what two states of the same rows have in common."""
        return self.with_groups([tuple(_sorted(g)) for g in self.groups]).to_dict()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        whole = isinstance(data, dict) and {"groups", "kinds", "key"} <= set(data)
        if not whole or data["schema_version"] != SCHEMA_VERSION or data["state"] != "sample":
            raise DataError(
                f"This is not a sample of schema version {SCHEMA_VERSION}.",
                got=sorted(data) if isinstance(data, dict) else data,
                hint="write it again with this version: sample.to_dict()",
            )
        groups = tuple(tuple(np.asarray(v, dtype=float) for v in g) for g in data["groups"])
        return cls(groups, tuple(data["kinds"].split(",")), data["key"])


def as_rows(values: Any, name: str = "x", *words: str) -> Array:
    """Finite float64 array of shape (n_rows, n_dimensions); `words` as of `refuse_not_finite`.

    Raises
    ------
    DataError
        Where values are no numbers, or not finite, or have more than two axes.
    """
    try:
        found = np.asarray(values)
        if found.dtype.kind == "c":
            raise TypeError
        x = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must hold numbers.", got=values, hint="x.astype(float)") from error
    if x.ndim not in (1, 2) or x.size == 0:
        raise DataError(
            f"{name} must be rows of numbers, one or more dimensions each.",
            got={"shape": x.shape},
            hint="an array of shape (n_rows,) or (n_rows, n_dimensions)",
        )
    x = x.reshape(len(x), -1)
    refuse_not_finite(x, name, *words)
    return np.ascontiguousarray(x)


def refuse_not_finite(
    x: Array,
    name: str,
    why: str = "which have no neighbours",
    instead: str = "; the measures of counts take bins=10, where missing is a cell",
    hint: str = "",
) -> None:
    """Error for NaN and infinities, with their rows; `hint` stands in the place of our own."""
    fine = np.isfinite(x)
    if fine.all():
        return
    bad = np.flatnonzero(~fine.all(axis=1)) if x.ndim == 2 else np.flatnonzero(~fine)
    called = name if name.isidentifier() else "x"
    rows = ".all(axis=1)" if x.ndim == 2 and x.shape[1] > 1 else ""
    raise DataError(
        f"{name} contains NaN or infinity in {len(bad)} row(s), {why}.",
        got={"row": int(bad[0]), "value": np.atleast_1d(x[bad[0]]).tolist()},
        hint=hint
        or f"keep = np.isfinite({called}){rows}, then {called}[keep], and the same rows of what "
        f"it is paired with{instead}",
    )


def _check_kinds(kinds: tuple[Any, ...], rows: Sequence[Rows]) -> None:
    known = set(kinds) <= {"continuous", "discrete"}
    if not known or any(len(g) != len(kinds) for g in rows):
        raise DataError(
            "Every variable has a kind, 'continuous' or 'discrete', and every group the same.",
            got={"kinds": kinds, "variables": [len(g) for g in rows]},
            hint="Sample.of(label, x, kinds=('discrete', 'continuous'))",
        )


def _check_group(group: Rows) -> None:
    lengths = [len(v) for v in group]
    if len(set(lengths)) > 1:
        raise DataError(
            "The samples must have the same number of rows.",
            got=lengths,
            hint="pair the rows before you compare them",
        )


def _dealt(n: int, parts: int, rng: np.random.Generator, block: int) -> list[Array]:
    """Row numbers of each part, in order."""
    blocks = -(-n // block)
    owner = np.arange(blocks) % parts
    rng.shuffle(owner)
    owner = np.repeat(owner, block)[:n]
    return [np.flatnonzero(owner == part) for part in range(parts)]


def _sorted(group: Rows) -> list[Array]:
    rows = np.column_stack(group)
    order = np.lexsort(rows.T[::-1])
    return [v[order] for v in group]
