"""Cells of many numbers by a table of buckets, exact: a few passes in place of a binary search.

A number's bucket is a monotone function of it, in floating point too, so that
``bucket(x) > bucket(edge)`` proves ``x >= edge``. The table holds, for each bucket, the number of
edges in buckets before it: a cell that is never too high. Comparing with the next edge, as often as
the fullest bucket has edges, ends at the cell itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from infometric.typing import Array

_CHUNK = 1 << 14  # values per pass: chunks of all steps stay in the second-level cache
_PER_EDGE = 16  # buckets per edge
_MOST_PASSES = 4  # beyond it a binary search is as fast
_MOST_EDGES = 30_000  # cells are int16, with room for special codes
_EXACT = 2**53  # integers up to here are floats


@dataclass(frozen=True, eq=False)
class Lookup:
    """Buckets of a range of edges.

    Parameters
    ----------
    low, scale : float
        Bucket of x: the floor of ``(x - low) * scale``, cut to the table.
    first : ndarray of int
        Least cell of each bucket.
    ends : ndarray of float
        Edge above each cell; NaN above the last, which nothing reaches.
    passes : int
        Number of edges of the fullest bucket.
    """

    low: float
    scale: float
    first: Array
    ends: Array
    passes: int

    @classmethod
    def of(cls, edges: Array) -> Self | None:
        """Table of ascending edges; None where some bucket would hold too many of them.

        Examples
        --------
        >>> lookup = Lookup.of(np.arange(100.0))
        >>> lookup.cells(np.array([-1.0, 0.0, 41.5, 99.0, 1e300, np.nan])).tolist()
        [0, 1, 42, 100, 100, 0]
        """
        size = _PER_EDGE * len(edges)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            scale = float(size / (edges[-1] - edges[0]))
        if not np.isfinite(scale) or scale == 0:
            return None
        table = cls(
            float(edges[0]), scale, np.zeros(size + 1, np.int16), np.append(edges, np.nan), 0
        )
        filled = np.bincount(table._buckets(edges), minlength=size + 1)
        passes = int(filled.max())
        if passes > _MOST_PASSES or len(edges) > _MOST_EDGES:
            return None
        first = np.concatenate([[0], np.cumsum(filled)[:-1]]).astype(np.int16)
        return cls(table.low, scale, first, table.ends, passes)

    def _buckets(self, x: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            t = x - self.low
            t *= self.scale
        np.fmax(t, 0.0, out=t)  # NaN too
        np.fmin(t, len(self.first) - 1.0, out=t)
        return t.astype(np.int32)

    def cells(self, x: Array) -> Array:
        """Number of edges that are at most each value, shape (n,); zero for NaN.

        `x` are floats, or integers that floats can hold.
        """
        out = np.empty(len(x), dtype=np.int16)
        for start in range(0, len(x), _CHUNK):
            part = x[start : start + _CHUNK].astype(np.float64, copy=False)
            cell = self.first[self._buckets(part)]
            for _ in range(self.passes):
                cell += part >= self.ends[cell]
            out[start : start + _CHUNK] = cell
        return out


def convertible(x: Array) -> bool:
    """Whether floats hold all values exactly."""
    if x.dtype.kind == "f":
        return bool(x.dtype.itemsize <= 8)
    if x.dtype.itemsize <= 4:
        return True
    return not x.size or bool(x.min() >= -_EXACT and x.max() <= _EXACT)
