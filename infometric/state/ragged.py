r"""Ragged arrays: one flat array of values and the offsets of its segments, and sums over segments.

A segment is a text here, its values those of its tokens. Every function is one pass over flat
arrays, whatever the lengths; empty segments have the value NaN.

The variance of a mean of dependent values is that of the circular block bootstrap, which needs no
resampling (Politis and Romano 1992): with deviations :math:`h_i`, blocks of length b and block sums
:math:`S_j = h_j + \dots + h_{j+b-1}` around the circle,

.. math:: V = \frac{1}{n^2 b \, (1 - b/n)} \sum_{j=1}^n S_j^2 .

The factor in brackets makes it the usual :math:`s^2 / n` where values are independent: block sums
of values that add up to zero are too small by it.

References
----------
Politis, D. N., Romano, J. P. (1992). A circular block-resampling procedure for stationary data. In
R. LePage, L. Billard (eds.), Exploring the limits of bootstrap, 263-270. Wiley.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from infometric.exceptions import MissingExtraError
from infometric.typing import Array

_SLOTS = 4096  # places of a text in the table of first occurrences
_TEXTS = 64  # texts in a block, whose table stays in the second cache
_ODD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio spreads whole numbers
_BLOCK = 1 << 15  # values of a block
_TOKENS = 1 << 18  # values worked on at a time, so that temporary arrays stay in the second cache


def compiled_kernels(engine: str = "auto") -> Any:
    """Module of compiled kernels, or None for those of numpy.

    Parameters
    ----------
    engine : {"auto", "numba", "numpy"}
        "auto" takes numba where it is installed.

    Raises
    ------
    MissingExtraError
        Where numba is asked for and not installed.
    """
    absent = find_spec("numba") is None
    if engine == "numpy" or (engine == "auto" and absent):
        return None
    if absent:
        raise MissingExtraError.of("numba", "fast")
    from infometric.state import _tokens_numba

    return _tokens_numba


@dataclass(frozen=True, eq=False)
class Ragged:
    """Values of segments one after another.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        All values.
    offsets : ndarray of int64, shape (n_segments + 1,)
        Where each segment begins; the last is the number of values.

    Examples
    --------
    >>> ragged = Ragged(np.array([1.0, 2.0, 6.0]), np.array([0, 2, 2, 3]))
    >>> len(ragged), ragged.means().tolist()
    (3, [1.5, nan, 6.0])
    """

    values: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def sizes(self) -> Array:
        """Number of values in each segment."""
        return np.diff(self.offsets)

    def owners(self) -> Array:
        """Segment of each value."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def sums(self) -> Array:
        """Sum of each segment in double precision; zero where it is empty."""
        return segment_sums(self.values, self.offsets)

    def means(self) -> Array:
        """Mean of each segment; NaN where it is empty."""
        return divided(self.sums(), self.sizes)

    def segments(self, start: int, stop: int) -> Ragged:
        """Some segments in a row; a view."""
        offsets = self.offsets[start : stop + 1]
        return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])

    def kept(self, mask: Array) -> Ragged:
        """The values that a mask keeps, each in its segment."""
        sizes = segment_sums(mask, self.offsets).astype(np.int64)
        return Ragged(self.values[mask], np.concatenate([[0], np.cumsum(sizes)]))

    def take(self, index: Array) -> Ragged:
        """Chosen segments, in the order of the choice."""
        sizes = self.sizes[index]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[index] - offsets[:-1], sizes)
        return Ragged(self.values[at], offsets)

    def __add__(self, other: Ragged) -> Ragged:
        values = np.concatenate([self.values, other.values])
        return Ragged(values, np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]))


def divided(total: Array, size: Array) -> Array:
    """Quotient, NaN where there is nothing to divide by."""
    return np.divide(total, size, out=np.full(np.shape(total), np.nan), where=np.asarray(size) > 0)


