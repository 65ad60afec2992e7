r"""Counts: independent multinomial samples (groups x cells), or one joint table with a shape.

The table is sufficient for every measure of discrete data, adds exactly, and comes out of any
engine that can ``GROUP BY``. With record weights the cell sums of :math:`w` and :math:`w^2` are
kept: the variance of a mean of cell values :math:`\psi` over group :math:`g` is

.. math:: \sum_k W^{(2)}_{gk} (\psi_{gk} - \bar\psi_g)^2 / W_g^2,

which is the multinomial variance where all weights are one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import DataError, MergeError, UnsupportedError
from infometric.typing import Array

SCHEMA_VERSION = 1
LARGEST_TOTAL = 2.0**53
LEAST_TOTAL = 1.5  # below it fractions are no sample, but probabilities that were rounded


@dataclass(frozen=True, eq=False)
class Counts:
    """Cell counts of one or more groups, batched over leading axes.

    Parameters
    ----------
    table : ndarray of shape (..., n_groups, n_cells)
        Counts, or sums of weights. Integer counts stay integers.
    shape : tuple of int, optional
        Shape of the cells of one group: ``(k, l)`` makes a joint table of two variables.
    squares : ndarray like `table`, optional
        Sums of squared weights; None where every record weighs one.
    key : str
        Fingerprint of the encoder that made the cells.
    cells, groups : tuple of str, optional
        Labels.

    Examples
    --------
    >>> from infometric import Counts
    >>> a = Counts.from_counts([[3, 1], [2, 2]])
    >>> (a + a).table.tolist()
    [[6, 2], [4, 4]]
    """

    table: Array
    shape: tuple[int, ...] = ()
    squares: Array | None = None
    key: str = ""
    cells: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    capabilities: ClassVar[frozenset[str]] = frozenset(
        {"influence", "resample", "leave_out", "permute"}
    )
    independent: ClassVar[bool] = True  # records of each other, groups of each other

    def __post_init__(self) -> None:
        if not isinstance(self.table, np.ndarray) or self.table.ndim < 2:
            raise DataError(
                "A table of counts is an array of groups x cells.",
                got=self.table,
                hint="Counts.from_counts([12, 7, 3])",
            )
        if not self.shape:
            object.__setattr__(self, "shape", (self.table.shape[-1],))

    @classmethod
    def from_counts(
        cls,
        counts: Any,
        *,
        joint: bool = False,
        squares: Any = None,
        cells: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        key: str = "",
    ) -> Self:
        """Counts from an array that holds them.

        Parameters
        ----------
        counts : array-like
            ``(n_cells,)`` for one sample, ``(n_groups, n_cells)`` for independent samples; with
            ``joint=True`` an array of any dimension that is one joint table. Fractions that sum
            to one are probabilities: measures of them have a value, and no interval or test.
        joint : bool
            Whether the axes are variables of one sample instead of groups and cells.
        squares : array-like, optional
            Sums of squared weights, of the shape of `counts`, where records carry weights.
        cells, groups : sequence of str, optional
            Labels.
        key : str
            Fingerprint of the encoder, where one made the cells.

        Raises
        ------
        DataError
            Where a count is negative or not finite, where a group is empty, or where fractions sum
            to neither one nor a sample.

        Examples
        --------
        >>> Counts.from_counts([[30, 10], [10, 30]], joint=True).shape
        (2, 2)
        """
        table = check_table(counts)
        shape = table.shape if joint else table.shape[-1:]
        flat = table.reshape(1, -1) if joint else np.atleast_2d(table)
        if not joint and table.ndim > 2:
            raise DataError(
                "Counts of groups x cells have at most two axes.",
                got=table.shape,
                hint="Counts.from_counts(array, joint=True) for a joint table",
            )
        empty = np.flatnonzero(flat.sum(-1) == 0)
        if empty.size:
            raise DataError(
                "Every group needs at least one record.",
                got={"empty groups": empty.tolist()},
                hint="leave the empty rows out of the counts",
            )
        totals = flat.sum(-1)
        little = squares is None and flat.dtype.kind == "f" and (totals < LEAST_TOTAL).any()
        if little and (np.abs(totals - 1) >= 1e-9).any():
            raise DataError(
                "Fractions that sum to one are probabilities, and more are counts.",
                got={"sums": totals.tolist()},
                hint="Counts.from_counts(p / p.sum()), or counts of records",
            )
        second = None if squares is None else check_table(squares)
        for what, given, wanted in (
            ("squares", second, table.size),
            ("cells", cells, flat.shape[1]),
            ("groups", groups, flat.shape[0]),
        ):
            if given is not None and np.size(given) != wanted:
                raise DataError(
                    f"There must be one of {what} for each of {wanted}.",
                    got=list(given) if what != "squares" else np.shape(given),
                    hint=f"{what}=… of the shape of the counts, or leave it out",
                )
        second = None if second is None else second.reshape(flat.shape)
        return cls(
            flat,
            shape,
            second,
            key,
            None if cells is None else tuple(cells),
            None if groups is None else tuple(groups),
        )

    @classmethod
    def stack(cls, parts: Sequence[Counts], groups: Sequence[str] | None = None) -> Self:
        """Independent samples with the same cells, side by side as groups.

        Raises
        ------
        MergeError
            Where the parts were encoded differently.
        """
        if not len(parts) or not all(isinstance(part, Counts) for part in parts):
            raise DataError(
                "Stacking puts Counts side by side.",
                got=[type(part).__name__ for part in parts],
                hint="Counts.stack([Counts.from_counts([3, 4]), Counts.from_counts([5, 6])])",
            )
        first = parts[0]
        for part in parts[1:]:
            first._check_like(part, groups=False)
        clustered = next((type(part) for part in parts if hasattr(part, "stacked")), None)
        if clustered is not None:
            return clustered.stacked(parts, groups)
        weighted = any(part.weighted for part in parts)
        return cls(
            np.concatenate([part.table for part in parts], axis=-2),
            first.shape,
            np.concatenate([part.second for part in parts], axis=-2) if weighted else None,
            first.key,
            first.cells,
            None if groups is None else tuple(groups),
        )

    @property
    def n_groups(self) -> int:
        """Number of independent samples."""
        return int(self.table.shape[-2])

    @property
    def n_cells(self) -> int:
        """Number of cells, observed or not."""
        return int(self.table.shape[-1])

    @property
    def weighted(self) -> bool:
        """Whether records carry weights."""
        return self.squares is not None

    @property
    def second(self) -> Array:
        """Sums of squared weights: the counts themselves where there are no weights."""
        return self.table if self.squares is None else self.squares

    @cached_property
    def n(self) -> Array:
        """Total count (or weight) of each group, shape (..., n_groups)."""
        return self.table.sum(-1)

    @cached_property
    def n_eff(self) -> Array:
        """Kish's effective sample size of each group: (sum w)^2 / sum w^2."""
        return self.n.astype(float) ** 2 / self.second.sum(-1)

    @cached_property
    def unequal(self) -> bool:
        """Whether the weights of a group differ: equal ones are a unit of measurement."""
        if self.squares is None:
            return False
        mean = self.squares.sum(-1, keepdims=True) / self.table.sum(-1, keepdims=True)
        return not np.allclose(self.squares, self.table * mean, rtol=1e-9, atol=0.0)

    @cached_property
    def shares(self) -> bool:
        """Whether these are probabilities: fractions that sum to one in every group.

        They say nothing of a sample size, so a measure of them has a value and no error.
        """
        if self.squares is not None or self.table.dtype.kind in "iub":
            return False
        return bool((np.abs(self.n - 1) < 1e-9).all() and (self.table % 1 != 0).any())

    @cached_property
    def p(self) -> Array:
        """Shares, shape (..., n_groups, n_cells)."""
        return self.table / self.n[..., None]

    @cached_property
    def occupied(self) -> Array:
        """Cells that hold a record of any group, shape (..., n_cells)."""
        return self.table.sum(-2) > 0

    @property
    def facts(self) -> dict[str, Any]:
        """Diagnostics that only this state knows."""
        return {}

    @property
    def observed(self) -> Array:
        """Number of occupied cells of each group, shape (..., n_groups)."""
        return (self.table > 0).sum(-1)

    @cached_property
    def expected(self) -> Array:
        """Counts expected if groups (or variables) were independent, same shape as `table`.

        In units of effective records, so that a rule of thumb on counts also serves weights.
        """
        if len(self.shape) > 1:
            joint, axes = self.joint.astype(float), range(-len(self.shape), 0)
            total = joint.sum(tuple(axes), keepdims=True)
            flat = total
            for axis in axes:
                others = tuple(a for a in axes if a != axis)
                flat = flat * (joint.sum(others, keepdims=True) / total)
            flat = flat.reshape(self.table.shape)
        else:
            total = self.n.sum(-1, dtype=float)[..., None, None]
            flat = self.table.sum(-2, keepdims=True) * (self.n[..., None] / total)
        return flat * (self.n_eff / self.n)[..., None]

    @property
    def joint(self) -> Array:
        """The table of a single group in its own shape, ``(..., *shape)``."""
        if self.n_groups != 1:
            raise UnsupportedError(
                "A joint table is one sample.",
                got={"groups": self.n_groups},
                hint="Counts.from_counts(array, joint=True)",
            )
        return self.table.reshape(self.table.shape[:-2] + self.shape)

    def group(self, g: int) -> Counts:
        """One of the independent samples, alone."""
        squares = None if self.squares is None else self.squares[..., [g], :]
        return Counts(self.table[..., [g], :], self.shape, squares, self.key, self.cells)

    def with_table(self, table: Array) -> Counts:
        """The same cells with other counts (a batch of replicates, say), unweighted."""
        return replace(self, table=table, squares=None)

    def with_half(self) -> Counts:
        """Add half a record to every occupied cell of those tables that have an empty cell.

        Cells that are empty in all groups stay empty. Tables without an empty cell are returned
        as they are, so the step is idempotent. A record of a weighted group is its mean weight,
        sum w^2 / sum w.
        """
        if self.shares:  # half of no record
            return self
        occupied = self.occupied[..., None, :]
        sparse = (occupied & (self.table == 0)).any((-2, -1), keepdims=True)
        if not sparse.any():
            return self
        record = (self.n / self.n_eff)[..., None]
        half = 0.5 * (occupied & sparse)
        squares = None if self.squares is None else self.squares + half * record**2
        return replace(self, table=self.table + half * record, squares=squares)

    def centre(self, influence: Array) -> Array:
        """Influence values minus their mean within each group."""
        return influence - (self.p * influence).sum(-1, keepdims=True)

    def variance(self, influence: Array) -> Array:
        """Sampling variance of a functional, from its influence values, shape (...)."""
        psi = self.centre(influence)
        return ((self.second * psi**2).sum(-1) / self.n.astype(float) ** 2).sum(-1)

    def contrast_traces(self, weights: Array) -> tuple[Array, Array | None]:
        """Trace of ``diag(weights) Var(p_0 - p_1)``, and of its square where that is needed.

        Cells of weighted records alone need no second: their design effects are nearly alike.
        """
        p = self.p
        spread = self.second * (1 - 2 * p) + p**2 * self.second.sum(-1, keepdims=True)
        return (weights[..., None, :] * spread / self.n[..., None] ** 2).sum((-2, -1)), None

    def merge_cells(self, onto: Array, cells: tuple[str, ...] | None = None) -> Counts:
        """Counts over other cells: ``onto[k]`` is the new cell of cell k.

        Coarser cells are labelled by what they hold; `cells` labels those that may be more.
        """
        size = int(onto.max()) + 1 if cells is None else len(cells)

        def joined(table: Array) -> Array:
            out = np.zeros((*table.shape[:-1], size), dtype=table.dtype)
            np.add.at(out.swapaxes(-1, 0), onto, table.swapaxes(-1, 0))
            return out

        labels = cells
        if cells is None and self.cells is not None:
            parts: list[list[str]] = [[] for _ in range(size)]
            for label, j in zip(self.cells, onto, strict=True):
                parts[j].append(label)
            labels = tuple(map(" + ".join, parts))
        squares = None if self.squares is None else joined(self.squares)
        return Counts(joined(self.table), (size,), squares, self.key, labels, self.groups)

    def select_cells(self, keep: Array) -> Counts:
        """Counts of some of the cells."""
        labels = None if self.cells is None else tuple(np.array(self.cells, object)[keep])
        squares = None if self.squares is None else self.squares[..., keep]
        table = self.table[..., keep]
        return Counts(table, table.shape[-1:], squares, self.key, labels, self.groups)

    def __add__(self, other: Counts) -> Counts:
        """Counts of the joined data."""
        if not isinstance(other, Counts):
            return NotImplemented
        self._check_like(other)
        weighted = self.weighted or other.weighted
        return replace(
            self,
            table=self.table + other.table,
            squares=self.second + other.second if weighted else None,
        )

    def _check_like(self, other: Counts, *, groups: bool = True) -> None:
        for what in ("key", "shape", "cells", "groups") if groups else ("key", "shape", "cells"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise MergeError(
                    f"Counts with different {_SPOKEN[what]} cannot be joined.",
                    got=(mine, theirs),
                    hint="encode both with one encoder: bins=fitted.encoders_",
                )
        if groups and self.n_groups != other.n_groups:
            raise MergeError(
                "Counts with different numbers of groups cannot be joined.",
                got=(self.n_groups, other.n_groups),
                hint="Counts.stack([a, b]) to compare them as groups",
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "state": "counts",
            "table": self.table.tolist(),
            "shape": list(self.shape),
            "squares": None if self.squares is None else self.squares.tolist(),
            "key": self.key,
            "cells": None if self.cells is None else list(self.cells),
            "groups": None if self.groups is None else list(self.groups),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        if not isinstance(data, Mapping):
            raise DataError("Counts are read from a dictionary.", got=data, hint="counts.to_dict()")
        version = data.get("schema_version")
        if version != SCHEMA_VERSION or data.get("state") != "counts":
            raise DataError(
                f"This is not a counts state of schema version {SCHEMA_VERSION}.",
                got={"state": data.get("state"), "schema_version": version},
                hint="write it again with this version: counts.to_dict()",
            )
        lost = {"table", "shape", "squares", "key", "cells", "groups"} - set(data)
        if lost:
            raise DataError(
                f"These counts are in pieces: {', '.join(sorted(lost))} not there.",
                got=dict(data),
                hint="write it again with this version: counts.to_dict()",
            )
        table, shape = np.asarray(data["table"]), tuple(data["shape"])
        squares = None if data["squares"] is None else np.asarray(data["squares"])
        check_table(table)
        fits = table.ndim >= 2 and math.prod(shape) == table.shape[-1]
        if squares is not None:
            check_table(squares)
            fits = fits and squares.shape == table.shape
        if not fits:
            raise DataError(
                "These counts do not fit their shape.",
                got={
                    "table": table.shape,
                    "shape": shape,
                    "squares": None if squares is None else squares.shape,
                },
                hint="write it again with this version: counts.to_dict()",
            )
        return cls(
            table,
            shape,
            squares,
            data["key"],
            None if data["cells"] is None else tuple(data["cells"]),
            None if data["groups"] is None else tuple(data["groups"]),
        )


def is_whole(s: Counts) -> bool:
    """Whether the table counts records, each with the same weight."""
    return s.table.dtype.kind in "iub" and not s.unequal


def whole_counts(
    s: Counts, who: str, hint: str = "bias='miller_madow'", *, why: str = ""
) -> Counts:
    """Counts of records; an error where they are weights or fractions.

    `why` is the reason it gives, `hint` what serves instead.

    Raises
    ------
    UnsupportedError
        Where records differ in weight, or counts are not whole.
    """
    if is_whole(s) and s.squares is None:
        return s
    records = s.table if s.squares is None else s.table * (s.n_eff / s.n)[..., None]
    if not s.unequal and np.allclose(records, np.rint(records), rtol=1e-9, atol=0):
        return s.with_table(np.rint(records).astype(np.int64))
    raise UnsupportedError(
        f"{who} {why or 'reads the unseen from records that are alone in their cell'}: it needs "
        "whole, unweighted counts.",
        got={"weights": "unequal"}
        if s.unequal
        else records.ravel()[records.ravel() % 1 != 0][:5].tolist(),
        hint=hint,
    )


def coverage(s: Counts) -> Array:
    """Good and Turing's estimate of the share of the distribution that was seen, ``1 - f1 / N``."""
    records = s.table * (s.n_eff / s.n)[..., None] if s.weighted else s.table
    return 1 - (records == 1).sum((-2, -1)) / s.n_eff[..., 0]


_SPOKEN = {"key": "encoders", "shape": "shapes", "cells": "cells", "groups": "groups"}


def check_table(counts: Any) -> Array:
    """Array of counts as integers where they are whole, floats otherwise; an error if invalid."""
    try:
        table = np.asarray(counts)
        if table.dtype.kind not in "iub":
            table = np.asarray(counts, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            "Counts must be numbers.", got=counts, hint="Counts.from_counts([12, 7, 3])"
        ) from error
    if table.ndim == 0 or table.size == 0:
        raise DataError(
            "Counts must be an array with at least one cell.",
            got=counts,
            hint="Counts.from_counts([12, 7, 3])",
        )
    if not np.isfinite(table).all() or (table < 0).any():
        bad = table[~np.isfinite(table) | (table < 0)]
        raise DataError(
            "Counts must be finite and not negative.",
            got=bad[:5].tolist(),
            hint="look at the cells counts[~(counts >= 0)]",
        )
    if float(table.astype(float).sum()) > LARGEST_TOTAL:
        raise DataError(
            f"Counts must sum to {LARGEST_TOTAL:g} at most, beyond which they are not exact.",
            got=float(table.astype(float).sum()),
            hint="Counts.from_counts(counts / 1000)",
        )
    whole = table.dtype.kind in "iub" or bool((table == np.rint(table)).all())
    return table.astype(np.int64) if whole else table
