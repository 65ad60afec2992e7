"""Table: what training keeps of tasks, a few hundred bytes each, never their rows.

A table is to a stream of tasks what a state is to data: tables of the same families add up.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from infometric.exceptions import DataError, MergeError, SourceError
from infometric.files import write_bytes
from infometric.typing import Array

SCHEMA_VERSION = 1
_TYPES: dict[str, type] = {
    "features": np.float32,
    "truth": np.float32,
    "se": np.float32,
    "family": np.int16,
    "n": np.int32,
    "dx": np.int32,
    "dy": np.int32,
    "parts": np.int16,
}
PARTS = 2  # families at most that a task of a combined one is made of


@dataclass(frozen=True)
class Table:
    """Portraits and truths of tasks.

    Parameters
    ----------
    features : array of shape (n_tasks, n_features), float32
        Portraits; see `infometric.functional.portrait`.
    truth, se : array of shape (n_tasks,), float32
        Mutual information, nats, and the standard error of that number.
    family : array of shape (n_tasks,), int16
        Place of a task's family in `families`.
    n, dx, dy : array of shape (n_tasks,), int32
        Rows, columns of X and columns of Y.
    parts : array of shape (n_tasks, 2), int16
        Places of the families that a task is made of, where it is of a combined one; -1 for none.
    families : tuple of str
        Names of the families.
    key : str
        Fingerprint of what drew the tasks; empty where nothing is known of it.

    Raises
    ------
    DataError
        Where the arrays do not fit together.

    Examples
    --------
    >>> one = Table.of(np.ones((2, 3)), [0.5, 1.0], 0, "toy", n=100, dx=1, dy=2)
    >>> both = one + one
    >>> len(both), both.families, both.rows(both.truth > 0.7).truth.tolist()
    (4, ('toy',), [1.0, 1.0])
    """

    features: Array
    truth: Array
    se: Array
    family: Array
    n: Array
    dx: Array
    dy: Array
    parts: Array
    families: tuple[str, ...]
    key: str = ""

    def __post_init__(self) -> None:
        for name, kind in _TYPES.items():
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), kind))
        sizes = {name: getattr(self, name).shape for name in _TYPES}
        one = self.features.ndim == 2 and len({shape[0] for shape in sizes.values()}) == 1
        flat = [name for name in _TYPES if name not in ("features", "parts")]
        one = one and self.parts.ndim == 2 and self.parts.shape[1] == PARTS
        if not one or any(len(sizes[name]) != 1 for name in flat):
            raise DataError(
                "The arrays of a table must have one entry a task.",
                got=sizes,
                hint="Table.of(features, truth, se, family, n=n, dx=dx, dy=dy)",
            )
        if len(self) and not 0 <= self.family.min() <= self.family.max() < len(self.families):
            raise DataError(
                "The families of the tasks must be places in `families`.",
                got=(int(self.family.min()), int(self.family.max())),
                hint=f"numbers from 0 to {len(self.families) - 1}",
            )

    @classmethod
    def of(
        cls, features: Array, truth: Array, se: Array | float, family: str, **shape: int
    ) -> Table:
        """Table of tasks of one family and shape: n rows, dx and dy columns."""
        m = len(features)
        n, dx, dy = (np.full(m, shape[name]) for name in ("n", "dx", "dy"))
        errors = np.broadcast_to(se, (m,))
        none = np.full((m, PARTS), -1)
        return cls(features, truth, errors, np.zeros(m), n, dx, dy, none, (family,))

    def __len__(self) -> int:
        return len(self.features)

    def __add__(self, other: Table) -> Table:
        return Table.joined([self, other])

    @classmethod
    def joined(cls, tables: list[Table]) -> Table:
        """Tables of the same families, one after the other.

        Raises
        ------
        MergeError
            Where they have other families, other features or another origin.
        """
        first = tables[0]
        for table in tables:
            for name, mine, theirs in zip(
                ("families", "keys", "numbers of features"), first._kind, table._kind, strict=True
            ):
                if mine != theirs:
                    raise MergeError(
                        f"Tables with different {name} do not add up.",
                        got=(mine, theirs),
                        hint="draw both by the same stream",
                    )
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(t, name) for t in tables]) for name in _TYPES
        }
        return cls(**arrays, families=first.families, key=first.key)

    @property
    def _kind(self) -> tuple[tuple[str, ...], str, int]:
        return self.families, self.key, self.features.shape[1]

    def rows(self, chosen: Array) -> Table:
        """The tasks chosen, by a mask or by their places."""
        arrays: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _TYPES}
        return Table(**arrays, families=self.families, key=self.key)

    def seen_by(self, seen: Array) -> Array:
        """Which tasks members may see, (members, n_tasks): all of whose families they see.

        Parameters
        ----------
        seen : array of shape (members, families), bool
            Who sees whom.
        """
        every = np.pad(seen, ((0, 0), (0, 1)), constant_values=True)  # no part hides from nobody
        found: Array = every[:, self.family] & every[:, self.parts].all(-1)
        return found

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write an npz file, beside its target and renamed.

        Raises
        ------
        OutputError
            Where the folder is absent or cannot be written.
        """
        about = {"families": self.families, "key": self.key, "schema_version": SCHEMA_VERSION}
        arrays: dict[str, Any] = {name: np.array(value) for name, value in about.items()}
        content = io.BytesIO()
        np.savez(content, **arrays, **{name: getattr(self, name) for name in _TYPES})
        return write_bytes(path, content.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Table:
        """Read what `save` wrote.

        Raises
        ------
        SourceError
            Where the file is absent, cut off, or no table.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {name: stored[name] for name in [f.name for f in fields(cls)]}
                version = int(stored["schema_version"])
            if version != SCHEMA_VERSION:
                raise ValueError(f"schema version {version}, not {SCHEMA_VERSION}")
            families, key = found.pop("families"), found.pop("key")
            return cls(**found, families=tuple(families.tolist()), key=str(key))
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{path} cannot be read as a table of tasks: {error}",
                hint="delete the file, and the run draws its tasks again",
            ) from error
