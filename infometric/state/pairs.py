r"""Pairs: the joint table of every pair of columns of a wide table of small codes.

A level :math:`a` of column :math:`X` is a bit plane, one bit for each row. Cells are counts of
common bits, and the last level of each column follows from the margins:

.. math:: n_{ab} = |X_a \wedge Y_b|, \qquad n_{aB} = |X_a| - \sum_{b < B} n_{ab}.

With numba, planes are packed into words and :math:`|X_a \wedge Y_b|` is a population count. With
numpy alone they are rows of a float32 matrix and the counts are its product with itself, exact
because no sum reaches :math:`2^{24}`. Tables with many cells are histograms of
:math:`B x + y`. Rows pass in blocks, so memory does not grow with them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError, MissingExtraError
from infometric.typing import Array

Engine = Literal["auto", "numba", "numpy"]
Progress = Callable[[int, int], None]

PLANE_CELLS = 200  # above, one histogram costs less than as many intersections of planes
PRODUCT_LEVELS = 12  # the same for products of matrices, where it goes by column
WORD_LEVELS = 64
TILE_PLANES = 2048  # counts of two tiles of planes stay below 32 MB
HISTOGRAM_CELLS = 2**22  # cells of histograms that are filled in one pass over the rows
HISTOGRAM_ROWS = 2**15
WORTH_COMPILING = 10**11  # rows x planes^2: a second of numpy, about what numba takes to start
DIGIT_BITS = 12  # two counts below 2^12 are the digits of one exact float32


def pair_tables(
    codes: Sequence[Array],
    sizes: Sequence[int],
    *,
    engine: Engine = "auto",
    progress: Progress | None = None,
) -> Iterator[tuple[Array, Array, Array]]:
    """Joint tables of all pairs of columns, in blocks of equal shape.

    Parameters
    ----------
    codes : sequence of ndarray of shape (n_rows,)
        One array of integers for each column.
    sizes : sequence of int
        Number of levels of each column; its codes lie in ``[0, size)``.
    engine : {'auto', 'numba', 'numpy'}
        ``'auto'`` takes numba where it is installed and the work is worth its start. All give
        the same counts.
    progress : callable, optional
        Called as ``progress(done, total)`` now and then, both in pairs.

    Returns
    -------
    iterator of (i, j, tables)
        Indices of columns of shape (n_pairs,), ``i < j``, and counts (int64) of shape
        (n_pairs, sizes[i], sizes[j]). Every pair comes once; a shape may come more than once.

    Raises
    ------
    DataError
        Where the columns differ in length or a code lies outside its levels.
    MissingExtraError
        Where numba was asked for and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    >>> for i, j, tables in pair_tables([x, y], [2, 3]):
    ...     print(i, j, tables.tolist())
    [0] [1] [[[1, 1, 0], [0, 0, 2]]]
    """
    columns = _Columns.of(codes, sizes)
    return _blocks(columns, _find_engine(engine, columns), _Ticker(len(codes), progress))


@dataclass(frozen=True)
class _Columns:
    """Codes by column, and the number of levels of each."""

    codes: Sequence[Array]
    sizes: Array

    @classmethod
    def of(cls, codes: Sequence[Array], sizes: Sequence[int]) -> _Columns:
        """Columns after a check: a code out of range would be counted in another's cell."""
        lengths = {len(column) for column in codes}
        if len(codes) != len(sizes) or len(lengths) > 1:
            raise DataError(
                "Every column needs a size and as many rows as the others.",
                got={"columns": len(codes), "sizes": len(sizes), "rows": sorted(lengths)},
            )
        for k, (column, size) in enumerate(zip(codes, sizes, strict=True)):
            if column.dtype.kind not in "iub" or size < 1:
                raise DataError(
                    f"Column {k} must hold integer codes of at least one level.",
                    got={"dtype": str(column.dtype), "size": size},
                )
            if column.size and not 0 <= int(column.min()) <= int(column.max()) < size:
                raise DataError(
                    f"Codes of column {k} must lie in [0, {size}).",
                    got=(int(column.min()), int(column.max())),
                )
        return cls(codes, np.asarray(sizes, dtype=np.int64))

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.codes[0]) if len(self.codes) else 0

    def planes(self, levels: int) -> tuple[int, int]:
        """Number of planes, and of pairs, of the columns of so many levels at most."""
        narrow = self.sizes[self.sizes <= levels]
        return int((narrow - 1).sum()), len(narrow) * (len(narrow) - 1) // 2

    def work(self, levels: int) -> int:
        """Rows x planes^2, as if wider columns had so many levels."""
        return self.n * int((np.minimum(self.sizes, levels) - 1).sum()) ** 2

    def rows(self, which: Array, start: int, stop: int, dtype: Any, multiple: int = 1) -> Array:
        """Codes of some columns and rows; what fills up to a multiple of rows is the last level."""
        stop = min(stop, self.n)
        width = -(-(stop - start) // multiple) * multiple
        block = np.empty((len(which), width), dtype)
        for row, k in zip(block, which, strict=True):
            row[: stop - start] = self.codes[k][start:stop]
            row[stop - start :] = self.sizes[k] - 1
        return block


class _Ticker:
    """Tells how many pairs are done, also while the rows of a batch of pairs are passing."""

    def __init__(self, n_columns: int, progress: Progress | None) -> None:
        self.total = n_columns * (n_columns - 1) // 2
        self.done = 0
        self.progress = progress

    def through(self, n: int, step: int, pairs: int) -> Iterator[tuple[int, int]]:
        """Blocks of rows of one batch of pairs."""
        for start in range(0, n, step):
            yield start, start + step
            if self.progress is not None and pairs:
                share = min(start + step, n) / n
                self.progress(self.done + int(pairs * share), self.total)
        self.done += pairs


class _Products:
    """Common bits of planes as products of float32 matrices, two counts to a number.

    Planes of the right side come in pairs, :math:`Y_b + 2^{12} Y_{b'}`: in a block of fewer than
    :math:`2^{12}` rows each sum of products holds two counts as digits, which halves the work.
    """

    rows = 2**DIGIT_BITS - 64
    group = 128

    def __init__(self, left: Array, right: Array | None, wanted: Array) -> None:
        self.left = _Levels(left, self.rows)
        self.right = self.left if right is None else _Levels(right, self.rows)
        self.symmetric = right is None
        self.joint = np.zeros((self.left.count, self.right.count), dtype=np.int64)
        self.packed = np.empty((self.group // 2, self.rows), dtype=np.float32)

    def add(self, left: Array, right: Array | None) -> None:
        """Count a block of rows."""
        x = self.left.planes(left)
        y = x if right is None else self.right.planes(right)
        for start in range(0, len(y), self.group):
            low, high = np.array_split(y[start : start + self.group], 2)
            middle, stop = start + len(low), start + len(low) + len(high)
            packed = self.packed[: len(low), : y.shape[1]]
            np.copyto(packed, low)
            packed[: len(high)] += high * np.float32(2**DIGIT_BITS)
            # what lies below the diagonal of a tile with itself is not needed
            height = stop if self.symmetric else len(x)
            digits = (x[:height] @ packed.T).astype(np.int32)
            self.joint[:height, start:middle] += digits & (2**DIGIT_BITS - 1)
            self.joint[:height, middle:stop] += digits[:, : len(high)] >> DIGIT_BITS


class _Levels:
    """The planes of some columns as rows of zeros and ones: every level but the last."""

    def __init__(self, sizes: Array, rows: int) -> None:
        self.column = np.repeat(np.arange(len(sizes)), sizes - 1)
        self.level = np.concatenate([np.arange(size - 1) for size in sizes]).astype(np.uint8)
        self.count = len(self.level)
        self.ones = np.empty((self.count, rows), dtype=np.float32)

    def planes(self, block: Array) -> Array:
        """Planes of a block of rows, float32."""
        ones = self.ones[:, : block.shape[1]]
        np.equal(block[self.column], self.level[:, None], out=ones)
        return ones


def _add_histograms(
    block: Array, left: Array, right: Array, sizes: Array, offset: Array, flat: Array
) -> None:
    """Add the cells of pairs of columns of a block to their stretches of `flat`."""
    cell = np.empty(block.shape[1], dtype=np.intp)
    for x, y, first in zip(left, right, offset, strict=True):
        np.multiply(block[x], sizes[y], out=cell, dtype=np.intp)
        np.add(cell, block[y], out=cell)
        cells = int(sizes[x] * sizes[y])
        into = flat[first : first + cells]
        if cells > len(cell):
            np.add.at(into, cell, 1)
        else:
            into += np.bincount(cell, minlength=cells)


@dataclass(frozen=True)
class _Tools:
    """How an engine counts, and up to how many levels it lays a column out in planes."""

    levels: int
    planes: Any
    add_histograms: Any


def _find_engine(engine: str, columns: _Columns) -> _Tools:
    """Kernels of the engine asked for, or of the one that is worth it."""
    if engine not in ("auto", "numba", "numpy"):
        raise InvalidParameterError(
            "engine must be 'auto', 'numba' or 'numpy'.", got=engine, hint="engine='auto'"
        )
    planes, pairs = columns.planes(PRODUCT_LEVELS)
    # thin matrices are slow: few columns cost less as histograms
    plain = _Tools(PRODUCT_LEVELS if planes <= pairs else 0, _Products, _add_histograms)
    started = "infometric.state._pairs_numba" in sys.modules
    small = columns.work(PRODUCT_LEVELS) < WORTH_COMPILING and not started
    if engine == "numpy" or (engine == "auto" and small):
        return plain
    try:
        from infometric.state import _pairs_numba
    except ImportError as error:
        if engine == "auto":
            return plain
        raise MissingExtraError.of("numba", "fast") from error
    return _Tools(WORD_LEVELS, _pairs_numba.Words, _pairs_numba.add_histograms)


def _blocks(
    columns: _Columns, tools: _Tools, ticker: _Ticker
) -> Iterator[tuple[Array, Array, Array]]:
    """Pairs whose tables are small by planes, then the others by histograms."""
    narrow = columns.sizes <= tools.levels
    by_planes = np.logical_and.outer(narrow, narrow)
    by_planes &= np.multiply.outer(columns.sizes - 1, columns.sizes - 1) <= PLANE_CELLS
    np.fill_diagonal(by_planes, False)
    if by_planes.any():
        yield from _by_planes(columns, by_planes, tools, ticker)
    i, j = np.nonzero(np.triu(~by_planes, 1))
    yield from _by_histograms(columns, i, j, tools, ticker)


def _by_planes(
    columns: _Columns, by_planes: Array, tools: _Tools, ticker: _Ticker
) -> Iterator[tuple[Array, Array, Array]]:
    """Tables of pairs of narrow columns, tile by tile."""
    sizes, taken = columns.sizes, by_planes.any(1)
    first = np.append(0, np.cumsum(np.where(taken, sizes - 1, 0)))
    margin = np.zeros(first[-1], dtype=np.int64)
    which = np.flatnonzero(taken)
    tiles = np.split(which, np.flatnonzero(np.diff(first[which] // TILE_PLANES)) + 1)
    # a tile with itself comes first: its diagonal is the margin that the other pairs need
    sides = [(tile, tile) for tile in tiles] + list(combinations(tiles, 2))
    for left, right in sides:
        itself = left is right
        wanted = by_planes[np.ix_(left, right)]
        wanted = np.triu(wanted) if itself else wanted
        counter = tools.planes(sizes[left], None if itself else sizes[right], wanted)
        for start, stop in ticker.through(columns.n, counter.rows, int(wanted.sum())):
            x = columns.rows(left, start, stop, np.uint8, 64)
            counter.add(x, None if itself else columns.rows(right, start, stop, np.uint8, 64))
        if itself:
            margin[first[left[0]] : first[left[-1] + 1]] = counter.joint.diagonal()
        rows, cols = np.nonzero(wanted)
        i, j = left[rows], right[cols]
        for some in _by_shape(sizes[i], sizes[j]):
            a, b = _planes_of(i[some], first, sizes), _planes_of(j[some], first, sizes)
            cells = counter.joint[a[:, :, None] - first[left[0]], b[:, None] - first[right[0]]]
            yield i[some], j[some], _complete(cells, margin[a], margin[b], columns.n)


def _planes_of(k: Array, first: Array, sizes: Array) -> Array:
    """Planes of columns with the same number of levels, (n_columns, levels - 1)."""
    return first[k][:, None] + np.arange(sizes[k[0]] - 1)


def _complete(cells: Array, rows: Array, columns: Array, n: int) -> Array:
    """Tables from all their cells but those of the last levels, and from their margins."""
    count, a, b = cells.shape
    tables = np.empty((count, a + 1, b + 1), dtype=np.int64)
    tables[:, :-1, :-1] = cells
    tables[:, :-1, -1] = rows - cells.sum(2)
    tables[:, -1, :-1] = columns - cells.sum(1)
    tables[:, -1, -1] = n - rows.sum(1) - columns.sum(1) + cells.sum((1, 2))
    return tables


def _by_shape(a: Array, b: Array) -> list[Array]:
    """Positions of the pairs of each shape of table."""
    order = np.lexsort((b, a))
    change = (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)
    return np.split(order, np.flatnonzero(change) + 1) if len(order) else []


def _by_histograms(
    columns: _Columns, i: Array, j: Array, tools: _Tools, ticker: _Ticker
) -> Iterator[tuple[Array, Array, Array]]:
    """Tables of the other pairs: as many in one pass over the rows as memory allows."""
    sizes = columns.sizes
    order = np.lexsort((sizes[j], sizes[i]))
    cells = (sizes[i] * sizes[j])[order]
    for some in np.split(order, np.flatnonzero(np.diff(_batch(cells))) + 1):
        if not len(some):
            continue
        x, y = i[some], j[some]
        which, place = np.unique(np.concatenate([x, y]), return_inverse=True)
        left, right = place[: len(x)], place[len(x) :]
        ends = np.cumsum(sizes[x] * sizes[y])
        offset = ends - sizes[x] * sizes[y]
        flat = np.zeros(ends[-1], dtype=np.int64)
        for start, stop in ticker.through(columns.n, HISTOGRAM_ROWS, len(some)):
            block = columns.rows(which, start, stop, np.uint32)
            tools.add_histograms(block, left, right, sizes[which], offset, flat)
        for same in _by_shape(sizes[x], sizes[y]):
            shape = (len(same), sizes[x[same[0]]], sizes[y[same[0]]])
            yield x[same], y[same], flat[offset[same[0]] : ends[same[-1]]].reshape(shape)


def _batch(cells: Array) -> Array:
    """Number of the batch of each pair: a batch ends where its cells would exceed the budget."""
    batch, filled = np.zeros(len(cells), dtype=np.int64), 0
    number = 0
    for k, more in enumerate(cells.tolist()):
        if filled and filled + more > HISTOGRAM_CELLS:
            number, filled = number + 1, 0
        filled += more
        batch[k] = number
    return batch
