r"""Counts of records that come in clusters: several loans of a customer, a client in many months.

Records of a cluster are alike, so they say less than their number. With :math:`z_c` the sums of
weights of cluster c over all groups and cells, the state keeps the counts and the second moments

.. math:: M = \sum_c z_c z_c^\top,

from which the variance of a mean of cell values :math:`\psi`, centred in each group, is
:math:`u^\top M u` with :math:`u_{gk} = \psi_{gk} / n_g`. A cluster with records in both groups is
summed before it is squared, so that the same clients in two months are compared as pairs. With
one record a cluster, M is diagonal and the variance that of `Counts`.

References
----------
Rao, J. N. K., Scott, A. J. (1981). The analysis of categorical data from complex sample surveys.
J. Amer. Statist. Assoc. 76, 221-230. doi:10.1080/01621459.1981.10477633
Liang, K.-Y., Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models.
Biometrika 73, 13-22. doi:10.1093/biomet/73.1.13
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from infometric.exceptions import DataError, MergeError
from infometric.state.counts import Counts
from infometric.state.encoders import plain
from infometric.typing import Array

MOST_CELLS = 2_000  # groups x cells: second moments of 32 MB
_BLOCK = 4_000_000  # sums of weights held at once


@dataclass(frozen=True, eq=False)
class Members:
    """Who is in which cell: what second moments are made of. Kept in memory, never written.

    Parameters
    ----------
    ids : ndarray of shape (n_rows,)
        Cluster of each record.
    codes : ndarray of int, shape (n_rows,)
        ``group * n_cells + cell``.
    weights : ndarray of shape (n_rows,), optional
        Record weights; one by default.
    """

    ids: Array
    codes: Array
    weights: Array | None = None

    def joined(self, other: Members, shift: int = 0) -> Members:
        """Records of both, those of the other with their codes moved on by `shift`.

        Raises
        ------
        MergeError
            Where one has text and the other numbers as identities.
        """
        kinds = {m.ids.dtype.kind in "iuf" for m in (self, other)}
        if len(kinds) > 1:
            raise MergeError(
                "Clusters are named by numbers in one part and by text in the other.",
                got=[self.ids[:2].tolist(), other.ids[:2].tolist()],
                hint="frame[cluster].astype(str) in both",
            )
        weights = None
        if self.weights is not None or other.weights is not None:
            weights = np.concatenate(
                [np.ones(len(m.ids)) if m.weights is None else m.weights for m in (self, other)]
            )
        return Members(
            np.concatenate([self.ids, other.ids]),
            np.concatenate([self.codes, other.codes + shift]),
            weights,
        )

    def of_group(self, g: int, n_cells: int) -> Members:
        """Records of one group alone."""
        here = self.codes // n_cells == g
        weights = None if self.weights is None else self.weights[here]
        return Members(self.ids[here], self.codes[here] - g * n_cells, weights)

    def recoded(self, onto: Array) -> Members:
        """Records in other cells; those whose new code is negative are left out."""
        codes = onto[self.codes]
        here = codes >= 0
        if here.all():
            return Members(self.ids, codes, self.weights)
        weights = None if self.weights is None else self.weights[here]
        return Members(self.ids[here], codes[here], weights)


def second_moments(members: Members, n_groups: int, n_cells: int) -> tuple[Array, Array, int]:
    """Second moments of the clusters, their number in each group, and how many are in several.

    Examples
    --------
    >>> members = Members(np.array([7, 7, 9]), np.array([0, 1, 1]))
    >>> second_moments(members, 1, 2)[0].tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    width = n_groups * n_cells
    _, cluster = np.unique(members.ids, return_inverse=True)
    order = np.argsort(cluster, kind="stable")
    cluster, codes = cluster[order], members.codes[order]
    weights = None if members.weights is None else members.weights[order]
    total = int(cluster[-1]) + 1 if len(cluster) else 0
    moments, groups, shared = np.zeros((width, width)), np.zeros(n_groups, dtype=np.int64), 0
    step = max(1, _BLOCK // width)
    for start in range(0, total, step):
        stop = min(start + step, total)
        a, b = np.searchsorted(cluster, [start, stop])
        flat = (cluster[a:b] - start) * width + codes[a:b]
        w = None if weights is None else weights[a:b]
        sums = np.bincount(flat, w, (stop - start) * width).reshape(-1, width).astype(float)
        moments += sums.T @ sums
        there = (sums.reshape(-1, n_groups, n_cells) > 0).any(-1)
        groups += there.sum(0)
        shared += int((there.sum(1) > 1).sum())
    return moments, groups, shared


@dataclass(frozen=True, eq=False)
class ClusteredCounts(Counts):
    """Counts with the second moments of clusters; measures of it have cluster-robust errors.

    Parameters
    ----------
    table, shape, squares, key, cells, groups
        As of `Counts`; `squares` is the diagonal of the second moments.
    moments : ndarray of shape (..., n_groups * n_cells, n_groups * n_cells)
        Sum over clusters of the outer product of their weights by group and cell.
    clusters : tuple of int
        Number of clusters in each group.
    shared : int
        Number of clusters with records in more than one group.
    members : Members, optional
        The records, where they are still known: then parts may share clusters. Not part of JSON.

    Examples
    --------
    >>> from infometric.state.clusters import ClusteredCounts
    >>> loans = ClusteredCounts.from_records([7, 7, 9, 9, 4], [0, 0, 1, 1, 0], 2)
    >>> loans.table.tolist(), loans.clusters
    ([[3, 2]], (3,))
    >>> loans.moments.tolist()
    [[5.0, 0.0], [0.0, 4.0]]
    """

    moments: Array | None = None
    clusters: tuple[int, ...] = ()
    shared: int = 0
    members: Members | None = None
    capabilities: ClassVar[frozenset[str]] = frozenset({"influence"})
    independent: ClassVar[bool] = False
    reason: ClassVar[str] = ", because records of a cluster are not exchangeable"

    @classmethod
    def from_records(
        cls,
        ids: Any,
        codes: Any,
        n_cells: int,
        *,
        n_groups: int = 1,
        weights: Any = None,
        key: str = "",
        cells: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> Self:
        """Counts of records with their clusters.

        Parameters
        ----------
        ids : array-like of shape (n_rows,)
            Cluster of each record, numbers or text.
        codes : array-like of int, shape (n_rows,)
            ``group * n_cells + cell`` of each record.
        n_cells, n_groups : int
            Numbers of cells and of groups.
        weights : array-like of shape (n_rows,), optional
            Positive record weights.
        key, cells, groups
            As of `Counts`.

        Raises
        ------
        DataError
            Where there are too many cells to keep a moment for each pair of them.
        """
        weights = None if weights is None else np.asarray(weights, dtype=float)
        members = Members(np.asarray(ids), np.asarray(codes), weights)
        empty = np.zeros((n_groups, n_cells))
        shell = cls(
            empty,
            (n_cells,),
            empty,
            key,
            None if cells is None else tuple(cells),
            None if groups is None else tuple(groups),
        )
        return shell._filled(members, n_groups)

    def _filled(self, members: Members, n_groups: int) -> Self:
        """The same cells with the records given."""
        n_cells = self.n_cells
        check_width(n_groups * n_cells)
        table = np.bincount(members.codes, members.weights, n_groups * n_cells)
        moments, clusters, shared = second_moments(members, n_groups, n_cells)
        return replace(
            self,
            table=table.reshape(n_groups, n_cells),
            squares=np.diagonal(moments).reshape(n_groups, n_cells),
            moments=moments,
            clusters=tuple(clusters.tolist()),
            shared=shared,
            members=members,
        )

    @classmethod
    def stacked(cls, parts: Sequence[Counts], groups: Sequence[str] | None = None) -> Self:
        """Samples side by side; clusters that are in several are seen where members are known.

        Raises
        ------
        MergeError
            Where some parts know their clusters and others do not, so that nobody can say whether
            they share any.
        """
        known = [p for p in parts if isinstance(p, ClusteredCounts) and p.members is not None]
        if len(known) < len(parts):
            raise MergeError(
                "It is not known whether these samples share clusters: one of them was read back, "
                "or counted without.",
                got=[type(part).__name__ for part in parts],
                hint="count both with cluster='customer' in one session",
            )
        first = known[0]
        (members, *others) = [part.members for part in known if part.members is not None]
        n_groups = first.n_groups
        for part, more in zip(known[1:], others, strict=True):
            members = members.joined(more, n_groups * first.n_cells)
            n_groups += part.n_groups
        shell = replace(first, groups=None if groups is None else tuple(groups))
        return shell._filled(members, n_groups)  # type: ignore[return-value]

    # -- variance -----------------------------------------------------------------------------

    @property
    def _flat(self) -> Array:
        """Second moments."""
        if self.moments is None:
            raise DataError(
                "These counts hold no second moments.", hint="ClusteredCounts.from_records(...)"
            )
        return self.moments

    @cached_property
    def _matrix(self) -> Array:
        """Second moments as shape (..., n_groups, n_cells, n_groups, n_cells)."""
        return self._flat.reshape(*self._flat.shape[:-2], *self.table.shape[-2:] * 2)

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers of clusters."""
        return {"clusters": list(self.clusters), "clusters_in_both": self.shared}

    @property
    def unequal(self) -> bool:  # type: ignore[override]
        """True: an effective size does not hold for every cell alike."""
        return True

    @cached_property
    def n_eff(self) -> Array:  # type: ignore[override]
        """Records without clusters that would know as much of the shares, of each group.

        Rao and Scott's: cells - 1 over the trace of ``diag(1 / p) Var(p)``.
        """
        every = [self._share_covariance(g) for g in range(self.n_groups)]
        spread = np.stack([np.diagonal(v, axis1=-2, axis2=-1) for v in every], axis=-2)
        trace = np.divide(spread, self.p, out=np.zeros(self.p.shape), where=self.p > 0).sum(-1)
        free = (self.p > 0).sum(-1) - 1
        records = np.asarray(self.clusters, dtype=float)  # one cell: nothing to tell by
        return np.divide(free, trace, out=np.broadcast_to(records, trace.shape).copy(),
                         where=(trace > 0) & (free > 0))  # fmt: skip

    def _share_covariance(self, g: int) -> Array:
        """Covariance of the shares of one group, shape (..., n_cells, n_cells)."""
        sign = np.zeros(self.n_groups)
        sign[g] = 1.0
        return self._combined(sign)

    def _combined(self, sign: Array) -> Array:
        """Covariance of ``sum_g sign_g p_g``, shape (..., n_cells, n_cells)."""
        scale = sign / self.n  # (..., n_groups)
        m = self._matrix
        n_cells = self.n_cells
        # each cluster adds z_g - n_gc p_g: its records less those expected of it
        out = np.zeros((*m.shape[:-4], n_cells, n_cells))
        for g in range(self.n_groups):
            for h in range(self.n_groups):
                block = m[..., g, :, h, :]
                rows, columns = block.sum(-1), block.sum(-2)
                p, q = self.p[..., g, :], self.p[..., h, :]
                centred = (
                    block
                    - rows[..., :, None] * q[..., None, :]
                    - p[..., :, None] * columns[..., None, :]
                    + rows.sum(-1)[..., None, None] * p[..., :, None] * q[..., None, :]
                )
                out += (scale[..., g] * scale[..., h])[..., None, None] * centred
        return out

    def variance(self, influence: Array) -> Array:
        """Sampling variance of a functional, from its influence values, shape (...)."""
        u = self.centre(influence) / self.n[..., None]
        return np.einsum("...gk,...gkhl,...hl->...", u, self._matrix, u)

    def contrast_covariance(self) -> Array:
        """Covariance of ``p_0 - p_1``, shape (..., n_cells, n_cells)."""
        return self._combined(np.array([1.0, -1.0]))

    def contrast_traces(self, weights: Array) -> tuple[Array, Array | None]:
        """Traces of ``diag(weights) Var(p_0 - p_1)`` and of its square."""
        design = weights[..., :, None] * self.contrast_covariance()
        square = (design * np.swapaxes(design, -1, -2)).sum((-2, -1))
        return np.trace(design, axis1=-2, axis2=-1), square

    # -- other cells, groups and parts ----------------------------------------------------------

    def group(self, g: int) -> ClusteredCounts:
        """One of the samples, alone."""
        m = self._matrix[..., g, :, g, :]
        members = None if self.members is None else self.members.of_group(g, self.n_cells)
        alone = super().group(g)
        return ClusteredCounts(
            alone.table, alone.shape, alone.squares, alone.key, alone.cells, None,
            m, (self.clusters[g],), 0, members,
        )  # fmt: skip

    def with_table(self, table: Array) -> Counts:
        """The same cells with other counts, whose clusters nobody knows."""
        return Counts(table, self.shape, None, self.key, self.cells, self.groups)

    def with_half(self) -> ClusteredCounts:
        """As of `Counts`; each half record is a cluster of its own."""
        half = super().with_half()
        if half is self:
            return self
        added = (half.second - self.second).reshape(*self.table.shape[:-2], -1)
        moments = self._flat + np.eye(added.shape[-1]) * added[..., None, :]
        return replace(self, table=half.table, squares=half.squares, moments=moments, members=None)

    def merge_cells(self, onto: Array, cells: tuple[str, ...] | None = None) -> ClusteredCounts:
        """Counts over other cells: ``onto[k]`` is the new cell of cell k."""
        counts = super().merge_cells(onto, cells)
        size = counts.n_cells
        check_width(self.n_groups * size)
        flat = (np.arange(self.n_groups)[:, None] * size + onto).ravel()
        onto_cells = np.zeros((self.n_groups * size, len(flat)))
        onto_cells[flat, np.arange(len(flat))] = 1.0
        moments = onto_cells @ self._flat @ onto_cells.T
        return self._recelled(counts, moments, flat)

    def select_cells(self, keep: Array) -> ClusteredCounts:
        """Counts of some of the cells."""
        counts = super().select_cells(keep)
        here = np.arange(self.n_cells)[keep]
        place = np.full(self.n_cells, -1)
        place[here] = np.arange(len(here))
        size = len(here)
        rows = (np.arange(self.n_groups)[:, None] * self.n_cells + here).ravel()
        flat = np.where(place < 0, -1, np.arange(self.n_groups)[:, None] * size + place).ravel()
        return self._recelled(counts, self._flat[..., rows[:, None], rows], flat)

    def _recelled(self, counts: Counts, moments: Array, onto: Array) -> ClusteredCounts:
        members = None if self.members is None else self.members.recoded(onto)
        shape = counts.table.shape
        squares = np.diagonal(moments, axis1=-2, axis2=-1).reshape(shape)
        return ClusteredCounts(
            counts.table, counts.shape, squares, counts.key, counts.cells, counts.groups,
            moments, self.clusters, self.shared, members,
        )  # fmt: skip

    def __add__(self, other: Counts) -> ClusteredCounts:
        """Counts of the joined data; exact also where the parts share clusters and know them."""
        if not isinstance(other, Counts):
            return NotImplemented
        self._check_like(other)
        if not isinstance(other, ClusteredCounts):
            raise MergeError(
                "Counts with clusters and counts without cannot be joined.",
                got=(type(self).__name__, type(other).__name__),
                hint="count both with cluster='customer'",
            )
        if self.members is not None and other.members is not None:
            members = self.members.joined(other.members)
            return self._filled(members, self.n_groups)
        pairs = zip(self.clusters, other.clusters, strict=True)
        return replace(
            self,
            table=self.table + other.table,
            squares=self.second + other.second,
            moments=self._flat + other._flat,
            clusters=tuple(a + b for a, b in pairs),
            shared=self.shared + other.shared,
            members=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready representation, read back by `from_dict`; it names no cluster.

        Of the moments it holds those on and above the diagonal that are not zero, and where they
        stand: few cells of many share a cluster.
        """
        at = np.flatnonzero(np.triu(self._flat))
        return super().to_dict() | {
            "state": "clustered_counts",
            "moments_at": at.tolist(),
            "moments": [plain(v) for v in self._flat.ravel()[at].tolist()],
            "clusters": list(self.clusters),
            "shared": self.shared,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`; what it is joined with must not share its clusters."""
        clustered = isinstance(data, dict) and data.get("state") == "clustered_counts"
        counts = Counts.from_dict(data | {"state": "counts"} if clustered else data)
        width = counts.n_groups * counts.n_cells
        upper = np.zeros((*counts.table.shape[:-2], width, width))
        try:
            pairs = zip(data["moments_at"], data["moments"], strict=True)  # numpy would repeat
            at, values = (np.array(part) for part in zip(*pairs, strict=True))
            upper.flat[at.astype(np.int64)] = values
            clusters, shared = tuple(map(int, data["clusters"])), int(data["shared"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DataError(
                "These counts hold no second moments of their clusters that fit them.",
                got={"state": data.get("state"), "cells": width},
                hint="write it again with this version: counts.to_dict()",
            ) from error
        moments = upper + np.triu(upper, 1).swapaxes(-1, -2)
        return cls(
            counts.table, counts.shape, counts.squares, counts.key, counts.cells, counts.groups,
            moments, clusters, shared,
        )  # fmt: skip


def check_width(width: int) -> None:
    """Error where there are too many cells to keep a moment for each pair of them."""
    if width > MOST_CELLS:
        raise DataError(
            f"Clusters need a moment for every pair of cells, for {MOST_CELLS} cells of all groups "
            "at most.",
            got=width,
            hint="group rare categories, or take fewer bins",
        )


def state_from_dict(data: dict[str, Any]) -> Counts:
    """Counts of a dictionary, with clusters or without."""
    clustered = isinstance(data, dict) and data.get("state") == "clustered_counts"
    return (ClusteredCounts if clustered else Counts).from_dict(data)