def segment_sums(values: Array, offsets: Array) -> Array:
    """Sum of each segment in double precision; zero where it is empty.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        All values.
    offsets : ndarray of shape (n_segments + 1,)
        From zero to the number of values.

    Examples
    --------
    >>> segment_sums(np.array([1, 2, 6]), np.array([0, 0, 2, 3, 3])).tolist()
    [0.0, 3.0, 6.0, 0.0]
    """
    sizes = np.diff(offsets)
    out = np.zeros(len(sizes))
    filled = sizes > 0
    starts = np.asarray(offsets[:-1])[filled]
    if len(starts):
        out[filled] = np.add.reduceat(values, starts, dtype=np.float64)
    return out


def spans(offsets: Array, values: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Ranges of segments that hold so many values at most, but one segment at least.

    Parameters
    ----------
    offsets : ndarray of shape (n_segments + 1,)
        Where each segment begins.
    values : int
        Values of a range.
    most : int, optional
        Segments of a range.

    Examples
    --------
    >>> list(spans(np.array([0, 3, 5, 9, 10]), 5))
    [(0, 2), (2, 4)]
    >>> list(spans(np.array([0, 3, 5, 9, 10]), 100, most=3))
    [(0, 3), (3, 4)]
    """
    n, start = len(offsets) - 1, 0
    while start < n:
        reach = int(np.searchsorted(offsets, offsets[start] + values, side="right")) - 1
        stop = min(max(reach, start + 1), n if most is None else start + most, n)
        yield start, stop
        start = stop


class FirstOccurrence:
    """Marks the first occurrence of each kind of token in each text; reuses its table.

    Positions are written into a small hash table of each text, later ones first, so that the
    earliest stays; the few tokens that lost their place to another kind go on to the next round,
    with another hash. Each round settles one kind at least for every place that is taken.
    """

    def __init__(self) -> None:
        self._table = np.empty(_TEXTS * _SLOTS, np.int32)

    def mark(self, ids: Array, offsets: Array) -> Array:
        """Mask of a block of at most `_TEXTS` texts, whose offsets begin at zero."""
        base = np.repeat(np.arange(len(offsets) - 1) * _SLOTS, np.diff(offsets))
        at = np.arange(len(ids), dtype=np.int32)
        winner = self._claim((ids & (_SLOTS - 1)) + base, at)
        first = winner == at
        left = np.flatnonzero(~first)
        left = left[ids[winner[left]] != ids[left]].astype(np.int32)
        multiplier = _ODD
        while len(left):
            spread = ids[left].astype(np.uint64) * np.uint64(multiplier)
            hashed = (spread >> np.uint64(40)).astype(np.int64)
            winner = self._claim((hashed & (_SLOTS - 1)) + base[left], left)
            first[winner] = True
            left = left[ids[winner] != ids[left]]
            multiplier = (multiplier * _ODD + 2) % 2**64  # odd again
        return first

    def _claim(self, place: Array, at: Array) -> Array:
        """Earliest position among those that have the same place."""
        self._table[place[::-1]] = at[::-1]
        return self._table.take(place)


def first_occurrences(ids: Array, offsets: Array) -> Array:
    """Mask of the first occurrence of each kind of token in each segment.

    Examples
    --------
    >>> first_occurrences(np.array([5, 7, 5, 5, 7]), np.array([0, 3, 5])).tolist()
    [True, True, False, True, True]
    """
    first = np.empty(len(ids), bool)
    marker = FirstOccurrence()
    for start, stop in spans(offsets, _BLOCK, _TEXTS):
        low, high = offsets[start], offsets[stop]
        first[low:high] = marker.mark(ids[low:high], offsets[start : stop + 1] - low)
    return first


@dataclass(frozen=True, eq=False)
class Lowest:
    """Means of the lowest values of segments.

    Parameters
    ----------
    mean : ndarray of shape (n_segments,)
        Mean of the lowest; NaN where a segment is empty.
    size : ndarray of int64, shape (n_segments,)
        How many they are.
    most : ndarray of shape (n_segments,)
        The greatest of them.
    """

    mean: Array
    size: Array
    most: Array


def lowest(ragged: Ragged, share: float) -> Lowest:
    """Mean of the lowest ``max(1, floor(share * n))`` values of each segment.

    Segments of one length are one matrix, so that a partition serves all of them.

    Examples
    --------
    >>> found = lowest(Ragged(np.array([4.0, 1.0, 3.0, 9.0]), np.array([0, 3, 4])), 0.7)
    >>> found.mean.tolist(), found.size.tolist()
    ([2.0, 9.0], [2, 1])
    """
    sizes = ragged.sizes
    # the product of a share and a length may fall just short of a whole number
    k = np.maximum(np.floor(share * sizes * (1 + 1e-12)), 1).astype(np.int64)
    mean, most = np.full(len(ragged), np.nan), np.full(len(ragged), np.nan)
    for length in np.unique(sizes[sizes > 0]).tolist():
        alike = np.flatnonzero(sizes == length)
        count = int(k[alike[0]])
        step = max(_TOKENS // length, 1)
        for part in (alike[i : i + step] for i in range(0, len(alike), step)):
            table = ragged.values[ragged.offsets[part][:, None] + np.arange(length)]
            table.partition(count - 1, axis=1)
            mean[part] = table[:, :count].mean(1, dtype=np.float64)
            most[part] = table[:, count - 1]
    return Lowest(mean, np.where(sizes > 0, k, 0), most)


def quantiles(ragged: Ragged, share: float) -> Array:
    """Quantile of each segment by linear interpolation; NaN where it is empty."""
    out, sizes = np.full(len(ragged), np.nan), ragged.sizes
    for length in np.unique(sizes[sizes > 0]).tolist():
        alike = np.flatnonzero(sizes == length)
        table = ragged.values[ragged.offsets[alike][:, None] + np.arange(length)]
        with np.errstate(invalid="ignore"):  # between two infinities
            out[alike] = np.quantile(table.astype(np.float64), share, axis=1)
    return out


def block_variance(deviations: Ragged, block: int) -> tuple[Array, Array]:
    """Variance of the mean of each segment by the circular block bootstrap, and its blocks.

    Parameters
    ----------
    deviations : Ragged
        Values less their mean, or influence values: each segment adds up to zero.
    block : int
        Length of a block. Segments of fewer than two blocks take blocks of half their length.

    Returns
    -------
    variance : ndarray of shape (n_segments,)
        NaN where a segment has fewer than two values.
    blocks : ndarray of shape (n_segments,)
        How many blocks a segment has.

    Examples
    --------
    >>> h = np.array([1.0, -1.0, 2.0, -2.0])
    >>> variance, blocks = block_variance(Ragged(h, np.array([0, 4])), 1)
    >>> bool(np.isclose(variance[0], h.var(ddof=1) / 4)), float(blocks[0])
    (True, 4.0)
    """
    sizes = deviations.sizes
    reach = np.maximum(np.minimum(block, sizes // 2), 1)
    squares = np.empty(len(deviations))
    for start, stop in spans(deviations.offsets, 4 * _TOKENS):
        part = deviations.segments(start, stop)
        squares[start:stop] = _block_squares(part, reach[start:stop])
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares / (sizes.astype(float) ** 2 * reach * (1 - reach / sizes))
        count = sizes / reach
    return np.where(sizes > 1, variance, np.nan), np.where(sizes > 1, count, np.nan)


def _block_squares(part: Ragged, reach: Array) -> Array:
    """Sum over the starts of a block of the squared sum of the block, around each circle."""
    sizes, h = part.sizes, part.values
    if not len(h):
        return np.zeros(len(sizes))
    running = np.concatenate([[0.0], np.cumsum(h, dtype=np.float64)])
    at = np.arange(len(h))
    end = at + np.repeat(reach, sizes)
    last = np.repeat(part.offsets[1:], sizes)
    first = np.repeat(part.offsets[:-1], sizes)
    over = np.maximum(end - last, 0)
    with np.errstate(invalid="ignore"):
        sums = running[np.minimum(end, last)] - running[at] + running[first + over] - running[first]
        return segment_sums(sums**2, part.offsets)
