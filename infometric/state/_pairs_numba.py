"""Compiled kernels of :mod:`infometric.state.pairs`; imported on use, as numba is optional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from infometric.typing import Array

INTERLEAVED = 4  # equal codes in a row would wait for each other in one histogram
INTERLEAVED_CELLS = 1024  # so many that the interleaved histograms stay in the first cache


def compiled(signature: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile for one signature, from the cache on disk where there is a place for one."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        try:
            return numba.njit(signature, nogil=True, cache=True)(function)
        except (RuntimeError, OSError):
            return numba.njit(signature, nogil=True)(function)

    return decorate


@intrinsic
def bit_count(typing: Any, word: Any) -> Any:  # pragma: no cover - runs in the compiler
    """Population count, which LLVM turns into vector instructions."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@compiled("void(uint64[:, ::1], int64[::1], uint64[:, ::1])")
def _pack(codes: Array, sizes: Array, planes: Array) -> None:  # pragma: no cover - compiled
    """Pack the levels of each column but the last; eight codes of one byte come as a word."""
    ones = np.uint64(0x0101010101010101)
    gather = np.uint64(0x0102040810204080)  # brings the lowest bits of eight bytes together
    bits = np.empty(8, dtype=np.uint64)
    plane = 0
    for k in range(sizes.shape[0]):
        n_bits = 0
        while (1 << n_bits) < sizes[k]:
            n_bits += 1
        for w in range(planes.shape[1]):
            for bit in range(n_bits):
                word = np.uint64(0)
                for byte in range(8):
                    low = (codes[k, 8 * w + byte] >> np.uint64(bit)) & ones
                    word |= ((low * gather) >> np.uint64(56)) << np.uint64(8 * byte)
                bits[bit] = word
            for level in range(sizes[k] - 1):
                word = ~np.uint64(0)
                for bit in range(n_bits):
                    word &= bits[bit] if (level >> bit) & 1 else ~bits[bit]
                planes[plane + level, w] = word
        plane += sizes[k] - 1


@compiled(
    "void(uint64[:, ::1], uint64[:, ::1], int64[::1], int64[::1], bool_[:, ::1], bool_, "
    "int64[:, ::1])"
)
def _intersect(
    left: Array,
    right: Array,
    starts: Array,
    others: Array,
    wanted: Array,
    itself: bool,
    joint: Array,
) -> None:  # pragma: no cover - compiled
    """Add the common bits of planes of wanted pairs of columns, and the bits of each plane."""
    for i in range(starts.shape[0] - 1):
        for j in range(others.shape[0] - 1):
            margin = itself and i == j
            if not (wanted[i, j] or margin):
                continue
            for p in range(starts[i], starts[i + 1]):
                x = left[p]
                low, high = (p, p + 1) if margin else (others[j], others[j + 1])
                for q in range(low, high):
                    y = right[q]
                    total = np.uint64(0)
                    for w in range(x.shape[0]):
                        total += bit_count(x[w] & y[w])
                    joint[p, q] += np.int64(total)


class Words:
    """Common bits of planes that are packed into words of 64 rows."""

    rows = 2**14  # planes of two columns of eight levels stay in the first cache

    def __init__(self, left: Array, right: Array | None, wanted: Array) -> None:
        self.sizes = (left, left if right is None else right)
        self.starts = tuple(np.cumsum(np.append(0, sizes - 1)) for sizes in self.sizes)
        self.wanted = wanted
        shape = tuple(int(starts[-1]) for starts in self.starts)
        self.joint = np.zeros(shape, dtype=np.int64)
        self.scratch = [np.empty(count * (self.rows // 64), dtype=np.uint64) for count in shape]

    def add(self, left: Array, right: Array | None) -> None:
        """Count a block of rows, codes of one byte in multiples of 64 rows."""
        x = self._planes(0, left)
        y = x if right is None else self._planes(1, right)
        _intersect(x, y, *self.starts, self.wanted, right is None, self.joint)

    def _planes(self, side: int, block: Array) -> Array:
        words = block.shape[1] // 64
        count = int(self.starts[side][-1])
        planes = self.scratch[side][: count * words].reshape(count, words)
        _pack(block.view(np.uint64), self.sizes[side], planes)
        return planes


@compiled("void(uint32[:, ::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def add_histograms(
    block: Array, left: Array, right: Array, sizes: Array, offset: Array, flat: Array
) -> None:  # pragma: no cover - compiled
    """Add the cells of pairs of columns of a block to their stretches of `flat`."""
    scratch = np.empty((INTERLEAVED, INTERLEAVED_CELLS), dtype=np.uint32)
    whole = block.shape[1] - block.shape[1] % INTERLEAVED
    for k in range(left.shape[0]):
        x, y = block[left[k]], block[right[k]]
        step = np.uint64(sizes[right[k]])
        cells = sizes[left[k]] * sizes[right[k]]
        into = flat[offset[k] : offset[k] + cells]
        start = 0
        if cells <= INTERLEAVED_CELLS:
            start = whole
            scratch[:, :cells] = 0
            for row in range(0, whole, INTERLEAVED):
                for lane in range(INTERLEAVED):
                    scratch[lane, x[row + lane] * step + y[row + lane]] += np.uint32(1)
            for lane in range(INTERLEAVED):
                for cell in range(cells):
                    into[cell] += scratch[lane, cell]
        for row in range(start, block.shape[1]):
            into[x[row] * step + y[row]] += 1
