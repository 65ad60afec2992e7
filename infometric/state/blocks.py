r"""Operators of similarities that hold no matrix: products are made of tiles, one after another.

The diffusion operator of rows :math:`x_i` with similarities :math:`G_{ij}` is

.. math:: S_{ij} = K_{ij} / \sqrt{q_i q_j}, \quad K_{ij} = G_{ij} / (g_i g_j)^\alpha, \quad
          g_i = \sum_j G_{ij}, \quad q_i = \sum_j K_{ij},

which has the eigenvalues of the random walk :math:`K_{ij} / q_i` (Coifman and Lafon 2006). The
Gram operator is :math:`G / \operatorname{Tr} G`. Each pair of rows is looked at once in a pass;
where the matrix fits well it is held, and a pass is one product of matrices.

References
----------
Coifman, R. R., Lafon, S. (2006). Diffusion maps. Applied and Computational Harmonic Analysis 21,
5-30. doi:10.1016/j.acha.2006.04.006
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from infometric.exceptions import DataError, InvalidParameterError
from infometric.state.arrays import digits, empty, exponential, is_tensor, namespace, to_numpy
from infometric.state.kernels import Kernel

BLOCK = 1024  # rows of a tile
WIDE = 4  # times as many columns: longer products, and still in the cache
HELD = 512e6  # bytes of a matrix that is held
FINE = 1e-5  # error of an exponent beyond which it is found in double precision

Tile = tuple[slice, slice, Any]


class Blocks:
    """Symmetric operator :math:`c_i G_{ij} c_j` on the similarities of rows.

    Parameters
    ----------
    rows : array of shape (n, d)
        Floating point, numpy or torch; products have its precision.
    kernel : Kernel
        Which similarity.
    block : int
        Rows of a tile; a pass needs a few tiles of memory.
    held : float
        Bytes up to which the matrix of similarities is held.
    """

    def __init__(
        self, rows: Any, kernel: Kernel, *, block: int = BLOCK, held: float = HELD
    ) -> None:
        if block < 1:
            raise InvalidParameterError("block must be 1 or more.", got=block, hint="block=1024")
        self.kernel = kernel
        self.block = block
        self.n = len(rows)
        self.like = rows[:1]
        size = self.n * self.n * self.like.dtype.itemsize
        self._tile = self._tiles_of(rows)
        self._matrix = self._whole(rows, size, held)
        self.scale = rows[:, 0] * 0 + 1

    def _whole(self, rows: Any, size: int, held: float) -> Any:
        kernel = self.kernel
        if kernel.kind == "precomputed":
            return kernel.gram(rows)
        if size > held:
            if kernel.scale_free:
                return None
            raise DataError(
                f"The kernel {kernel.kind!r} needs the distances of all rows at once, "
                f"{size / 1e6:.0f} MB.",
                got=self.n,
                hint='kernel="gaussian", or fewer rows',
            )
        if kernel.kind != "gaussian":
            return kernel.gram(rows)
        found = empty((self.n, self.n), rows)
        for at, to, tile in self._tiles():
            found[at, to] = tile
            if at != to:
                found[to, at] = tile.T
        return found

    def _tiles_of(self, rows: Any) -> Callable[[slice, slice], Any]:
        kernel = self.kernel
        if kernel.kind != "gaussian":

            def looked_up(at: slice, to: slice) -> Any:
                x = rows[at]
                return kernel.between(x, x if at == to else rows[to])

            return looked_up
        left, right = _factors(rows, kernel.sigma)
        xp = namespace(rows)
        size = self.block * self.block * WIDE
        buffer = empty((size,), rows)
        same = left.dtype == rows.dtype
        exponent = buffer if same else empty((size,), left)

        def gaussian(at: slice, to: slice) -> Any:
            high, wide = at.stop - at.start, to.stop - to.start
            tile = buffer[: high * wide].reshape(high, wide)
            found = exponent[: high * wide].reshape(high, wide)
            xp.matmul(left[at], right[to].T, out=found)
            if not same:
                tile[:] = found
            exponential(tile)
            if at == to:
                xp.fill_diagonal(tile, 1) if not is_tensor(tile) else tile.fill_diagonal_(1)
            return tile

        return gaussian

    def _tiles(self) -> Iterator[Tile]:
        """Tiles of the upper triangle, those of the diagonal square."""
        make = self._tile
        n, block = self.n, self.block
        for start in range(0, n, block):
            at = slice(start, min(start + block, n))
            yield at, at, make(at, at)
            for left in range(at.stop, n, block * WIDE):
                to = slice(left, min(left + block * WIDE, n))
                yield at, to, make(at, to)

    def similar(self, vectors: Any, *, squared: bool = False) -> Any:
        """Product of the similarities, or of their squares, with vectors of shape (n, k)."""
        if self._matrix is not None:
            return self._of_matrix(vectors, squared)
        out = vectors * 0
        for at, to, tile in self._tiles():
            if squared:
                tile = tile * tile
            out[at] += tile @ vectors[to]
            if at != to:
                out[to] += tile.T @ vectors[at]
        return out

    def _of_matrix(self, vectors: Any, squared: bool) -> Any:
        matrix = self._matrix
        if not squared:
            return matrix @ vectors
        out = vectors * 0
        step = max(1, self.block * self.block // self.n)
        for start in range(0, self.n, step):
            part = matrix[start : start + step]
            out[start : start + step] = (part * part) @ vectors
        return out

    def matmat(self, vectors: Any) -> Any:
        """Product of the operator with vectors, shape (n, k) to (n, k)."""
        scale = self.scale[:, None]
        found = self.similar(vectors * scale)
        found *= scale
        return found

    def self_similarity(self) -> Any:
        """Similarity of each row to itself, shape (n,), float64 of numpy."""
        if self._matrix is not None:
            return to_numpy(self._matrix.diagonal()).astype(np.float64)
        if self.kernel.kind == "gaussian":
            return np.ones(self.n)
        found = []
        for start in range(0, self.n, self.block):
            at = slice(start, min(start + self.block, self.n))
            found.append(to_numpy(self._tile(at, at).diagonal()))
        return np.concatenate(found).astype(np.float64)

    def diagonal(self) -> Any:
        """Diagonal of the operator, shape (n,), float64 of numpy."""
        return to_numpy(self.scale).astype(np.float64) ** 2 * self.self_similarity()

    def squares(self) -> Any:
        """Diagonal of the squared operator, shape (n,), float64 of numpy; one pass."""
        squared = self.scale * self.scale
        found = squared * self.similar(squared[:, None], squared=True)[:, 0]
        return to_numpy(found).astype(np.float64)

    def adjoint(self, values: Any) -> Any:
        """What a weight of a row changes, from what its row and column of the operator change.

        Parameters
        ----------
        values : array of shape (n,) or (n, k)
            :math:`[S f(S)]_{kk}`, where `f` is the derivative by an eigenvalue of a quantity that
            does not change if all eigenvalues are multiplied by a number.

        Returns
        -------
        array of the same shape
            Derivative by the weight of each row.
        """
        return values


class GramBlocks(Blocks):
    """Gram matrix of rows divided by its trace.

    Parameters
    ----------
    rows, kernel, block, held
        See `Blocks`.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [0.0], [9.0]])
    >>> GramBlocks(rows, Kernel(sigma=1.0)).matmat(np.eye(3)).round(4)
    array([[0.3333, 0.3333, 0.    ],
           [0.3333, 0.3333, 0.    ],
           [0.    , 0.    , 0.3333]])
    """

    def __init__(
        self, rows: Any, kernel: Kernel, *, block: int = BLOCK, held: float = HELD
    ) -> None:
        super().__init__(rows, kernel, block=block, held=held)
        total = float(self.self_similarity().sum())
        if not total > 0:
            raise DataError(
                "The trace of the Gram matrix must be above zero.",
                got=total,
                hint="rows that are not all zero",
            )
        self.scale = self.scale / total**0.5


class DiffusionBlocks(Blocks):
    """Diffusion operator of rows, symmetric, with eigenvalues of at most one.

    Parameters
    ----------
    rows, kernel, block, held
        See `Blocks`.
    alpha : float
        Power of the density that is taken out, from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0], [0.0], [9.0]])
    >>> DiffusionBlocks(rows, Kernel(sigma=1.0)).matmat(np.eye(3)).round(4)
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """

    def __init__(
        self,
        rows: Any,
        kernel: Kernel,
        alpha: float = 0.0,
        *,
        block: int = BLOCK,
        held: float = HELD,
    ) -> None:
        super().__init__(rows, kernel, block=block, held=held)
        self.alpha = alpha
        ones = self.scale[:, None]
        self._sums = self.similar(ones)[:, 0]
        lowest = float(self._sums.min())
        if not lowest > 0:
            raise DataError(
                "Each row's similarities must have a sum above zero.",
                got=lowest,
                hint='kernel="gaussian"',
            )
        power = self._sums**-alpha if alpha else ones[:, 0]
        walk = power * self.similar(power[:, None])[:, 0] if alpha else self._sums
        self._root = walk**0.5
        self.scale = power / self._root

    def adjoint(self, values: Any) -> Any:
        """See `Blocks.adjoint`; one pass, two where density is taken out."""
        flat = values.ndim == 1
        values = values[:, None] if flat else values
        root = self._root[:, None]
        found = values - root * self.matmat(values / root)
        if self.alpha:
            found = found - self.alpha * self.similar(found / self._sums[:, None])
        return found[:, 0] if flat else found


def _factors(rows: Any, sigma: float) -> tuple[Any, Any]:
    """Two arrays whose product is the exponent of the Gaussian kernel, norms and all.

    In double precision where single would tell near rows apart that are far from the centre.
    """
    left = _left(rows, sigma)
    worst = -float(left[:, -2].min()) * digits(rows)
    if worst > FINE and rows.dtype.itemsize < 8:
        left = _left(rows.double() if is_tensor(rows) else rows.astype(np.float64), sigma)
    right = left.clone() if is_tensor(left) else left.copy()
    right[:, -2], right[:, -1] = 1, left[:, -2]
    return left, right


def _left(rows: Any, sigma: float) -> Any:
    centre = rows.mean(axis=0) if isinstance(rows, np.ndarray) else rows.mean(0)
    left = empty((rows.shape[0], rows.shape[1] + 2), rows)
    scaled = left[:, :-2]
    scaled[:] = rows
    scaled -= centre
    scaled /= sigma
    left[:, -2] = -0.5 * (scaled * scaled).sum(1)
    left[:, -1] = 1
    return left


__all__ = ["BLOCK", "HELD", "Blocks", "DiffusionBlocks", "GramBlocks"]
